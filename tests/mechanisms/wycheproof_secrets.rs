//! Project Wycheproof's vectors for ciphers and key wrapping.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::{
        Status,
        cryptoki::{GcmLike, KeyType, Mechanism, MechanismType as M, Operation, Parameters},
    },
};
use wycheproof::{TestResult, aead, cipher, keywrap};

use crate::support::{secret, with};

/// Text to ciphertext and back, as far as the vector is valid; back refused where it is not.
fn judge(
    (mechanism, kind): (&Mechanism, KeyType),
    key: &[u8],
    (text, ciphertext): (&[u8], &[u8]),
    (result, id): (TestResult, usize),
) {
    let name = mechanism.mechanism;
    let Ok(key) = PreparedKey::from_template(&secret(kind, key)) else {
        assert_ne!(result, TestResult::Valid, "{name} {id}");
        return;
    };
    let perform = |operation, data| {
        mechanism::perform(operation, mechanism, Some(&key), data, &[]).map(|found| found.to_vec())
    };
    let found = perform(Operation::Decrypt, ciphertext);
    match result {
        TestResult::Invalid => {
            let expected = [
                Status::EncryptedDataInvalid,
                Status::EncryptedDataLenRange,
                Status::MechanismParamInvalid,
            ];
            assert!(found.is_err_and(|status| expected.contains(&status)), "{name} {id}");
        }
        TestResult::Valid => {
            assert_eq!(found.as_deref(), Ok(text), "{name} {id}");
            let sealed = perform(Operation::Encrypt, text);
            assert_eq!(sealed.as_deref(), Ok(ciphertext), "{name} {id}");
        }
        TestResult::Acceptable => {
            if let Ok(found) = found {
                assert_eq!(found, text, "{name} {id}");
            }
        }
    }
}

#[test]
fn authenticated_encryption() {
    use aead::TestName as Name;
    let sets = [
        (Name::AesGcm, M::AES_GCM, KeyType::AES),
        (Name::AesCcm, M::AES_CCM, KeyType::AES),
        (Name::ChaCha20Poly1305, M::CHACHA20_POLY1305, KeyType::CHACHA20),
    ];
    for (set, mechanism, kind) in sets {
        let mut tried = 0;
        for group in aead::TestSet::load(set).unwrap().test_groups {
            // Longer nonces than OpenSSL takes, of GCM alone.
            for test in group.tests.iter().filter(|test| test.nonce.len() <= 128) {
                let inner = GcmLike {
                    nonce: test.nonce.to_vec(),
                    associated: test.aad.to_vec(),
                    tag_bits: u64::try_from(group.tag_size).unwrap(),
                };
                let parameters = match mechanism {
                    M::AES_CCM => {
                        let data_bytes = u64::try_from(test.pt.len()).unwrap();
                        Parameters::Ccm { data_bytes, inner }
                    }
                    _ => Parameters::Gcm(inner),
                };
                let sealed = [&test.ct[..], &test.tag[..]].concat();
                let case = (&with(mechanism, parameters), kind);
                judge(case, &test.key, (&test.pt, &sealed), (test.result, test.tc_id));
                tried += 1;
            }
        }
        assert!(tried > 100, "{mechanism}");
    }
}

#[test]
fn cbc_with_padding() {
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for test in group.tests {
            let case = with(M::AES_CBC_PAD, Parameters::Bytes(test.nonce.to_vec()));
            let outcome = (test.result, test.tc_id);
            judge((&case, KeyType::AES), &test.key, (&test.pt, &test.ct), outcome);
        }
    }
}

#[test]
fn key_wrapping() {
    use keywrap::TestName as Name;
    let sets =
        [(Name::AesKeyWrap, M::AES_KEY_WRAP), (Name::AesKeyWrapWithPadding, M::AES_KEY_WRAP_KWP)];
    for (set, mechanism) in sets {
        for group in keywrap::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let case = (&Mechanism::plain(mechanism), KeyType::AES);
                judge(case, &test.key, (&test.pt, &test.ct), (test.result, test.tc_id));
            }
        }
    }
}
