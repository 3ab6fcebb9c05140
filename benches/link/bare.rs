//! A bare TCP exchange: blocking threads ask, a task of the same kind of runtime answers.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};

/// Starts a server that answers every message of `bytes` with one of the same size.
pub fn start(runtime: &Runtime, bytes: usize) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut message = vec![0; bytes];
                while stream.read_exact(&mut message).await.is_ok() {
                    if stream.write_all(&message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A connection to it.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// One exchange.
pub fn ask(stream: &mut TcpStream, message: &mut [u8]) {
    stream.write_all(message).unwrap();
    stream.read_exact(message).unwrap();
}
