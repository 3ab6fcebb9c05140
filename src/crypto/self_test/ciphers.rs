//! Ciphers, CMAC, authenticated encryption and key wraps.

use super::{KnownAnswer, digits};
use crate::crypto::{
    AeadKey, AeadScheme, BlockMode, Cipher, CipherKey, CipherStream, Direction, MacKey,
    PrimitiveError,
};

/// NIST SP 800-38A section F.1: keys and the first two blocks of text.
const AES_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const AES_192: &str = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const AES_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const VECTOR: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

pub(super) fn rows() -> Vec<KnownAnswer> {
    let parts = [block_modes(), macs(), authenticated(), wraps()];
    parts.into_iter().flatten().collect()
}

fn block_modes() -> Vec<KnownAnswer> {
    let counter = BlockMode::Counter { block: COUNTER, bits: 128 };
    let padded = BlockMode::CbcPadded { vector: VECTOR };
    vec![
        KnownAnswer::new(
            "AES-128-ECB",
            both_ways(AES_128, BlockMode::Ecb),
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        ),
        KnownAnswer::new(
            "AES-192-ECB",
            both_ways(AES_192, BlockMode::Ecb),
            "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef",
        ),
        KnownAnswer::new(
            "AES-256-ECB",
            both_ways(AES_256, BlockMode::Ecb),
            "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
        ),
        KnownAnswer::new("AES-CBC", both_ways(AES_256, BlockMode::Cbc { vector: VECTOR }), CBC),
        KnownAnswer::new("AES-CBC with padding", both_ways(AES_256, padded), CBC_PADDED),
        KnownAnswer::new("AES-CTR", both_ways(AES_256, counter), CTR),
    ]
}

const COUNTER: [u8; 16] = [
    0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
];
const CBC: &str = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d";
const CBC_PADDED: &str = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d3a3aa5e0213db1a9\
    901f9036cf5102d2";
const CTR: &str = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5";

/// The ciphertext of the text, if that is decrypted again.
fn both_ways(key: &str, mode: BlockMode) -> Result<Vec<u8>, PrimitiveError> {
    let key = CipherKey::aes(&digits(key))?;
    let run = |direction, data: &[u8]| -> Result<Vec<u8>, PrimitiveError> {
        let mut stream = CipherStream::new(&key, mode, direction)?;
        let mut output = Vec::new();
        stream.update(data, &mut output)?;
        stream.finish(&mut output)?;
        Ok(output)
    };
    let ciphertext = run(Direction::Encrypt, &digits(TEXT))?;
    let text = run(Direction::Decrypt, &ciphertext)?;
    if text == digits(TEXT) { Ok(ciphertext) } else { Err(PrimitiveError::Data) }
}

/// NIST SP 800-38B section D, of one block.
fn macs() -> Vec<KnownAnswer> {
    let code = |key: &str| MacKey::cmac(&digits(key))?.code(&[&digits(TEXT)[..16]]);
    vec![
        KnownAnswer::new("AES-128-CMAC", code(AES_128), "070a16b46b4d4144f79bdd9dd04a287c"),
        KnownAnswer::new("AES-192-CMAC", code(AES_192), "9e99a7bf31e710900662f65e617c5184"),
        KnownAnswer::new("AES-256-CMAC", code(AES_256), "28a7023f452e8f82bd4bf28d8c37c35c"),
    ]
}

fn authenticated() -> Vec<KnownAnswer> {
    let aes = |key: &str| CipherKey::aes(&digits(key));
    let nonce = digits("cafebabefacedbaddecaf888");
    let usual = AeadScheme { nonce: &nonce, associated: b"associated", tag_bytes: 16 };
    // The other library serves nonces of other lengths.
    let long = AeadScheme { nonce: &VECTOR, ..usual };
    let gcm = |key: &str, scheme: &AeadScheme<'_>| sealed(&aes(key)?, scheme, &digits(TEXT));
    let mut rows = vec![
        KnownAnswer::new(
            "AES-128-GCM",
            gcm(AES_128, &usual),
            "6ac7d9f77a1c8a43af5be6373b9f656281ade2f91ae5ae428656a3e0bf5dde1ebeee28c90963f072\
    ada3d969e225a366",
        ),
        KnownAnswer::new(
            "AES-192-GCM",
            gcm(AES_192, &usual),
            "d9f29c212e0ae29fa8abcc9265cb3d8b46e5728da46632698636613e0efa1b1967d7d757b71fda43\
    3440afb107ca2e2c",
        ),
        KnownAnswer::new("AES-256-GCM", gcm(AES_256, &usual), GCM_256),
        KnownAnswer::new("AES-256-GCM with another nonce", gcm(AES_256, &long), GCM_LONG),
        KnownAnswer::new("AES-CCM", of_ccm(), "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd"),
        KnownAnswer::new("ChaCha20-Poly1305", of_chacha20(), CHACHA20),
    ];
    for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
        rows.push(of_link(cipher));
    }
    rows
}

const GCM_256: &str = "cce65692c1064eed7fa3046aa46bd8eaa9c7aa990b4f968bae83cae728c04f8c5b6912cc81ad3442\
    117418ebcd354551";
const GCM_LONG: &str = "954eab0d283b03997542e9940aa82649e77be3aa132ec5b3c4900333e0d68416adf5a20eb1bed341\
    343efa7d9fd25c35";

/// The sealed text, if it opens again and does not once it was changed.
fn sealed(
    key: &CipherKey,
    scheme: &AeadScheme<'_>,
    text: &[u8],
) -> Result<Vec<u8>, PrimitiveError> {
    let sealed = key.seal(scheme, text)?;
    let mut changed = sealed.clone();
    changed[0] ^= 1;
    let opens = key.open(scheme, &sealed)?.as_slice() == text;
    if opens && key.open(scheme, &changed).is_err() {
        Ok(sealed)
    } else {
        Err(PrimitiveError::Data)
    }
}

/// NIST SP 800-38C section C.2.
fn of_ccm() -> Result<Vec<u8>, PrimitiveError> {
    let (nonce, text): (Vec<u8>, Vec<u8>) = ((0x10..0x18).collect(), (0x20..0x30).collect());
    let key = CipherKey::aes(&(0x40..0x50).collect::<Vec<_>>())?;
    let scheme = AeadScheme { nonce: &nonce, associated: &VECTOR, tag_bytes: 6 };
    let sealed = key.seal_ccm(&scheme, &text)?;
    let opens = *key.open_ccm(&scheme, &sealed)? == text;
    if opens { Ok(sealed) } else { Err(PrimitiveError::Data) }
}

/// RFC 8439 section 2.8.2.
const CHACHA20_KEY: [u8; 32] = *b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\
    \x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f";
const CHACHA20_NONCE: [u8; 12] = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
const CHACHA20_ASSOCIATED: &[u8] = b"PQRS\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7";
const CHACHA20_TEXT: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you \
    only one tip for the future, sunscreen would be it.";
const CHACHA20: &str = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca96712\
    82fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58\
    fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09\
    e26a7e902ecbd0600691";

fn of_chacha20() -> Result<Vec<u8>, PrimitiveError> {
    let scheme =
        AeadScheme { nonce: &CHACHA20_NONCE, associated: CHACHA20_ASSOCIATED, tag_bytes: 16 };
    sealed(&CipherKey::chacha20(&CHACHA20_KEY)?, &scheme, CHACHA20_TEXT)
}

/// The ciphers of links and stores, which have an interface of their own.
fn of_link(cipher: Cipher) -> KnownAnswer {
    let of = |key: [u8; 32], nonce: [u8; 12], associated: &[u8], text: &[u8]| {
        let (key, mut buffer) = (AeadKey::new(cipher, &key), text.to_vec());
        key.seal(nonce, associated, &mut buffer, 0).map_err(|_| PrimitiveError::Library)?;
        let mut opened = buffer.clone();
        let opened = key.open(nonce, associated, &mut opened).map_err(|_| PrimitiveError::Data)?;
        if opened == text { Ok(buffer) } else { Err(PrimitiveError::Data) }
    };
    match cipher {
        Cipher::Aes256Gcm => {
            let (mut key, mut nonce) = ([0; 32], [0; 12]);
            key.copy_from_slice(&digits(AES_256));
            nonce.copy_from_slice(&digits("cafebabefacedbaddecaf888"));
            let given = of(key, nonce, b"associated", &digits(TEXT));
            KnownAnswer::new("AES-256-GCM (links)", given, GCM_256)
        }
        Cipher::ChaCha20Poly1305 => {
            let given = of(CHACHA20_KEY, CHACHA20_NONCE, CHACHA20_ASSOCIATED, CHACHA20_TEXT);
            KnownAnswer::new("ChaCha20-Poly1305 (links)", given, CHACHA20)
        }
    }
}

fn wraps() -> Vec<KnownAnswer> {
    // RFC 3394 section 4.6, RFC 5649 section 6.
    let bare = wrapped(
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
        false,
    );
    let padded = wrapped(
        "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
        "c37b7e6492584340bed12207808941155068f738",
        true,
    );
    vec![
        KnownAnswer::new(
            "AES key wrap",
            bare,
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
        KnownAnswer::new(
            "AES key wrap with padding",
            padded,
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
    ]
}

fn wrapped(key: &str, data: &str, padding: bool) -> Result<Vec<u8>, PrimitiveError> {
    let key = CipherKey::aes(&digits(key))?;
    let wrapped = key.wrap(None, padding, &digits(data))?;
    let unwrapped = key.unwrap(None, padding, &wrapped)?;
    if *unwrapped == digits(data) { Ok(wrapped) } else { Err(PrimitiveError::Data) }
}
