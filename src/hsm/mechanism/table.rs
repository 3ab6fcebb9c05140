//! Which mechanisms there are, and what each can do.

use std::sync::OnceLock;

use crate::model::cryptoki::{MechanismFlags as Flags, MechanismInfo, MechanismType as Type};

use super::hashes::HASHES;

/// The longest secret in bytes that is not a key of a fixed length.
pub(super) const GREATEST_SECRET_BYTES: usize = 512;

const RSA: (u64, u64) = (2048, 8192);
const AES: (u64, u64) = (16, 32);
const CHACHA20: (u64, u64) = (32, 32);
const SECRET: (u64, u64) = (1, 512);
/// Generic secrets are the one kind whose sizes section 6.8 counts in bits.
const SECRET_BITS: (u64, u64) = (8, 4096);
const NO_KEY: (u64, u64) = (0, 0);
const CURVE: (u64, u64) = (256, 521);
const ECDH: (u64, u64) = (255, 521);
const EDWARDS: (u64, u64) = (255, 448);
/// `CKP_ML_KEM_512` to `CKP_ML_KEM_1024`, and `CKP_ML_DSA_44` to `CKP_ML_DSA_87`.
const LATTICE: (u64, u64) = (1, 3);

const SIGN: Flags = Flags::SIGN.with(Flags::VERIFY);
const ENCRYPT: Flags = Flags::ENCRYPT.with(Flags::DECRYPT);
const RECOVER: Flags = Flags::SIGN_RECOVER.with(Flags::VERIFY_RECOVER);
const WRAP: Flags = Flags::WRAP.with(Flags::UNWRAP);
const PRIME: Flags =
    Flags::EC_F_P.with(Flags::EC_OID).with(Flags::EC_UNCOMPRESS).with(Flags::EC_CURVENAME);
const OTHER_CURVES: Flags = Flags::EC_OID.with(Flags::EC_CURVENAME);

/// Those that do not come once for each hash.
const SINGLE: &[(Type, (u64, u64), Flags)] = &[
    (Type::RSA_PKCS_KEY_PAIR_GEN, RSA, Flags::GENERATE_KEY_PAIR),
    (Type::RSA_PKCS, RSA, SIGN.with(ENCRYPT).with(RECOVER).with(WRAP)),
    (Type::RSA_X_509, RSA, SIGN.with(ENCRYPT).with(RECOVER)),
    (Type::RSA_PKCS_OAEP, RSA, ENCRYPT.with(WRAP)),
    (Type::RSA_PKCS_PSS, RSA, SIGN),
    (Type::EC_KEY_PAIR_GEN, CURVE, Flags::GENERATE_KEY_PAIR.with(PRIME)),
    (Type::EC_EDWARDS_KEY_PAIR_GEN, EDWARDS, Flags::GENERATE_KEY_PAIR.with(OTHER_CURVES)),
    (Type::EC_MONTGOMERY_KEY_PAIR_GEN, EDWARDS, Flags::GENERATE_KEY_PAIR.with(OTHER_CURVES)),
    (Type::ECDSA, CURVE, SIGN.with(PRIME)),
    (Type::EDDSA, EDWARDS, SIGN.with(OTHER_CURVES)),
    (Type::ECDH1_DERIVE, ECDH, Flags::DERIVE.with(PRIME)),
    (Type::ECDH1_COFACTOR_DERIVE, CURVE, Flags::DERIVE.with(PRIME)),
    (Type::AES_KEY_GEN, AES, Flags::GENERATE),
    (Type::AES_ECB, AES, ENCRYPT),
    (Type::AES_CBC, AES, ENCRYPT),
    (Type::AES_CBC_PAD, AES, ENCRYPT.with(WRAP)),
    (Type::AES_CTR, AES, ENCRYPT),
    (Type::AES_GCM, AES, ENCRYPT.with(WRAP)),
    (Type::AES_CCM, AES, ENCRYPT.with(WRAP)),
    (Type::AES_CMAC, AES, SIGN),
    (Type::AES_CMAC_GENERAL, AES, SIGN),
    (Type::AES_GMAC, AES, SIGN),
    (Type::AES_KEY_WRAP, AES, ENCRYPT.with(WRAP)),
    (Type::AES_KEY_WRAP_KWP, AES, ENCRYPT.with(WRAP)),
    (Type::AES_ECB_ENCRYPT_DATA, AES, Flags::DERIVE),
    (Type::AES_CBC_ENCRYPT_DATA, AES, Flags::DERIVE),
    (Type::CHACHA20_KEY_GEN, CHACHA20, Flags::GENERATE),
    (Type::CHACHA20_POLY1305, CHACHA20, ENCRYPT.with(WRAP)),
    (Type::GENERIC_SECRET_KEY_GEN, SECRET_BITS, Flags::GENERATE),
    (Type::HKDF_DERIVE, SECRET, Flags::DERIVE),
    (Type::HKDF_DATA, SECRET, Flags::DERIVE),
    (Type::HKDF_KEY_GEN, SECRET, Flags::GENERATE),
    (Type::PKCS5_PBKD2, SECRET, Flags::GENERATE),
    (Type::SP800_108_COUNTER_KDF, SECRET, Flags::DERIVE),
    (Type::SP800_108_FEEDBACK_KDF, SECRET, Flags::DERIVE),
    (Type::SP800_108_DOUBLE_PIPELINE_KDF, SECRET, Flags::DERIVE),
    (Type::CONCATENATE_BASE_AND_KEY, SECRET_BITS, Flags::DERIVE),
    (Type::CONCATENATE_BASE_AND_DATA, SECRET_BITS, Flags::DERIVE),
    (Type::CONCATENATE_DATA_AND_BASE, SECRET_BITS, Flags::DERIVE),
    (Type::XOR_BASE_AND_DATA, SECRET_BITS, Flags::DERIVE),
    (Type::ML_KEM_KEY_PAIR_GEN, LATTICE, Flags::GENERATE_KEY_PAIR),
    (Type::ML_KEM, LATTICE, Flags::ENCAPSULATE.with(Flags::DECAPSULATE)),
    (Type::ML_DSA_KEY_PAIR_GEN, LATTICE, Flags::GENERATE_KEY_PAIR),
    (Type::ML_DSA, LATTICE, SIGN),
];

/// Every mechanism, by rising numbers.
pub fn info() -> &'static [MechanismInfo] {
    static TABLE: OnceLock<Vec<MechanismInfo>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: Vec<_> = SINGLE.iter().map(|row| entry(row.0, row.1, row.2)).collect();
        for hash in &HASHES {
            table.push(entry(hash.digest, NO_KEY, Flags::DIGEST));
            let others = [
                (hash.hmac, SECRET, SIGN),
                (hash.hmac_general, SECRET, SIGN),
                (hash.key_gen, SECRET, Flags::GENERATE),
                (hash.rsa_pkcs, RSA, SIGN),
                (hash.rsa_pss, RSA, SIGN),
                (hash.ecdsa, CURVE, SIGN.with(PRIME)),
            ];
            let known = others
                .into_iter()
                .filter_map(|(mechanism, sizes, flags)| Some(entry(mechanism?, sizes, flags)));
            table.extend(known);
        }
        table.sort_by_key(|entry| entry.mechanism);
        table
    })
}

/// What is known of one mechanism.
pub fn find(mechanism: Type) -> Option<&'static MechanismInfo> {
    let table = info();
    let at = table.binary_search_by_key(&mechanism, |entry| entry.mechanism).ok()?;
    table.get(at)
}

const fn entry(mechanism: Type, sizes: (u64, u64), flags: Flags) -> MechanismInfo {
    MechanismInfo { mechanism, smallest_key: sizes.0, greatest_key: sizes.1, flags }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RSA_BITS;

    #[test]
    fn the_table_and_the_names_are_the_same_mechanisms() {
        let listed: Vec<_> = info().iter().map(|entry| entry.mechanism).collect();
        let mut named = Type::ALL.to_vec();
        named.sort_unstable();
        assert_eq!(listed, named);
        assert!(listed.iter().all(|mechanism| find(*mechanism).unwrap().mechanism == *mechanism));
        assert_eq!(find(Type(0x999)), None);
        let rsa = find(Type::RSA_PKCS).unwrap();
        assert_eq!(rsa.smallest_key, u64::from(*RSA_BITS.start()));
        assert_eq!(rsa.greatest_key, u64::from(*RSA_BITS.end()));
        let hmac = find(Type::SHA256_HMAC).unwrap();
        assert_eq!(hmac.greatest_key, u64::try_from(GREATEST_SECRET_BYTES).unwrap());
    }
}
