//! A million tasks that wait for a notification.
use bench_tokio::{each, memory_bytes, result, runtime};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

fn main() {
    runtime().block_on(async {
        let count = 1_000_000;
        let notify = Arc::new(Notify::new());
        let before = memory_bytes();
        let start = Instant::now();
        for _ in 0..count {
            let notify = notify.clone();
            tokio::spawn(async move { notify.notified().await });
        }
        while Arc::strong_count(&notify) > 1 && !all_waited() {
            tokio::task::yield_now().await;
        }
        each("task-create", start, count);
        result("task-bytes", (memory_bytes() - before) / count as f64);
        std::process::exit(0);
    });
}

/// Each yield of block_on's future lets at most 61 tasks run.
fn all_waited() -> bool {
    use std::sync::atomic::{AtomicU64, Ordering};
    static YIELDS: AtomicU64 = AtomicU64::new(0);
    YIELDS.fetch_add(1, Ordering::Relaxed) > 20_000
}
