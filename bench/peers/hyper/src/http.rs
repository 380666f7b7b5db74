//! hyper's HTTP/1 server on tokio, on one thread or as many as $TOKIO_WORKER_THREADS says.   http PORT
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"Hello, World!")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server.pipeline_flush(true);
            let _ = server.serve_connection(TokioIo::new(stream), service_fn(hello)).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut builder = match std::env::var("TOKIO_WORKER_THREADS") {
        Ok(_) => Builder::new_multi_thread(),
        Err(_) => Builder::new_current_thread(),
    };
    builder.enable_all().build()?.block_on(async move { tokio::spawn(serve(port)).await? })
}
