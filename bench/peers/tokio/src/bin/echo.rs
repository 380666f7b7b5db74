//! A task for each connection, and one buffer for all of a thread: a task that waits holds none, and
//! only what the socket does not take is copied. The usual style (a buffer of 16 KiB in each task)
//! costs the same time and 16 KiB a connection.   echo PORT|/PATH
use bench_tokio::server_runtime;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Result;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, UnixListener};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 65536]);
}

/// Read something and write it back: what was not taken, or None at the end of the stream.
fn poll_echo<S>(stream: &mut S, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    BUFFER.with(|buffer| {
        let mut buffer = buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        let data = buffer.filled();
        if data.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let sent = match Pin::new(stream).poll_write(context, data) {
            Poll::Ready(sent) => sent?,
            Poll::Pending => 0,
        };
        Poll::Ready(Ok(Some(data[sent..].to_vec()))) // of an empty slice: allocates nothing
    })
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    while let Ok(Some(rest)) = poll_fn(|context| poll_echo(&mut stream, context)).await {
        if !rest.is_empty() && stream.write_all(&rest).await.is_err() {
            return;
        }
    }
}

async fn serve_tcp(port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve_unix(path: &str) -> Result<()> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    loop {
        tokio::spawn(serve(listener.accept().await?.0));
    }
}

fn main() -> Result<()> {
    let place = std::env::args().nth(1).unwrap();
    server_runtime().block_on(async move {
        // A task of its own, so that with several threads it runs on one of them.
        match place.parse() {
            Ok(port) => tokio::spawn(serve_tcp(port)).await?,
            Err(_) => tokio::spawn(async move { serve_unix(&place).await }).await?,
        }
    })
}
