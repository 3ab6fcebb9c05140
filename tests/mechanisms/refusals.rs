//! What has to be refused, and with which word.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::{
        Status,
        cryptoki::{
            AttributeType as A, GcmLike, KeyType, MaskHash, Mechanism, MechanismFlags as Flags,
            MechanismType as M, Operation, Parameters, PssParameters, Template,
        },
    },
};

use crate::{
    every::case,
    support::{
        CURVES, EDWARDS, bytes, curve_pair, in_parts, prepared, rsa_pair, secret, whole, with,
    },
};

const OPERATIONS: [(Operation, Flags); 7] = [
    (Operation::Encrypt, Flags::ENCRYPT),
    (Operation::Decrypt, Flags::DECRYPT),
    (Operation::Sign, Flags::SIGN),
    (Operation::Verify, Flags::VERIFY),
    (Operation::Digest, Flags::DIGEST),
    (Operation::SignRecover, Flags::SIGN_RECOVER),
    (Operation::VerifyRecover, Flags::VERIFY_RECOVER),
];

/// No mechanism does what its flags do not say, and none takes a key of another kind.
#[test]
fn operations_and_keys_that_do_not_fit() {
    let curve = curve_pair(M::EC_KEY_PAIR_GEN, CURVES[0]);
    let edwards = curve_pair(M::EC_EDWARDS_KEY_PAIR_GEN, EDWARDS[0]);
    let keys = [
        rsa_pair().public.clone(),
        rsa_pair().private.clone(),
        curve.public,
        curve.private,
        edwards.public,
        edwards.private,
        secret(KeyType::AES, [1; 16]),
        secret(KeyType::CHACHA20, [1; 32]),
        secret(KeyType::SHA256_HMAC, [1; 32]),
    ]
    .map(|key| prepared(&key));
    for entry in mechanism::info() {
        let case = case(entry.mechanism);
        for (operation, flag) in OPERATIONS {
            let takes = |key: Option<&PreparedKey>| mechanism::check(operation, &case, key);
            if !entry.flags.contains(flag) {
                let refused = takes(Some(&*keys[0]));
                assert_eq!(refused, Err(Status::MechanismInvalid), "{}", entry.mechanism);
                assert_eq!(takes(None), Err(Status::MechanismInvalid), "{}", entry.mechanism);
            } else if operation == Operation::Digest {
                assert_eq!(takes(None), Ok(()));
                assert_eq!(takes(Some(&*keys[6])), Err(Status::KeyNotNeeded));
            } else {
                assert_eq!(takes(None), Err(Status::KeyHandleInvalid));
                let taken = keys.iter().filter(|key| takes(Some(&***key)).is_ok()).count();
                // One half of one pair, or one kind of secret; generic ones are not among them.
                let greatest = usize::from(entry.mechanism != M::ML_DSA);
                assert!(taken <= greatest, "{} takes {taken} kinds", entry.mechanism);
                for key in &keys {
                    let refused = takes(Some(&**key)).err();
                    let right = Some(Status::KeyTypeInconsistent);
                    assert!(refused.is_none() || refused == right, "{}", entry.mechanism);
                }
            }
        }
    }
    let unknown = mechanism::check(Operation::Sign, &Mechanism::plain(M(0x999)), None);
    assert_eq!(unknown, Err(Status::MechanismInvalid));
}

/// Every mechanism refuses the parameters of every other kind.
#[test]
fn parameters_that_do_not_fit() {
    let gcm = |nonce: usize, tag_bits| {
        Parameters::Gcm(GcmLike { nonce: vec![1; nonce], associated: vec![], tag_bits })
    };
    let pss = |hash, mask, salt_bytes| {
        Parameters::Pss(PssParameters { hash, mask: MaskHash(mask), salt_bytes })
    };
    let eddsa = |prehash, context: &[u8]| Parameters::Eddsa { prehash, context: context.to_vec() };
    let dsa = |hedge, context: &[u8]| Parameters::SignContext { hedge, context: context.to_vec() };
    let wrong = [
        (M::RSA_PKCS, Parameters::Bytes(vec![1])),
        (M::RSA_PKCS_PSS, Parameters::None),
        (M::RSA_PKCS_PSS, pss(M::AES_CBC, 2, 32)),
        (M::RSA_PKCS_PSS, pss(M::SHA256, 77, 32)),
        (M::RSA_PKCS_PSS, pss(M::SHA256, 2, u64::MAX)),
        (M::SHA384_RSA_PKCS_PSS, pss(M::SHA256, 2, 32)),
        (M::RSA_PKCS_OAEP, pss(M::SHA256, 2, 32)),
        (M::ECDSA, Parameters::Number(1)),
        (M::EDDSA, eddsa(true, b"")),
        (M::EDDSA, eddsa(false, b"context")),
        (M::ML_DSA, dsa(Some(false), b"")),
        (M::ML_DSA, dsa(None, b"context")),
        (M::AES_ECB, Parameters::Bytes(vec![1; 16])),
        (M::AES_CBC, Parameters::None),
        (M::AES_CBC, Parameters::Bytes(vec![1; 15])),
        (M::AES_CTR, Parameters::Counter { bits: 0, block: [0; 16] }),
        (M::AES_CTR, Parameters::Counter { bits: 129, block: [0; 16] }),
        (M::AES_GCM, Parameters::Bytes(vec![1; 12])),
        (M::AES_GCM, gcm(0, 128)),
        (M::AES_GCM, gcm(12, 129)),
        (M::AES_GCM, gcm(12, 136)),
        (M::AES_CCM, gcm(12, 128)),
        (M::AES_CMAC, Parameters::Number(16)),
        (M::AES_CMAC_GENERAL, Parameters::Number(3)),
        (M::AES_CMAC_GENERAL, Parameters::Number(17)),
        (M::SHA256_HMAC_GENERAL, Parameters::Number(33)),
        (M::SHA256_HMAC_GENERAL, Parameters::None),
        (M::AES_GMAC, Parameters::Bytes(vec![1; 11])),
        (M::AES_KEY_WRAP, Parameters::Bytes(vec![1; 4])),
        (M::AES_KEY_WRAP_KWP, Parameters::Bytes(vec![1; 8])),
    ];
    for (mechanism, parameters) in wrong {
        let case = with(mechanism, parameters);
        for operation in [Operation::Sign, Operation::Encrypt] {
            let refused = mechanism::begin(operation, &case, None).err();
            assert_eq!(refused, Some(Status::MechanismParamInvalid), "{case:?}");
        }
    }
    // Lengths that only the key's use shows.
    let aes = secret(KeyType::AES, [1; 16]);
    for (nonce, tag_bits) in [(12, 32), (129, 128)] {
        let case = with(M::AES_GCM, gcm(nonce, tag_bits));
        for perform in [whole, in_parts] {
            let refused = perform(Operation::Encrypt, &case, Some(&aes), (b"text", &[]));
            assert_eq!(refused, Err(Status::MechanismParamInvalid));
        }
    }
}

#[test]
fn data_that_do_not_fit() {
    let rsa = rsa_pair();
    let aes = secret(KeyType::AES, [1; 16]);
    let curve = curve_pair(M::EC_KEY_PAIR_GEN, CURVES[0]);
    let long = [1; 300];
    let table: [(Operation, M, &Template, &[u8], Status); 15] = [
        (Operation::Sign, M::RSA_PKCS, &rsa.private, &long[..246], Status::DataLenRange),
        (Operation::Sign, M::RSA_X_509, &rsa.private, &long[..257], Status::DataLenRange),
        (Operation::Sign, M::RSA_X_509, &rsa.private, &[0xff; 256], Status::DataLenRange),
        (Operation::Sign, M::RSA_PKCS_PSS, &rsa.private, &long[..31], Status::DataLenRange),
        (Operation::Encrypt, M::RSA_PKCS, &rsa.public, &long[..246], Status::DataLenRange),
        (Operation::Encrypt, M::RSA_PKCS_OAEP, &rsa.public, &long[..191], Status::DataLenRange),
        (
            Operation::Decrypt,
            M::RSA_PKCS,
            &rsa.private,
            &long[..255],
            Status::EncryptedDataLenRange,
        ),
        (Operation::Decrypt, M::RSA_PKCS_OAEP, &rsa.private, &long, Status::EncryptedDataLenRange),
        (
            Operation::Decrypt,
            M::RSA_PKCS_OAEP,
            &rsa.private,
            &long[..256],
            Status::EncryptedDataInvalid,
        ),
        (Operation::Sign, M::ECDSA, &curve.private, &[], Status::DataLenRange),
        (Operation::Encrypt, M::AES_ECB, &aes, &long[..17], Status::DataLenRange),
        (Operation::Decrypt, M::AES_CBC, &aes, &long[..15], Status::EncryptedDataLenRange),
        (Operation::Decrypt, M::AES_CBC_PAD, &aes, &long[..32], Status::EncryptedDataInvalid),
        (Operation::Decrypt, M::AES_GCM, &aes, &long[..15], Status::EncryptedDataLenRange),
        (Operation::Decrypt, M::AES_GCM, &aes, &long[..40], Status::EncryptedDataInvalid),
    ];
    for (operation, mechanism, key, data, status) in table {
        let case = case(mechanism);
        for perform in [whole, in_parts] {
            let refused = perform(operation, &case, Some(key), (data, &[]));
            assert_eq!(refused, Err(status), "{operation:?} {mechanism}");
        }
    }
    // A salt that the modulus has no room for.
    let pss = PssParameters { hash: M::SHA512, mask: MaskHash(4), salt_bytes: 191 };
    let case = with(M::SHA512_RSA_PKCS_PSS, Parameters::Pss(pss));
    let refused = whole(Operation::Sign, &case, Some(&rsa.private), (b"data", &[]));
    assert_eq!(refused, Err(Status::KeySizeRange));
}

/// What is kept for a mechanism that needs all data at once has an end.
#[test]
fn parts_without_end_are_refused() {
    let pair = curve_pair(M::EC_EDWARDS_KEY_PAIR_GEN, EDWARDS[0]);
    let key = Some(prepared(&pair.private));
    let mut signing = mechanism::begin(Operation::Sign, &case(M::EDDSA), key).unwrap();
    let part = vec![1; 1 << 20];
    for _ in 0..16 {
        signing.update(&part).unwrap();
    }
    assert_eq!(signing.update(&part[..1]).err(), Some(Status::DataLenRange));
}

#[test]
fn keys_that_are_none() {
    let rsa = &rsa_pair().private;
    let edit = |kind, value: &[u8]| rsa.clone().with(kind, bytes(value));
    let refused = |key: &Template| PreparedKey::from_template(key).err();
    let invalid = Some(Status::AttributeValueInvalid);
    assert_eq!(refused(&edit(A::PRIVATE_EXPONENT, &[3; 256])), invalid);
    assert_eq!(refused(&edit(A::PRIME_1, &[3; 128])), invalid);
    assert_eq!(refused(&edit(A::MODULUS, &[0xff; 128])), Some(Status::KeySizeRange));
    assert_eq!(refused(&edit(A::MODULUS, &[])), invalid);
    let mut missing = rsa.clone();
    missing.0.retain(|attribute| attribute.kind != A::MODULUS);
    assert_eq!(refused(&missing), Some(Status::TemplateIncomplete));
    let public = rsa_pair().public.clone();
    assert_eq!(refused(&public.with(A::PUBLIC_EXPONENT, bytes([2]))), invalid);
    let curve = curve_pair(M::EC_KEY_PAIR_GEN, CURVES[0]);
    let value = curve.private.clone().with(A::VALUE, bytes([0xff; 32]));
    assert_eq!(refused(&value), invalid);
    let point = curve.public.clone().with(A::EC_POINT, bytes([4; 65]));
    assert_eq!(refused(&point), invalid);
    let explicit = curve.public.clone().with(A::EC_PARAMS, bytes([0x30, 0]));
    assert_eq!(refused(&explicit), Some(Status::DomainParamsInvalid));
    let other = curve.public.with(A::EC_PARAMS, bytes(EDWARDS[0]));
    assert_eq!(refused(&other), Some(Status::CurveNotSupported));
    assert_eq!(refused(&secret(KeyType::AES, [1; 17])), Some(Status::KeySizeRange));
    assert_eq!(refused(&secret(KeyType::GENERIC_SECRET, [])), invalid);
    assert_eq!(refused(&secret(KeyType::RSA, [1; 16])), Some(Status::KeyTypeInconsistent));
    assert_eq!(refused(&secret(KeyType(0x4242), [1])), Some(Status::KeyTypeInconsistent));
    assert_eq!(refused(&Template::default()), Some(Status::TemplateIncomplete));
}

#[test]
fn generation_refuses_what_there_is_not() {
    let key = |mechanism, template: Template| {
        mechanism::generate_key(&Mechanism::plain(mechanism), &template).err()
    };
    let bytes_of = |bytes| Template::default().with(A::VALUE_LEN, bytes);
    assert_eq!(key(M::AES_KEY_GEN, Template::default()), Some(Status::TemplateIncomplete));
    assert_eq!(key(M::AES_KEY_GEN, bytes_of(17)), Some(Status::KeySizeRange));
    assert_eq!(key(M::GENERIC_SECRET_KEY_GEN, bytes_of(0)), Some(Status::KeySizeRange));
    assert_eq!(key(M::GENERIC_SECRET_KEY_GEN, bytes_of(513)), Some(Status::KeySizeRange));
    let other = bytes_of(16).with(A::KEY_TYPE, KeyType::CHACHA20.0);
    assert_eq!(key(M::AES_KEY_GEN, other), Some(Status::TemplateInconsistent));
    assert_eq!(key(M::AES_CBC, bytes_of(16)), Some(Status::MechanismInvalid));
    assert_eq!(key(M::PKCS5_PBKD2, bytes_of(16)), Some(Status::MechanismParamInvalid));
    let pair = |mechanism, template: Template| {
        let private = Template::default();
        mechanism::generate_pair(&Mechanism::plain(mechanism), &template, &private).err()
    };
    let rsa = |bits| Template::default().with(A::MODULUS_BITS, bits);
    let generation = M::RSA_PKCS_KEY_PAIR_GEN;
    assert_eq!(pair(generation, Template::default()), Some(Status::TemplateIncomplete));
    assert_eq!(pair(generation, rsa(1024)), Some(Status::KeySizeRange));
    assert_eq!(pair(generation, rsa(u64::MAX)), Some(Status::KeySizeRange));
    let even = rsa(2048).with(A::PUBLIC_EXPONENT, bytes([4]));
    assert_eq!(pair(generation, even), Some(Status::AttributeValueInvalid));
    let curve = Template::default().with(A::EC_PARAMS, bytes(EDWARDS[0]));
    assert_eq!(pair(M::EC_KEY_PAIR_GEN, curve), Some(Status::CurveNotSupported));
    assert_eq!(pair(M::EC_KEY_PAIR_GEN, rsa(1)), Some(Status::TemplateIncomplete));
    let set = Template::default().with(A::PARAMETER_SET, 4);
    assert_eq!(pair(M::ML_KEM_KEY_PAIR_GEN, set), Some(Status::ParameterSetNotSupported));
    assert_eq!(pair(M::ECDSA, rsa(2048)), Some(Status::MechanismInvalid));
}
