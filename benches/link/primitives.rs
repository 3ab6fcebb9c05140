//! The primitives of our engine, as `snow` asks for them: X25519, AES-256-GCM, SHA-256, HMAC and
//! ML-KEM-768 are the same code on both sides, so that what is compared is the engines.

use lunacm::crypto::{
    AeadKey, Cipher, Digest, EncapsulationKey, HashState, KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES,
    KemKeyPair, KeyPair, Random as _, SystemRandom, hmac,
};
use snow::{
    Error,
    params::{CipherChoice, DHChoice, HashChoice, KemChoice},
    resolvers::CryptoResolver,
    types,
};

/// For `Noise_IK_25519_AESGCM_SHA256` and its hybrid form.
pub struct Primitives;

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn types::Random>> {
        Some(Box::new(System))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn types::Dh>> {
        Some(Box::new(X25519 { secret: [1; 32], pair: KeyPair::from_secret(&[1; 32]) }))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn types::Hash>> {
        Some(Box::new(Sha256(None)))
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn types::Cipher>> {
        Some(Box::new(AesGcm(None)))
    }

    fn resolve_kem(&self, _: &KemChoice) -> Option<Box<dyn types::Kem>> {
        Some(Box::new(MlKem(None)))
    }
}

struct System;

impl types::Random for System {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        SystemRandom::new().fill(out).map_err(|_| Error::Rng)
    }
}

struct X25519 {
    secret: [u8; 32],
    pair: KeyPair,
}

impl types::Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.pair = KeyPair::from_secret(&self.secret);
    }

    fn generate(&mut self, random: &mut dyn types::Random) -> Result<(), Error> {
        random.try_fill_bytes(&mut self.secret)?;
        self.pair = KeyPair::from_secret(&self.secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.pair.public()
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk().ok_or(Error::Dh)?;
        out[..32].copy_from_slice(self.pair.agree(public).as_ref());
        Ok(())
    }
}

struct Sha256(Option<HashState>);

impl types::Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Some(Digest::Sha256.start());
    }

    fn input(&mut self, data: &[u8]) {
        let state = self.0.take().unwrap_or_else(|| Digest::Sha256.start());
        self.0 = Some(state.update(data));
    }

    fn result(&mut self, out: &mut [u8]) {
        let state = self.0.take().unwrap_or_else(|| Digest::Sha256.start());
        out[..32].copy_from_slice(&state.finish());
    }

    fn hmac(&mut self, key: &[u8], data: &[u8], out: &mut [u8]) {
        // Snow hands its buffers over whole; the chaining key and all that is made of it has the
        // size of a hash.
        out[..32].copy_from_slice(&hmac(Digest::Sha256, &key[..32], &[data]));
    }
}

struct AesGcm(Option<AeadKey>);

impl AesGcm {
    fn key(&self) -> &AeadKey {
        self.0.as_ref().unwrap()
    }
}

/// 32 bits of zeros, then the number in big-endian.
fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

impl types::Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(AeadKey::new(Cipher::Aes256Gcm, key));
    }

    fn encrypt(&self, number: u64, associated: &[u8], text: &[u8], out: &mut [u8]) -> usize {
        let mut buffer = Vec::with_capacity(text.len() + 16);
        buffer.extend_from_slice(text);
        self.key().seal(nonce(number), associated, &mut buffer, 0).unwrap();
        out[..buffer.len()].copy_from_slice(&buffer);
        buffer.len()
    }

    fn decrypt(
        &self,
        number: u64,
        associated: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut buffer = sealed.to_vec();
        let text = self.key().open(nonce(number), associated, &mut buffer);
        let text = text.map_err(|_| Error::Decrypt)?;
        out[..text.len()].copy_from_slice(text);
        Ok(text.len())
    }
}

struct MlKem(Option<KemKeyPair>);

impl types::Kem for MlKem {
    fn name(&self) -> &'static str {
        "MLKEM768"
    }

    fn pub_len(&self) -> usize {
        KEM_KEY_BYTES
    }

    fn ciphertext_len(&self) -> usize {
        KEM_CIPHERTEXT_BYTES
    }

    fn shared_secret_len(&self) -> usize {
        32
    }

    fn generate(&mut self, _: &mut dyn types::Random) {
        self.0 = Some(KemKeyPair::generate(&mut SystemRandom::new()).unwrap());
    }

    fn pubkey(&self) -> &[u8] {
        self.0.as_ref().unwrap().public()
    }

    fn encapsulate(
        &self,
        key: &[u8],
        secret: &mut [u8],
        ciphertext: &mut [u8],
    ) -> Result<(usize, usize), Error> {
        let mut m = [0; 32];
        SystemRandom::new().fill(&mut m).map_err(|_| Error::Rng)?;
        let key = key.try_into().map_err(|_| Error::Kem)?;
        let (made, shared) = EncapsulationKey::new(key).map_err(|_| Error::Kem)?.encapsulate(&m);
        ciphertext.copy_from_slice(&made[..]);
        secret.copy_from_slice(&shared[..]);
        Ok((secret.len(), ciphertext.len()))
    }

    fn decapsulate(&self, ciphertext: &[u8], secret: &mut [u8]) -> Result<usize, Error> {
        let ciphertext = ciphertext.try_into().map_err(|_| Error::Kem)?;
        secret.copy_from_slice(&self.0.as_ref().unwrap().decapsulate(ciphertext)[..]);
        Ok(secret.len())
    }
}
