//! A bare TCP exchange: blocking threads ask, a task of the same kind of runtime answers. Or both ends
//! are threads that look again and again until something is there.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
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

/// Whether the peers that stay awake are in use; otherwise they leave the processor to the others.
pub static WANTED: AtomicBool = AtomicBool::new(false);

/// As [`start`], for one connection and by a thread that does not sleep while it is [`WANTED`].
pub fn start_awake(bytes: usize) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut message = vec![0; bytes];
        while read_awake(&mut stream, &mut message) && stream.write_all(&message).is_ok() {}
    });
    address
}

/// One exchange over a connection that does not block.
pub fn ask_awake(stream: &mut TcpStream, message: &mut [u8]) {
    stream.write_all(message).unwrap();
    assert!(read_awake(stream, message), "the server is gone");
}

/// Reads all of a message; between looks whoever else has something to do has the processor. False if
/// the other end is gone.
fn read_awake(stream: &mut TcpStream, message: &mut [u8]) -> bool {
    let mut read = 0;
    while read < message.len() {
        match stream.read(&mut message[read..]) {
            Ok(0) => return false,
            Ok(count) => read += count,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return false,
            Err(_) if WANTED.load(Ordering::Acquire) => thread::yield_now(),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
    true
}
