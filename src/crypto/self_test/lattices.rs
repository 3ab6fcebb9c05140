//! ML-KEM and ML-DSA.

use super::KnownAnswer;
use crate::crypto::{
    EncapsulationKey, HashFunction, KemKeyPair, MlDsaPrivateKey, MlDsaPublicKey, MlDsaSet,
    MlKemPrivateKey, MlKemPublicKey, MlKemSet, PrimitiveError,
};

const KEM_SEED_BYTES: usize = 64;
const DSA_SEED_BYTES: usize = 32;

pub(super) fn rows() -> Vec<KnownAnswer> {
    let mut rows = Vec::new();
    for set in [MlKemSet::MlKem512, MlKemSet::MlKem768, MlKemSet::MlKem1024] {
        rows.push(match set {
            MlKemSet::MlKem512 => KnownAnswer::new(
                "ML-KEM-512",
                kem(set, KEM_512),
                "cf3bcfeb2679cb43658fcdcd01aa1505bcea1e72a165ccac7bfb66d9dc0c0e903399ef1223024bd0\
    f646ce6f860fd99557b67058fa620850e772f8531af36231",
            ),
            MlKemSet::MlKem768 => KnownAnswer::new("ML-KEM-768", kem(set, KEM_768), OF_KEM_768),
            MlKemSet::MlKem1024 => KnownAnswer::new(
                "ML-KEM-1024",
                kem(set, KEM_1024),
                "c6338bf92f3930b95f81d87fe669fabc42aaa549e8fecfbfdbe237d739fe4d965db6d38ecb5e92dd\
    a86dd468931bd4272def51b901c05979ce40053acc85a1e8",
            ),
        });
    }
    rows.push(KnownAnswer::new("ML-KEM-768 (links)", of_link(), OF_KEM_768));
    for set in [MlDsaSet::MlDsa44, MlDsaSet::MlDsa65, MlDsaSet::MlDsa87] {
        rows.push(match set {
            MlDsaSet::MlDsa44 => KnownAnswer::new(
                "ML-DSA-44",
                dsa(set, DSA_44),
                "d87f8ca136ac1aa55e2d6c4521680efb3a378cbb9bc0bfb446e9c60893931ea3",
            ),
            MlDsaSet::MlDsa65 => KnownAnswer::new(
                "ML-DSA-65",
                dsa(set, DSA_65),
                "b7acce2ddb11f8cc1aa46e2bafac6eacfa2b732ef192bd636ad8d3a56d649c66",
            ),
            MlDsaSet::MlDsa87 => KnownAnswer::new(
                "ML-DSA-87",
                dsa(set, DSA_87),
                "d43128fa8a8c785c1d44c9e7db538dbf9dd88fe6c8ad911a344bcec1017c6d54",
            ),
        });
    }
    rows
}

/// Seeds with a ciphertext behind each.
const KEM_512: &[u8] = include_bytes!("ml_kem_512.bin");
const KEM_768: &[u8] = include_bytes!("ml_kem_768.bin");
const KEM_1024: &[u8] = include_bytes!("ml_kem_1024.bin");

/// The secret, and the hash of the encapsulation key.
const OF_KEM_768: &str = "76c10bb1d86d96d7eb18e298363e51f7728e113f455df7d15017940ed354145167fe2cb60768d557\
    58c67bfd5842692dedb14513d581c48db2cd3adf94568106";

/// Seeds with a signature of [`SIGNED`] behind each.
const DSA_44: &[u8] = include_bytes!("ml_dsa_44.bin");
const DSA_65: &[u8] = include_bytes!("ml_dsa_65.bin");
const DSA_87: &[u8] = include_bytes!("ml_dsa_87.bin");
const SIGNED: &[u8] = b"Hello world";

/// The secret in the known ciphertext and the hash of the public key, if a new ciphertext opens too.
fn kem(set: MlKemSet, known: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
    let (seed, ciphertext) = split(known, KEM_SEED_BYTES)?;
    let key = MlKemPrivateKey::from_seed(set, seed)?;
    let (made, secret) = MlKemPublicKey::new(set, key.public())?.encapsulate()?;
    if key.decapsulate(&made)? != secret {
        return Err(PrimitiveError::Data);
    }
    answer(&key.decapsulate(ciphertext)?, key.public())
}

/// The same by the library of links.
fn of_link() -> Result<Vec<u8>, PrimitiveError> {
    let (seed, ciphertext) = split(KEM_768, KEM_SEED_BYTES)?;
    let (mut d, mut z) = ([0; 32], [0; 32]);
    d.copy_from_slice(&seed[..32]);
    z.copy_from_slice(&seed[32..]);
    let pair = KemKeyPair::from_seed(&d, &z);
    let key = EncapsulationKey::new(pair.public()).map_err(|_| PrimitiveError::Key)?;
    let (made, secret) = key.encapsulate(&[7; 32]);
    if pair.decapsulate(&made) != secret {
        return Err(PrimitiveError::Data);
    }
    let ciphertext = ciphertext.try_into().map_err(|_| PrimitiveError::DataLength)?;
    answer(&*pair.decapsulate(ciphertext), pair.public())
}

fn answer(secret: &[u8], public: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
    Ok([secret, HashFunction::Sha256.hash(public)?.as_ref()].concat())
}

/// The hash of the public key, if the known signature is one, a new one is too, and a changed one
/// is none.
fn dsa(set: MlDsaSet, known: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
    let (seed, signature) = split(known, DSA_SEED_BYTES)?;
    let key = MlDsaPrivateKey::from_seed(set, seed)?;
    let public = MlDsaPublicKey::new(set, key.public())?;
    public.verify(SIGNED, signature)?;
    public.verify(SIGNED, &key.sign(SIGNED)?)?;
    let mut changed = signature.to_vec();
    changed[9] ^= 1;
    match public.verify(SIGNED, &changed) {
        Ok(()) => Err(PrimitiveError::Signature),
        Err(_) => Ok(HashFunction::Sha256.hash(key.public())?.as_ref().to_vec()),
    }
}

fn split(known: &[u8], seed: usize) -> Result<(&[u8], &[u8]), PrimitiveError> {
    known.split_at_checked(seed).ok_or(PrimitiveError::DataLength)
}
