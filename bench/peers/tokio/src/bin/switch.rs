//! Tasks that wake themselves and return Pending. `tokio::task::yield_now` would cost 200 ns among few
//! tasks: it waits for a turn of the I/O driver.
use bench_tokio::{each, runtime};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn measure(metric: &str, tasks: u64, switches: u64) {
    let mut handles = Vec::with_capacity(tasks as usize);
    for _ in 0..tasks {
        handles.push(tokio::spawn(async move {
            for _ in 0..switches / tasks {
                Yield(false).await
            }
        }));
    }
    let start = Instant::now();
    for handle in handles {
        handle.await.unwrap();
    }
    each(metric, start, switches);
}

fn main() {
    runtime().block_on(async {
        measure("switch-2", 2, 10_000_000).await;
        measure("switch-1k", 1000, 10_000_000).await;
        measure("switch-100k", 100_000, 5_000_000).await;
    });
}
