//! Key derivation by NIST SP 800-108, as PKCS#11 v3.1 section 6.42 puts its input together.
//!
//! The loop is ours, because no library lets its caller choose the order of the input's parts; the
//! pseudo-random function is a library's.

use zeroize::Zeroizing;

use crate::{
    crypto::{KnownAnswer, Mac, MacKey, PrimitiveError},
    model::{
        Status,
        cryptoki::{KeyType, Mechanism, MechanismType, Parameters, PrfData},
    },
};

use super::{fault, hashes, key::Secret};

/// What the counter mode over HMAC-SHA-256 gives, beside what it should give.
pub(super) fn known_answer() -> KnownAnswer {
    let text = PrfData::Bytes(b"label\0context".to_vec());
    let data = vec![PrfData::Counter { little_endian: false, bits: 32 }, text];
    let parameters =
        Parameters::Sp800108 { prf: MechanismType::SHA256_HMAC, data, feedback: Vec::new() };
    let mechanism = Mechanism { mechanism: MechanismType::SP800_108_COUNTER_KDF, parameters };
    let key: Vec<u8> = (0..32).collect();
    let given = Secret::new(KeyType::GENERIC_SECRET, &key)
        .and_then(|key| derive(&mechanism, &key, 40))
        .map_err(|_| PrimitiveError::Library);
    KnownAnswer::new("SP 800-108 KDF", given.map(|bytes| bytes.to_vec()), KNOWN)
}

const KNOWN: &str =
    "18b8910606f09c475658fb393a63521855b7deee922916562c76d87ba4f91aa88d4d4fe95ec82226";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Counter,
    Feedback,
    DoublePipeline,
}

/// So many bytes.
///
/// # Errors
/// `CKR_MECHANISM_PARAM_INVALID`: the parameters are none for this mode, or a counter is too narrow.
/// `CKR_KEY_TYPE_INCONSISTENT`: the function does not take this key.
pub(super) fn derive(
    mechanism: &Mechanism,
    base: &Secret,
    bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, Status> {
    let mode = match mechanism.mechanism {
        MechanismType::SP800_108_COUNTER_KDF => Mode::Counter,
        MechanismType::SP800_108_FEEDBACK_KDF => Mode::Feedback,
        MechanismType::SP800_108_DOUBLE_PIPELINE_KDF => Mode::DoublePipeline,
        _ => return Err(Status::MechanismInvalid),
    };
    let Parameters::Sp800108 { prf, data, feedback } = &mechanism.parameters else {
        return Err(Status::MechanismParamInvalid);
    };
    check(mode, data, feedback)?;
    let run = |key: &MacKey| expand(&Input { mode, data, feedback, bytes }, key);
    if *prf == MechanismType::AES_CMAC {
        return base.cmac(run).map_err(fault::deriving);
    }
    let (hash, general) = hashes::of_hmac(*prf).ok_or(Status::MechanismParamInvalid)?;
    if general {
        return Err(Status::MechanismParamInvalid);
    }
    if !matches!(base.kind(), KeyType::GENERIC_SECRET | KeyType::HKDF)
        && hashes::of_hmac_key(base.kind()) != Some(hash)
    {
        return Err(Status::KeyTypeInconsistent);
    }
    base.hmac(hash, run).map_err(fault::deriving)
}

/// Each mode has its iteration variable exactly once: the counter, or the previous output.
fn check(mode: Mode, data: &[PrfData], feedback: &[u8]) -> Result<(), Status> {
    let count = |wanted: fn(&PrfData) -> bool| data.iter().filter(|part| wanted(part)).count();
    let counters = count(|part| matches!(part, PrfData::Counter { .. }));
    let iterations = count(|part| matches!(part, PrfData::Iteration));
    let right = match mode {
        Mode::Counter => counters == 1 && iterations == 0 && feedback.is_empty(),
        Mode::Feedback => counters <= 1 && iterations == 1,
        Mode::DoublePipeline => counters <= 1 && iterations == 1 && feedback.is_empty(),
    };
    let widths = data.iter().all(|part| match part {
        PrfData::Counter { bits, .. } => [8, 16, 24, 32].contains(bits),
        PrfData::Length { bits, .. } => [8, 16, 24, 32, 40, 48, 56, 64].contains(bits),
        PrfData::Iteration | PrfData::Bytes(_) => true,
    });
    if right && widths { Ok(()) } else { Err(Status::MechanismParamInvalid) }
}

struct Input<'a> {
    mode: Mode,
    data: &'a [PrfData],
    feedback: &'a [u8],
    bytes: usize,
}

fn expand(input: &Input<'_>, key: &MacKey) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let mut output =
        Zeroizing::new(Vec::with_capacity(input.bytes + crate::crypto::MAXIMUM_HASH_BYTES));
    let mut previous = Zeroizing::new(input.feedback.to_vec());
    for counter in 1_u64.. {
        if output.len() >= input.bytes {
            break;
        }
        if input.mode == Mode::DoublePipeline {
            // A(0) is the fixed input; A(i) is the function of A(i-1).
            let mut mac = key.start()?;
            match counter {
                1 => fixed(input, &mut mac)?,
                _ => mac.update(&previous)?,
            }
            previous = mac.finish()?;
        }
        let mut mac = key.start()?;
        feed(input, &mut mac, counter, &previous)?;
        let block = mac.finish()?;
        output.extend_from_slice(&block);
        if input.mode == Mode::Feedback {
            previous = block;
        }
    }
    output.truncate(input.bytes);
    Ok(output)
}

fn feed(
    input: &Input<'_>,
    mac: &mut Mac,
    counter: u64,
    previous: &[u8],
) -> Result<(), PrimitiveError> {
    for part in input.data {
        match part {
            PrfData::Iteration => mac.update(previous)?,
            PrfData::Counter { little_endian, bits } => {
                mac.update(&number(counter, *bits, *little_endian)?)?;
            }
            other => feed_fixed(input, mac, other)?,
        }
    }
    Ok(())
}

/// What is the same in every iteration.
fn fixed(input: &Input<'_>, mac: &mut Mac) -> Result<(), PrimitiveError> {
    for part in input.data {
        feed_fixed(input, mac, part)?;
    }
    Ok(())
}

fn feed_fixed(input: &Input<'_>, mac: &mut Mac, part: &PrfData) -> Result<(), PrimitiveError> {
    match part {
        // One key is derived: the sum over all keys and its own length are the same. A sum of
        // segments counts whole outputs of the function.
        PrfData::Length { little_endian, bits, .. } => {
            let length = u64::try_from(input.bytes * 8).map_err(|_| PrimitiveError::Parameters)?;
            mac.update(&number(length, *bits, *little_endian)?)
        }
        PrfData::Bytes(bytes) => mac.update(bytes),
        PrfData::Iteration | PrfData::Counter { .. } => Ok(()),
    }
}

/// A number in so many bits.
fn number(value: u64, bits: u64, little_endian: bool) -> Result<Vec<u8>, PrimitiveError> {
    if bits < 64 && value >> bits != 0 {
        return Err(PrimitiveError::Parameters);
    }
    let bytes = usize::try_from(bits / 8).map_err(|_| PrimitiveError::Parameters)?;
    if little_endian {
        Ok(value.to_le_bytes()[..bytes].to_vec())
    } else {
        Ok(value.to_be_bytes()[8 - bytes..].to_vec())
    }
}
