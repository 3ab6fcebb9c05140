//! Mechanisms on prepared keys, without links and sessions: operations of an HSM's day, and where
//! two libraries can serve one, both in turn. Prints medians over rounds, with their spread.
//!
//! `cargo bench --bench mechanisms [-- NAME]` runs those whose name has NAME in it.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop at a failure")]

use std::{hint::black_box, sync::Arc, time::Instant};

use lunacm::{
    crypto::{RsaComponents, RsaPrivateKey},
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, AttributeValue, GcmLike, KeyType, Mechanism, MechanismType as M,
        ObjectClass, Operation, Parameters, Template,
    },
};
use openssl::{
    cipher::Cipher, cipher_ctx::CipherCtx, ec::EcKey, ecdsa::EcdsaSig, pkey::PKey, rsa::Padding,
};

const ROUNDS: usize = 9;

/// `CKA_EC_PARAMS` of P-256.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// A name, how often a round runs it, and the work.
type Bench = (String, u32, Box<dyn FnMut()>);

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut benches = Vec::new();
    for group in [curves, rsa, ciphers, keys] {
        benches.extend(group());
    }
    benches.retain(|(name, ..)| wanted.iter().all(|part| name.contains(part)));
    let mut times: Vec<Vec<f64>> = benches.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, count, work), times) in benches.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..*count {
                work();
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(*count));
        }
    }
    for ((name, ..), mut times) in benches.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let (least, middle, most) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
        println!("{name}: median {middle:.2} us (min {least:.2}, max {most:.2})");
    }
}

fn operation(
    name: &str,
    count: u32,
    (operation, mechanism): (Operation, Mechanism),
    (key, data): (impl Into<Option<Arc<PreparedKey>>>, Vec<u8>),
) -> Bench {
    let key = key.into();
    let work = move || {
        let output = mechanism::perform(operation, &mechanism, key.as_deref(), &data, &[]);
        black_box(output.unwrap());
    };
    (name.to_owned(), count, Box::new(work))
}

fn prepared(template: &Template) -> Arc<PreparedKey> {
    Arc::new(PreparedKey::from_template(template).unwrap())
}

fn pair(mechanism: M, public: &Template) -> (Template, Template) {
    let mechanism = Mechanism::plain(mechanism);
    mechanism::generate_pair(&mechanism, public, &Template::default()).unwrap()
}

fn curves() -> Vec<Bench> {
    let p256 = Template::default().with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let (public, private) = pair(M::EC_KEY_PAIR_GEN, &p256);
    let key = prepared(&private);
    let ecdsa = || (Operation::Sign, Mechanism::plain(M::ECDSA));
    let sign = |data: &[u8]| {
        mechanism::perform(Operation::Sign, &ecdsa().1, Some(&key), data, &[]).unwrap()
    };
    let signature = sign(&[7; 32]).to_vec();
    let public = prepared(&public);
    let verify = move || {
        let mechanism = Mechanism::plain(M::ECDSA);
        let (operation, key) = (Operation::Verify, Some(&*public));
        mechanism::perform(operation, &mechanism, key, &[7; 32], &signature).unwrap();
    };
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let other = EcKey::generate(&group).unwrap();
    let edwards = AttributeValue::bytes(*b"\x06\x03\x2b\x65\x70");
    let edwards = Template::default().with(A::EC_PARAMS, edwards);
    let edwards = prepared(&pair(M::EC_EDWARDS_KEY_PAIR_GEN, &edwards).1);
    vec![
        operation("P-256 sign", 500, ecdsa(), (key.clone(), vec![7; 32])),
        (
            "P-256 sign, OpenSSL".to_owned(),
            500,
            Box::new(move || drop(black_box(EcdsaSig::sign(&[7; 32], &*other).unwrap()))),
        ),
        ("P-256 verify".to_owned(), 200, Box::new(verify)),
        operation(
            "Ed25519 sign",
            500,
            (Operation::Sign, Mechanism::plain(M::EDDSA)),
            (edwards, vec![7; 32]),
        ),
        (
            "P-256 generate".to_owned(),
            200,
            Box::new(move || drop(black_box(pair(M::EC_KEY_PAIR_GEN, &p256)))),
        ),
    ]
}

fn rsa() -> Vec<Bench> {
    let mut benches: Vec<Bench> = Vec::new();
    for (bits, count) in [(2048, 40), (3072, 20), (4096, 10)] {
        let components = RsaComponents::generate(bits, &[1, 0, 1]).unwrap();
        let key = RsaPrivateKey::new(&components).unwrap();
        let other = openssl::rsa::Rsa::private_key_from_der(&components.to_der().unwrap()).unwrap();
        let bytes = usize::try_from(bits / 8).unwrap();
        let info = [
            &b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..],
            &[7; 32],
        ]
        .concat();
        let data = info.clone();
        let sign = move || drop(black_box(key.sign_pkcs1_data(&data).unwrap()));
        benches.push((format!("RSA-{bits} sign"), count, Box::new(sign)));
        let mut output = vec![0; bytes];
        let sign = move || {
            other.private_encrypt(&info, &mut output, Padding::PKCS1).unwrap();
        };
        benches.push((format!("RSA-{bits} sign, OpenSSL"), count, Box::new(sign)));
    }
    benches
}

fn ciphers() -> Vec<Bench> {
    let secret = |kind: KeyType| {
        let template = Template::default()
            .with(A::CLASS, ObjectClass::SECRET_KEY.0)
            .with(A::KEY_TYPE, kind.0)
            .with(A::VALUE, AttributeValue::bytes([3; 32]));
        prepared(&template)
    };
    let gcm = || Mechanism {
        mechanism: M::AES_GCM,
        parameters: Parameters::Gcm(GcmLike {
            nonce: vec![9; 12],
            associated: Vec::new(),
            tag_bits: 128,
        }),
    };
    let cbc = Mechanism { mechanism: M::AES_CBC, parameters: Parameters::Bytes(vec![1; 16]) };
    let fetched = Cipher::fetch(None, "AES-256-GCM", None).unwrap();
    let by_openssl = move || {
        let mut context = CipherCtx::new().unwrap();
        context.encrypt_init(Some(&fetched), Some(&[3; 32]), Some(&[9; 12])).unwrap();
        let mut output = Vec::with_capacity(1056);
        context.cipher_update_vec(&[5; 1024], &mut output).unwrap();
        context.cipher_final_vec(&mut output).unwrap();
        black_box(output);
    };
    let sign = |mechanism| (Operation::Sign, Mechanism::plain(mechanism));
    let aes = || (secret(KeyType::AES), vec![5; 1024]);
    vec![
        operation("AES-GCM 1 KiB encrypt", 5000, (Operation::Encrypt, gcm()), aes()),
        ("AES-GCM 1 KiB encrypt, OpenSSL".to_owned(), 5000, Box::new(by_openssl)),
        operation("AES-CBC 1 KiB encrypt", 5000, (Operation::Encrypt, cbc), aes()),
        operation("AES-CMAC 1 KiB", 5000, sign(M::AES_CMAC), aes()),
        operation(
            "HMAC-SHA-256 1 KiB",
            5000,
            sign(M::SHA256_HMAC),
            (secret(KeyType::GENERIC_SECRET), vec![5; 1024]),
        ),
        operation(
            "SHA-256 1 KiB",
            5000,
            (Operation::Digest, Mechanism::plain(M::SHA256)),
            (None, vec![5; 1024]),
        ),
    ]
}

/// What a key costs before its first use.
fn keys() -> Vec<Bench> {
    let p256 = Template::default().with(A::EC_PARAMS, AttributeValue::bytes(P256));
    let curve = pair(M::EC_KEY_PAIR_GEN, &p256).1;
    let rsa = pair(M::RSA_PKCS_KEY_PAIR_GEN, &Template::default().with(A::MODULUS_BITS, 2048)).1;
    let prepare = |name: &str, template: Template| -> Bench {
        let work = move || drop(black_box(PreparedKey::from_template(&template).unwrap()));
        (name.to_owned(), 20, Box::new(work))
    };
    let generate = |bits| -> Bench {
        let work = move || drop(black_box(RsaComponents::generate(bits, &[1, 0, 1]).unwrap()));
        (format!("RSA-{bits} generate"), 1, Box::new(work))
    };
    let by_openssl = || drop(black_box(PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap())));
    vec![
        prepare("P-256 prepare", curve),
        prepare("RSA-2048 prepare", rsa),
        generate(2048),
        ("RSA-2048 generate, OpenSSL".to_owned(), 1, Box::new(by_openssl)),
    ]
}
