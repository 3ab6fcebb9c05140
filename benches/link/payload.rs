//! 1 MiB requests, answered with one byte. Beside them: the AEAD of the library over as many bytes,
//! in place and without a copy, and the same exchange over TCP alone and over TLS alone. On the link each byte of payload is
//! sealed and opened twice, by the channel and by TLS, and goes through the same sockets.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
};

use lunacm::{
    crypto::{AeadKey, Cipher},
    net::{Link, client_config},
};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    bare,
    echo::{Echo, time},
    figures::compare,
};

const ROUNDS: usize = 9;
const REQUESTS: u32 = 24;
const PAYLOAD_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 1 << 16;

pub fn run() {
    let echo = Echo::start();
    let link = Arc::new(echo.connect());
    // The first request of a link has to be a small one.
    link.call(&[7; 64]).unwrap();
    let payload = Arc::new(vec![7; PAYLOAD_BYTES]);
    let mut tcp = bare::connect(take(&echo, None));
    let mut tls = tls(&echo, take(&echo, Some(TlsAcceptor::from(echo.tls.clone()))));
    let key = AeadKey::new(Cipher::Aes256Gcm, &[7; 32]);
    let mut piece = Vec::with_capacity(PIECE_BYTES + 16);
    piece.resize(PIECE_BYTES, 7);
    let (mut one, mut four) = (Vec::new(), Vec::new());
    let (mut bare, mut under_tls, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(1.0 / time(REQUESTS, || drop(link.call(&payload).unwrap())));
        four.push(1.0 / time(1, || from_threads(&link, &payload)) * f64::from(4 * REQUESTS));
        bare.push(1.0 / time(REQUESTS, || give(&mut tcp, &payload)));
        under_tls.push(1.0 / time(REQUESTS, || give(&mut tls, &payload)));
        raw.push(1.0 / time(REQUESTS, || seal(&key, &mut piece)));
    }
    let sealing = ("AES-256-GCM, sealing once in place", &raw[..]);
    compare("MiB/s", ("one thread", &one), sealing);
    compare("MiB/s", ("four threads", &four), sealing);
    compare("MiB/s", ("TCP alone, one thread", &bare), sealing);
    compare("MiB/s", ("one thread", &one), ("TCP alone, one thread", &bare));
    compare("MiB/s", ("one thread", &one), ("TLS 1.3 alone, one thread", &under_tls));
}

/// Starts a server that takes payloads, with TLS or without.
fn take(echo: &Echo, acceptor: Option<TlsAcceptor>) -> SocketAddr {
    let listener = echo.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    echo.runtime.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        match acceptor {
            Some(acceptor) => answer(acceptor.accept(stream).await.unwrap()).await,
            None => answer(stream).await,
        }
    });
    address
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut payload = vec![0; PAYLOAD_BYTES];
    while stream.read_exact(&mut payload).await.is_ok() {
        if stream.write_all(&payload[..1]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

fn tls(echo: &Echo, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
    let config = client_config(echo.endpoint.certificate.clone(), None).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), bare::connect(address))
}

/// One exchange.
fn give(stream: &mut (impl Read + Write), payload: &[u8]) {
    stream.write_all(payload).unwrap();
    stream.flush().unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// As many bytes as the payload has, in place and piece by piece: nothing but the AEAD.
fn seal(key: &AeadKey, piece: &mut Vec<u8>) {
    for nonce in 0..u8::try_from(PAYLOAD_BYTES / PIECE_BYTES).unwrap() {
        piece.truncate(PIECE_BYTES);
        key.seal([nonce; 12], b"", piece, 0).unwrap();
    }
}

fn from_threads(link: &Arc<Link>, payload: &Arc<Vec<u8>>) {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (link, payload) = (link.clone(), payload.clone());
            thread::spawn(move || {
                for _ in 0..REQUESTS {
                    drop(link.call(&payload).unwrap());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
