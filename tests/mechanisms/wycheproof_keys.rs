//! Project Wycheproof's vectors for key agreement, encapsulation, derivation and RSA decryption.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, HkdfSalt, Iterations, KeyDerivation, KeyType, MaskHash, Mechanism,
        MechanismType as M, OaepParameters, ObjectClass, Operation, Parameters, Template,
    },
};
use wycheproof::{
    HashFunction as Hash, RsaPrivate, TestResult, ecdh, hkdf, mlkem, pbkdf2, rsa_oaep as oaep,
    rsa_pkcs1_decrypt as pkcs1, xdh,
};

use crate::support::{CURVES, MONTGOMERY, bytes, of_kind, prepared, secret, with};

fn agree(
    (mechanism, kind): (M, KeyType),
    curve: &[u8],
    (private, public): (&[u8], &[u8]),
) -> Result<Vec<u8>, lunacm::model::Status> {
    let key = of_kind(ObjectClass::PRIVATE_KEY, kind)
        .with(A::EC_PARAMS, bytes(curve))
        .with(A::VALUE, bytes(private));
    let public = public.to_vec();
    let parameters = Parameters::Ecdh { derivation: KeyDerivation(1), shared: vec![], public };
    let template = Template::default();
    let derived = mechanism::derive(&with(mechanism, parameters), &prepared(&key), &[], &template)?;
    Ok(derived.bytes(A::VALUE).unwrap().to_vec())
}

fn judge(
    found: Result<Vec<u8>, lunacm::model::Status>,
    expected: &[u8],
    (result, id): (TestResult, usize),
) {
    match found {
        Ok(found) => {
            assert_ne!(result, TestResult::Invalid, "{id}");
            assert_eq!(found, expected, "{id}");
        }
        Err(status) => assert_ne!(result, TestResult::Valid, "{id}: {status}"),
    }
}

#[test]
fn ecdh_on_bare_points() {
    use ecdh::TestName as Name;
    let sets = [
        (0, Name::EcdhSecp256r1Ecpoint),
        (1, Name::EcdhSecp384r1Ecpoint),
        (2, Name::EcdhSecp521r1Ecpoint),
    ];
    for (curve, set) in sets {
        for group in ecdh::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let keys = (&test.private_key[..], &test.public_key[..]);
                let found = agree((M::ECDH1_DERIVE, KeyType::EC), CURVES[curve], keys);
                judge(found, &test.shared_secret, (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn agreement_on_montgomery_curves() {
    for (curve, set) in [(0, xdh::TestName::X25519), (1, xdh::TestName::X448)] {
        for group in xdh::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let keys = (&test.private_key[..], &test.public_key[..]);
                let kind = (M::ECDH1_DERIVE, KeyType::EC_MONTGOMERY);
                let found = agree(kind, MONTGOMERY[curve], keys);
                judge(found, &test.shared_secret, (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn ml_kem() {
    use mlkem::TestName as Name;
    for (number, set) in [(1, Name::MlKem512), (2, Name::MlKem768), (3, Name::MlKem1024)] {
        for group in mlkem::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct) else { continue };
                let template = of_kind(ObjectClass::PRIVATE_KEY, KeyType::ML_KEM)
                    .with(A::PARAMETER_SET, number)
                    .with(A::SEED, bytes(seed));
                let found = PreparedKey::from_template(&template).and_then(|key| {
                    let case = Mechanism::plain(M::ML_KEM);
                    mechanism::decapsulate(&case, &key, ciphertext, &Template::default())
                });
                let found = found.map(|key| key.bytes(A::VALUE).unwrap().to_vec());
                let expected = test.shared_secret.as_ref().map_or(&[][..], |secret| secret);
                judge(found, expected, (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn ml_kem_keys_of_seeds() {
    use mlkem::TestName as Name;
    let sets = [
        (1, Name::MlKem512KeyGenSeed),
        (2, Name::MlKem768KeyGenSeed),
        (3, Name::MlKem1024KeyGenSeed),
    ];
    for (number, set) in sets {
        for group in mlkem::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let template = of_kind(ObjectClass::PRIVATE_KEY, KeyType::ML_KEM)
                    .with(A::PARAMETER_SET, number)
                    .with(A::SEED, bytes(test.seed.as_ref().unwrap()));
                let found = mechanism::complete_imported(&template).unwrap();
                let expanded = &test.decaps_key.as_ref().unwrap()[..];
                assert_eq!(found.bytes(A::VALUE), Some(expanded), "{}", test.tc_id);
                let info = found.bytes(A::PUBLIC_KEY_INFO).unwrap();
                assert!(info.ends_with(test.encaps_key.as_ref().unwrap()));
            }
        }
    }
}

#[test]
fn hkdf_over_each_hash() {
    use hkdf::TestName as Name;
    let sets = [
        (Name::HkdfSha1, M::SHA_1),
        (Name::HkdfSha256, M::SHA256),
        (Name::HkdfSha384, M::SHA384),
        (Name::HkdfSha512, M::SHA512),
    ];
    for (set, hash) in sets {
        for group in hkdf::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                // A data object may have any length.
                let bytes = u64::try_from(test.size).unwrap();
                let template = Template::default().with(A::VALUE_LEN, bytes);
                let key = prepared(&secret(KeyType::HKDF, &test.ikm));
                let parameters = Parameters::Hkdf {
                    extract: true,
                    expand: true,
                    hash,
                    salt: HkdfSalt::Data(test.salt.to_vec()),
                    info: test.info.to_vec(),
                };
                let case = with(M::HKDF_DATA, parameters);
                let found = mechanism::derive(&case, &key, &[], &template);
                let found = found.map(|data| data.bytes(A::VALUE).unwrap().to_vec());
                judge(found, &test.okm, (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn pbkdf2_over_each_hash() {
    use pbkdf2::TestName as Name;
    let sets = [
        (Name::Pbkdf2HmacSha1, M::SHA_1_HMAC),
        (Name::Pbkdf2HmacSha224, M::SHA224_HMAC),
        (Name::Pbkdf2HmacSha256, M::SHA256_HMAC),
        (Name::Pbkdf2HmacSha384, M::SHA384_HMAC),
        (Name::Pbkdf2HmacSha512, M::SHA512_HMAC),
    ];
    for (set, prf) in sets {
        for group in pbkdf2::TestSet::load(set).unwrap().test_groups {
            // The slow ones say nothing new.
            for test in group.tests.iter().filter(|test| test.iteration_count <= 4096) {
                let parameters = Parameters::Pbkdf2 {
                    salt: test.salt.to_vec(),
                    iterations: Iterations(u64::try_from(test.iteration_count).unwrap()),
                    prf,
                    password: test.password.to_vec().into(),
                };
                let bytes = u64::try_from(test.dk_len).unwrap();
                let template = Template::default().with(A::VALUE_LEN, bytes);
                let found = mechanism::generate_key(&with(M::PKCS5_PBKD2, parameters), &template);
                let found = found.map(|key| key.bytes(A::VALUE).unwrap().to_vec());
                judge(found, &test.dk, (test.result, test.tc_id));
            }
        }
    }
}

fn rsa_key(key: &RsaPrivate) -> Template {
    of_kind(ObjectClass::PRIVATE_KEY, KeyType::RSA)
        .with(A::MODULUS, bytes(&key.n))
        .with(A::PUBLIC_EXPONENT, bytes(&key.e))
        .with(A::PRIVATE_EXPONENT, bytes(&key.d))
        .with(A::PRIME_1, bytes(&key.p))
        .with(A::PRIME_2, bytes(&key.q))
}

fn decrypt(
    mechanism: &Mechanism,
    key: &PreparedKey,
    ciphertext: &[u8],
) -> Result<Vec<u8>, lunacm::model::Status> {
    let text = mechanism::perform(Operation::Decrypt, mechanism, Some(key), ciphertext, &[]);
    text.map(|text| text.to_vec())
}

#[test]
fn rsa_decryption_by_oaep() {
    use oaep::TestName as Name;
    let sets = [
        Name::Rsa2048Sha1Mgf1Sha1,
        Name::Rsa2048Sha224Mgf1Sha224,
        Name::Rsa2048Sha256Mgf1Sha1,
        Name::Rsa2048Sha256Mgf1Sha256,
        Name::Rsa2048Sha384Mgf1Sha384,
        Name::Rsa3072Sha512Mgf1Sha512,
        Name::Rsa4096Sha256Mgf1Sha1,
    ];
    let named = |hash| match hash {
        Hash::Sha1 => (M::SHA_1, 1),
        Hash::Sha2_224 => (M::SHA224, 5),
        Hash::Sha2_256 => (M::SHA256, 2),
        Hash::Sha2_384 => (M::SHA384, 3),
        Hash::Sha2_512 => (M::SHA512, 4),
        other => panic!("no mechanism for {other:?}"),
    };
    for set in sets {
        for group in oaep::TestSet::load(set).unwrap().test_groups {
            let key = prepared(&rsa_key(&group.key));
            let (hash, mask) = (named(group.hash).0, MaskHash(named(group.mgf_hash).1));
            for test in group.tests {
                let label = test.label.to_vec();
                let parameters = Parameters::Oaep(OaepParameters { hash, mask, label });
                let found = decrypt(&with(M::RSA_PKCS_OAEP, parameters), &key, &test.ct);
                judge(found, &test.pt, (test.result, test.tc_id));
            }
        }
    }
}

/// What is invalid here decrypts all the same: to something else, of which nobody learns that it
/// is not the text.
#[test]
fn rsa_decryption_by_pkcs1() {
    use pkcs1::TestName as Name;
    for (set, bytes) in [(Name::Rsa2048, 256), (Name::Rsa3072, 384), (Name::Rsa4096, 512)] {
        for group in pkcs1::TestSet::load(set).unwrap().test_groups {
            let key = prepared(&rsa_key(&group.key));
            for test in group.tests {
                let found = decrypt(&Mechanism::plain(M::RSA_PKCS), &key, &test.ct);
                if test.result == TestResult::Valid {
                    assert_eq!(found.unwrap(), *test.pt, "{}", test.tc_id);
                } else if test.ct.len() != bytes {
                    assert!(found.is_err(), "{}", test.tc_id);
                }
            }
        }
    }
}
