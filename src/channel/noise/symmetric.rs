//! Section 5.2 (`SymmetricState`), as two types: before and after the first `MixKey`.

use std::{fmt, hint::black_box};

use zeroize::Zeroizing;

use crate::{
    channel::suite::Suite,
    crypto::{Digest, hmac},
};

use super::{
    NoiseError,
    cipher::{CipherKey, CipherState},
};

/// The state before the first `MixKey`: it can hash, and has nothing to encrypt with.
pub(super) struct SymmetricState {
    suite: Suite,
    ck: Zeroizing<Vec<u8>>,
    h: Vec<u8>,
}

impl SymmetricState {
    /// `InitializeSymmetric(protocol_name)`.
    pub(super) fn initialize(suite: Suite, protocol_name: &str) -> Self {
        let h = initial_hash(suite.digest(), protocol_name.as_bytes());
        Self { suite, ck: Zeroizing::new(h.clone()), h }
    }

    /// `MixHash(data)`.
    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.h = mixed(self.suite.digest(), &self.h, data);
    }

    /// `MixKey(input_key_material)`, which makes a state that can encrypt.
    pub(super) fn mix_key(self, input_key_material: &Zeroizing<[u8; 32]>) -> KeyedState {
        let (ck, temp_k) = hkdf(self.suite.digest(), &self.ck, input_key_material.as_slice());
        let cipher = CipherState::initialize_key(self.suite.cipher(), &temp_k);
        KeyedState { suite: self.suite, ck, h: self.h, cipher }
    }

    /// `MixKeyAndHash(input_key_material)`, which makes a state that can encrypt.
    pub(super) fn mix_key_and_hash(self, input_key_material: &Zeroizing<[u8; 32]>) -> KeyedState {
        let digest = self.suite.digest();
        let [ck, temp_h, temp_k] = hkdf3(digest, &self.ck, input_key_material.as_slice());
        let h = mixed(digest, &self.h, &temp_h);
        let cipher = CipherState::initialize_key(self.suite.cipher(), &truncated(&temp_k));
        KeyedState { suite: self.suite, ck, h, cipher }
    }
}

/// The state after the first `MixKey`.
pub(super) struct KeyedState {
    suite: Suite,
    ck: Zeroizing<Vec<u8>>,
    h: Vec<u8>,
    cipher: CipherState,
}

impl KeyedState {
    /// `MixHash(data)`.
    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.h = mixed(self.suite.digest(), &self.h, data);
    }

    /// `MixKey(input_key_material)`.
    pub(super) fn mix_key(&mut self, input_key_material: &Zeroizing<[u8; 32]>) {
        let (ck, temp_k) = hkdf(self.suite.digest(), &self.ck, input_key_material.as_slice());
        self.ck = ck;
        self.cipher = CipherState::initialize_key(self.suite.cipher(), &temp_k);
    }

    /// `EncryptAndHash(plaintext)`, appended to `out`.
    pub(super) fn encrypt_and_hash(
        &mut self,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoiseError> {
        let mut ciphertext = Vec::new();
        self.cipher.encrypt_with_ad(&self.h, plaintext, &mut ciphertext)?;
        self.mix_hash(&ciphertext);
        out.append(&mut ciphertext);
        Ok(())
    }

    /// `DecryptAndHash(ciphertext)`. The ciphertext is hashed whether it authenticates or not, so
    /// that a responder's work does not tell which.
    pub(super) fn decrypt_and_hash(
        &mut self,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NoiseError> {
        let (text, authentic) = self.decrypt_and_hash_anyway(ciphertext);
        authentic.map(|()| text)
    }

    /// As [`Self::decrypt_and_hash`]; bytes come back in both cases, for callers that keep them until
    /// all their work is done: memory that is given back early makes what follows quicker.
    pub(super) fn decrypt_and_hash_anyway(
        &mut self,
        ciphertext: &[u8],
    ) -> (Zeroizing<Vec<u8>>, Result<(), NoiseError>) {
        let opened = self.cipher.decrypt_with_ad(&self.h, ciphertext);
        self.mix_hash(ciphertext);
        opened
    }

    /// What the state runs under.
    pub(super) const fn suite(&self) -> Suite {
        self.suite
    }

    /// `Split()`, with a third output beside the two keys, and the handshake hash.
    pub(super) fn split(self) -> TransportKeys {
        let keys = self.derive();
        erase_stack();
        keys
    }

    #[inline(never)]
    fn derive(self) -> TransportKeys {
        let [temp_k1, temp_k2, temp_k3] = hkdf3(self.suite.digest(), &self.ck, &[]);
        let key = |temp_k: &[u8]| CipherKey::new(self.suite.cipher(), &truncated(temp_k));
        TransportKeys {
            initiator: key(&temp_k1),
            responder: key(&temp_k2),
            chain: Chain { secret: truncated(&temp_k3), hash: self.h },
        }
    }
}

/// The keys of the two directions after a handshake, and what the next handshake starts from.
#[derive(Debug)]
pub struct TransportKeys {
    /// What the initiator encrypts under.
    pub initiator: CipherKey,
    /// What the responder encrypts under.
    pub responder: CipherKey,
    /// What binds a change of keys to the handshake before it.
    pub chain: Chain,
}

/// What is left of a handshake for the next one on the same channel: a secret that only its two
/// ends have, and the hash of all it said.
pub struct Chain {
    pub(super) secret: Zeroizing<[u8; 32]>,
    hash: Vec<u8>,
}

impl Chain {
    /// A chain of these values.
    pub fn new(secret: [u8; 32], hash: Vec<u8>) -> Self {
        Self { secret: Zeroizing::new(secret), hash }
    }

    /// The handshake hash (section 11.2, channel binding).
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain(..)")
    }
}

/// Overwrites what the calls before have left below the caller's frame: a hash's state keeps the
/// last block that it was given, which is a key here, and has no way to be erased.
#[inline(never)]
fn erase_stack() {
    const BYTES: usize = 16 * 1024;
    black_box(&mut [0_u8; BYTES]);
}

/// The protocol name, padded with zeros to the hash's size, or its hash if it is longer.
fn initial_hash(digest: Digest, protocol_name: &[u8]) -> Vec<u8> {
    if protocol_name.len() > digest.bytes() {
        return digest.start().update(protocol_name).finish();
    }
    let mut h = protocol_name.to_vec();
    h.resize(digest.bytes(), 0);
    h
}

fn mixed(digest: Digest, h: &[u8], data: &[u8]) -> Vec<u8> {
    digest.start().update(h).update(data).finish()
}

/// `HKDF(chaining_key, input_key_material, 2)` (section 4.3); the second output is cut to the size
/// of a cipher's key, which is the only use that the pattern has for it.
fn hkdf(
    digest: Digest,
    chaining_key: &[u8],
    input_key_material: &[u8],
) -> (Zeroizing<Vec<u8>>, Zeroizing<[u8; 32]>) {
    let temp_key = hmac(digest, chaining_key, &[input_key_material]);
    let output1 = hmac(digest, &temp_key, &[&[0x01]]);
    let output2 = hmac(digest, &temp_key, &[&output1, &[0x02]]);
    let output2 = truncated(&output2);
    (output1, output2)
}

/// `HKDF(chaining_key, input_key_material, 3)`; the first two outputs are those of 2.
fn hkdf3(
    digest: Digest,
    chaining_key: &[u8],
    input_key_material: &[u8],
) -> [Zeroizing<Vec<u8>>; 3] {
    let temp_key = hmac(digest, chaining_key, &[input_key_material]);
    let output1 = hmac(digest, &temp_key, &[&[0x01]]);
    let output2 = hmac(digest, &temp_key, &[&output1, &[0x02]]);
    let output3 = hmac(digest, &temp_key, &[&output2, &[0x03]]);
    [output1, output2, output3]
}

/// The first 32 bytes (sections 5.2 and 12.2: hashes of 64 bytes are cut for keys).
fn truncated(output: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    key.iter_mut().zip(output).for_each(|(byte, from)| *byte = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_hashed_and_short_ones_padded() {
        let name = [b'n'; 33];
        assert_eq!(
            initial_hash(Digest::Sha256, &name),
            Digest::Sha256.start().update(&name).finish()
        );
        assert_eq!(initial_hash(Digest::Sha256, &name[..32]), name[..32]);
        assert_eq!(initial_hash(Digest::Sha512, &name)[..33], name);
        assert_eq!(initial_hash(Digest::Sha512, &name)[33..], [0; 31]);
    }
}
