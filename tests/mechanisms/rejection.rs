//! Decryption by PKCS#1 v1.5 does not say that a padding is wrong.

use std::fs;

use lunacm::{
    hsm::mechanism,
    model::cryptoki::{
        AttributeType as A, KeyType, Mechanism, MechanismType as M, ObjectClass, Operation,
    },
};
use openssl::pkey::PKey;

use crate::support::{bytes, of_kind, prepared, rsa_pair, whole};

/// Vectors of OpenSSL 3.2, which derives the same texts.
#[test]
fn wrong_paddings_give_the_texts_that_openssl_derives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/vectors/rsa-implicit-rejection.txt");
    let text = fs::read_to_string(path).unwrap();
    let (pem, vectors) = text.split_once("-----END RSA PRIVATE KEY-----").unwrap();
    let pem = &pem[pem.find("-----BEGIN").unwrap()..];
    let pem = format!("{pem}-----END RSA PRIVATE KEY-----\n");
    let key = PKey::private_key_from_pem(pem.as_bytes()).unwrap().rsa().unwrap();
    let template = of_kind(ObjectClass::PRIVATE_KEY, KeyType::RSA)
        .with(A::MODULUS, bytes(key.n().to_vec()))
        .with(A::PUBLIC_EXPONENT, bytes(key.e().to_vec()))
        .with(A::PRIVATE_EXPONENT, bytes(key.d().to_vec()));
    let case = Mechanism::plain(M::RSA_PKCS);
    let mut tried = 0;
    for line in vectors.lines().filter(|line| line.contains(':')) {
        let (ciphertext, text) = line.split_once(':').unwrap();
        let exchange = (&hex(ciphertext)[..], &[][..]);
        let found = whole(Operation::Decrypt, &case, Some(&template), exchange);
        assert_eq!(found, Ok(hex(text)));
        tried += 1;
    }
    assert_eq!(tried, 5);
}

#[test]
fn no_ciphertext_of_the_right_length_fails() {
    let key = prepared(&rsa_pair().private);
    let case = Mechanism::plain(M::RSA_PKCS);
    let mut lengths = Vec::new();
    for at in 0..20_u8 {
        let mut ciphertext = [at; 256];
        // Below every modulus of the length.
        ciphertext[0] = 0;
        ciphertext[200] = 7;
        let decrypt =
            || mechanism::perform(Operation::Decrypt, &case, Some(&key), &ciphertext, &[]).unwrap();
        let text = decrypt();
        assert_eq!(text, decrypt(), "a text that changes tells that the padding was wrong");
        lengths.push(text.len());
    }
    lengths.dedup();
    assert!(lengths.len() > 10, "{lengths:?}");
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
