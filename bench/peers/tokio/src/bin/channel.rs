//! Values through channels among tasks: there and back, and one way with 128 places; as many workers as CPUs.
use bench_tokio::{each, rate};
use std::time::Instant;
use tokio::{runtime::Builder, sync::mpsc};

const ROUNDS: u64 = 5_000_000;
const VALUES: u64 = 20_000_000;

async fn ping_pong() {
    let (ping, mut asked) = mpsc::channel::<u64>(1);
    let (pong, mut answered) = mpsc::channel::<u64>(1);
    let answer = tokio::spawn(async move {
        while let Some(value) = asked.recv().await {
            pong.send(value).await.unwrap();
        }
    });
    let start = Instant::now();
    for i in 0..ROUNDS {
        ping.send(i).await.unwrap();
        answered.recv().await.unwrap();
    }
    each("channel-pingpong", start, ROUNDS);
    drop(ping);
    answer.await.unwrap();
}

async fn one_way(metric: &str, producers: u64) {
    let (stream, mut values) = mpsc::channel::<u64>(128);
    let count = VALUES / producers;
    let start = Instant::now();
    for _ in 0..producers {
        let stream = stream.clone();
        tokio::spawn(async move {
            for k in 0..count {
                stream.send(k).await.unwrap();
            }
        });
    }
    drop(stream);
    let mut sum = 0;
    while let Some(value) = values.recv().await {
        sum += value;
    }
    rate(metric, start, VALUES);
    assert_eq!(sum, producers * (count * (count - 1) / 2));
}

fn main() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async {
            ping_pong().await;
            one_way("channel-1-producer", 1).await;
            one_way("channel-4-producers", 4).await;
        })
        .await
        .unwrap();
    });
}
