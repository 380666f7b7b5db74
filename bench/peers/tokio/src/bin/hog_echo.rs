//! An echo server on two workers, of which a task keeps one.   hog_echo PORT
use bench_tokio::hog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0u8; 16384];
    loop {
        match stream.read(&mut buffer).await {
            Ok(size) if size > 0 => {
                if stream.write_all(&buffer[..size]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async {
        loop {
            hog();
            tokio::task::yield_now().await;
        }
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(echo(stream));
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap().parse().unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async move { tokio::spawn(serve(port)).await? })
}
