//! Mechanisms with their parameters, spelled out.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{bounds, mechanism_type::MechanismType, object::ObjectHandle};
use crate::model::{MAXIMUM_FED_BYTES, MAXIMUM_PRF_PARTS};

/// A mechanism and its parameters (`CK_MECHANISM`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Which.
    pub mechanism: MechanismType,
    /// How.
    pub parameters: Parameters,
}

impl Mechanism {
    /// A mechanism without parameters.
    pub const fn plain(mechanism: MechanismType) -> Self {
        Self { mechanism, parameters: Parameters::None }
    }
}

/// The parameters of a mechanism. The section numbers are PKCS#11 v3.1's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// None.
    None,
    /// Bytes: an initialization vector (6.13.2), or key wrapping's alternative one.
    Bytes(Vec<u8>),
    /// A number: `CK_MAC_GENERAL_PARAMS`, a bit position, a length in bytes.
    Number(u64),
    /// `CK_RSA_PKCS_PSS_PARAMS` (6.1.9).
    Pss(PssParameters),
    /// `CK_RSA_PKCS_OAEP_PARAMS` (6.1.7).
    Oaep(OaepParameters),
    /// `CK_AES_CTR_PARAMS` (6.13.3): the counter's bits, and the counter block.
    Counter {
        /// Bits of the block that count.
        bits: u64,
        /// The first counter block.
        block: [u8; 16],
    },
    /// `CK_GCM_PARAMS` (6.13.4), or `CK_SALSA20_CHACHA20_POLY1305_PARAMS` (6.60).
    Gcm(GcmLike),
    /// `CK_CCM_PARAMS` (6.13.4).
    Ccm {
        /// Length of the data in bytes.
        data_bytes: u64,
        /// Nonce and associated data; the tag's length is a MAC's.
        inner: GcmLike,
    },
    /// `CK_EDDSA_PARAMS` (6.3.16).
    Eddsa {
        /// Whether the data are hashed first (Ed25519ph, Ed448ph).
        prehash: bool,
        /// The context.
        context: Vec<u8>,
    },
    /// `CK_ECDH1_DERIVE_PARAMS` (6.3.18).
    Ecdh {
        /// The derivation function over the shared secret.
        derivation: KeyDerivation,
        /// Data shared by both parties.
        shared: Vec<u8>,
        /// The other party's public key.
        public: Vec<u8>,
    },
    /// `CK_HKDF_PARAMS` (6.62).
    Hkdf {
        /// Whether to extract.
        extract: bool,
        /// Whether to expand.
        expand: bool,
        /// The hash, as a digest mechanism.
        hash: MechanismType,
        /// The salt.
        salt: HkdfSalt,
        /// The info.
        info: Vec<u8>,
    },
    /// `CK_PKCS5_PBKD2_PARAMS2` (6.30).
    Pbkdf2 {
        /// The salt.
        salt: Vec<u8>,
        /// How often.
        iterations: Iterations,
        /// The pseudo-random function, as an HMAC mechanism.
        prf: MechanismType,
        /// The password.
        password: Zeroizing<Vec<u8>>,
    },
    /// `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS` (6.42).
    Sp800108 {
        /// The pseudo-random function, as a MAC mechanism.
        prf: MechanismType,
        /// What is fed to it, in order.
        #[serde(deserialize_with = "bounds::list::<MAXIMUM_PRF_PARTS, _, _>")]
        data: Vec<PrfData>,
        /// The initialization vector of the feedback mode.
        feedback: Vec<u8>,
    },
    /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS` (6.13.10).
    CbcEncryptData {
        /// The initialization vector.
        vector: [u8; 16],
        /// What is encrypted to become the key.
        data: Vec<u8>,
    },
    /// `CK_KEY_DERIVATION_STRING_DATA`, such as for `CKM_AES_ECB_ENCRYPT_DATA` and
    /// concatenations with data.
    Data(Zeroizing<Vec<u8>>),
    /// A key: the second one of `CKM_CONCATENATE_BASE_AND_KEY`.
    Key(ObjectHandle),
    /// `CK_SIGN_ADDITIONAL_CONTEXT` (version 3.2, ML-DSA).
    SignContext {
        /// Whether the signature is to be hedged with randomness; both are acceptable if not said.
        hedge: Option<bool>,
        /// The context.
        context: Vec<u8>,
    },
}

impl Parameters {
    /// Bytes of everything in them that may have any length.
    pub fn bytes(&self) -> usize {
        match self {
            Self::None | Self::Number(_) | Self::Pss(_) | Self::Counter { .. } | Self::Key(_) => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Data(data) => data.len(),
            Self::Oaep(oaep) => oaep.label.len(),
            Self::Gcm(inner) | Self::Ccm { inner, .. } => {
                inner.nonce.len() + inner.associated.len()
            }
            Self::Eddsa { context, .. } | Self::SignContext { context, .. } => context.len(),
            Self::Ecdh { shared, public, .. } => shared.len() + public.len(),
            Self::Hkdf { salt, info, .. } => {
                let salt = if let HkdfSalt::Data(salt) = salt { salt.len() } else { 0 };
                salt + info.len()
            }
            Self::Pbkdf2 { salt, password, .. } => salt.len() + password.len(),
            Self::Sp800108 { data, feedback, .. } => {
                let part = |part: &PrfData| match part {
                    PrfData::Bytes(bytes) => bytes.len(),
                    PrfData::Iteration | PrfData::Counter { .. } | PrfData::Length { .. } => 0,
                };
                data.iter().map(part).sum::<usize>() + feedback.len()
            }
            Self::CbcEncryptData { data, .. } => data.len(),
        }
    }

    /// Whether a function is fed no more of them, each time, than it may be.
    pub fn are_fed_in_bounds(&self) -> bool {
        let fed = matches!(
            self,
            Self::Ecdh { .. } | Self::Hkdf { .. } | Self::Pbkdf2 { .. } | Self::Sp800108 { .. }
        );
        !fed || self.bytes() <= MAXIMUM_FED_BYTES
    }
}

/// Parameters of RSA PSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PssParameters {
    /// The hash of the data, as a digest mechanism.
    pub hash: MechanismType,
    /// The mask generation function's hash.
    pub mask: MaskHash,
    /// The salt's length in bytes.
    pub salt_bytes: u64,
}

/// Parameters of RSA OAEP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OaepParameters {
    /// The hash, as a digest mechanism.
    pub hash: MechanismType,
    /// The mask generation function's hash.
    pub mask: MaskHash,
    /// The label (source data).
    pub label: Vec<u8>,
}

/// A mask generation function: `CKG_MGF1_...`, by the number of PKCS#11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskHash(pub u64);

impl MaskHash {
    /// The function's hash, as a digest mechanism; none if it is not known.
    pub const fn digest(self) -> Option<MechanismType> {
        match self.0 {
            1 => Some(MechanismType::SHA_1),
            2 => Some(MechanismType::SHA256),
            3 => Some(MechanismType::SHA384),
            4 => Some(MechanismType::SHA512),
            5 => Some(MechanismType::SHA224),
            6 => Some(MechanismType::SHA3_224),
            7 => Some(MechanismType::SHA3_256),
            8 => Some(MechanismType::SHA3_384),
            9 => Some(MechanismType::SHA3_512),
            _ => None,
        }
    }
}

/// Parameters of authenticated encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcmLike {
    /// The initialization vector or nonce.
    pub nonce: Vec<u8>,
    /// Associated data.
    pub associated: Vec<u8>,
    /// The tag's length in bits.
    pub tag_bits: u64,
}

/// What makes a key of an ECDH shared secret (`CKD_...`), by the number of PKCS#11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDerivation(pub u64);

impl KeyDerivation {
    /// `CKD_NULL`: the shared secret itself.
    pub const NULL: Self = Self(1);

    /// The hash of an ANSI X9.63 derivation (`CKD_SHA..._KDF`); none for any other function.
    pub const fn x963_hash(self) -> Option<MechanismType> {
        match self.0 {
            2 => Some(MechanismType::SHA_1),
            5 => Some(MechanismType::SHA224),
            6 => Some(MechanismType::SHA256),
            7 => Some(MechanismType::SHA384),
            8 => Some(MechanismType::SHA512),
            0xa => Some(MechanismType::SHA3_224),
            0xb => Some(MechanismType::SHA3_256),
            0xc => Some(MechanismType::SHA3_384),
            0xd => Some(MechanismType::SHA3_512),
            _ => None,
        }
    }
}

/// The salt of HKDF's extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HkdfSalt {
    /// `CKF_HKDF_SALT_NULL`: zeros of the hash's length.
    Null,
    /// `CKF_HKDF_SALT_DATA`.
    Data(Vec<u8>),
    /// `CKF_HKDF_SALT_KEY`.
    Key(ObjectHandle),
}

/// Iterations of a password-based derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iterations(pub u64);

/// A piece of what a key derivation by SP 800-108 feeds to its function (6.42.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrfData {
    /// `CK_SP800_108_ITERATION_VARIABLE`: the previous output.
    Iteration,
    /// `CK_SP800_108_ITERATION_VARIABLE` or `CK_SP800_108_COUNTER`: a counter.
    Counter {
        /// Least significant byte first.
        little_endian: bool,
        /// Its width in bits.
        bits: u64,
    },
    /// `CK_SP800_108_DKM_LENGTH`: the length of the derived key material.
    Length {
        /// Least significant byte first.
        little_endian: bool,
        /// Its width in bits.
        bits: u64,
        /// Whether it is the sum of all keys' lengths, or of their segments.
        sum_of_keys: bool,
    },
    /// `CK_SP800_108_BYTE_ARRAY`.
    Bytes(Vec<u8>),
}
