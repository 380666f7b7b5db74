//! Tasks that split their work among tasks; as many workers as CPUs.
use bench_tokio::result;
use std::{future::Future, pin::Pin, time::Instant};
use tokio::runtime::Builder;

type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;

fn fib(n: u64) -> Boxed {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let a = tokio::spawn(fib(n - 1));
        let b = fib(n - 2).await;
        a.await.unwrap() + b
    })
}

fn skynet(first: u64, count: u64) -> Boxed {
    Box::pin(async move {
        if count == 1 {
            return first;
        }
        let part = count / 10;
        let parts: Vec<_> = (0..10).map(|i| tokio::spawn(skynet(first + i * part, part))).collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        sum
    })
}

async fn timed(metric: Option<&str>, work: Boxed, expected: u64) {
    let start = Instant::now();
    assert_eq!(work.await, expected);
    if let Some(metric) = metric {
        result(metric, start.elapsed().as_nanos() as f64 / 1e6);
    }
}

fn main() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async {
            timed(None, fib(30), 832040).await;
            timed(None, skynet(0, 1000000), 499999500000).await;
            timed(Some("fib-30"), fib(30), 832040).await;
            timed(Some("skynet"), skynet(0, 1000000), 499999500000).await;
        })
        .await
        .unwrap();
    });
}
