//! 32 tasks, each reading block after block on the blocking pool with read_exact_at (tokio::fs would
//! add a seek and a copy to the same thing).
use bench_tokio::{each, result, runtime};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

const BLOCKS: u64 = 1 << 16;
static STATE: AtomicU64 = AtomicU64::new(88172645463325252);

fn next_block() -> u64 {
    let mut x = STATE.load(Ordering::Relaxed);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    STATE.store(x, Ordering::Relaxed);
    (x >> 20) % BLOCKS
}

/// Of all threads, those of the pool included.
fn cpu_ns() -> f64 {
    let mut sum = 0.0;
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(entry.unwrap().path().join("schedstat")).unwrap_or_default();
        sum += stat.split_whitespace().next().unwrap_or("0").parse::<f64>().unwrap();
    }
    sum
}

async fn read_blocks(file: Arc<std::fs::File>, count: u64) {
    let mut block = vec![0u8; 4096];
    for _ in 0..count {
        let (file, number) = (file.clone(), next_block());
        block = tokio::task::spawn_blocking(move || {
            file.read_exact_at(&mut block, number * 4096).unwrap();
            block
        })
        .await
        .unwrap();
        assert_eq!(u64::from_ne_bytes(block[..8].try_into().unwrap()), number);
    }
}

fn main() {
    let file = Arc::new(std::fs::File::open(std::env::var("BENCH_FILE").unwrap()).unwrap());
    let mut block = vec![0u8; 4096];
    for number in 0..BLOCKS {
        file.read_exact_at(&mut block, number * 4096).unwrap();
    }
    runtime().block_on(async {
        let (count, cpu, start) = (50_000u64, cpu_ns(), Instant::now());
        let tasks: Vec<_> =
            (0..32).map(|_| tokio::spawn(read_blocks(file.clone(), count / 32))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        each("file-read-4k", start, count);
        result("file-read-4k-cpu", (cpu_ns() - cpu) / count as f64);
    });
}
