//! `CK_MECHANISM`: parameters of encryption, signatures and key wrapping, by mechanism.

#![allow(unsafe_code, reason = "C passes memory as pointers")]

use std::mem::size_of;

use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_CCM_PARAMS, CK_EDDSA_PARAMS, CK_GCM_PARAMS, CK_MECHANISM,
    CK_RSA_PKCS_OAEP_PARAMS, CK_RSA_PKCS_PSS_PARAMS, CK_SALSA20_CHACHA20_POLY1305_PARAMS,
    CK_SIGN_ADDITIONAL_CONTEXT, CK_ULONG, CKH_DETERMINISTIC_REQUIRED, CKH_HEDGE_PREFERRED,
    CKH_HEDGE_REQUIRED, CKZ_DATA_SPECIFIED,
};

use super::{
    bounds::Bound,
    derivation,
    memory::{Input, value},
};
use crate::model::{
    Status,
    cryptoki::{
        GcmLike, MaskHash, Mechanism, MechanismType, OaepParameters, Parameters, PssParameters,
    },
};

/// The tag of ChaCha20-Poly1305 (RFC 8439).
const POLY1305_TAG_BITS: u64 = 128;

/// A mechanism of the caller; none for null, which ends an operation (version 3.0).
///
/// # Safety
/// `mechanism` is null or readable, its parameter is null or readable for its length, and the
/// pointers inside are null or readable for theirs.
///
/// # Errors
/// A parameter that the mechanism does not take.
pub(super) unsafe fn mechanism_or_none(
    mechanism: *const CK_MECHANISM,
) -> Result<Option<Mechanism>, Status> {
    if mechanism.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and readable by the contract.
    let given = unsafe { value(mechanism) }?;
    let mechanism = MechanismType(given.mechanism);
    let raw = Raw { pointer: given.pParameter.cast(), length: given.ulParameterLen };
    // SAFETY: passed on.
    let parameters = unsafe { parameters(mechanism, raw) };
    // Which problem a parameter had is one and the same to the caller.
    let parameters = parameters.map_err(|status| match status {
        Status::HostMemory => status,
        _ => Status::MechanismParamInvalid,
    })?;
    Ok(Some(Mechanism { mechanism, parameters }))
}

/// A mechanism of the caller.
///
/// # Safety
/// As [`mechanism_or_none`].
///
/// # Errors
/// None, or a parameter that the mechanism does not take.
pub(super) unsafe fn mechanism(mechanism: *const CK_MECHANISM) -> Result<Mechanism, Status> {
    // SAFETY: passed on.
    unsafe { mechanism_or_none(mechanism) }?.ok_or(Status::ArgumentsBad)
}

/// A parameter before it is understood.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    pub(super) pointer: *const u8,
    pub(super) length: CK_ULONG,
}

impl Raw {
    pub(super) fn is_absent(&self) -> bool {
        self.pointer.is_null() && self.length == 0
    }

    /// The parameter as the structure that it has to be.
    ///
    /// # Safety
    /// The parameter is readable for its length; any bytes are a value of the type.
    ///
    /// # Errors
    /// It has another size.
    pub(super) unsafe fn read<T: Copy>(&self) -> Result<T, Status> {
        if usize::try_from(self.length) != Ok(size_of::<T>()) {
            return Err(Status::MechanismParamInvalid);
        }
        // SAFETY: the size is right, and `value` refuses null.
        unsafe { value(self.pointer.cast()) }
    }

    /// The parameter as bytes.
    ///
    /// # Safety
    /// The parameter is readable for its length.
    ///
    /// # Errors
    /// Null with a length, or more than the bound.
    pub(super) unsafe fn bytes(&self, bound: Bound) -> Result<Vec<u8>, Status> {
        // SAFETY: passed on.
        unsafe { Input::new(self.pointer, self.length, bound) }?.plain()
    }
}

/// Bytes that a structure points to.
///
/// # Safety
/// `pointer` is null or readable for `length`.
///
/// # Errors
/// Null with a length, or more than the bound.
unsafe fn bytes<T>(pointer: *const T, length: CK_ULONG, bound: Bound) -> Result<Vec<u8>, Status> {
    // SAFETY: passed on.
    unsafe { Input::new(pointer.cast(), length, bound) }?.plain()
}

/// The bytes of a label, a salt, a public key and their kind.
///
/// # Safety
/// As [`bytes`].
///
/// # Errors
/// As [`bytes`].
pub(super) unsafe fn detail<T>(pointer: *const T, length: CK_ULONG) -> Result<Vec<u8>, Status> {
    // SAFETY: passed on.
    unsafe { bytes(pointer, length, Bound::Detail) }
}

unsafe fn parameters(mechanism: MechanismType, raw: Raw) -> Result<Parameters, Status> {
    use MechanismType as M;
    // SAFETY: each structure is read by its size, and the contract covers what it points to.
    unsafe {
        match mechanism {
            M::RSA_PKCS_PSS
            | M::SHA1_RSA_PKCS_PSS
            | M::SHA224_RSA_PKCS_PSS
            | M::SHA256_RSA_PKCS_PSS
            | M::SHA384_RSA_PKCS_PSS
            | M::SHA512_RSA_PKCS_PSS
            | M::SHA3_224_RSA_PKCS_PSS
            | M::SHA3_256_RSA_PKCS_PSS
            | M::SHA3_384_RSA_PKCS_PSS
            | M::SHA3_512_RSA_PKCS_PSS => {
                let CK_RSA_PKCS_PSS_PARAMS { hashAlg, mgf, sLen } = raw.read()?;
                let hash = MechanismType(hashAlg);
                Ok(Parameters::Pss(PssParameters { hash, mask: MaskHash(mgf), salt_bytes: sLen }))
            }
            M::RSA_PKCS_OAEP => oaep(raw),
            M::AES_CTR => {
                let CK_AES_CTR_PARAMS { ulCounterBits, cb } = raw.read()?;
                Ok(Parameters::Counter { bits: ulCounterBits, block: cb })
            }
            M::AES_GCM => Ok(Parameters::Gcm(gcm(raw)?)),
            M::AES_CCM => {
                let given: CK_CCM_PARAMS = raw.read()?;
                let inner = GcmLike {
                    nonce: bytes(given.pNonce, given.ulNonceLen, Bound::Nonce)?,
                    associated: bytes(given.pAAD, given.ulAADLen, Bound::Associated)?,
                    tag_bits: given.ulMACLen.saturating_mul(8),
                };
                Ok(Parameters::Ccm { data_bytes: given.ulDataLen, inner })
            }
            M::CHACHA20_POLY1305 => {
                let given: CK_SALSA20_CHACHA20_POLY1305_PARAMS = raw.read()?;
                Ok(Parameters::Gcm(GcmLike {
                    nonce: bytes(given.pNonce, given.ulNonceLen, Bound::Nonce)?,
                    associated: bytes(given.pAAD, given.ulAADLen, Bound::Associated)?,
                    tag_bits: POLY1305_TAG_BITS,
                }))
            }
            M::AES_CBC | M::AES_CBC_PAD | M::AES_GMAC | M::AES_KEY_WRAP | M::AES_KEY_WRAP_KWP => {
                let bytes = raw.bytes(Bound::Nonce)?;
                Ok(if bytes.is_empty() { Parameters::None } else { Parameters::Bytes(bytes) })
            }
            M::EDDSA if !raw.is_absent() => {
                let given: CK_EDDSA_PARAMS = raw.read()?;
                let context = detail(given.pContextData, given.ulContextDataLen)?;
                Ok(Parameters::Eddsa { prehash: given.phFlag != 0, context })
            }
            M::ML_DSA if !raw.is_absent() => sign_context(raw),
            mechanism if takes_length(mechanism) => Ok(Parameters::Number(raw.read()?)),
            mechanism if derivation::is_one(mechanism) => derivation::parameters(mechanism, raw),
            // Some programs leave a length of zero with a pointer to nothing.
            _ if raw.length == 0 => Ok(Parameters::None),
            _ => Err(Status::MechanismParamInvalid),
        }
    }
}

/// Whether the parameter is a length.
const fn takes_length(mechanism: MechanismType) -> bool {
    matches!(
        mechanism,
        MechanismType::AES_CMAC_GENERAL
            | MechanismType::SHA_1_HMAC_GENERAL
            | MechanismType::SHA224_HMAC_GENERAL
            | MechanismType::SHA256_HMAC_GENERAL
            | MechanismType::SHA384_HMAC_GENERAL
            | MechanismType::SHA512_HMAC_GENERAL
            | MechanismType::SHA3_224_HMAC_GENERAL
            | MechanismType::SHA3_256_HMAC_GENERAL
            | MechanismType::SHA3_384_HMAC_GENERAL
            | MechanismType::SHA3_512_HMAC_GENERAL
    )
}

unsafe fn oaep(raw: Raw) -> Result<Parameters, Status> {
    // SAFETY: passed on.
    let (given, label) = unsafe {
        let given: CK_RSA_PKCS_OAEP_PARAMS = raw.read()?;
        (given, detail(given.pSourceData, given.ulSourceDataLen)?)
    };
    // Zero is what programs leave that give no label.
    if given.source != CKZ_DATA_SPECIFIED && (given.source != 0 || !label.is_empty()) {
        return Err(Status::MechanismParamInvalid);
    }
    let hash = MechanismType(given.hashAlg);
    Ok(Parameters::Oaep(OaepParameters { hash, mask: MaskHash(given.mgf), label }))
}

/// GCM's parameters; those of version 2.20's draft, which had no `ulIvBits`, too.
unsafe fn gcm(raw: Raw) -> Result<GcmLike, Status> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct WithoutBits {
        nonce: *const u8,
        nonce_length: CK_ULONG,
        associated: *const u8,
        associated_length: CK_ULONG,
        tag_bits: CK_ULONG,
    }
    // SAFETY: passed on.
    unsafe {
        let given = match raw.read::<CK_GCM_PARAMS>() {
            Ok(given) => WithoutBits {
                nonce: given.pIv,
                nonce_length: given.ulIvLen,
                associated: given.pAAD,
                associated_length: given.ulAADLen,
                tag_bits: given.ulTagBits,
            },
            Err(_) => raw.read()?,
        };
        Ok(GcmLike {
            nonce: bytes(given.nonce, given.nonce_length, Bound::Nonce)?,
            associated: bytes(given.associated, given.associated_length, Bound::Associated)?,
            tag_bits: given.tag_bits,
        })
    }
}

unsafe fn sign_context(raw: Raw) -> Result<Parameters, Status> {
    // SAFETY: passed on.
    let (hedge, context) = unsafe {
        let given: CK_SIGN_ADDITIONAL_CONTEXT = raw.read()?;
        (given.hedgeVariant, detail(given.pContext, given.ulContextLen)?)
    };
    let hedge = match hedge {
        CKH_HEDGE_PREFERRED => None,
        CKH_HEDGE_REQUIRED => Some(true),
        CKH_DETERMINISTIC_REQUIRED => Some(false),
        _ => return Err(Status::MechanismParamInvalid),
    };
    Ok(Parameters::SignContext { hedge, context })
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn read<T>(kind: MechanismType, parameter: &mut T) -> Result<Mechanism, Status> {
        let given = CK_MECHANISM {
            mechanism: kind.0,
            pParameter: ptr::from_mut(parameter).cast(),
            ulParameterLen: size_of::<T>().try_into().unwrap(),
        };
        unsafe { mechanism(&raw const given) }
    }

    #[test]
    fn structures_are_spelled_out() {
        let mut nonce = [7_u8; 12];
        let mut given = CK_GCM_PARAMS {
            pIv: nonce.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let expected = GcmLike { nonce: nonce.to_vec(), associated: Vec::new(), tag_bits: 128 };
        let read = read(MechanismType::AES_GCM, &mut given).unwrap();
        assert_eq!(read.parameters, Parameters::Gcm(expected));
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let invalid = Err(Status::MechanismParamInvalid);
        assert_eq!(read(MechanismType::RSA_PKCS_PSS, &mut 0_u8), invalid);
        assert_eq!(read(MechanismType::ECDSA, &mut 0_u8), invalid);
        let mut given = CK_GCM_PARAMS { ulIvLen: 12, ..CK_GCM_PARAMS::default() };
        assert_eq!(read(MechanismType::AES_GCM, &mut given), invalid);
        assert_eq!(unsafe { mechanism(ptr::null()) }, Err(Status::ArgumentsBad));
    }
}
