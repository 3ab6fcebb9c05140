//! Samples of requests about objects and keys, and of replies to them.

use lunacm::model::{
    Password, Status,
    cryptoki::{
        Attribute, AttributeRead, AttributeType as A, AttributeValue, CryptokiReply,
        CryptokiRequest, GcmLike, HkdfSalt, Iterations, KeyDerivation, MaskHash, Mechanism,
        MechanismFlags, MechanismInfo, MechanismType as M, OaepParameters, ObjectHandle, Operation,
        Parameters, PrfData, PssParameters, SessionId, Template,
    },
};
use zeroize::Zeroizing;

use crate::messages::encoded;

const SESSION: SessionId = SessionId(1);

/// A handle of two bytes, and one of a session object.
const KEY: ObjectHandle = ObjectHandle(130);
const OTHER: ObjectHandle = ObjectHandle(1 << 31);

pub fn requests() -> Vec<CryptokiRequest> {
    let session = SESSION;
    let (template, mechanism) = (template(), Mechanism::plain(M::AES_KEY_GEN));
    let key = KEY;
    let mut requests = vec![
        CryptokiRequest::OpenSession { session, read_write: true },
        CryptokiRequest::CloseSession { session },
        CryptokiRequest::CloseAllSessions,
        CryptokiRequest::LoginContext { session, password: Password::new("userpin1".into()) },
        CryptokiRequest::CreateObject { session, template: template.clone() },
        CryptokiRequest::CopyObject { session, object: key, template: Template::default() },
        CryptokiRequest::DestroyObject { session, object: OTHER },
        CryptokiRequest::ObjectSize { session, object: key },
        CryptokiRequest::GetAttributes {
            session,
            object: key,
            types: vec![A::LABEL, A::CLASS, A::ALLOWED_MECHANISMS],
        },
        CryptokiRequest::SetAttributes { session, object: key, template: template.clone() },
        CryptokiRequest::FindObjects {
            session,
            template: Template::default(),
            after: Some(key),
            limit: 100,
        },
        CryptokiRequest::GenerateKey {
            session,
            mechanism: mechanism.clone(),
            template: template.clone(),
        },
        CryptokiRequest::GenerateKeyPair {
            session,
            mechanism: Mechanism::plain(M::EC_KEY_PAIR_GEN),
            public: template.clone(),
            private: Template::default(),
        },
        CryptokiRequest::WrapKey {
            session,
            mechanism: Mechanism::plain(M::AES_KEY_WRAP),
            wrapping_key: key,
            key: OTHER,
        },
        CryptokiRequest::UnwrapKey {
            session,
            mechanism: Mechanism::plain(M::AES_KEY_WRAP),
            unwrapping_key: key,
            wrapped: vec![7; 3],
            template: Template::default(),
        },
        CryptokiRequest::EncapsulateKey {
            session,
            mechanism: Mechanism::plain(M::ML_KEM),
            public_key: key,
            template: Template::default(),
        },
        CryptokiRequest::DecapsulateKey {
            session,
            mechanism: Mechanism::plain(M::ML_KEM),
            private_key: key,
            ciphertext: vec![8; 3],
            template: Template::default(),
        },
        CryptokiRequest::Perform {
            session,
            operation: Operation::Verify,
            mechanism: Mechanism::plain(M::ECDSA_SHA256),
            key: Some(key),
            data: Zeroizing::new(b"data".to_vec()),
            signature: vec![9; 4],
        },
        CryptokiRequest::Begin {
            session,
            operation: Operation::Digest,
            mechanism: Mechanism::plain(M::SHA256),
            key: None,
        },
        update(b"a part".to_vec()),
        CryptokiRequest::UpdateWithKey { session, key },
        CryptokiRequest::Finish { session, operation: Operation::Digest, signature: Vec::new() },
        CryptokiRequest::Cancel { session, operation: Operation::VerifyRecover },
        CryptokiRequest::Random { bytes: 1 << 20 },
        CryptokiRequest::Mechanisms,
    ];
    requests.extend(parameters().into_iter().map(|(mechanism, parameters)| {
        let mechanism = Mechanism { mechanism, parameters };
        let template = Template::default();
        CryptokiRequest::DeriveKey { session, mechanism, base_key: key, template }
    }));
    requests
}

pub fn update(data: Vec<u8>) -> CryptokiRequest {
    let (session, data) = (SESSION, Zeroizing::new(data));
    CryptokiRequest::Update { session, operation: Operation::Encrypt, data }
}

/// A request with so many templates one inside the other.
pub fn nested(templates: usize) -> Vec<u8> {
    let inside =
        |inner| Template::default().with(A::WRAP_TEMPLATE, AttributeValue::Template(inner));
    let template = (1..templates).fold(Template::default(), |inner, _| inside(inner));
    encoded(CryptokiRequest::CreateObject { session: SESSION, template })
}

/// An attribute of each kind.
pub fn template() -> Template {
    Template(vec![
        Attribute { kind: A::TOKEN, value: true.into() },
        Attribute { kind: A::CLASS, value: 4.into() },
        Attribute { kind: A::VALUE_LEN, value: u64::MAX.into() },
        Attribute { kind: A::LABEL, value: AttributeValue::bytes(*b"a key") },
        Attribute { kind: A::START_DATE, value: AttributeValue::bytes(*b"20300131") },
        Attribute {
            kind: A::ALLOWED_MECHANISMS,
            value: AttributeValue::Mechanisms(vec![M::AES_GCM, M::CHACHA20_POLY1305]),
        },
        Attribute {
            kind: A::WRAP_TEMPLATE,
            value: AttributeValue::Template(
                Template::default()
                    .with(A::EXTRACTABLE, false)
                    .with(A::UNWRAP_TEMPLATE, AttributeValue::Template(Template::default())),
            ),
        },
    ])
}

/// Parameters of each kind, whether the mechanism derives keys or not.
fn parameters() -> Vec<(M, Parameters)> {
    let gcm = || GcmLike { nonce: vec![1; 12], associated: vec![2; 3], tag_bits: 128 };
    let pss = PssParameters { hash: M::SHA256, mask: MaskHash(2), salt_bytes: 32 };
    let oaep = OaepParameters { hash: M::SHA_1, mask: MaskHash(1), label: vec![3; 2] };
    let derivation = KeyDerivation::NULL;
    let hkdf = |salt| Parameters::Hkdf {
        extract: true,
        expand: false,
        hash: M::SHA512,
        salt,
        info: vec![4; 2],
    };
    let data = vec![
        PrfData::Iteration,
        PrfData::Counter { little_endian: true, bits: 32 },
        PrfData::Length { little_endian: false, bits: 16, sum_of_keys: true },
        PrfData::Bytes(vec![5; 2]),
    ];
    vec![
        (M::AES_ECB, Parameters::None),
        (M::AES_CBC, Parameters::Bytes(vec![6; 16])),
        (M::SHA256_HMAC_GENERAL, Parameters::Number(16)),
        (M::RSA_PKCS_PSS, Parameters::Pss(pss)),
        (M::RSA_PKCS_OAEP, Parameters::Oaep(oaep)),
        (M::AES_CTR, Parameters::Counter { bits: 128, block: [7; 16] }),
        (M::AES_GCM, Parameters::Gcm(gcm())),
        (M::AES_CCM, Parameters::Ccm { data_bytes: 1000, inner: gcm() }),
        (M::EDDSA, Parameters::Eddsa { prehash: false, context: Vec::new() }),
        (M::ECDH1_DERIVE, Parameters::Ecdh { derivation, shared: Vec::new(), public: vec![8; 5] }),
        (M::HKDF_DERIVE, hkdf(HkdfSalt::Null)),
        (M::HKDF_DERIVE, hkdf(HkdfSalt::Data(vec![9; 3]))),
        (M::HKDF_DATA, hkdf(HkdfSalt::Key(OTHER))),
        (
            M::PKCS5_PBKD2,
            Parameters::Pbkdf2 {
                salt: vec![10; 8],
                iterations: Iterations(600_000),
                prf: M::SHA256_HMAC,
                password: Zeroizing::new(b"userpin1".to_vec()),
            },
        ),
        (
            M::SP800_108_FEEDBACK_KDF,
            Parameters::Sp800108 { prf: M::AES_CMAC, data, feedback: vec![11; 16] },
        ),
        (
            M::AES_CBC_ENCRYPT_DATA,
            Parameters::CbcEncryptData { vector: [12; 16], data: vec![13; 16] },
        ),
        (M::XOR_BASE_AND_DATA, Parameters::Data(Zeroizing::new(vec![14; 4]))),
        (M::CONCATENATE_BASE_AND_KEY, Parameters::Key(OTHER)),
        (M::ML_DSA, Parameters::SignContext { hedge: None, context: Vec::new() }),
        (M::ML_DSA, Parameters::SignContext { hedge: Some(true), context: vec![15] }),
    ]
}

pub fn replies() -> Vec<CryptokiReply> {
    let attributes = vec![
        AttributeRead::Value(AttributeValue::bytes(*b"a key")),
        AttributeRead::Refused(Status::AttributeSensitive),
        AttributeRead::Value(AttributeValue::Template(template())),
    ];
    let info = MechanismInfo {
        mechanism: M::AES_GCM,
        smallest_key: 16,
        greatest_key: 32,
        flags: MechanismFlags::ENCRYPT.with(MechanismFlags::DECRYPT),
    };
    vec![
        CryptokiReply::Object(KEY),
        CryptokiReply::KeyPair { public: KEY, private: OTHER },
        CryptokiReply::Encapsulated { ciphertext: vec![1; 3], key: KEY },
        CryptokiReply::Size(1000),
        CryptokiReply::Attributes(attributes),
        CryptokiReply::Found { objects: vec![KEY, OTHER], more: false },
        CryptokiReply::Bytes(Zeroizing::new(vec![2; 3])),
        CryptokiReply::Bytes(Zeroizing::default()),
        CryptokiReply::Mechanisms(vec![info]),
    ]
}
