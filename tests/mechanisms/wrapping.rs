//! Keys under other keys.

use lunacm::{
    hsm::mechanism,
    model::{
        Status,
        cryptoki::{
            AttributeType as A, KeyType, Mechanism, MechanismType as M, ObjectClass, Template,
        },
    },
};

use crate::{
    every::case,
    support::{
        CURVES, EDWARDS, MONTGOMERY, curve_pair, lattice_pair, of_kind, prepared, rsa_pair, secret,
    },
};

/// The mechanism for a key whose encoding has so many bytes, which CCM wants to know.
fn case_for(mechanism: M, bytes: usize) -> Mechanism {
    let mut case = case(mechanism);
    if let lunacm::model::cryptoki::Parameters::Ccm { data_bytes, .. } = &mut case.parameters {
        *data_bytes = u64::try_from(bytes).unwrap();
    }
    case
}

/// A secret key comes back from under every kind of key that the mechanism takes.
pub fn both_ways(mechanism: M) {
    let wrapping_keys = match mechanism {
        M::RSA_PKCS | M::RSA_PKCS_OAEP => vec![rsa_pair().clone()],
        M::CHACHA20_POLY1305 => vec![same(secret(KeyType::CHACHA20, [8; 32]))],
        _ => [16, 24, 32].map(|bytes| same(secret(KeyType::AES, vec![8; bytes]))).to_vec(),
    };
    let key = secret(KeyType::AES, (0..32).collect::<Vec<u8>>());
    let template = of_kind(ObjectClass::SECRET_KEY, KeyType::AES);
    let case = case_for(mechanism, 32);
    for pair in wrapping_keys {
        let (wrapping, unwrapping) = (prepared(&pair.public), prepared(&pair.private));
        let wrapped = mechanism::wrap(&case, &wrapping, &key).unwrap();
        let found = mechanism::unwrap(&case, &unwrapping, &wrapped, &template).unwrap();
        assert_eq!(found.bytes(A::VALUE), key.bytes(A::VALUE), "{mechanism}");
        assert_eq!(found.number(A::VALUE_LEN), Some(32));
        let longer = template.clone().with(A::VALUE_LEN, 16);
        let refused = mechanism::unwrap(&case, &unwrapping, &wrapped, &longer);
        assert_eq!(refused, Err(Status::TemplateInconsistent), "{mechanism}");
    }
}

fn same(key: Template) -> crate::support::Pair {
    crate::support::Pair { public: key.clone(), private: key }
}

#[test]
fn private_keys_of_every_kind_come_back() {
    let wrapping = prepared(&secret(KeyType::AES, [9; 32]));
    let mut keys = vec![rsa_pair().private.clone()];
    keys.extend(CURVES.map(|curve| curve_pair(M::EC_KEY_PAIR_GEN, curve).private));
    keys.extend(EDWARDS.map(|curve| curve_pair(M::EC_EDWARDS_KEY_PAIR_GEN, curve).private));
    keys.extend(MONTGOMERY.map(|curve| curve_pair(M::EC_MONTGOMERY_KEY_PAIR_GEN, curve).private));
    for set in [1, 2, 3] {
        for mechanism in [M::ML_KEM_KEY_PAIR_GEN, M::ML_DSA_KEY_PAIR_GEN] {
            let key = lattice_pair(mechanism, set).private;
            // Without its seed the key goes in its expanded form.
            let mut expanded = key.clone();
            expanded.0.retain(|attribute| attribute.kind != A::SEED);
            keys.extend([key, expanded]);
        }
    }
    for key in keys {
        let kind = KeyType(key.number(A::KEY_TYPE).unwrap());
        let template = of_kind(ObjectClass::PRIVATE_KEY, kind);
        for mechanism in [M::AES_KEY_WRAP_KWP, M::AES_CBC_PAD, M::AES_GCM] {
            let wrapped = mechanism::wrap(&case(mechanism), &wrapping, &key).unwrap();
            let found = mechanism::unwrap(&case(mechanism), &wrapping, &wrapped, &template);
            assert_eq!(found, Ok(key.clone()), "{kind} under {mechanism}");
        }
        let other = if kind == KeyType::RSA { KeyType::EC } else { KeyType::RSA };
        let template = of_kind(ObjectClass::PRIVATE_KEY, other);
        let case = case(M::AES_KEY_WRAP_KWP);
        let wrapped = mechanism::wrap(&case, &wrapping, &key).unwrap();
        let refused = mechanism::unwrap(&case, &wrapping, &wrapped, &template);
        assert_eq!(refused, Err(Status::TemplateInconsistent));
    }
}

/// OpenSSL reads what we write, and we read what it writes.
#[test]
fn encodings_are_those_of_openssl() {
    use openssl::pkey::PKey;

    let wrapping = prepared(&secret(KeyType::AES, [9; 32]));
    let case = case(M::AES_GCM);
    let mut pairs = vec![rsa_pair().clone()];
    pairs.extend(CURVES.map(|curve| curve_pair(M::EC_KEY_PAIR_GEN, curve)));
    pairs.extend(EDWARDS.map(|curve| curve_pair(M::EC_EDWARDS_KEY_PAIR_GEN, curve)));
    pairs.extend(MONTGOMERY.map(|curve| curve_pair(M::EC_MONTGOMERY_KEY_PAIR_GEN, curve)));
    for pair in pairs {
        let public = PKey::public_key_from_der(pair.public.bytes(A::PUBLIC_KEY_INFO).unwrap());
        let wrapped = mechanism::wrap(&case, &wrapping, &pair.private).unwrap();
        let operation = lunacm::model::cryptoki::Operation::Decrypt;
        let der = mechanism::perform(operation, &case, Some(&wrapping), &wrapped, &[]).unwrap();
        let private = PKey::private_key_from_pkcs8(&der).unwrap();
        assert!(private.public_eq(&public.unwrap()));
        // The other way.
        let operation = lunacm::model::cryptoki::Operation::Encrypt;
        let theirs = private.private_key_to_pkcs8().unwrap();
        let wrapped = mechanism::perform(operation, &case, Some(&wrapping), &theirs, &[]).unwrap();
        let kind = KeyType(pair.private.number(A::KEY_TYPE).unwrap());
        let template = of_kind(ObjectClass::PRIVATE_KEY, kind);
        let found = mechanism::unwrap(&case, &wrapping, &wrapped, &template);
        assert_eq!(found, Ok(pair.private));
    }
}

#[test]
fn what_was_not_wrapped_so_is_refused() {
    let wrapping = prepared(&secret(KeyType::AES, [9; 32]));
    let template = of_kind(ObjectClass::SECRET_KEY, KeyType::AES);
    for mechanism in [M::AES_KEY_WRAP, M::AES_KEY_WRAP_KWP, M::AES_GCM] {
        let case = case(mechanism);
        let key = secret(KeyType::AES, [1; 16]);
        let mut wrapped = mechanism::wrap(&case, &wrapping, &key).unwrap();
        let short = mechanism::unwrap(&case, &wrapping, &wrapped[..7], &template);
        assert_eq!(short, Err(Status::WrappedKeyLenRange), "{mechanism}");
        wrapped[3] ^= 1;
        let changed = mechanism::unwrap(&case, &wrapping, &wrapped, &template);
        assert_eq!(changed, Err(Status::WrappedKeyInvalid), "{mechanism}");
    }
    // A text that is no key: 20 bytes are no AES key, and nonsense is no private key.
    let case = case(M::AES_KEY_WRAP_KWP);
    let key = secret(KeyType::GENERIC_SECRET, [1; 20]);
    let wrapped = mechanism::wrap(&case, &wrapping, &key).unwrap();
    let refused = mechanism::unwrap(&case, &wrapping, &wrapped, &template);
    assert_eq!(refused, Err(Status::WrappedKeyLenRange));
    let private = of_kind(ObjectClass::PRIVATE_KEY, KeyType::RSA);
    let refused = mechanism::unwrap(&case, &wrapping, &wrapped, &private);
    assert_eq!(refused, Err(Status::WrappedKeyInvalid));
}

#[test]
fn keys_and_mechanisms_that_do_not_fit() {
    let aes = secret(KeyType::AES, [9; 32]);
    let rsa = rsa_pair();
    let wrap = |mechanism: M, wrapping: &Template, key: &Template| {
        mechanism::wrap(&case(mechanism), &prepared(wrapping), key).err()
    };
    let wrong_key = Some(Status::WrappingKeyTypeInconsistent);
    assert_eq!(wrap(M::RSA_PKCS, &aes, &aes), wrong_key);
    assert_eq!(wrap(M::RSA_PKCS_OAEP, &rsa.private, &aes), wrong_key);
    assert_eq!(wrap(M::AES_KEY_WRAP, &rsa.public, &aes), wrong_key);
    assert_eq!(wrap(M::AES_ECB, &aes, &aes), Some(Status::MechanismInvalid));
    assert_eq!(wrap(M::RSA_PKCS, &rsa.public, &rsa.private), Some(Status::KeyNotWrappable));
    assert_eq!(wrap(M::AES_KEY_WRAP_KWP, &aes, &rsa.public), Some(Status::KeyNotWrappable));
    let odd = secret(KeyType::GENERIC_SECRET, [1; 20]);
    assert_eq!(wrap(M::AES_KEY_WRAP, &aes, &odd), Some(Status::KeyNotWrappable));
    let unwrap = |mechanism: M, key: &Template| {
        let template = of_kind(ObjectClass::SECRET_KEY, KeyType::AES);
        mechanism::unwrap(&case(mechanism), &prepared(key), &[0; 256], &template).err()
    };
    let wrong_key = Some(Status::UnwrappingKeyTypeInconsistent);
    assert_eq!(unwrap(M::RSA_PKCS, &rsa.public), wrong_key);
    assert_eq!(unwrap(M::RSA_PKCS_OAEP, &aes), wrong_key);
    assert_eq!(unwrap(M::AES_KEY_WRAP, &rsa.private), wrong_key);
    assert_eq!(unwrap(M::AES_CTR, &aes), Some(Status::MechanismInvalid));
}
