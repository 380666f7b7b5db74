//! 64 datagrams on their way between two sockets, a task for each.
use bench_tokio::{each, runtime};
use std::time::Instant;
use tokio::net::UdpSocket;

const IN_FLIGHT: u64 = 64;
const COUNT: u64 = 64_000;

async fn answer(socket: UdpSocket) {
    let mut data = [0u8; 64];
    loop {
        let (size, from) = socket.recv_from(&mut data).await.unwrap();
        socket.send_to(&data[..size], from).await.unwrap();
    }
}

fn main() {
    runtime().block_on(async {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (to, mut data) = (server.local_addr().unwrap(), [0u8; 64]);
        tokio::spawn(answer(server));
        let start = Instant::now();
        for _ in 0..IN_FLIGHT {
            client.send_to(&data, to).await.unwrap();
        }
        for left in (1..=COUNT).rev() {
            let (size, from) = client.recv_from(&mut data).await.unwrap();
            assert_eq!(size, 64);
            if left > IN_FLIGHT {
                client.send_to(&data, from).await.unwrap();
            }
        }
        each("udp", start, 2 * COUNT);
    });
}
