//! spawn_blocking of an empty function.
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
        let (count, start) = (30_000, Instant::now());
        let mut handles = Vec::with_capacity(count);
        for _ in 0..count {
            handles.push(spawn_blocking(|| {}));
        }
        for handle in handles {
            handle.await.unwrap();
        }
        rate("pool-rate", start, count as u64);
    });
}
