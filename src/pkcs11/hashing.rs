//! Digests that need no key are made here: data that nobody needs to see do not travel.

use zeroize::Zeroizing;

use super::memory::{Bytes, Input};
use crate::{
    crypto::{HashFunction, Hashing},
    model::{
        Status,
        cryptoki::{Mechanism, MechanismType, Parameters},
    },
};

/// The hash function of a digest mechanism that is computed here. The others are the
/// partition's.
pub(super) fn function(mechanism: &Mechanism) -> Option<HashFunction> {
    if mechanism.parameters != Parameters::None {
        return None;
    }
    match mechanism.mechanism {
        MechanismType::SHA_1 => Some(HashFunction::Sha1),
        MechanismType::SHA224 => Some(HashFunction::Sha224),
        MechanismType::SHA256 => Some(HashFunction::Sha256),
        MechanismType::SHA384 => Some(HashFunction::Sha384),
        MechanismType::SHA512 => Some(HashFunction::Sha512),
        MechanismType::SHA512_256 => Some(HashFunction::Sha512To256),
        MechanismType::SHA3_256 => Some(HashFunction::Sha3To256),
        MechanismType::SHA3_384 => Some(HashFunction::Sha3To384),
        MechanismType::SHA3_512 => Some(HashFunction::Sha3To512),
        _ => None,
    }
}

/// Data are copied in pieces of so many bytes: as much as there is room for anywhere.
const PIECE: usize = 64 * 1024;

/// The digest of data in one part.
///
/// # Errors
/// The data are not there, or the library failed.
pub(super) fn digest(function: HashFunction, data: &Input) -> Result<Bytes, Status> {
    finish(*start(function, data)?)
}

/// What tells the same data again, without keeping them.
///
/// # Errors
/// As [`digest`].
pub(super) fn fingerprint(data: &Input) -> Result<Bytes, Status> {
    digest(HashFunction::Sha256, data)
}

/// Begins a digest with its first part.
///
/// # Errors
/// As [`digest`].
pub(super) fn start(function: HashFunction, data: &Input) -> Result<Box<Hashing>, Status> {
    let mut hashing = function.start().map_err(|_| Status::FunctionFailed)?;
    take(&mut hashing, data)?;
    Ok(Box::new(hashing))
}

/// Takes the next part.
///
/// # Errors
/// As [`digest`].
pub(super) fn take(hashing: &mut Hashing, data: &Input) -> Result<(), Status> {
    let mut copy = Bytes::default();
    for piece in data.pieces(PIECE) {
        copy.clear();
        piece.append_to(&mut copy)?;
        hashing.update(&copy).map_err(|_| Status::FunctionFailed)?;
    }
    Ok(())
}

/// The digest of all parts.
///
/// # Errors
/// The library failed.
pub(super) fn finish(hashing: Hashing) -> Result<Bytes, Status> {
    let hash = hashing.finish().map_err(|_| Status::FunctionFailed)?;
    Ok(Zeroizing::new(hash.as_ref().to_vec()))
}
