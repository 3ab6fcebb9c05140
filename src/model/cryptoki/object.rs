//! Objects: classes, kinds of keys, handles.

use serde::{Deserialize, Serialize};

use super::numbers::numbers;

numbers! {
    /// `CKA_CLASS` (PKCS#11 v3.1 section 4.2).
    ObjectClass:
    DATA = 0x0, "CKO_DATA";
    CERTIFICATE = 0x1, "CKO_CERTIFICATE";
    PUBLIC_KEY = 0x2, "CKO_PUBLIC_KEY";
    PRIVATE_KEY = 0x3, "CKO_PRIVATE_KEY";
    SECRET_KEY = 0x4, "CKO_SECRET_KEY";
    HW_FEATURE = 0x5, "CKO_HW_FEATURE";
    DOMAIN_PARAMETERS = 0x6, "CKO_DOMAIN_PARAMETERS";
    MECHANISM = 0x7, "CKO_MECHANISM";
    PROFILE = 0x9, "CKO_PROFILE";
}

numbers! {
    /// `CKA_KEY_TYPE` (PKCS#11 v3.1 section 4.7).
    KeyType:
    RSA = 0x0, "CKK_RSA";
    EC = 0x3, "CKK_EC";
    EC_EDWARDS = 0x40, "CKK_EC_EDWARDS";
    EC_MONTGOMERY = 0x41, "CKK_EC_MONTGOMERY";
    GENERIC_SECRET = 0x10, "CKK_GENERIC_SECRET";
    AES = 0x1f, "CKK_AES";
    SHA_1_HMAC = 0x28, "CKK_SHA_1_HMAC";
    SHA224_HMAC = 0x2e, "CKK_SHA224_HMAC";
    SHA256_HMAC = 0x2b, "CKK_SHA256_HMAC";
    SHA384_HMAC = 0x2c, "CKK_SHA384_HMAC";
    SHA512_HMAC = 0x2d, "CKK_SHA512_HMAC";
    SHA3_224_HMAC = 0x36, "CKK_SHA3_224_HMAC";
    SHA3_256_HMAC = 0x37, "CKK_SHA3_256_HMAC";
    SHA3_384_HMAC = 0x38, "CKK_SHA3_384_HMAC";
    SHA3_512_HMAC = 0x39, "CKK_SHA3_512_HMAC";
    HKDF = 0x42, "CKK_HKDF";
    ML_KEM = 0x49, "CKK_ML_KEM";
    ML_DSA = 0x4a, "CKK_ML_DSA";
    CHACHA20 = 0x33, "CKK_CHACHA20";
}

/// An object of a partition, from 1. A token object keeps its handle as long as it exists; the
/// handle of a session object means something on its own link only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectHandle(pub u64);

/// A session of an application, numbered by the client; a link is one application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u32);
