//! OpenSSL's ciphers, looked up once each: a look-up costs more than a short encryption.

use std::sync::OnceLock;

use openssl::cipher::{Cipher, CipherRef};

use super::{Kind, PrimitiveError};

/// What OpenSSL does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Ecb,
    Cbc,
    Counter,
    Gcm,
    Ccm,
    Wrap,
    WrapPadded,
    ChaCha20Poly1305,
}

static CIPHERS: [[OnceLock<Option<Cipher>>; 3]; 8] = [const { [const { OnceLock::new() }; 3] }; 8];

pub(super) fn cipher(kind: Kind, mode: Mode) -> Result<&'static CipherRef, PrimitiveError> {
    let (bits, column) = match kind {
        Kind::Aes128 => ("128", 0),
        Kind::Aes192 => ("192", 1),
        Kind::Aes256 | Kind::ChaCha20 => ("256", 2),
    };
    let (name, row) = match mode {
        Mode::Ecb => ("ECB", 0),
        Mode::Cbc => ("CBC", 1),
        Mode::Counter => ("CTR", 2),
        Mode::Gcm => ("GCM", 3),
        Mode::Ccm => ("CCM", 4),
        Mode::Wrap => ("WRAP", 5),
        Mode::WrapPadded => ("WRAP-PAD", 6),
        Mode::ChaCha20Poly1305 => ("", 7),
    };
    let fetch = || {
        let name = match mode {
            Mode::ChaCha20Poly1305 => "ChaCha20-Poly1305".to_owned(),
            _ => format!("AES-{bits}-{name}"),
        };
        Cipher::fetch(None, &name, None).ok()
    };
    let fetched = CIPHERS[row][column].get_or_init(fetch);
    fetched.as_deref().ok_or(PrimitiveError::Library)
}
