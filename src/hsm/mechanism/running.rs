//! Operations in parts.

use std::{fmt, mem, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    crypto::{
        AeadScheme, AeadStream, BLOCK_BYTES, CipherStream, Direction, Hashing, Mac, MacKey,
        PrimitiveError,
    },
    model::{
        Status,
        cryptoki::{Mechanism, Operation},
    },
};

use super::{
    fault,
    key::{Material, PreparedKey},
    operation::{check, compare, nothing, perform, sign_prepared, verify_prepared},
    scheme::Scheme,
};

/// The greatest amount in bytes that is kept of an operation whose mechanism needs all data at
/// once, or may not give text before it has checked them.
pub(super) const GREATEST_KEPT_BYTES: usize = 16 << 20;

/// An operation in parts. Dropping it gives it up.
pub trait Running {
    /// Takes the next part, and gives what is ready.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE`, `CKR_ENCRYPTED_DATA_LEN_RANGE`: the data are too long.
    /// `CKR_FUNCTION_FAILED`: the library failed. The operation is over then.
    fn update(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status>;

    /// Ends the operation, and gives what is left. `signature` is for verifications.
    ///
    /// # Errors
    /// As those of an operation in one part.
    fn finish(self: Box<Self>, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status>;

    /// Bytes that it keeps: of its data and its parameters.
    fn kept_bytes(&self) -> usize {
        self.kept_bytes_with(0)
    }

    /// Bytes that it will keep once it has been given so many more.
    fn kept_bytes_with(&self, more: usize) -> usize;
}

impl fmt::Debug for dyn Running + Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running(..)")
    }
}

/// Starts an operation in parts.
///
/// # Errors
/// What [`check`] refuses, and `CKR_FUNCTION_FAILED`: the library failed.
pub fn begin(
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<Arc<PreparedKey>>,
) -> Result<Box<dyn Running + Send>, Status> {
    check(operation, mechanism, key.as_deref())?;
    let scheme = Scheme::of(mechanism)?;
    let material = key.as_deref().map(|key| &key.material);
    let state = State::new(operation, &scheme, material).map_err(fault::signing)?;
    Ok(Box::new(InParts { operation, mechanism: mechanism.clone(), key, state }))
}

struct InParts {
    operation: Operation,
    mechanism: Mechanism,
    key: Option<Arc<PreparedKey>>,
    state: State,
}

#[allow(clippy::large_enum_variant, reason = "it is boxed as a whole")]
enum State {
    Hash(Hashing),
    Mac {
        mac: Mac,
        bytes: usize,
    },
    Gmac(AeadStream),
    Cipher(CipherStream),
    Aead(AeadStream),
    /// The mechanism takes its data at once, or authenticates what it decrypts.
    Kept(Zeroizing<Vec<u8>>),
}

impl State {
    fn new(
        operation: Operation,
        scheme: &Scheme<'_>,
        key: Option<&Material>,
    ) -> Result<Self, PrimitiveError> {
        if let Some(hash) = scheme.hash_first() {
            return Ok(Self::Hash(hash.start()?));
        }
        let secret = match key {
            Some(Material::Secret(secret)) => secret,
            None => match scheme {
                Scheme::Digest(hash) => return Ok(Self::Hash(hash.start()?)),
                _ => return Err(PrimitiveError::Key),
            },
            Some(_) => return Ok(Self::Kept(nothing())),
        };
        let direction = match operation {
            Operation::Decrypt => Direction::Decrypt,
            _ => Direction::Encrypt,
        };
        Ok(match scheme {
            Scheme::Hmac { hash, bytes } => {
                let mac = secret.hmac(*hash, MacKey::start)?;
                Self::Mac { mac, bytes: *bytes }
            }
            Scheme::Cmac { bytes } => Self::Mac { mac: secret.cmac(MacKey::start)?, bytes: *bytes },
            Scheme::Gmac { vector } => {
                Self::Gmac(AeadStream::new(secret.cipher()?, &gmac(vector, &[]))?)
            }
            Scheme::Block(mode) => {
                Self::Cipher(CipherStream::new(secret.cipher()?, *mode, direction)?)
            }
            Scheme::Gcm(scheme) | Scheme::ChaCha(scheme) if operation == Operation::Encrypt => {
                Self::Aead(AeadStream::new(secret.cipher()?, scheme)?)
            }
            _ => Self::Kept(nothing()),
        })
    }
}

impl Running for InParts {
    fn update(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        let mut output = Zeroizing::new(Vec::new());
        match &mut self.state {
            State::Hash(hashing) => hashing.update(data),
            State::Mac { mac, .. } => mac.update(data),
            State::Gmac(stream) => stream.associate(data),
            State::Cipher(stream) => {
                output.reserve_exact(data.len() + 2 * BLOCK_BYTES);
                stream.update(data, &mut output)
            }
            State::Aead(stream) => {
                output.reserve_exact(data.len() + BLOCK_BYTES);
                stream.update(data, &mut output)
            }
            State::Kept(kept) => keep(kept, data),
        }
        .map_err(|fault| self.failure(fault))?;
        Ok(output)
    }

    fn kept_bytes_with(&self, more: usize) -> usize {
        let kept = match &self.state {
            // Its memory is doubled when it grows.
            State::Kept(kept) => {
                let bytes = kept.len().saturating_add(more).min(GREATEST_KEPT_BYTES);
                bytes.next_power_of_two().max(kept.capacity())
            }
            State::Hash(_)
            | State::Mac { .. }
            | State::Gmac(_)
            | State::Cipher(_)
            | State::Aead(_) => 0,
        };
        kept.saturating_add(self.mechanism.parameters.bytes())
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
        let Self { operation, mechanism, key, state } = *self;
        let failure = |fault| failure(operation, fault);
        let verifies = operation == Operation::Verify;
        let mut output = Zeroizing::new(Vec::with_capacity(2 * BLOCK_BYTES));
        let code = match state {
            State::Hash(hashing) => {
                let value = hashing.finish().map_err(failure)?;
                let Some(key) = key else { return Ok(Zeroizing::new(value.as_ref().to_vec())) };
                let scheme = Scheme::of(&mechanism)?;
                if verifies {
                    verify_prepared(&scheme, &key.material, value.as_ref(), signature)?;
                    return Ok(nothing());
                }
                return sign_prepared(&scheme, &key.material, value.as_ref());
            }
            State::Mac { mac, bytes } => {
                let mut code = mac.finish().map_err(failure)?;
                code.truncate(bytes);
                code
            }
            State::Gmac(stream) => {
                stream.finish(&mut output).map_err(failure)?;
                output
            }
            State::Cipher(stream) => {
                stream.finish(&mut output).map_err(failure)?;
                return Ok(output);
            }
            State::Aead(stream) => {
                stream.finish(&mut output).map_err(failure)?;
                return Ok(output);
            }
            State::Kept(data) => {
                return perform(operation, &mechanism, key.as_deref(), &data, signature);
            }
        };
        if verifies {
            compare(&code, signature)?;
            return Ok(nothing());
        }
        Ok(code)
    }
}

impl InParts {
    const fn failure(&self, fault: PrimitiveError) -> Status {
        failure(self.operation, fault)
    }
}

const fn failure(operation: Operation, fault: PrimitiveError) -> Status {
    match operation {
        Operation::Decrypt => fault::decrypting(fault),
        Operation::Verify | Operation::VerifyRecover => fault::verifying(fault),
        _ => fault::signing(fault),
    }
}

/// Puts data behind those that are kept. A vector that grows leaves its old memory as it is: here
/// it is erased.
pub(super) fn keep(kept: &mut Zeroizing<Vec<u8>>, data: &[u8]) -> Result<(), PrimitiveError> {
    let bytes = kept.len().saturating_add(data.len());
    if bytes > GREATEST_KEPT_BYTES {
        return Err(PrimitiveError::DataLength);
    }
    if bytes > kept.capacity() {
        let mut greater = Zeroizing::new(Vec::with_capacity(bytes.next_power_of_two()));
        greater.extend_from_slice(kept);
        drop(mem::replace(kept, greater));
    }
    kept.extend_from_slice(data);
    Ok(())
}

/// GMAC is GCM without a text.
pub(super) const fn gmac<'a>(vector: &'a [u8], data: &'a [u8]) -> AeadScheme<'a> {
    AeadScheme { nonce: vector, associated: data, tag_bytes: BLOCK_BYTES }
}
