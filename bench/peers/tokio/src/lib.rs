//! What the programs share: the lines they print, memory, CPU time, the runtime.
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

pub fn result(metric: &str, value: f64) {
    println!("{metric} {value:.5}");
}

pub fn each(metric: &str, start: Instant, count: u64) {
    result(metric, start.elapsed().as_nanos() as f64 / count as f64);
}

pub fn rate(metric: &str, start: Instant, count: u64) {
    result(metric, count as f64 * 1e3 / start.elapsed().as_nanos() as f64);
}

pub fn percentiles(metric: &str, mut times: Vec<Duration>) {
    times.sort();
    let us = |at: usize| times[at].as_nanos() as f64 / 1e3;
    result(&format!("{metric}-p50"), us(times.len() / 2));
    result(&format!("{metric}-p99"), us(times.len() * 99 / 100));
    result(&format!("{metric}-max"), us(times.len() - 1));
}

/// Compute for so long.
pub fn spin(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {}
}

/// What keeps its thread from others: it computes for 100 ms, then blocks in a system call as long.
pub fn hog() {
    let length = Duration::from_millis(100);
    spin(length);
    std::thread::sleep(length);
}

/// Resident memory and page tables.
pub fn memory_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kb = |key| -> f64 {
        let line = status.lines().find(|l| l.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kb("VmRSS:") + kb("VmPTE:")) * 1024.0
}

/// CPU time of the main thread, which is the only one of a current_thread runtime.
pub fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

/// One thread, as a server pinned to one CPU wants it.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The same, or as many threads as $TOKIO_WORKER_THREADS says.
pub fn server_runtime() -> Runtime {
    match std::env::var("TOKIO_WORKER_THREADS") {
        Ok(_) => Builder::new_multi_thread().enable_all().build().unwrap(),
        Err(_) => runtime(),
    }
}

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }
}
