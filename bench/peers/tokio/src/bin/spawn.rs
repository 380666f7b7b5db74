//! Spawn and await one after the other; spawn a million, await all.
use bench_tokio::{each, runtime};
use std::time::Instant;

async fn one_after_the_other(count: u64) {
    let start = Instant::now();
    for _ in 0..count {
        tokio::spawn(async {}).await.unwrap();
    }
    each("spawn-join", start, count);
}

async fn all_then_join(metric: Option<&str>, count: usize) {
    let mut handles = Vec::with_capacity(count);
    let start = Instant::now();
    for _ in 0..count {
        handles.push(tokio::spawn(async {}));
    }
    for handle in handles {
        handle.await.unwrap();
    }
    if let Some(metric) = metric {
        each(metric, start, count as u64);
    }
}

fn main() {
    runtime().block_on(async {
        // In a task: block_on's own future is woken through the driver.
        tokio::spawn(async {
            one_after_the_other(2_000_000).await;
            all_then_join(None, 1_000_000).await;
            all_then_join(Some("spawn-1m"), 1_000_000).await;
        })
        .await
        .unwrap();
    });
}
