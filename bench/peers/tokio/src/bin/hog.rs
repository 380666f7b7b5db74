//! Four tasks on two workers tick every millisecond while a fifth keeps its thread.
use bench_tokio::{hog, percentiles};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

const TICKS: usize = 700;

async fn tick() -> Vec<Duration> {
    let (mut due, mut late) = (Instant::now(), Vec::new());
    for _ in 0..TICKS {
        due += Duration::from_millis(1);
        tokio::time::sleep_until(due.into()).await;
        late.push(Instant::now().saturating_duration_since(due));
    }
    late
}

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let tickers: Vec<_> = (0..4).map(|_| tokio::spawn(tick())).collect();
        tokio::spawn(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            for _ in 0..3 {
                hog();
                tokio::task::yield_now().await;
            }
        });
        let mut late = Vec::new();
        for ticker in tickers {
            late.append(&mut ticker.await.unwrap());
        }
        percentiles("hog-ticks", late);
    });
}
