//! A sleep of 1 ms, again and again.
use bench_tokio::{percentiles, runtime};
use std::time::{Duration, Instant};

fn main() {
    let length = Duration::from_millis(1);
    runtime().block_on(async {
        let mut late = Vec::new();
        for _ in 0..300 {
            let start = Instant::now();
            tokio::time::sleep(length).await;
            late.push(start.elapsed().saturating_sub(length));
        }
        percentiles("sleep-late", late);
    });
}
