//! `CK_MECHANISM`: parameters of key derivation, by mechanism.

#![allow(unsafe_code, reason = "C passes memory as pointers")]

use cryptoki_sys::{
    CK_AES_CBC_ENCRYPT_DATA_PARAMS, CK_ECDH1_DERIVE_PARAMS, CK_HKDF_PARAMS,
    CK_KEY_DERIVATION_STRING_DATA, CK_PKCS5_PBKD2_PARAMS2, CK_PRF_DATA_PARAM,
    CK_SP800_108_BYTE_ARRAY, CK_SP800_108_COUNTER, CK_SP800_108_COUNTER_FORMAT,
    CK_SP800_108_DKM_LENGTH, CK_SP800_108_DKM_LENGTH_FORMAT, CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
    CK_SP800_108_FEEDBACK_KDF_PARAMS, CK_SP800_108_ITERATION_VARIABLE, CK_SP800_108_KDF_PARAMS,
    CK_ULONG, CKF_HKDF_SALT_DATA, CKF_HKDF_SALT_KEY, CKF_HKDF_SALT_NULL, CKZ_SALT_SPECIFIED,
};
use zeroize::Zeroizing;

use super::{
    bounds::{Bound, DETAIL},
    memory::value,
    parameters::{Raw, detail},
    reach,
};
use crate::model::{
    Status,
    cryptoki::{
        HkdfSalt, Iterations, KeyDerivation, MechanismType, ObjectHandle, Parameters, PrfData,
    },
};

/// More pieces than any derivation is fed.
const MOST_PIECES: CK_ULONG = 64;

/// Whether [`parameters`] knows the mechanism.
pub(super) const fn is_one(mechanism: MechanismType) -> bool {
    matches!(
        mechanism,
        MechanismType::ECDH1_DERIVE
            | MechanismType::ECDH1_COFACTOR_DERIVE
            | MechanismType::HKDF_DERIVE
            | MechanismType::HKDF_DATA
            | MechanismType::PKCS5_PBKD2
            | MechanismType::SP800_108_COUNTER_KDF
            | MechanismType::SP800_108_FEEDBACK_KDF
            | MechanismType::SP800_108_DOUBLE_PIPELINE_KDF
            | MechanismType::AES_ECB_ENCRYPT_DATA
            | MechanismType::AES_CBC_ENCRYPT_DATA
            | MechanismType::CONCATENATE_BASE_AND_KEY
            | MechanismType::CONCATENATE_BASE_AND_DATA
            | MechanismType::CONCATENATE_DATA_AND_BASE
            | MechanismType::XOR_BASE_AND_DATA
    )
}

/// The parameters of a derivation.
///
/// # Safety
/// The parameter is readable for its length, and what it points to for its own.
///
/// # Errors
/// It is not what the mechanism takes.
pub(super) unsafe fn parameters(mechanism: MechanismType, raw: Raw) -> Result<Parameters, Status> {
    // SAFETY: each structure is read by its size, and the contract covers what it points to.
    unsafe {
        match mechanism {
            MechanismType::ECDH1_DERIVE | MechanismType::ECDH1_COFACTOR_DERIVE => {
                let given: CK_ECDH1_DERIVE_PARAMS = raw.read()?;
                Ok(Parameters::Ecdh {
                    derivation: KeyDerivation(given.kdf),
                    shared: detail(given.pSharedData, given.ulSharedDataLen)?,
                    public: detail(given.pPublicData, given.ulPublicDataLen)?,
                })
            }
            MechanismType::HKDF_DERIVE | MechanismType::HKDF_DATA => hkdf(raw.read()?),
            MechanismType::PKCS5_PBKD2 => pbkdf2(raw.read()?),
            MechanismType::SP800_108_FEEDBACK_KDF => {
                let given: CK_SP800_108_FEEDBACK_KDF_PARAMS = raw.read()?;
                let feedback = detail(given.pIV, given.ulIVLen)?;
                let inner = CK_SP800_108_KDF_PARAMS {
                    prfType: given.prfType,
                    ulNumberOfDataParams: given.ulNumberOfDataParams,
                    pDataParams: given.pDataParams,
                    ulAdditionalDerivedKeys: given.ulAdditionalDerivedKeys,
                    pAdditionalDerivedKeys: given.pAdditionalDerivedKeys,
                };
                sp800_108(mechanism, inner, feedback)
            }
            MechanismType::SP800_108_COUNTER_KDF | MechanismType::SP800_108_DOUBLE_PIPELINE_KDF => {
                sp800_108(mechanism, raw.read()?, Vec::new())
            }
            MechanismType::AES_CBC_ENCRYPT_DATA => {
                let given: CK_AES_CBC_ENCRYPT_DATA_PARAMS = raw.read()?;
                let data = detail(given.pData, given.length)?;
                Ok(Parameters::CbcEncryptData { vector: given.iv, data })
            }
            MechanismType::CONCATENATE_BASE_AND_KEY => {
                Ok(Parameters::Key(ObjectHandle(raw.read()?)))
            }
            _ => {
                let given: CK_KEY_DERIVATION_STRING_DATA = raw.read()?;
                Ok(Parameters::Data(Zeroizing::new(detail(given.pData, given.ulLen)?)))
            }
        }
    }
}

unsafe fn hkdf(given: CK_HKDF_PARAMS) -> Result<Parameters, Status> {
    // SAFETY: passed on.
    let (salt, info) = unsafe {
        let salt = match given.ulSaltType {
            // Where nothing is extracted there is no salt, of whatever type.
            _ if given.bExtract == 0 => HkdfSalt::Null,
            CKF_HKDF_SALT_NULL => HkdfSalt::Null,
            CKF_HKDF_SALT_DATA => HkdfSalt::Data(detail(given.pSalt, given.ulSaltLen)?),
            CKF_HKDF_SALT_KEY => HkdfSalt::Key(ObjectHandle(given.hSaltKey)),
            _ => return Err(Status::MechanismParamInvalid),
        };
        (salt, detail(given.pInfo, given.ulInfoLen)?)
    };
    Ok(Parameters::Hkdf {
        extract: given.bExtract != 0,
        expand: given.bExpand != 0,
        hash: MechanismType(given.prfHashMechanism),
        salt,
        info,
    })
}

unsafe fn pbkdf2(given: CK_PKCS5_PBKD2_PARAMS2) -> Result<Parameters, Status> {
    // `CKP_PKCS5_PBKD2_HMAC_...`
    let prf = match given.prf {
        1 => MechanismType::SHA_1_HMAC,
        3 => MechanismType::SHA224_HMAC,
        4 => MechanismType::SHA256_HMAC,
        5 => MechanismType::SHA384_HMAC,
        6 => MechanismType::SHA512_HMAC,
        _ => return Err(Status::MechanismParamInvalid),
    };
    if given.saltSource != CKZ_SALT_SPECIFIED || given.ulPrfDataLen != 0 {
        return Err(Status::MechanismParamInvalid);
    }
    // SAFETY: passed on.
    let (salt, password) = unsafe {
        let length = password_length(given.ulPasswordLen)?;
        let password = Zeroizing::new(detail(given.pPassword, length)?);
        (detail(given.pSaltSourceData, given.ulSaltSourceDataLen)?, password)
    };
    Ok(Parameters::Pbkdf2 { salt, iterations: Iterations(given.iterations), prf, password })
}

/// The length of a password. Up to version 2.40 the structure had the same size, and a pointer to
/// the length in this place; programs go on to use it. No password is as long as an address is high.
///
/// # Safety
/// A pointer that leads to readable memory leads to a length.
unsafe fn password_length(given: CK_ULONG) -> Result<CK_ULONG, Status> {
    match usize::try_from(given) {
        Ok(address) if address > DETAIL => {
            let pointer = std::ptr::with_exposed_provenance::<CK_ULONG>(address);
            if !reach::is_readable(pointer.cast(), size_of::<CK_ULONG>()) {
                return Err(Status::MechanismParamInvalid);
            }
            // SAFETY: it can be read, and any bytes are a number.
            unsafe { value(pointer) }
        }
        _ => Ok(given),
    }
}

unsafe fn sp800_108(
    mechanism: MechanismType,
    given: CK_SP800_108_KDF_PARAMS,
    feedback: Vec<u8>,
) -> Result<Parameters, Status> {
    // One derivation, one key.
    if given.ulAdditionalDerivedKeys != 0 || given.ulNumberOfDataParams > MOST_PIECES {
        return Err(Status::MechanismParamInvalid);
    }
    let count = usize::try_from(given.ulNumberOfDataParams).map_err(|_| Status::ArgumentsBad)?;
    if given.pDataParams.is_null() && count > 0 {
        return Err(Status::MechanismParamInvalid);
    }
    let counts = mechanism == MechanismType::SP800_108_COUNTER_KDF;
    let mut data = Vec::new();
    for at in 0..count {
        // SAFETY: inside the array of the contract; passed on.
        data.push(unsafe { piece(value(given.pDataParams.add(at))?, counts) }?);
    }
    Ok(Parameters::Sp800108 { prf: MechanismType(given.prfType), data, feedback })
}

/// A piece; in the counter mode the iteration variable is a counter.
unsafe fn piece(given: CK_PRF_DATA_PARAM, counts: bool) -> Result<PrfData, Status> {
    let raw = Raw { pointer: given.pValue.cast(), length: given.ulValueLen };
    // SAFETY: passed on.
    unsafe {
        match given.type_ {
            CK_SP800_108_ITERATION_VARIABLE if !counts && raw.is_absent() => Ok(PrfData::Iteration),
            CK_SP800_108_ITERATION_VARIABLE | CK_SP800_108_COUNTER => {
                let format: CK_SP800_108_COUNTER_FORMAT = raw.read()?;
                let little_endian = format.bLittleEndian != 0;
                Ok(PrfData::Counter { little_endian, bits: format.ulWidthInBits })
            }
            CK_SP800_108_DKM_LENGTH => {
                let format: CK_SP800_108_DKM_LENGTH_FORMAT = raw.read()?;
                Ok(PrfData::Length {
                    little_endian: format.bLittleEndian != 0,
                    bits: format.ulWidthInBits,
                    sum_of_keys: format.dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
                })
            }
            CK_SP800_108_BYTE_ARRAY => Ok(PrfData::Bytes(raw.bytes(Bound::Detail)?)),
            _ => Err(Status::MechanismParamInvalid),
        }
    }
}
