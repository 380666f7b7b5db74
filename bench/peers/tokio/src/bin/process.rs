//! tokio::process of /bin/true: one after the other, and sixteen at once.
use bench_tokio::{result, runtime};
use std::time::Instant;
use tokio::process::Command;

async fn one() {
    assert!(Command::new("/bin/true").status().await.unwrap().success());
}

async fn measure(metric: &str, at_once: u32, count: u32) {
    let start = Instant::now();
    for _ in 0..count / at_once {
        let tasks: Vec<_> = (0..at_once).map(|_| tokio::spawn(one())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    result(metric, start.elapsed().as_nanos() as f64 / 1e3 / f64::from(count));
}

fn main() {
    runtime().block_on(async {
        measure("process-one", 1, 300).await;
        measure("process-16", 16, 16 * 25).await;
    });
}
