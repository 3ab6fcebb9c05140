//! What a mechanism and its parameters ask for, checked and spelled out.

use crate::{
    crypto::{AeadScheme, BLOCK_BYTES, BlockMode, HashFunction, OaepScheme, PssScheme},
    model::{
        Status,
        cryptoki::{GcmLike, Mechanism, MechanismType as Type, Parameters},
    },
};

use super::hashes;

/// The fewest bytes of a MAC that a caller may ask for (NIST SP 800-107 section 5.3.3).
const LEAST_MAC_BYTES: usize = 4;

/// The length in bytes of GMAC's initialization vector.
const GMAC_VECTOR_BYTES: usize = 12;

/// A mechanism for encryption, signatures, MACs or digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme<'a> {
    Digest(HashFunction),
    Hmac {
        hash: HashFunction,
        bytes: usize,
    },
    Cmac {
        bytes: usize,
    },
    Gmac {
        vector: &'a [u8],
    },
    /// By PKCS#1 v1.5; without a hash, the data are padded as they are.
    RsaPkcs(Option<HashFunction>),
    RsaRaw,
    /// The hash is made of the data first, or the data are one.
    RsaPss {
        hashes: bool,
        scheme: PssScheme,
    },
    RsaOaep(OaepScheme<'a>),
    Ecdsa(Option<HashFunction>),
    Eddsa,
    MlDsa,
    Block(BlockMode),
    Gcm(AeadScheme<'a>),
    ChaCha(AeadScheme<'a>),
    Ccm {
        scheme: AeadScheme<'a>,
        data_bytes: u64,
    },
    KeyWrap {
        initial: Option<&'a [u8]>,
        padding: bool,
    },
}

impl<'a> Scheme<'a> {
    /// What this mechanism asks for.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID`: it is none of these. `CKR_MECHANISM_PARAM_INVALID`: the parameters
    /// are not its own.
    pub(super) fn of(mechanism: &'a Mechanism) -> Result<Self, Status> {
        let parameters = &mechanism.parameters;
        match mechanism.mechanism {
            Type::RSA_PKCS => none(parameters, Self::RsaPkcs(None)),
            Type::RSA_X_509 => none(parameters, Self::RsaRaw),
            Type::RSA_PKCS_PSS => Self::pss(None, parameters),
            Type::RSA_PKCS_OAEP => Self::oaep(parameters),
            Type::ECDSA => none(parameters, Self::Ecdsa(None)),
            Type::EDDSA => Self::eddsa(parameters),
            Type::ML_DSA => Self::ml_dsa(parameters),
            Type::AES_ECB => none(parameters, Self::Block(BlockMode::Ecb)),
            Type::AES_CBC => Ok(Self::Block(BlockMode::Cbc { vector: block(parameters)? })),
            Type::AES_CBC_PAD => {
                Ok(Self::Block(BlockMode::CbcPadded { vector: block(parameters)? }))
            }
            Type::AES_CTR => Self::counter(parameters),
            Type::AES_GCM => Ok(Self::Gcm(gcm(parameters)?)),
            Type::CHACHA20_POLY1305 => Ok(Self::ChaCha(gcm(parameters)?)),
            Type::AES_CCM => Self::ccm(parameters),
            Type::AES_CMAC => none(parameters, Self::Cmac { bytes: BLOCK_BYTES }),
            Type::AES_CMAC_GENERAL => Ok(Self::Cmac { bytes: length(parameters, BLOCK_BYTES)? }),
            Type::AES_GMAC => Self::gmac(parameters),
            Type::AES_KEY_WRAP => Self::key_wrap(parameters, false),
            Type::AES_KEY_WRAP_KWP => Self::key_wrap(parameters, true),
            other => Self::hashed(other, parameters),
        }
    }

    fn hashed(mechanism: Type, parameters: &Parameters) -> Result<Self, Status> {
        if let Some(hash) = hashes::of_digest(mechanism) {
            none(parameters, Self::Digest(hash))
        } else if let Some(hash) = hashes::of_ecdsa(mechanism) {
            none(parameters, Self::Ecdsa(Some(hash)))
        } else if let Some(hash) = hashes::of_rsa_pkcs(mechanism) {
            none(parameters, Self::RsaPkcs(Some(hash)))
        } else if let Some(hash) = hashes::of_rsa_pss(mechanism) {
            Self::pss(Some(hash), parameters)
        } else if let Some((hash, general)) = hashes::of_hmac(mechanism) {
            if general {
                Ok(Self::Hmac { hash, bytes: length(parameters, hash.bytes())? })
            } else {
                none(parameters, Self::Hmac { hash, bytes: hash.bytes() })
            }
        } else {
            Err(Status::MechanismInvalid)
        }
    }

    fn pss(hash: Option<HashFunction>, parameters: &Parameters) -> Result<Self, Status> {
        let Parameters::Pss(pss) = parameters else { return Err(Status::MechanismParamInvalid) };
        let named = hashes::of_digest(pss.hash).ok_or(Status::MechanismParamInvalid)?;
        let mask = pss.mask.digest().and_then(hashes::of_digest);
        let mask = mask.ok_or(Status::MechanismParamInvalid)?;
        if hash.is_some_and(|hash| hash != named) {
            return Err(Status::MechanismParamInvalid);
        }
        // No modulus has room for more.
        let salt_bytes = usize::try_from(pss.salt_bytes).ok().filter(|bytes| *bytes <= 1024);
        let salt_bytes = salt_bytes.ok_or(Status::MechanismParamInvalid)?;
        let scheme = PssScheme { hash: named, mask, salt_bytes };
        Ok(Self::RsaPss { hashes: hash.is_some(), scheme })
    }

    fn oaep(parameters: &'a Parameters) -> Result<Self, Status> {
        let Parameters::Oaep(oaep) = parameters else { return Err(Status::MechanismParamInvalid) };
        let hash = hashes::of_digest(oaep.hash).ok_or(Status::MechanismParamInvalid)?;
        let mask = oaep.mask.digest().and_then(hashes::of_digest);
        let mask = mask.ok_or(Status::MechanismParamInvalid)?;
        Ok(Self::RsaOaep(OaepScheme { hash, mask, label: &oaep.label }))
    }

    fn eddsa(parameters: &Parameters) -> Result<Self, Status> {
        match parameters {
            Parameters::Eddsa { prehash: false, context } if context.is_empty() => Ok(Self::Eddsa),
            other => none(other, Self::Eddsa),
        }
    }

    fn ml_dsa(parameters: &Parameters) -> Result<Self, Status> {
        match parameters {
            Parameters::SignContext { hedge: None | Some(true), context } if context.is_empty() => {
                Ok(Self::MlDsa)
            }
            other => none(other, Self::MlDsa),
        }
    }

    fn counter(parameters: &Parameters) -> Result<Self, Status> {
        match parameters {
            Parameters::Counter { bits: bits @ 1..=128, block } => {
                let bits = u32::try_from(*bits).map_err(|_| Status::MechanismParamInvalid)?;
                Ok(Self::Block(BlockMode::Counter { block: *block, bits }))
            }
            _ => Err(Status::MechanismParamInvalid),
        }
    }

    fn ccm(parameters: &'a Parameters) -> Result<Self, Status> {
        match parameters {
            Parameters::Ccm { data_bytes, inner } => {
                Ok(Self::Ccm { scheme: aead(inner)?, data_bytes: *data_bytes })
            }
            _ => Err(Status::MechanismParamInvalid),
        }
    }

    fn gmac(parameters: &'a Parameters) -> Result<Self, Status> {
        match parameters {
            Parameters::Bytes(vector) if vector.len() == GMAC_VECTOR_BYTES => {
                Ok(Self::Gmac { vector })
            }
            _ => Err(Status::MechanismParamInvalid),
        }
    }

    fn key_wrap(parameters: &'a Parameters, padding: bool) -> Result<Self, Status> {
        let bytes = if padding { 4 } else { 8 };
        match parameters {
            Parameters::Bytes(initial) if initial.len() == bytes => {
                Ok(Self::KeyWrap { initial: Some(initial), padding })
            }
            other => none(other, Self::KeyWrap { initial: None, padding }),
        }
    }
}

fn none<'a>(parameters: &Parameters, scheme: Scheme<'a>) -> Result<Scheme<'a>, Status> {
    if is_none(parameters) { Ok(scheme) } else { Err(Status::MechanismParamInvalid) }
}

/// Whether there are no parameters; an empty piece of memory is none either.
pub(super) fn is_none(parameters: &Parameters) -> bool {
    match parameters {
        Parameters::None => true,
        Parameters::Bytes(bytes) => bytes.is_empty(),
        _ => false,
    }
}

fn block(parameters: &Parameters) -> Result<[u8; BLOCK_BYTES], Status> {
    match parameters {
        Parameters::Bytes(bytes) => {
            bytes.as_slice().try_into().map_err(|_| Status::MechanismParamInvalid)
        }
        _ => Err(Status::MechanismParamInvalid),
    }
}

fn length(parameters: &Parameters, greatest: usize) -> Result<usize, Status> {
    match parameters {
        Parameters::Number(bytes) => usize::try_from(*bytes)
            .ok()
            .filter(|bytes| (LEAST_MAC_BYTES..=greatest).contains(bytes))
            .ok_or(Status::MechanismParamInvalid),
        _ => Err(Status::MechanismParamInvalid),
    }
}

fn gcm(parameters: &Parameters) -> Result<AeadScheme<'_>, Status> {
    match parameters {
        Parameters::Gcm(inner) => aead(inner),
        _ => Err(Status::MechanismParamInvalid),
    }
}

fn aead(inner: &GcmLike) -> Result<AeadScheme<'_>, Status> {
    let tag_bytes = usize::try_from(inner.tag_bits / 8).unwrap_or(usize::MAX);
    if !inner.tag_bits.is_multiple_of(8) || tag_bytes > BLOCK_BYTES || inner.nonce.is_empty() {
        return Err(Status::MechanismParamInvalid);
    }
    Ok(AeadScheme { nonce: &inner.nonce, associated: &inner.associated, tag_bytes })
}
