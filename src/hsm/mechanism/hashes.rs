//! The mechanisms that come once for each hash.

use crate::{
    crypto::HashFunction,
    model::cryptoki::{KeyType, MechanismType as Type},
};

/// A hash and the mechanisms with it.
pub(super) struct HashMechanisms {
    pub(super) function: HashFunction,
    pub(super) digest: Type,
    pub(super) hmac: Option<Type>,
    pub(super) hmac_general: Option<Type>,
    pub(super) hmac_key: Option<KeyType>,
    pub(super) key_gen: Option<Type>,
    pub(super) rsa_pkcs: Option<Type>,
    pub(super) rsa_pss: Option<Type>,
    pub(super) ecdsa: Option<Type>,
}

const fn whole(function: HashFunction, key: KeyType, types: [Type; 6]) -> HashMechanisms {
    let [digest, hmac, hmac_general, rsa_pkcs, rsa_pss, ecdsa] = types;
    HashMechanisms {
        function,
        digest,
        hmac: Some(hmac),
        hmac_general: Some(hmac_general),
        hmac_key: Some(key),
        key_gen: None,
        rsa_pkcs: Some(rsa_pkcs),
        rsa_pss: Some(rsa_pss),
        ecdsa: Some(ecdsa),
    }
}

impl HashMechanisms {
    const fn generated_by(mut self, key_gen: Type) -> Self {
        self.key_gen = Some(key_gen);
        self
    }
}

const fn bare(function: HashFunction, digest: Type) -> HashMechanisms {
    HashMechanisms {
        function,
        digest,
        hmac: None,
        hmac_general: None,
        hmac_key: None,
        key_gen: None,
        rsa_pkcs: None,
        rsa_pss: None,
        ecdsa: None,
    }
}

/// Every hash.
pub(super) static HASHES: [HashMechanisms; 11] = [
    whole(
        HashFunction::Sha1,
        KeyType::SHA_1_HMAC,
        [
            Type::SHA_1,
            Type::SHA_1_HMAC,
            Type::SHA_1_HMAC_GENERAL,
            Type::SHA1_RSA_PKCS,
            Type::SHA1_RSA_PKCS_PSS,
            Type::ECDSA_SHA1,
        ],
    )
    .generated_by(Type::SHA_1_KEY_GEN),
    whole(
        HashFunction::Sha224,
        KeyType::SHA224_HMAC,
        [
            Type::SHA224,
            Type::SHA224_HMAC,
            Type::SHA224_HMAC_GENERAL,
            Type::SHA224_RSA_PKCS,
            Type::SHA224_RSA_PKCS_PSS,
            Type::ECDSA_SHA224,
        ],
    )
    .generated_by(Type::SHA224_KEY_GEN),
    whole(
        HashFunction::Sha256,
        KeyType::SHA256_HMAC,
        [
            Type::SHA256,
            Type::SHA256_HMAC,
            Type::SHA256_HMAC_GENERAL,
            Type::SHA256_RSA_PKCS,
            Type::SHA256_RSA_PKCS_PSS,
            Type::ECDSA_SHA256,
        ],
    )
    .generated_by(Type::SHA256_KEY_GEN),
    whole(
        HashFunction::Sha384,
        KeyType::SHA384_HMAC,
        [
            Type::SHA384,
            Type::SHA384_HMAC,
            Type::SHA384_HMAC_GENERAL,
            Type::SHA384_RSA_PKCS,
            Type::SHA384_RSA_PKCS_PSS,
            Type::ECDSA_SHA384,
        ],
    )
    .generated_by(Type::SHA384_KEY_GEN),
    whole(
        HashFunction::Sha512,
        KeyType::SHA512_HMAC,
        [
            Type::SHA512,
            Type::SHA512_HMAC,
            Type::SHA512_HMAC_GENERAL,
            Type::SHA512_RSA_PKCS,
            Type::SHA512_RSA_PKCS_PSS,
            Type::ECDSA_SHA512,
        ],
    )
    .generated_by(Type::SHA512_KEY_GEN),
    bare(HashFunction::Sha512To224, Type::SHA512_224),
    bare(HashFunction::Sha512To256, Type::SHA512_256),
    whole(
        HashFunction::Sha3To224,
        KeyType::SHA3_224_HMAC,
        [
            Type::SHA3_224,
            Type::SHA3_224_HMAC,
            Type::SHA3_224_HMAC_GENERAL,
            Type::SHA3_224_RSA_PKCS,
            Type::SHA3_224_RSA_PKCS_PSS,
            Type::ECDSA_SHA3_224,
        ],
    ),
    whole(
        HashFunction::Sha3To256,
        KeyType::SHA3_256_HMAC,
        [
            Type::SHA3_256,
            Type::SHA3_256_HMAC,
            Type::SHA3_256_HMAC_GENERAL,
            Type::SHA3_256_RSA_PKCS,
            Type::SHA3_256_RSA_PKCS_PSS,
            Type::ECDSA_SHA3_256,
        ],
    ),
    whole(
        HashFunction::Sha3To384,
        KeyType::SHA3_384_HMAC,
        [
            Type::SHA3_384,
            Type::SHA3_384_HMAC,
            Type::SHA3_384_HMAC_GENERAL,
            Type::SHA3_384_RSA_PKCS,
            Type::SHA3_384_RSA_PKCS_PSS,
            Type::ECDSA_SHA3_384,
        ],
    ),
    whole(
        HashFunction::Sha3To512,
        KeyType::SHA3_512_HMAC,
        [
            Type::SHA3_512,
            Type::SHA3_512_HMAC,
            Type::SHA3_512_HMAC_GENERAL,
            Type::SHA3_512_RSA_PKCS,
            Type::SHA3_512_RSA_PKCS_PSS,
            Type::ECDSA_SHA3_512,
        ],
    ),
];

/// The hash of a digest mechanism.
pub(super) fn of_digest(mechanism: Type) -> Option<HashFunction> {
    function(|hash| hash.digest == mechanism)
}

/// The hash of an HMAC mechanism, and whether the code's length is its parameter.
pub(super) fn of_hmac(mechanism: Type) -> Option<(HashFunction, bool)> {
    let of = |select: fn(&HashMechanisms) -> Option<Type>| {
        function(move |hash| select(hash) == Some(mechanism))
    };
    let plain = of(|hash| hash.hmac).map(|function| (function, false));
    plain.or_else(|| of(|hash| hash.hmac_general).map(|function| (function, true)))
}

/// The hash of a mechanism for RSA by PKCS#1 v1.5.
pub(super) fn of_rsa_pkcs(mechanism: Type) -> Option<HashFunction> {
    function(|hash| hash.rsa_pkcs == Some(mechanism))
}

/// The hash of a mechanism for RSA by PSS.
pub(super) fn of_rsa_pss(mechanism: Type) -> Option<HashFunction> {
    function(|hash| hash.rsa_pss == Some(mechanism))
}

/// The hash of a mechanism for ECDSA.
pub(super) fn of_ecdsa(mechanism: Type) -> Option<HashFunction> {
    function(|hash| hash.ecdsa == Some(mechanism))
}

/// The kind of keys that a mechanism generates for HMAC.
pub(super) fn key_generated_by(mechanism: Type) -> Option<KeyType> {
    HASHES.iter().find(|hash| hash.key_gen == Some(mechanism))?.hmac_key
}

/// The hash that an HMAC key is for.
pub(super) fn of_hmac_key(kind: KeyType) -> Option<HashFunction> {
    function(|hash| hash.hmac_key == Some(kind))
}

fn function(wanted: impl Fn(&HashMechanisms) -> bool) -> Option<HashFunction> {
    HASHES.iter().find(|hash| wanted(hash)).map(|hash| hash.function)
}
