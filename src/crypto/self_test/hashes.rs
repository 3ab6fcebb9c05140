//! Hashes, MACs, derivations and passwords.

use super::KnownAnswer;
use crate::crypto::{
    Digest, HashFunction, HkdfScheme, MacKey, PasswordDerivation, PasswordHash, PasswordParameters,
    PrimitiveError, hkdf, hmac, pbkdf2, x963,
};

/// RFC 4231 section 4.3.
const KEY: &[u8] = b"Jefe";
const TEXT: &[u8] = b"what do ya want for nothing?";

pub(super) fn rows() -> Vec<KnownAnswer> {
    let mut rows = Vec::new();
    for function in HashFunction::ALL {
        let known = known(function);
        rows.push(KnownAnswer::new(known.name, function.hash(b"abc"), known.hash));
        let code = MacKey::hmac(function, KEY).and_then(|key| key.code(&[TEXT]));
        rows.push(KnownAnswer::new(known.hmac_name, code, known.hmac));
    }
    for digest in [Digest::Sha256, Digest::Sha512] {
        let (name, hmac_name, function) = match digest {
            Digest::Sha256 => ("SHA-256 (links)", "HMAC-SHA-256 (links)", HashFunction::Sha256),
            Digest::Sha512 => ("SHA-512 (links)", "HMAC-SHA-512 (links)", HashFunction::Sha512),
        };
        let hash = digest.start().update(b"a").update(b"bc").finish();
        rows.push(KnownAnswer::new(name, Ok(hash), known(function).hash));
        let code = hmac(digest, KEY, &[TEXT]);
        rows.push(KnownAnswer::new(hmac_name, Ok(code.to_vec()), known(function).hmac));
    }
    rows.push(KnownAnswer::new("HKDF", of_hkdf(), HKDF));
    let how = PasswordDerivation {
        hash: HashFunction::Sha256,
        password: b"passwd",
        salt: b"salt",
        iterations: 1,
        bytes: 64,
    };
    let derived = pbkdf2(&how, &|| true);
    rows.push(KnownAnswer::new("PBKDF2", derived, PBKDF2));
    let derived = x963(HashFunction::Sha256, &[0x0b; 22], b"shared", 40);
    rows.push(KnownAnswer::new("ANSI X9.63 KDF", derived, X963));
    rows.push(KnownAnswer::new("Argon2id", of_password(), ARGON2));
    rows
}

/// What is known of a hash function: of "abc" (FIPS 180-4, FIPS 202), and its HMAC (RFC 4231).
struct Known {
    name: &'static str,
    hash: &'static str,
    hmac_name: &'static str,
    hmac: &'static str,
}

#[allow(clippy::too_many_lines, reason = "a table")]
const fn known(function: HashFunction) -> Known {
    match function {
        HashFunction::Sha1 => Known {
            name: "SHA-1",
            hash: "a9993e364706816aba3e25717850c26c9cd0d89d",
            hmac_name: "HMAC-SHA-1",
            hmac: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        },
        HashFunction::Sha224 => Known {
            name: "SHA-224",
            hash: "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            hmac_name: "HMAC-SHA-224",
            hmac: "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
        },
        HashFunction::Sha256 => Known {
            name: "SHA-256",
            hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            hmac_name: "HMAC-SHA-256",
            hmac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        },
        HashFunction::Sha384 => Known {
            name: "SHA-384",
            hash: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc23\
                58baeca134c825a7",
            hmac_name: "HMAC-SHA-384",
            hmac: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c7\
                8b3239ecfab21649",
        },
        HashFunction::Sha512 => Known {
            name: "SHA-512",
            hash: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8\
                36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            hmac_name: "HMAC-SHA-512",
            hmac: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a\
                6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        },
        HashFunction::Sha512To224 => Known {
            name: "SHA-512/224",
            hash: "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
            hmac_name: "HMAC-SHA-512/224",
            hmac: "4a530b31a79ebcce36916546317c45f247d83241dfb818fd37254bde",
        },
        HashFunction::Sha512To256 => Known {
            name: "SHA-512/256",
            hash: "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            hmac_name: "HMAC-SHA-512/256",
            hmac: "6df7b24630d5ccb2ee335407081a87188c221489768fa2020513b2d593359456",
        },
        HashFunction::Sha3To224 => Known {
            name: "SHA3-224",
            hash: "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
            hmac_name: "HMAC-SHA3-224",
            hmac: "7fdb8dd88bd2f60d1b798634ad386811c2cfc85bfaf5d52bbace5e66",
        },
        HashFunction::Sha3To256 => Known {
            name: "SHA3-256",
            hash: "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
            hmac_name: "HMAC-SHA3-256",
            hmac: "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5",
        },
        HashFunction::Sha3To384 => Known {
            name: "SHA3-384",
            hash: "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f5\
                39f1edf228376d25",
            hmac_name: "HMAC-SHA3-384",
            hmac: "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a2\
                1b3f5e0e9df4c20a",
        },
        HashFunction::Sha3To512 => Known {
            name: "SHA3-512",
            hash: "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c9\
                1a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
            hmac_name: "HMAC-SHA3-512",
            hmac: "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0\
                ee7a0c31d022a95e1fc92ba9d77df883960275beb4e62024",
        },
    }
}

/// RFC 5869 section A.1.
fn of_hkdf() -> Result<Vec<u8>, PrimitiveError> {
    let salt: Vec<u8> = (0..13).collect();
    let info: Vec<u8> = (0xf0..0xfa).collect();
    let scheme =
        HkdfScheme { hash: HashFunction::Sha256, extract: Some(&salt), expand: Some(&info) };
    Ok(hkdf(&scheme, &[0x0b; 22], 42)?.to_vec())
}

/// RFC 9106's function with a low cost: verifier and key of a password.
fn of_password() -> Result<Vec<u8>, PrimitiveError> {
    let parameters = PasswordParameters { memory: 256, passes: 2, lanes: 1 };
    let made = PasswordHash::create(parameters, *b"somesaltsomesalt", b"password");
    let (hash, key) = made.ok_or(PrimitiveError::Library)?;
    Ok([hash.verifier, *key.expose()].concat())
}

const HKDF: &str = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718\
    5865";

/// RFC 7914 section 11.
const PBKDF2: &str = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645\
    991664b39d77ef317c71b845b1e30bd509112041d3a19783";

const X963: &str =
    "36cae79aa0b2cd0a103b2e7fd1f95ed830e40e67192b78f953c7d47c169a943f971d5fc79e6fb2d1";

const ARGON2: &str = "1361305fad9c38af472723485ae5e691647d41686ae1b9b0cd4434cd5c09a2a0a312b7b9046bd7fe\
    a75d36ad589ae1f0f1eb21bf05e90ed74f492d1685da5460";
