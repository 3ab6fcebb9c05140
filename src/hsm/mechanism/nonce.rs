//! Nonces that travel behind what was encrypted under them, as Luna sends them.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::model::{
    Status,
    cryptoki::{GcmLike, Mechanism, MechanismType, Operation, Parameters},
};

use super::{
    key::PreparedKey,
    operation::{check, perform},
    running::{GREATEST_KEPT_BYTES, Running, begin, keep},
};

/// The length in bytes of a nonce that is drawn for GCM, as Luna's: chance alone keeps it from
/// coming twice, and 96 bits of it would not for long.
const GCM_NONCE_BYTES: usize = 16;

/// The length in bytes of a nonce that is drawn for ChaCha20-Poly1305 (RFC 8439), and for CCM,
/// where it leaves room for 16 MiB.
const NONCE_BYTES: usize = 12;

/// The nonce of a mechanism that has one, and must not have it twice under one key. It is empty if
/// it is to be drawn, or stands behind the data.
pub fn nonce(mechanism: &Mechanism) -> Option<&[u8]> {
    match (mechanism.mechanism, &mechanism.parameters) {
        (MechanismType::AES_GCM | MechanismType::CHACHA20_POLY1305, Parameters::Gcm(inner))
        | (MechanismType::AES_CCM, Parameters::Ccm { inner, .. }) => Some(&inner.nonce),
        _ => None,
    }
}

/// The length in bytes of a nonce that is drawn for a mechanism.
pub fn drawn_nonce_bytes(mechanism: &Mechanism) -> usize {
    if mechanism.mechanism == MechanismType::AES_GCM { GCM_NONCE_BYTES } else { NONCE_BYTES }
}

/// A mechanism with another nonce.
pub fn with_nonce(mechanism: &Mechanism, nonce: &[u8]) -> Mechanism {
    let with = |inner: &GcmLike| GcmLike { nonce: nonce.to_vec(), ..inner.clone() };
    let parameters = match &mechanism.parameters {
        Parameters::Gcm(inner) => Parameters::Gcm(with(inner)),
        Parameters::Ccm { data_bytes, inner } => {
            Parameters::Ccm { data_bytes: *data_bytes, inner: with(inner) }
        }
        other => other.clone(),
    };
    Mechanism { mechanism: mechanism.mechanism, parameters }
}

/// A mechanism with the nonce that stands behind the data, and the data before it; nothing if the
/// nonce is given, or the mechanism has none.
///
/// # Errors
/// `CKR_ENCRYPTED_DATA_LEN_RANGE`: the data are shorter than a nonce.
pub fn with_sent_nonce<'d>(
    mechanism: &Mechanism,
    data: &'d [u8],
) -> Result<Option<(Mechanism, &'d [u8])>, Status> {
    if nonce(mechanism).is_none_or(|nonce| !nonce.is_empty()) {
        return Ok(None);
    }
    let at = data.len().checked_sub(drawn_nonce_bytes(mechanism));
    let (data, nonce) = data.split_at(at.ok_or(Status::EncryptedDataLenRange)?);
    Ok(Some((with_nonce(mechanism, nonce), data)))
}

/// Starts an encryption in parts that gives its nonce behind everything else.
///
/// # Errors
/// As those of [`begin`].
pub fn begin_before_nonce(
    mechanism: &Mechanism,
    key: Option<Arc<PreparedKey>>,
    nonce: Vec<u8>,
) -> Result<Box<dyn Running + Send>, Status> {
    let inner = begin(Operation::Encrypt, mechanism, key)?;
    Ok(Box::new(BeforeNonce { inner, nonce }))
}

/// Starts a decryption in parts whose nonce stands behind the data.
///
/// # Errors
/// As those of [`begin`].
pub fn begin_with_sent_nonce(
    mechanism: &Mechanism,
    key: Option<Arc<PreparedKey>>,
) -> Result<Box<dyn Running + Send>, Status> {
    let nonce = vec![0; drawn_nonce_bytes(mechanism)];
    check(Operation::Decrypt, &with_nonce(mechanism, &nonce), key.as_deref())?;
    let kept = Zeroizing::new(Vec::new());
    Ok(Box::new(WithSentNonce { mechanism: mechanism.clone(), key, kept }))
}

struct BeforeNonce {
    inner: Box<dyn Running + Send>,
    nonce: Vec<u8>,
}

impl Running for BeforeNonce {
    fn update(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        self.inner.update(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        let mut last = self.inner.finish(signature)?;
        last.extend_from_slice(&self.nonce);
        Ok(last)
    }

    fn kept_bytes_with(&self, more: usize) -> usize {
        self.inner.kept_bytes_with(more).saturating_add(self.nonce.len())
    }
}

struct WithSentNonce {
    mechanism: Mechanism,
    key: Option<Arc<PreparedKey>>,
    kept: Zeroizing<Vec<u8>>,
}

impl Running for WithSentNonce {
    fn update(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        keep(&mut self.kept, data).map_err(super::fault::decrypting)?;
        Ok(Zeroizing::new(Vec::new()))
    }

    fn finish(self: Box<Self>, _signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        let sent = with_sent_nonce(&self.mechanism, &self.kept)?;
        let (mechanism, data) = sent.ok_or(Status::MechanismParamInvalid)?;
        perform(Operation::Decrypt, &mechanism, self.key.as_deref(), data, &[])
    }

    fn kept_bytes_with(&self, more: usize) -> usize {
        let bytes = self.kept.len().saturating_add(more).min(GREATEST_KEPT_BYTES);
        let kept = bytes.next_power_of_two().max(self.kept.capacity());
        kept.saturating_add(self.mechanism.parameters.bytes())
    }
}
