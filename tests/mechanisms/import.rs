//! Keys and certificates from elsewhere.

use lunacm::{
    hsm::mechanism,
    model::{
        Status,
        cryptoki::{AttributeType as A, KeyType, MechanismType as M, ObjectClass, Template},
    },
};

use crate::support::{CURVES, bytes, curve_pair, lattice_pair, of_kind, rsa_pair, secret};

/// Modulus and both exponents are enough: the rest is computed.
#[test]
fn an_rsa_key_without_its_primes_is_completed() {
    let whole = &rsa_pair().private;
    let mut bare = whole.clone();
    let kept = [A::CLASS, A::KEY_TYPE, A::MODULUS, A::PUBLIC_EXPONENT, A::PRIVATE_EXPONENT];
    bare.0.retain(|attribute| kept.contains(&attribute.kind));
    let completed = mechanism::complete_imported(&bare).unwrap();
    assert_eq!(completed.bytes(A::PUBLIC_KEY_INFO), whole.bytes(A::PUBLIC_KEY_INFO));
    let primes = [completed.bytes(A::PRIME_1), completed.bytes(A::PRIME_2)];
    assert!(primes.contains(&whole.bytes(A::PRIME_1)));
    assert!(primes.contains(&whole.bytes(A::PRIME_2)));
    // Without the public exponent too: the usual one is tried.
    bare.0.retain(|attribute| attribute.kind != A::PUBLIC_EXPONENT);
    let again = mechanism::complete_imported(&bare).unwrap();
    assert_eq!(again, completed);
}

#[test]
fn points_are_brought_into_one_form() {
    let pair = curve_pair(M::EC_KEY_PAIR_GEN, CURVES[0]);
    let encoded = pair.public.bytes(A::EC_POINT).unwrap();
    let bare = pair.public.clone().with(A::EC_POINT, bytes(&encoded[2..]));
    let named = bare.with(A::EC_PARAMS, bytes(b"\x13\x0aprime256v1"));
    let completed = mechanism::complete_imported(&named).unwrap();
    for kind in [A::EC_POINT, A::EC_PARAMS, A::PUBLIC_KEY_INFO] {
        assert_eq!(completed.get(kind), pair.public.get(kind));
    }
}

#[test]
fn seeds_and_expanded_keys_have_to_agree() {
    for generation in [M::ML_KEM_KEY_PAIR_GEN, M::ML_DSA_KEY_PAIR_GEN] {
        let [one, other] = [(); 2].map(|()| lattice_pair(generation, 2).private);
        let mut seed = one.clone();
        seed.0.retain(|attribute| attribute.kind != A::VALUE);
        assert_eq!(mechanism::complete_imported(&seed), Ok(one.clone()));
        let mixed = one.with(A::SEED, other.get(A::SEED).unwrap().clone());
        assert_eq!(mechanism::complete_imported(&mixed), Err(Status::AttributeValueInvalid));
    }
}

/// FIPS 197's key of appendix C.1 on a block of zeros, and SHA-1 of "abc".
#[test]
fn check_values() {
    let of = |template: &Template| {
        mechanism::complete_imported(template).unwrap().bytes(A::CHECK_VALUE).map(<[u8]>::to_vec)
    };
    let aes = secret(KeyType::AES, (0..16).collect::<Vec<u8>>());
    assert_eq!(of(&aes).unwrap(), b"\xc6\xa1\x3b");
    assert_eq!(of(&secret(KeyType::GENERIC_SECRET, b"abc")).unwrap(), b"\xa9\x99\x3e");
    let certificate = Template::default().with(A::CLASS, ObjectClass::CERTIFICATE.0);
    assert_eq!(of(&certificate), None);
    assert_eq!(of(&certificate.with(A::VALUE, bytes(b"abc"))).unwrap(), b"\xa9\x99\x3e");
    let data = of_kind(ObjectClass::DATA, KeyType::AES);
    assert_eq!(mechanism::complete_imported(&data), Ok(Template::default()));
}
