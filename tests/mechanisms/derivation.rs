//! Keys out of other keys.

use std::sync::Arc;

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::{
        Status,
        cryptoki::{
            AttributeType as A, HkdfSalt, KeyDerivation, KeyType, Mechanism, MechanismType as M,
            ObjectClass, ObjectHandle, Operation, Parameters, PrfData, Template,
        },
    },
};

use crate::support::{CURVES, MONTGOMERY, curve_pair, prepared, secret, whole, with};

/// A base key for derivations that take any secret.
fn base() -> Template {
    secret(KeyType::GENERIC_SECRET, (0..32).collect::<Vec<u8>>())
}

fn asked(kind: KeyType, bytes: u64) -> Template {
    Template::default().with(A::KEY_TYPE, kind.0).with(A::VALUE_LEN, bytes)
}

fn derive(
    mechanism: &Mechanism,
    base: &Template,
    others: &[Arc<PreparedKey>],
    template: &Template,
) -> Result<Vec<u8>, Status> {
    let derived = mechanism::derive(mechanism, &prepared(base), others, template)?;
    if derived.number(A::CLASS) == Some(ObjectClass::SECRET_KEY.0) {
        assert_eq!(derived.number(A::KEY_TYPE), template.number(A::KEY_TYPE).or(Some(0x10)));
        prepared(&derived);
    }
    Ok(derived.bytes(A::VALUE).unwrap().to_vec())
}

/// Each derivation with parameters of its own, against another way to the same key.
pub fn every(mechanism: M) {
    match mechanism {
        M::ECDH1_DERIVE => {
            agreement(mechanism, M::EC_KEY_PAIR_GEN, &CURVES);
            agreement(mechanism, M::EC_MONTGOMERY_KEY_PAIR_GEN, &MONTGOMERY);
        }
        M::ECDH1_COFACTOR_DERIVE => agreement(mechanism, M::EC_KEY_PAIR_GEN, &CURVES),
        M::HKDF_DERIVE | M::HKDF_DATA => hkdf(mechanism),
        M::SP800_108_COUNTER_KDF => counter(mechanism),
        M::SP800_108_FEEDBACK_KDF => feedback(mechanism),
        M::SP800_108_DOUBLE_PIPELINE_KDF => double_pipeline(mechanism),
        M::AES_ECB_ENCRYPT_DATA | M::AES_CBC_ENCRYPT_DATA => encryption(mechanism),
        M::CONCATENATE_BASE_AND_KEY
        | M::CONCATENATE_BASE_AND_DATA
        | M::CONCATENATE_DATA_AND_BASE
        | M::XOR_BASE_AND_DATA => combination(mechanism),
        other => panic!("{other} is not tried"),
    }
}

fn agreement(mechanism: M, generation: M, curves: &[&[u8]]) {
    for curve in curves {
        let [one, other] = [(); 2].map(|()| curve_pair(generation, curve));
        let ecdh = |peer: &Template, derivation| {
            let public = peer.bytes(A::EC_POINT).unwrap().to_vec();
            let shared = if derivation == 1 { vec![] } else { b"shared".to_vec() };
            let derivation = KeyDerivation(derivation);
            with(mechanism, Parameters::Ecdh { derivation, shared, public })
        };
        for derivation in [1, 2, 5, 6, 7, 8, 0xa, 0xb, 0xc, 0xd] {
            let template = asked(KeyType::AES, 32);
            let mine = derive(&ecdh(&other.public, derivation), &one.private, &[], &template);
            let theirs = derive(&ecdh(&one.public, derivation), &other.private, &[], &template);
            assert_eq!(mine, theirs, "{mechanism} {derivation}");
            assert_eq!(mine.unwrap().len(), 32);
        }
        // Without a function, the last bytes count.
        let plain = ecdh(&other.public, 1);
        let whole = derive(&plain, &one.private, &[], &Template::default()).unwrap();
        let cut = derive(&plain, &one.private, &[], &asked(KeyType::AES, 16)).unwrap();
        assert_eq!(cut, whole[whole.len() - 16..]);
        let long = derive(&plain, &one.private, &[], &asked(KeyType::GENERIC_SECRET, 67));
        assert_eq!(long, Err(Status::KeySizeRange));
        let mut wrong = ecdh(&other.public, 1);
        if let Parameters::Ecdh { public, .. } = &mut wrong.parameters {
            public.pop();
        }
        let refused = derive(&wrong, &one.private, &[], &Template::default());
        assert_eq!(refused, Err(Status::MechanismParamInvalid));
    }
}

/// RFC 5869, test case 1.
fn hkdf(mechanism: M) {
    let input = secret(KeyType::GENERIC_SECRET, [0x0b; 22]);
    let salt: Vec<u8> = (0..13).collect();
    let case = |salt, extract, expand| {
        let (hash, info) = (M::SHA256, (0xf0..0xfa).collect());
        with(mechanism, Parameters::Hkdf { extract, expand, hash, salt, info })
    };
    let expected = b"\x3c\xb2\x5f\x25\xfa\xac\xd5\x7a\x90\x43\x4f\x64\xd0\x36\x2f\x2a\x2d\x2d\x0a\
                     \x90\xcf\x1a\x5a\x4c\x5d\xb0\x2d\x56\xec\xc4\xc5\xbf\x34\x00\x72\x08\xd5\xb8\
                     \x87\x18\x58\x65";
    let template = Template::default().with(A::VALUE_LEN, 42);
    let data = case(HkdfSalt::Data(salt.clone()), true, true);
    assert_eq!(derive(&data, &input, &[], &template).unwrap(), expected);
    let key = case(HkdfSalt::Key(ObjectHandle(7)), true, true);
    let salt_key = prepared(&secret(KeyType::GENERIC_SECRET, &salt));
    assert_eq!(derive(&key, &input, &[salt_key], &template).unwrap(), expected);
    assert_eq!(derive(&key, &input, &[], &template), Err(Status::MechanismParamInvalid));
    // In two steps.
    let template = Template::default().with(A::VALUE_LEN, 32);
    let first = derive(&case(HkdfSalt::Data(salt), true, false), &input, &[], &template).unwrap();
    let first = secret(KeyType::HKDF, first);
    let template = Template::default().with(A::VALUE_LEN, 42);
    let second = derive(&case(HkdfSalt::Null, false, true), &first, &[], &template);
    assert_eq!(second.unwrap(), expected);
}

fn number(bits: u64, sum: bool) -> PrfData {
    PrfData::Length { little_endian: false, bits, sum_of_keys: sum }
}

fn big_endian(bits: u64) -> PrfData {
    PrfData::Counter { little_endian: false, bits }
}

/// AWS-LC's own function of this kind has a counter of 32 bits before its input.
fn counter(mechanism: M) {
    use aws_lc_rs::kdf::{KbkdfCtrHmacAlgorithmId, get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac};

    let data = vec![big_endian(32), PrfData::Bytes(b"label\0context".to_vec())];
    let case = |prf, data| with(mechanism, Parameters::Sp800108 { prf, data, feedback: vec![] });
    let id = KbkdfCtrHmacAlgorithmId::Sha256;
    let algorithm = get_kbkdf_ctr_hmac_algorithm(id).unwrap();
    let mut expected = [0; 100];
    let key = base();
    let value = key.bytes(A::VALUE).unwrap();
    kbkdf_ctr_hmac(algorithm, value, b"label\0context", &mut expected).unwrap();
    let template = asked(KeyType::GENERIC_SECRET, 100);
    let derived = derive(&case(M::SHA256_HMAC, data), &key, &[], &template).unwrap();
    assert_eq!(derived, expected);
    // By CMAC, one block long, it is the code of counter and input.
    let parts = vec![PrfData::Bytes(b"label".to_vec()), big_endian(8), number(16, true)];
    let aes = secret(KeyType::AES, [3; 16]);
    let derived = derive(&case(M::AES_CMAC, parts), &aes, &[], &asked(KeyType::AES, 16)).unwrap();
    let cmac = Mechanism::plain(M::AES_CMAC);
    let code = whole(Operation::Sign, &cmac, Some(&aes), (b"label\x01\x00\x80", &[]));
    assert_eq!(code, Ok(derived));
    // A counter that is too narrow, and none at all.
    let narrow = vec![big_endian(8)];
    let long = Template::default().with(A::VALUE_LEN, 512);
    assert!(derive(&case(M::SHA_1_HMAC, narrow), &key, &[], &long).is_ok());
    for data in [vec![], vec![PrfData::Iteration], vec![big_endian(8), big_endian(8)]] {
        let refused = derive(&case(M::SHA256_HMAC, data), &key, &[], &long);
        assert_eq!(refused, Err(Status::MechanismParamInvalid));
    }
}

/// `openssl kdf -keylen 80 -kdfopt mac:HMAC -kdfopt digest:SHA256 -kdfopt mode:feedback -kdfopt
/// hexkey:0001..1f -kdfopt salt:label -kdfopt info:context -kdfopt hexseed:aabb..99 KBKDF` of
/// OpenSSL 3.0, which feeds the previous output, a counter of 32 bits, label, zero, context and
/// the length in 32 bits.
fn feedback(mechanism: M) {
    let seed: Vec<u8> =
        b"\xaa\xbb\xcc\xdd\xee\xff\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99".repeat(2);
    let data = vec![
        PrfData::Iteration,
        big_endian(32),
        PrfData::Bytes(b"label\0context".to_vec()),
        number(32, true),
    ];
    let parameters = Parameters::Sp800108 { prf: M::SHA256_HMAC, data, feedback: seed };
    let template = asked(KeyType::GENERIC_SECRET, 80);
    let derived = derive(&with(mechanism, parameters), &base(), &[], &template).unwrap();
    let expected = b"\x15\x78\x55\x54\xa6\xa4\x54\xb2\x01\x9b\x49\x30\x97\x94\xa9\xbc\x76\xba\x67\
                     \xa3\x21\x21\x23\x17\x86\xbd\x98\x73\x0c\xd7\xfd\xbb\x80\x6f\xe4\x8e\xb0\x46\
                     \xe9\x44\x9b\x30\x2b\x71\x4e\xed\x1b\x5f\x8c\x79\x95\x69\x72\x53\xc9\xf6\x76\
                     \xf0\x0f\x27\xe0\x46\x4a\xc7\x07\xdb\xd0\x93\x63\x0d\x1b\x22\x56\x8c\x60\xce\
                     \x52\x12\xdb\x72";
    assert_eq!(derived, expected);
}

/// NIST SP 800-108r1 section 4.3, written out for two blocks.
fn double_pipeline(mechanism: M) {
    let data = vec![PrfData::Iteration, big_endian(8), PrfData::Bytes(b"fixed".to_vec())];
    let parameters = Parameters::Sp800108 { prf: M::SHA256_HMAC, data, feedback: vec![] };
    let template = asked(KeyType::GENERIC_SECRET, 64);
    let key = base();
    let derived = derive(&with(mechanism, parameters), &key, &[], &template).unwrap();
    let hmac = |data: &[u8]| {
        let mechanism = Mechanism::plain(M::SHA256_HMAC);
        whole(Operation::Sign, &mechanism, Some(&key), (data, &[])).unwrap()
    };
    let first = hmac(b"fixed");
    let second = hmac(&first);
    let mut expected = hmac(&[&first[..], b"\x01fixed"].concat());
    expected.extend(hmac(&[&second[..], b"\x02fixed"].concat()));
    assert_eq!(derived, expected);
}

fn encryption(mechanism: M) {
    let key = secret(KeyType::AES, [4; 32]);
    let data = [6; 48];
    let (parameters, by) = match mechanism {
        M::AES_ECB_ENCRYPT_DATA => {
            (Parameters::Data(data.to_vec().into()), Mechanism::plain(M::AES_ECB))
        }
        _ => (
            Parameters::CbcEncryptData { vector: [5; 16], data: data.to_vec() },
            with(M::AES_CBC, Parameters::Bytes(vec![5; 16])),
        ),
    };
    let expected = whole(Operation::Encrypt, &by, Some(&key), (&data, &[])).unwrap();
    let case = with(mechanism, parameters);
    assert_eq!(derive(&case, &key, &[], &Template::default()), Ok(expected.clone()));
    let cut = derive(&case, &key, &[], &asked(KeyType::AES, 24));
    assert_eq!(cut.as_deref(), Ok(&expected[..24]));
    let refused = derive(&case, &base(), &[], &Template::default());
    assert_eq!(refused, Err(Status::KeyTypeInconsistent));
}

fn combination(mechanism: M) {
    let key = base();
    let value = key.bytes(A::VALUE).unwrap();
    let data = [0xa5; 32];
    let (parameters, expected) = match mechanism {
        M::CONCATENATE_BASE_AND_KEY => (Parameters::Key(ObjectHandle(7)), [value, &data].concat()),
        M::CONCATENATE_BASE_AND_DATA => {
            (Parameters::Data(data.to_vec().into()), [value, &data].concat())
        }
        M::CONCATENATE_DATA_AND_BASE => {
            (Parameters::Data(data.to_vec().into()), [&data, value].concat())
        }
        _ => {
            let mixed = value.iter().map(|byte| byte ^ 0xa5).collect();
            (Parameters::Data(data.to_vec().into()), mixed)
        }
    };
    let others = [prepared(&secret(KeyType::GENERIC_SECRET, data))];
    let case = with(mechanism, parameters);
    assert_eq!(derive(&case, &key, &others, &Template::default()), Ok(expected));
    // Nobody gets a piece that could be searched.
    let cut = derive(&case, &key, &others, &asked(KeyType::AES, 16));
    assert_eq!(cut, Err(Status::TemplateInconsistent), "{mechanism}");
    if mechanism == M::XOR_BASE_AND_DATA {
        let short = with(mechanism, Parameters::Data(vec![1; 31].into()));
        let refused = derive(&short, &key, &[], &Template::default());
        assert_eq!(refused, Err(Status::MechanismParamInvalid));
    }
}

#[test]
fn templates_and_base_keys_are_checked() {
    let plain = with(M::ECDH1_DERIVE, Parameters::None);
    let refused = derive(&plain, &base(), &[], &Template::default());
    assert_eq!(refused, Err(Status::MechanismParamInvalid));
    let pair = curve_pair(M::EC_KEY_PAIR_GEN, CURVES[0]);
    let public = pair.public.bytes(A::EC_POINT).unwrap().to_vec();
    let parameters = Parameters::Ecdh { derivation: KeyDerivation(6), shared: vec![], public };
    let ecdh = with(M::ECDH1_DERIVE, parameters);
    let missing = derive(&ecdh, &pair.private, &[], &Template::default());
    assert_eq!(missing, Err(Status::TemplateIncomplete));
    let odd = derive(&ecdh, &pair.private, &[], &asked(KeyType::AES, 17));
    assert_eq!(odd, Err(Status::KeySizeRange));
    let wrong = derive(&ecdh, &base(), &[], &asked(KeyType::AES, 16));
    assert_eq!(wrong, Err(Status::KeyTypeInconsistent));
    let class = asked(KeyType::AES, 16).with(A::CLASS, ObjectClass::DATA.0);
    let wrong = derive(&ecdh, &pair.private, &[], &class);
    assert_eq!(wrong, Err(Status::TemplateInconsistent));
    let kind = Template::default().with(A::KEY_TYPE, KeyType::RSA.0).with(A::VALUE_LEN, 16);
    let wrong = derive(&ecdh, &pair.private, &[], &kind);
    assert_eq!(wrong, Err(Status::KeyTypeInconsistent));
    let unknown = derive(&Mechanism::plain(M::AES_CBC), &base(), &[], &Template::default());
    assert_eq!(unknown, Err(Status::MechanismInvalid));
}
