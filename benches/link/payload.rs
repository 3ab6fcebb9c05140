//! 1 MiB requests, beside the AEAD of the library over as many bytes. Each byte of payload is
//! sealed and opened twice on its way, by the channel and by TLS.

use std::{sync::Arc, thread};

use lunacm::crypto::{AeadKey, Cipher};

use crate::{
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
    let payload = Arc::new(vec![7; PAYLOAD_BYTES]);
    let key = AeadKey::new(Cipher::Aes256Gcm, &[7; 32]);
    let mut buffer = Vec::with_capacity(PIECE_BYTES + 16);
    let (mut one, mut four, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(1.0 / time(REQUESTS, || drop(link.call(&payload).unwrap())));
        four.push(1.0 / time(1, || from_threads(&link, &payload)) * f64::from(4 * REQUESTS));
        raw.push(
            1.0 / time(REQUESTS, || {
                for nonce in 0..u8::try_from(PAYLOAD_BYTES / PIECE_BYTES).unwrap() {
                    buffer.clear();
                    buffer.extend_from_slice(&payload[..PIECE_BYTES]);
                    key.seal([nonce; 12], b"", &mut buffer, 0).unwrap();
                }
            }),
        );
    }
    compare("MiB/s", ("one thread", &one), ("AES-256-GCM, sealing once", &raw));
    compare("MiB/s", ("four threads", &four), ("AES-256-GCM, sealing once", &raw));
}

fn from_threads(link: &Arc<lunacm::net::Link>, payload: &Arc<Vec<u8>>) {
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
