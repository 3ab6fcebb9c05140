//! Every mechanism of the table does everything that its flags say, in one part and in parts. A
//! mechanism that is added without a case here fails.

use lunacm::{
    hsm::mechanism,
    model::{
        Status,
        cryptoki::{
            AttributeType as A, GcmLike, Iterations, KeyType, MaskHash, Mechanism,
            MechanismFlags as Flags, MechanismType as M, OaepParameters, Operation, Parameters,
            PssParameters, Template,
        },
    },
};

use crate::{
    derivation,
    support::{
        self, CURVES, EDWARDS, MONTGOMERY, Pair, bytes, in_parts, prepared, rsa_pair, secret, whole,
    },
    wrapping,
};

#[test]
fn every_mechanism_does_what_its_flags_say() {
    for entry in mechanism::info() {
        let known: [(Flags, fn(M)); 9] = [
            (Flags::DIGEST, digest),
            (Flags::SIGN.with(Flags::VERIFY), sign),
            (Flags::SIGN_RECOVER.with(Flags::VERIFY_RECOVER), recover),
            (Flags::ENCRYPT.with(Flags::DECRYPT), encrypt),
            (Flags::GENERATE, generate),
            (Flags::GENERATE_KEY_PAIR, generate_pair),
            (Flags::WRAP.with(Flags::UNWRAP), wrapping::both_ways),
            (Flags::DERIVE, derivation::every),
            (Flags::ENCAPSULATE.with(Flags::DECAPSULATE), encapsulate),
        ];
        let mut done = Flags::default();
        for (flags, exercise) in known {
            if entry.flags.contains(flags) {
                exercise(entry.mechanism);
                done = done.with(flags);
            }
        }
        let curves =
            Flags::EC_F_P.with(Flags::EC_OID).with(Flags::EC_UNCOMPRESS).with(Flags::EC_CURVENAME);
        let rest = entry.flags.0 & !curves.0;
        assert_eq!(done.0, rest, "{} does something that is not tried", entry.mechanism);
        assert_ne!(done, Flags::default(), "{} does nothing", entry.mechanism);
    }
}

/// The mechanism with parameters that suit [`data`].
pub fn case(mechanism: M) -> Mechanism {
    let name = mechanism.symbol().unwrap();
    let hash = |hash, mask| (hash, MaskHash(mask));
    let pss = match mechanism {
        M::RSA_PKCS_PSS | M::SHA256_RSA_PKCS_PSS => Some((hash(M::SHA256, 2), 32)),
        M::SHA1_RSA_PKCS_PSS => Some((hash(M::SHA_1, 1), 20)),
        M::SHA224_RSA_PKCS_PSS => Some((hash(M::SHA224, 5), 28)),
        // A mixture, and an unusual salt.
        M::SHA384_RSA_PKCS_PSS => Some((hash(M::SHA384, 2), 7)),
        M::SHA512_RSA_PKCS_PSS => Some((hash(M::SHA512, 4), 64)),
        M::SHA3_224_RSA_PKCS_PSS => Some((hash(M::SHA3_224, 6), 28)),
        M::SHA3_256_RSA_PKCS_PSS => Some((hash(M::SHA3_256, 7), 32)),
        M::SHA3_384_RSA_PKCS_PSS => Some((hash(M::SHA3_384, 8), 0)),
        M::SHA3_512_RSA_PKCS_PSS => Some((hash(M::SHA3_512, 9), 64)),
        _ => None,
    };
    if let Some(((hash, mask), salt_bytes)) = pss {
        let pss = PssParameters { hash, mask, salt_bytes };
        return support::with(mechanism, Parameters::Pss(pss));
    }
    let inner = GcmLike { nonce: vec![9; 12], associated: b"head".to_vec(), tag_bits: 128 };
    let parameters = match mechanism {
        M::RSA_PKCS_OAEP => {
            let label = b"label".to_vec();
            Parameters::Oaep(OaepParameters { hash: M::SHA256, mask: MaskHash(1), label })
        }
        M::AES_CBC | M::AES_CBC_PAD => Parameters::Bytes(vec![7; 16]),
        M::AES_CTR => Parameters::Counter { bits: 64, block: [3; 16] },
        M::AES_GCM | M::CHACHA20_POLY1305 => Parameters::Gcm(inner),
        M::AES_CCM => {
            let data_bytes = u64::try_from(data(mechanism).len()).unwrap();
            Parameters::Ccm { data_bytes, inner }
        }
        M::AES_GMAC => Parameters::Bytes(vec![7; 12]),
        _ if name.ends_with("_GENERAL") => Parameters::Number(10),
        _ => Parameters::None,
    };
    support::with(mechanism, parameters)
}

/// As much as the mechanism takes, up to some blocks.
fn data(mechanism: M) -> Vec<u8> {
    let short = matches!(
        mechanism,
        M::RSA_PKCS
            | M::RSA_X_509
            | M::RSA_PKCS_PSS
            | M::RSA_PKCS_OAEP
            | M::AES_KEY_WRAP
            | M::AES_KEY_WRAP_KWP
    );
    let bytes = if short { 32 } else { 1008 };
    (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// Keys of every kind that the mechanism takes for operations.
fn keys(mechanism: M) -> Vec<Pair> {
    let both = |key: Template| Pair { public: key.clone(), private: key };
    let name = mechanism.symbol().unwrap();
    if name.contains("RSA") {
        vec![rsa_pair().clone()]
    } else if name.contains("ECDSA") {
        CURVES.map(|curve| support::curve_pair(M::EC_KEY_PAIR_GEN, curve)).to_vec()
    } else if name.contains("EDDSA") {
        EDWARDS.map(|curve| support::curve_pair(M::EC_EDWARDS_KEY_PAIR_GEN, curve)).to_vec()
    } else if name.contains("ML_DSA") {
        [1, 2, 3].map(|set| support::lattice_pair(M::ML_DSA_KEY_PAIR_GEN, set)).to_vec()
    } else if name.contains("HMAC") {
        let typed = KeyType::ALL.iter().find(|kind| {
            let kind = kind.symbol().unwrap().trim_start_matches("CKK_");
            name.trim_start_matches("CKM_").trim_end_matches("_GENERAL") == kind
        });
        let kinds = [KeyType::GENERIC_SECRET, *typed.unwrap()];
        kinds.map(|kind| both(secret(kind, [5; 40]))).to_vec()
    } else if name.contains("CHACHA20") {
        vec![both(secret(KeyType::CHACHA20, [6; 32]))]
    } else if name.contains("AES") {
        [16, 24, 32].map(|bytes| both(secret(KeyType::AES, vec![7; bytes]))).to_vec()
    } else {
        panic!("no keys for {name}")
    }
}

fn digest(mechanism: M) {
    let (case, data) = (case(mechanism), data(mechanism));
    let digest = whole(Operation::Digest, &case, None, (&data, &[])).unwrap();
    assert_eq!(in_parts(Operation::Digest, &case, None, (&data, &[])), Ok(digest.clone()));
    assert_ne!(whole(Operation::Digest, &case, None, (&data[1..], &[])), Ok(digest));
}

fn sign(mechanism: M) {
    let (case, data) = (case(mechanism), data(mechanism));
    for Pair { public, private } in keys(mechanism) {
        let (public, private) = (Some(&public), Some(&private));
        let one = whole(Operation::Sign, &case, private, (&data, &[])).unwrap();
        let other = in_parts(Operation::Sign, &case, private, (&data, &[])).unwrap();
        assert_eq!(one.len(), other.len(), "{mechanism}");
        for signature in [&one, &other] {
            let exchange = (&data[..], &signature[..]);
            assert_eq!(
                whole(Operation::Verify, &case, public, exchange),
                Ok(vec![]),
                "{mechanism}"
            );
            assert_eq!(in_parts(Operation::Verify, &case, public, exchange), Ok(vec![]));
        }
        let mut wrong = one.clone();
        *wrong.last_mut().unwrap() ^= 1;
        let mut changed = data.clone();
        changed[3] ^= 1;
        for (data, signature, status) in [
            (&data, &wrong[..], Status::SignatureInvalid),
            (&changed, &one[..], Status::SignatureInvalid),
            (&data, &one[1..], Status::SignatureLenRange),
        ] {
            let exchange = (&data[..], signature);
            let refused = whole(Operation::Verify, &case, public, exchange);
            assert_eq!(refused, Err(status), "{mechanism}");
            assert_eq!(in_parts(Operation::Verify, &case, public, exchange), Err(status));
        }
    }
}

fn recover(mechanism: M) {
    let (case, data) = (case(mechanism), data(mechanism));
    let pair = rsa_pair();
    let private = Some(&pair.private);
    let signature = whole(Operation::SignRecover, &case, private, (&data, &[])).unwrap();
    let exchange = (&signature[..], &[][..]);
    let found = whole(Operation::VerifyRecover, &case, Some(&pair.public), exchange).unwrap();
    assert!(found.ends_with(&data), "{mechanism}");
    let short = (&signature[1..], &[][..]);
    let refused = whole(Operation::VerifyRecover, &case, Some(&pair.public), short);
    assert_eq!(refused, Err(Status::SignatureLenRange));
}

fn encrypt(mechanism: M) {
    let (case, data) = (case(mechanism), data(mechanism));
    let raw = mechanism == M::RSA_X_509;
    for Pair { public, private } in keys(mechanism) {
        let (public, private) = (Some(&public), Some(&private));
        let one = whole(Operation::Encrypt, &case, public, (&data, &[])).unwrap();
        let other = in_parts(Operation::Encrypt, &case, public, (&data, &[])).unwrap();
        let random = matches!(mechanism, M::RSA_PKCS | M::RSA_PKCS_OAEP);
        assert_eq!(one != other, random, "{mechanism}");
        for ciphertext in [one, other] {
            let exchange = (&ciphertext[..], &[][..]);
            for text in [
                whole(Operation::Decrypt, &case, private, exchange),
                in_parts(Operation::Decrypt, &case, private, exchange),
            ] {
                let text = text.unwrap();
                assert!(if raw { text.ends_with(&data) } else { text == data }, "{mechanism}");
            }
        }
    }
}

fn generate(mechanism: M) {
    let mut case = case(mechanism);
    if mechanism == M::PKCS5_PBKD2 {
        case.parameters = Parameters::Pbkdf2 {
            salt: b"salt".to_vec(),
            iterations: Iterations(1000),
            prf: M::SHA256_HMAC,
            password: b"password".to_vec().into(),
        };
    }
    let template = Template::default().with(A::VALUE_LEN, 32);
    let made = mechanism::generate_key(&case, &template).unwrap();
    assert_eq!(made.bytes(A::VALUE).unwrap().len(), 32);
    assert_eq!(made.number(A::VALUE_LEN), Some(32));
    assert_eq!(made.bytes(A::CHECK_VALUE).unwrap().len(), 3);
    prepared(&made);
    let again = mechanism::generate_key(&case, &template).unwrap();
    assert_eq!(again == made, mechanism == M::PKCS5_PBKD2, "{mechanism}");
}

fn generate_pair(mechanism: M) {
    let templates = match mechanism {
        M::RSA_PKCS_KEY_PAIR_GEN => {
            vec![Template::default().with(A::MODULUS_BITS, 2048)]
        }
        M::EC_KEY_PAIR_GEN => curves(&CURVES),
        M::EC_EDWARDS_KEY_PAIR_GEN => curves(&EDWARDS),
        M::EC_MONTGOMERY_KEY_PAIR_GEN => curves(&MONTGOMERY),
        M::ML_KEM_KEY_PAIR_GEN | M::ML_DSA_KEY_PAIR_GEN => {
            [1, 2, 3].map(|set| Template::default().with(A::PARAMETER_SET, set)).to_vec()
        }
        other => panic!("no templates for {other}"),
    };
    for template in templates {
        let made = support::generated(mechanism, &template);
        prepared(&made.public);
        prepared(&made.private);
        let info = made.public.bytes(A::PUBLIC_KEY_INFO);
        assert!(info.is_some_and(|info| info.starts_with(&[0x30])));
        assert_eq!(made.private.bytes(A::PUBLIC_KEY_INFO), info);
        // What is imported is what was generated.
        let public = mechanism::complete_imported(&made.public).unwrap();
        assert_eq!(public, made.public, "{mechanism}");
        let private = mechanism::complete_imported(&made.private).unwrap();
        assert_eq!(private, made.private, "{mechanism}");
        assert_ne!(support::generated(mechanism, &template).private, made.private);
    }
}

fn curves(curves: &[&[u8]]) -> Vec<Template> {
    curves.iter().map(|curve| Template::default().with(A::EC_PARAMS, bytes(curve))).collect()
}

fn encapsulate(mechanism: M) {
    let case = case(mechanism);
    for set in [1, 2, 3] {
        let pair = support::lattice_pair(M::ML_KEM_KEY_PAIR_GEN, set);
        let template = Template::default().with(A::KEY_TYPE, KeyType::AES.0).with(A::VALUE_LEN, 32);
        let made = mechanism::encapsulate(&case, &prepared(&pair.public), &template).unwrap();
        let (ciphertext, secret) = made;
        let private = prepared(&pair.private);
        let found = mechanism::decapsulate(&case, &private, &ciphertext, &template);
        assert_eq!(found, Ok(secret.clone()));
        let mut wrong = ciphertext.clone();
        wrong[0] ^= 1;
        assert_ne!(mechanism::decapsulate(&case, &private, &wrong, &template), Ok(secret));
        let short = mechanism::decapsulate(&case, &private, &ciphertext[1..], &template);
        assert_eq!(short, Err(Status::EncryptedDataLenRange));
    }
}
