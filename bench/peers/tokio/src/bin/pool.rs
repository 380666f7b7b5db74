//! spawn_blocking of an empty function: by one task, and by a thousand at the same time.
use bench_tokio::{percentiles, rate, runtime};
use std::time::Instant;
use tokio::task::spawn_blocking;

fn main() {
    runtime().block_on(async {
        let mut times = Vec::new();
        for _ in 0..10_000 {
            let start = Instant::now();
            spawn_blocking(|| {}).await.unwrap();
            times.push(start.elapsed());
        }
        percentiles("pool-roundtrip", times);
        let (tasks, each, start) = (1000, 30, Instant::now());
        let mut handles = Vec::with_capacity(tasks);
        for _ in 0..tasks {
            handles.push(tokio::spawn(async move {
                for _ in 0..each {
                    spawn_blocking(|| {}).await.unwrap();
                }
            }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
        rate("pool-rate", start, (tasks * each) as u64);
    });
}
