//! Four tasks that are always ready, and beside them one with a timer and one with a socket (stdin).
use bench_tokio::{percentiles, runtime, spin};
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const TICKS: usize = 400;
static OVER: AtomicBool = AtomicBool::new(false);

async fn busy() {
    while !OVER.load(Relaxed) {
        spin(Duration::from_micros(20));
        tokio::task::yield_now().await;
    }
}

async fn sleep_again_and_again() {
    let (length, mut late) = (Duration::from_millis(1), Vec::new());
    for _ in 0..TICKS {
        let start = Instant::now();
        tokio::time::sleep(length).await;
        late.push(start.elapsed().saturating_sub(length));
    }
    percentiles("fair-timer", late);
}

async fn read_ticks() {
    let stream = unsafe { std::os::unix::net::UnixStream::from_raw_fd(0) };
    stream.set_nonblocking(true).unwrap();
    let (mut stream, mut late) = (UnixStream::from_std(stream).unwrap(), Vec::new());
    stream.write_all(b".").await.unwrap();
    for _ in 0..TICKS {
        let sent = Duration::from_nanos(stream.read_u64_le().await.unwrap());
        late.push(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().saturating_sub(sent));
    }
    percentiles("fair-io", late);
}

fn main() {
    runtime().block_on(async {
        let work: Vec<_> = (0..4).map(|_| tokio::spawn(busy())).collect();
        let (timer, io) = (tokio::spawn(sleep_again_and_again()), tokio::spawn(read_ticks()));
        timer.await.unwrap();
        io.await.unwrap();
        OVER.store(true, Relaxed);
        for task in work {
            task.await.unwrap();
        }
    });
}
