//! A thread outside of the runtime spawns a million tasks on it, with the runtime's handle.
use bench_tokio::{rate, runtime};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

const COUNT: u64 = 1_000_000;
static RAN: AtomicU64 = AtomicU64::new(0);

fn main() {
    let runtime = runtime();
    let (handle, all_ran) = (runtime.handle().clone(), Arc::new(Notify::new()));
    let (start, told) = (Instant::now(), all_ran.clone());
    let thread = std::thread::spawn(move || {
        for _ in 0..COUNT {
            let told = told.clone();
            handle.spawn(async move {
                if RAN.fetch_add(1, Relaxed) + 1 == COUNT {
                    told.notify_one();
                }
            });
        }
    });
    runtime.block_on(all_ran.notified());
    rate("storm", start, COUNT);
    thread.join().unwrap();
}
