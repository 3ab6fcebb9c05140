//! Project Wycheproof's vectors for signatures and MACs.

use lunacm::model::{
    Status,
    cryptoki::{
        AttributeType as A, KeyType, MaskHash, Mechanism, MechanismType as M, ObjectClass,
        Operation, Parameters, PssParameters, Template,
    },
};
use wycheproof::{
    HashFunction as Hash, TestResult, ecdsa, eddsa, mac, mldsa_verify, rsa_pkcs1_verify as pkcs1,
    rsa_pss_verify as pss,
};

use crate::support::{CURVES, EDWARDS, bytes, of_kind, prepared, secret, with};

/// What PKCS#11 calls a hash: the digest, and the mechanisms for RSA (both paddings) and ECDSA.
fn named(hash: Hash) -> (M, [Option<M>; 3], u64) {
    let all = |rsa, pss, ecdsa| [Some(rsa), Some(pss), Some(ecdsa)];
    match hash {
        Hash::Sha1 => (M::SHA_1, all(M::SHA1_RSA_PKCS, M::SHA1_RSA_PKCS_PSS, M::ECDSA_SHA1), 1),
        Hash::Sha2_224 => {
            (M::SHA224, all(M::SHA224_RSA_PKCS, M::SHA224_RSA_PKCS_PSS, M::ECDSA_SHA224), 5)
        }
        Hash::Sha2_256 => {
            (M::SHA256, all(M::SHA256_RSA_PKCS, M::SHA256_RSA_PKCS_PSS, M::ECDSA_SHA256), 2)
        }
        Hash::Sha2_384 => {
            (M::SHA384, all(M::SHA384_RSA_PKCS, M::SHA384_RSA_PKCS_PSS, M::ECDSA_SHA384), 3)
        }
        Hash::Sha2_512 => {
            (M::SHA512, all(M::SHA512_RSA_PKCS, M::SHA512_RSA_PKCS_PSS, M::ECDSA_SHA512), 4)
        }
        Hash::Sha3_224 => {
            (M::SHA3_224, all(M::SHA3_224_RSA_PKCS, M::SHA3_224_RSA_PKCS_PSS, M::ECDSA_SHA3_224), 6)
        }
        Hash::Sha3_256 => {
            (M::SHA3_256, all(M::SHA3_256_RSA_PKCS, M::SHA3_256_RSA_PKCS_PSS, M::ECDSA_SHA3_256), 7)
        }
        Hash::Sha3_384 => {
            (M::SHA3_384, all(M::SHA3_384_RSA_PKCS, M::SHA3_384_RSA_PKCS_PSS, M::ECDSA_SHA3_384), 8)
        }
        Hash::Sha3_512 => {
            (M::SHA3_512, all(M::SHA3_512_RSA_PKCS, M::SHA3_512_RSA_PKCS_PSS, M::ECDSA_SHA3_512), 9)
        }
        other => panic!("no mechanisms for {other:?}"),
    }
}

/// Verifies, and holds the outcome against what is expected.
fn judge(
    mechanism: &Mechanism,
    key: &lunacm::hsm::mechanism::PreparedKey,
    (message, signature): (&[u8], &[u8]),
    (result, id): (TestResult, usize),
) {
    let found = lunacm::hsm::mechanism::perform(
        Operation::Verify,
        mechanism,
        Some(key),
        message,
        signature,
    );
    match found {
        Ok(_) => assert_ne!(result, TestResult::Invalid, "{} {id}", mechanism.mechanism),
        Err(status) => {
            assert_ne!(result, TestResult::Valid, "{} {id}: {status}", mechanism.mechanism);
            let expected = [Status::SignatureInvalid, Status::SignatureLenRange];
            assert!(expected.contains(&status), "{} {id}: {status}", mechanism.mechanism);
        }
    }
}

fn rsa_key(key: &wycheproof::RsaPublic) -> Template {
    of_kind(ObjectClass::PUBLIC_KEY, KeyType::RSA)
        .with(A::MODULUS, bytes(&key.n))
        .with(A::PUBLIC_EXPONENT, bytes(&key.e))
}

#[test]
fn rsa_by_pkcs1() {
    use pkcs1::TestName as Name;
    let sets = [
        Name::Rsa2048Sha224,
        Name::Rsa2048Sha256,
        Name::Rsa2048Sha384,
        Name::Rsa2048Sha512,
        Name::Rsa2048Sha3_224,
        Name::Rsa2048Sha3_512,
        Name::Rsa3072Sha384,
        Name::Rsa4096Sha512,
        Name::Rsa8192Sha256,
    ];
    for set in sets {
        for group in pkcs1::TestSet::load(set).unwrap().test_groups {
            let mechanism = Mechanism::plain(named(group.hash).1[0].unwrap());
            let key = prepared(&rsa_key(&group.key));
            for test in group.tests {
                judge(&mechanism, &key, (&test.msg, &test.sig), (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn rsa_by_pss() {
    use pss::TestName as Name;
    let sets = [
        Name::RsaPss2048Sha1Mgf1SaltLen20,
        Name::RsaPss2048Sha256Mgf1SaltLen0,
        Name::RsaPss2048Sha256Mgf1SaltLen32,
        Name::RsaPss2048Sha256Mgf1Sha1_20,
        Name::RsaPss2048Sha384Mgf1SaltLen48,
        Name::RsaPss3072Sha256Mgf1SaltLen32,
        Name::RsaPss4096Sha512Mgf1SaltLen64,
    ];
    for set in sets {
        for group in pss::TestSet::load(set).unwrap().test_groups {
            let (hash, mechanisms, _) = named(group.hash);
            let mask = MaskHash(named(group.mgf_hash.unwrap()).2);
            let salt_bytes = u64::try_from(group.salt_size).unwrap();
            let parameters = PssParameters { hash, mask, salt_bytes };
            let mechanism = with(mechanisms[1].unwrap(), Parameters::Pss(parameters));
            let key = prepared(&rsa_key(&group.key));
            for test in group.tests {
                judge(&mechanism, &key, (&test.msg, &test.sig), (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn ecdsa_in_the_form_of_pkcs11() {
    use ecdsa::TestName as Name;
    let sets = [
        (0, Name::EcdsaSecp256r1Sha256P1363),
        (0, Name::EcdsaSecp256r1Sha512P1363),
        (1, Name::EcdsaSecp384r1Sha384P1363),
        (1, Name::EcdsaSecp384r1Sha512P1363),
        (2, Name::EcdsaSecp521r1Sha512P1363),
        (3, Name::EcdsaSecp256k1Sha256P1363),
        (3, Name::EcdsaSecp256k1Sha512P1363),
    ];
    for (curve, set) in sets {
        for group in ecdsa::TestSet::load(set).unwrap().test_groups {
            let mechanism = Mechanism::plain(named(group.hash).1[2].unwrap());
            let key = of_kind(ObjectClass::PUBLIC_KEY, KeyType::EC)
                .with(A::EC_PARAMS, bytes(CURVES[curve]))
                .with(A::EC_POINT, bytes(&group.key.key));
            let key = prepared(&key);
            for test in group.tests {
                judge(&mechanism, &key, (&test.msg, &test.sig), (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn eddsa_on_both_curves() {
    let sets = [(0, eddsa::TestName::Ed25519), (1, eddsa::TestName::Ed448)];
    for (curve, set) in sets {
        for group in eddsa::TestSet::load(set).unwrap().test_groups {
            let key = of_kind(ObjectClass::PUBLIC_KEY, KeyType::EC_EDWARDS)
                .with(A::EC_PARAMS, bytes(EDWARDS[curve]))
                .with(A::EC_POINT, bytes(&group.key.pk));
            let (mechanism, key) = (Mechanism::plain(M::EDDSA), prepared(&key));
            for test in group.tests {
                judge(&mechanism, &key, (&test.msg, &test.sig), (test.result, test.tc_id));
            }
        }
    }
}

#[test]
fn ml_dsa_without_context() {
    use mldsa_verify::TestName as Name;
    for (number, set) in
        [(1, Name::MlDsa44Verify), (2, Name::MlDsa65Verify), (3, Name::MlDsa87Verify)]
    {
        for group in mldsa_verify::TestSet::load(set).unwrap().test_groups {
            let key = of_kind(ObjectClass::PUBLIC_KEY, KeyType::ML_DSA)
                .with(A::PARAMETER_SET, number)
                .with(A::VALUE, bytes(&group.pubkey));
            let Ok(key) = lunacm::hsm::mechanism::PreparedKey::from_template(&key) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            let plain = |context: &Option<wycheproof::ByteString>| {
                context.as_ref().is_none_or(wycheproof::ByteString::is_empty)
            };
            for test in group.tests.iter().filter(|test| plain(&test.ctx)) {
                let outcome = (test.result, test.tc_id);
                judge(&Mechanism::plain(M::ML_DSA), &key, (&test.msg, &test.sig), outcome);
            }
        }
    }
}

#[test]
fn macs() {
    use mac::TestName as Name;
    let sets = [
        (Name::HmacSha1, M::SHA_1_HMAC_GENERAL),
        (Name::HmacSha224, M::SHA224_HMAC_GENERAL),
        (Name::HmacSha256, M::SHA256_HMAC_GENERAL),
        (Name::HmacSha384, M::SHA384_HMAC_GENERAL),
        (Name::HmacSha512, M::SHA512_HMAC_GENERAL),
        (Name::HmacSha3_224, M::SHA3_224_HMAC_GENERAL),
        (Name::HmacSha3_256, M::SHA3_256_HMAC_GENERAL),
        (Name::HmacSha3_384, M::SHA3_384_HMAC_GENERAL),
        (Name::HmacSha3_512, M::SHA3_512_HMAC_GENERAL),
        (Name::AesCmac, M::AES_CMAC_GENERAL),
    ];
    for (set, mechanism) in sets {
        let kind = match mechanism {
            M::AES_CMAC_GENERAL => KeyType::AES,
            _ => KeyType::GENERIC_SECRET,
        };
        for group in mac::TestSet::load(set).unwrap().test_groups {
            let bytes = u64::try_from(group.tag_size / 8).unwrap();
            let case = with(mechanism, Parameters::Number(bytes));
            for test in group.tests {
                let key =
                    lunacm::hsm::mechanism::PreparedKey::from_template(&secret(kind, &test.key));
                let Ok(key) = key else {
                    assert_ne!(test.result, TestResult::Valid, "{mechanism} {}", test.tc_id);
                    continue;
                };
                judge(&case, &key, (&test.msg, &test.tag), (test.result, test.tc_id));
            }
        }
    }
}
