//! 64 KiB messages through a local socket, from task to task.
use bench_tokio::{result, runtime};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const BYTES: usize = 65536;
const COUNT: usize = 16384;

async fn write(mut stream: UnixStream) {
    let message = vec![0u8; BYTES];
    for _ in 0..COUNT {
        stream.write_all(&message).await.unwrap();
    }
}

fn main() {
    runtime().block_on(async {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let (mut buffer, mut received, start) = (vec![0u8; BYTES], 0, Instant::now());
        tokio::spawn(write(writer));
        loop {
            match reader.read(&mut buffer).await.unwrap() {
                0 => break,
                size => received += size,
            }
        }
        assert_eq!(received, BYTES * COUNT);
        result("pipe-64k-tasks", received as f64 * 1e3 / start.elapsed().as_nanos() as f64);
    });
}
