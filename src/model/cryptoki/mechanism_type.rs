//! The numbers of mechanisms, and what a token says of them.

use serde::{Deserialize, Serialize};

use super::numbers::numbers;

numbers! {
    /// A mechanism (PKCS#11 v3.1 section 6).
    MechanismType:
    RSA_PKCS_KEY_PAIR_GEN = 0x0, "CKM_RSA_PKCS_KEY_PAIR_GEN";
    RSA_PKCS = 0x1, "CKM_RSA_PKCS";
    RSA_X_509 = 0x3, "CKM_RSA_X_509";
    RSA_PKCS_OAEP = 0x9, "CKM_RSA_PKCS_OAEP";
    RSA_PKCS_PSS = 0xd, "CKM_RSA_PKCS_PSS";
    SHA1_RSA_PKCS = 0x6, "CKM_SHA1_RSA_PKCS";
    SHA224_RSA_PKCS = 0x46, "CKM_SHA224_RSA_PKCS";
    SHA256_RSA_PKCS = 0x40, "CKM_SHA256_RSA_PKCS";
    SHA384_RSA_PKCS = 0x41, "CKM_SHA384_RSA_PKCS";
    SHA512_RSA_PKCS = 0x42, "CKM_SHA512_RSA_PKCS";
    SHA3_224_RSA_PKCS = 0x66, "CKM_SHA3_224_RSA_PKCS";
    SHA3_256_RSA_PKCS = 0x60, "CKM_SHA3_256_RSA_PKCS";
    SHA3_384_RSA_PKCS = 0x61, "CKM_SHA3_384_RSA_PKCS";
    SHA3_512_RSA_PKCS = 0x62, "CKM_SHA3_512_RSA_PKCS";
    SHA1_RSA_PKCS_PSS = 0xe, "CKM_SHA1_RSA_PKCS_PSS";
    SHA224_RSA_PKCS_PSS = 0x47, "CKM_SHA224_RSA_PKCS_PSS";
    SHA256_RSA_PKCS_PSS = 0x43, "CKM_SHA256_RSA_PKCS_PSS";
    SHA384_RSA_PKCS_PSS = 0x44, "CKM_SHA384_RSA_PKCS_PSS";
    SHA512_RSA_PKCS_PSS = 0x45, "CKM_SHA512_RSA_PKCS_PSS";
    SHA3_224_RSA_PKCS_PSS = 0x67, "CKM_SHA3_224_RSA_PKCS_PSS";
    SHA3_256_RSA_PKCS_PSS = 0x63, "CKM_SHA3_256_RSA_PKCS_PSS";
    SHA3_384_RSA_PKCS_PSS = 0x64, "CKM_SHA3_384_RSA_PKCS_PSS";
    SHA3_512_RSA_PKCS_PSS = 0x65, "CKM_SHA3_512_RSA_PKCS_PSS";
    EC_KEY_PAIR_GEN = 0x1040, "CKM_EC_KEY_PAIR_GEN";
    EC_EDWARDS_KEY_PAIR_GEN = 0x1055, "CKM_EC_EDWARDS_KEY_PAIR_GEN";
    EC_MONTGOMERY_KEY_PAIR_GEN = 0x1056, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN";
    ECDSA = 0x1041, "CKM_ECDSA";
    ECDSA_SHA1 = 0x1042, "CKM_ECDSA_SHA1";
    ECDSA_SHA224 = 0x1043, "CKM_ECDSA_SHA224";
    ECDSA_SHA256 = 0x1044, "CKM_ECDSA_SHA256";
    ECDSA_SHA384 = 0x1045, "CKM_ECDSA_SHA384";
    ECDSA_SHA512 = 0x1046, "CKM_ECDSA_SHA512";
    ECDSA_SHA3_224 = 0x1047, "CKM_ECDSA_SHA3_224";
    ECDSA_SHA3_256 = 0x1048, "CKM_ECDSA_SHA3_256";
    ECDSA_SHA3_384 = 0x1049, "CKM_ECDSA_SHA3_384";
    ECDSA_SHA3_512 = 0x104a, "CKM_ECDSA_SHA3_512";
    EDDSA = 0x1057, "CKM_EDDSA";
    ECDH1_DERIVE = 0x1050, "CKM_ECDH1_DERIVE";
    ECDH1_COFACTOR_DERIVE = 0x1051, "CKM_ECDH1_COFACTOR_DERIVE";
    AES_KEY_GEN = 0x1080, "CKM_AES_KEY_GEN";
    AES_ECB = 0x1081, "CKM_AES_ECB";
    AES_CBC = 0x1082, "CKM_AES_CBC";
    AES_CBC_PAD = 0x1085, "CKM_AES_CBC_PAD";
    AES_CTR = 0x1086, "CKM_AES_CTR";
    AES_GCM = 0x1087, "CKM_AES_GCM";
    AES_CCM = 0x1088, "CKM_AES_CCM";
    AES_CMAC = 0x108a, "CKM_AES_CMAC";
    AES_CMAC_GENERAL = 0x108b, "CKM_AES_CMAC_GENERAL";
    AES_GMAC = 0x108e, "CKM_AES_GMAC";
    AES_KEY_WRAP = 0x2109, "CKM_AES_KEY_WRAP";
    AES_KEY_WRAP_KWP = 0x210b, "CKM_AES_KEY_WRAP_KWP";
    AES_ECB_ENCRYPT_DATA = 0x1104, "CKM_AES_ECB_ENCRYPT_DATA";
    AES_CBC_ENCRYPT_DATA = 0x1105, "CKM_AES_CBC_ENCRYPT_DATA";
    GENERIC_SECRET_KEY_GEN = 0x350, "CKM_GENERIC_SECRET_KEY_GEN";
    SHA_1_HMAC = 0x221, "CKM_SHA_1_HMAC";
    SHA_1_HMAC_GENERAL = 0x222, "CKM_SHA_1_HMAC_GENERAL";
    SHA224_HMAC = 0x256, "CKM_SHA224_HMAC";
    SHA224_HMAC_GENERAL = 0x257, "CKM_SHA224_HMAC_GENERAL";
    SHA256_HMAC = 0x251, "CKM_SHA256_HMAC";
    SHA256_HMAC_GENERAL = 0x252, "CKM_SHA256_HMAC_GENERAL";
    SHA384_HMAC = 0x261, "CKM_SHA384_HMAC";
    SHA384_HMAC_GENERAL = 0x262, "CKM_SHA384_HMAC_GENERAL";
    SHA512_HMAC = 0x271, "CKM_SHA512_HMAC";
    SHA512_HMAC_GENERAL = 0x272, "CKM_SHA512_HMAC_GENERAL";
    SHA3_224_HMAC = 0x2b6, "CKM_SHA3_224_HMAC";
    SHA3_224_HMAC_GENERAL = 0x2b7, "CKM_SHA3_224_HMAC_GENERAL";
    SHA3_256_HMAC = 0x2b1, "CKM_SHA3_256_HMAC";
    SHA3_256_HMAC_GENERAL = 0x2b2, "CKM_SHA3_256_HMAC_GENERAL";
    SHA3_384_HMAC = 0x2c1, "CKM_SHA3_384_HMAC";
    SHA3_384_HMAC_GENERAL = 0x2c2, "CKM_SHA3_384_HMAC_GENERAL";
    SHA3_512_HMAC = 0x2d1, "CKM_SHA3_512_HMAC";
    SHA3_512_HMAC_GENERAL = 0x2d2, "CKM_SHA3_512_HMAC_GENERAL";
    SHA_1_KEY_GEN = 0x4003, "CKM_SHA_1_KEY_GEN";
    SHA224_KEY_GEN = 0x4004, "CKM_SHA224_KEY_GEN";
    SHA256_KEY_GEN = 0x4005, "CKM_SHA256_KEY_GEN";
    SHA384_KEY_GEN = 0x4006, "CKM_SHA384_KEY_GEN";
    SHA512_KEY_GEN = 0x4007, "CKM_SHA512_KEY_GEN";
    SHA_1 = 0x220, "CKM_SHA_1";
    SHA224 = 0x255, "CKM_SHA224";
    SHA256 = 0x250, "CKM_SHA256";
    SHA384 = 0x260, "CKM_SHA384";
    SHA512 = 0x270, "CKM_SHA512";
    SHA512_224 = 0x48, "CKM_SHA512_224";
    SHA512_256 = 0x4c, "CKM_SHA512_256";
    SHA3_224 = 0x2b5, "CKM_SHA3_224";
    SHA3_256 = 0x2b0, "CKM_SHA3_256";
    SHA3_384 = 0x2c0, "CKM_SHA3_384";
    SHA3_512 = 0x2d0, "CKM_SHA3_512";
    HKDF_DERIVE = 0x402a, "CKM_HKDF_DERIVE";
    HKDF_DATA = 0x402b, "CKM_HKDF_DATA";
    HKDF_KEY_GEN = 0x402c, "CKM_HKDF_KEY_GEN";
    PKCS5_PBKD2 = 0x3b0, "CKM_PKCS5_PBKD2";
    SP800_108_COUNTER_KDF = 0x3ac, "CKM_SP800_108_COUNTER_KDF";
    SP800_108_FEEDBACK_KDF = 0x3ad, "CKM_SP800_108_FEEDBACK_KDF";
    SP800_108_DOUBLE_PIPELINE_KDF = 0x3ae, "CKM_SP800_108_DOUBLE_PIPELINE_KDF";
    CONCATENATE_BASE_AND_KEY = 0x360, "CKM_CONCATENATE_BASE_AND_KEY";
    CONCATENATE_BASE_AND_DATA = 0x362, "CKM_CONCATENATE_BASE_AND_DATA";
    CONCATENATE_DATA_AND_BASE = 0x363, "CKM_CONCATENATE_DATA_AND_BASE";
    XOR_BASE_AND_DATA = 0x364, "CKM_XOR_BASE_AND_DATA";
    ML_KEM_KEY_PAIR_GEN = 0xf, "CKM_ML_KEM_KEY_PAIR_GEN";
    ML_KEM = 0x17, "CKM_ML_KEM";
    ML_DSA_KEY_PAIR_GEN = 0x1c, "CKM_ML_DSA_KEY_PAIR_GEN";
    ML_DSA = 0x1d, "CKM_ML_DSA";
    CHACHA20_KEY_GEN = 0x1225, "CKM_CHACHA20_KEY_GEN";
    CHACHA20_POLY1305 = 0x4021, "CKM_CHACHA20_POLY1305";
}

/// What a mechanism can do (`CKF_...` of `CK_MECHANISM_INFO`, PKCS#11 v3.1 section 3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismFlags(pub u64);

impl MechanismFlags {
    /// `CKF_HW`.
    pub const HW: Self = Self(0x1);
    /// `CKF_MESSAGE_ENCRYPT`.
    pub const MESSAGE_ENCRYPT: Self = Self(0x2);
    /// `CKF_MESSAGE_DECRYPT`.
    pub const MESSAGE_DECRYPT: Self = Self(0x4);
    /// `CKF_ENCRYPT`.
    pub const ENCRYPT: Self = Self(0x100);
    /// `CKF_DECRYPT`.
    pub const DECRYPT: Self = Self(0x200);
    /// `CKF_DIGEST`.
    pub const DIGEST: Self = Self(0x400);
    /// `CKF_SIGN`.
    pub const SIGN: Self = Self(0x800);
    /// `CKF_SIGN_RECOVER`.
    pub const SIGN_RECOVER: Self = Self(0x1000);
    /// `CKF_VERIFY`.
    pub const VERIFY: Self = Self(0x2000);
    /// `CKF_VERIFY_RECOVER`.
    pub const VERIFY_RECOVER: Self = Self(0x4000);
    /// `CKF_GENERATE`.
    pub const GENERATE: Self = Self(0x8000);
    /// `CKF_GENERATE_KEY_PAIR`.
    pub const GENERATE_KEY_PAIR: Self = Self(0x1_0000);
    /// `CKF_WRAP`.
    pub const WRAP: Self = Self(0x2_0000);
    /// `CKF_UNWRAP`.
    pub const UNWRAP: Self = Self(0x4_0000);
    /// `CKF_DERIVE`.
    pub const DERIVE: Self = Self(0x8_0000);
    /// `CKF_EC_F_P`.
    pub const EC_F_P: Self = Self(0x10_0000);
    /// `CKF_EC_OID`.
    pub const EC_OID: Self = Self(0x80_0000);
    /// `CKF_EC_UNCOMPRESS`.
    pub const EC_UNCOMPRESS: Self = Self(0x100_0000);
    /// `CKF_EC_CURVENAME`.
    pub const EC_CURVENAME: Self = Self(0x400_0000);
    /// `CKF_ENCAPSULATE` (version 3.2).
    pub const ENCAPSULATE: Self = Self(0x1000_0000);
    /// `CKF_DECAPSULATE` (version 3.2).
    pub const DECAPSULATE: Self = Self(0x2000_0000);

    /// These flags and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of those flags are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a token says of one mechanism (`CK_MECHANISM_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismInfo {
    /// The mechanism.
    pub mechanism: MechanismType,
    /// The smallest key, in the mechanism's unit: bits for RSA and curves and for generic secrets,
    /// bytes for other secret keys, the parameter set's number for ML-KEM and ML-DSA.
    pub smallest_key: u64,
    /// The greatest key, in the same unit.
    pub greatest_key: u64,
    /// What it can do.
    pub flags: MechanismFlags,
}
