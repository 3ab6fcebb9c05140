//! Templates that ask for what contradicts itself, or for what would not be what was asked for:
//! nothing of a template is ignored in silence.

use lunacm::model::{
    Status,
    cryptoki::{
        AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, HkdfSalt,
        KeyDerivation, KeyType, Mechanism, MechanismType as M, ObjectClass, ObjectHandle,
        Parameters, Template,
    },
};

use crate::support::{
    P256, S, aes, create, find, generate, get, imported, made, pair, partition, perform, text,
};

type Case = (&'static str, Template, Result<(), Status>);

const OK: Result<(), Status> = Ok(());
const INCONSISTENT: Result<(), Status> = Err(Status::TemplateInconsistent);
const INCOMPLETE: Result<(), Status> = Err(Status::TemplateIncomplete);
const WRONG_VALUE: Result<(), Status> = Err(Status::AttributeValueInvalid);
const READ_ONLY: Result<(), Status> = Err(Status::AttributeReadOnly);
const NO_TYPE: Result<(), Status> = Err(Status::AttributeTypeInvalid);

fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::bytes(value)
}

fn none() -> Template {
    Template::default()
}

/// A template with an attribute twice.
fn twice(kind: A, values: [AttributeValue; 2]) -> Template {
    let attribute = |value| lunacm::model::cryptoki::Attribute { kind, value };
    Template(values.map(attribute).to_vec())
}

fn check(cases: Vec<Case>, mut act: impl FnMut(Template) -> Result<ObjectHandle, Status>) {
    for (what, template, wanted) in cases {
        assert_eq!(act(template).map(drop), wanted, "{what}");
    }
}

fn class(class: ObjectClass) -> Template {
    none().with(A::CLASS, class.0)
}

#[test]
fn what_is_created_is_what_was_said_of_it() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let key = || imported(&[7; 16]);
    let probe = create(hsm, &link, key()).unwrap();
    let sum = get(hsm, &link, probe, A::CHECK_VALUE).unwrap();
    let certificate = || {
        class(ObjectClass::CERTIFICATE)
            .with(A::CERTIFICATE_TYPE, 0)
            .with(A::SUBJECT, bytes(&[0x30, 0]))
    };
    let pointed = || certificate().with(A::URL, text("http://localhost/"));
    let dated =
        |date: &str| certificate().with(A::VALUE, text("v")).with(A::START_DATE, text(date));
    check(
        vec![
            ("right check value", key().with(A::CHECK_VALUE, sum), OK),
            ("wrong check value", key().with(A::CHECK_VALUE, bytes(&[1; 3])), WRONG_VALUE),
            ("length beside the value", key().with(A::VALUE_LEN, 16), READ_ONLY),
            ("modulus of a secret key", key().with(A::MODULUS, bytes(&[7])), NO_TYPE),
            ("number as text", key().with(A::KEY_TYPE, text("AES")), WRONG_VALUE),
            ("truth as number", key().with(A::ENCRYPT, 1), WRONG_VALUE),
            ("no such date", dated("20260230"), WRONG_VALUE),
            ("thirteenth month", dated("20261301"), WRONG_VALUE),
            ("signs and spaces", dated("+2026 11"), WRONG_VALUE),
            ("leap day", dated("20280229"), OK),
            (
                "ends before it starts",
                dated("20270101").with(A::END_DATE, text("20260101")),
                INCONSISTENT,
            ),
            (
                "a password for a public key's use",
                key().with(A::ALWAYS_AUTHENTICATE, true),
                NO_TYPE,
            ),
            ("nothing of a certificate", certificate(), INCOMPLETE),
            ("certificate", certificate().with(A::VALUE, text("cert")), OK),
            ("only its address", pointed(), INCOMPLETE),
            (
                "address and keys",
                pointed()
                    .with(A::HASH_OF_SUBJECT_PUBLIC_KEY, bytes(&[1; 20]))
                    .with(A::HASH_OF_ISSUER_PUBLIC_KEY, bytes(&[2; 20])),
                OK,
            ),
        ],
        |template| create(hsm, &link, template),
    );
    let declined = create(hsm, &link, key().with(A::CHECK_VALUE, bytes(&[]))).unwrap();
    assert_eq!(get(hsm, &link, declined, A::CHECK_VALUE), Ok(bytes(&[])));
}

#[test]
fn the_halves_of_an_imported_key_belong_together() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let private = none().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
    let (public, private) = pair(hsm, &link, none(), private).unwrap();
    let (other, _) = pair(hsm, &link, none(), none()).unwrap();
    let read = |object, kind| get(hsm, &link, object, kind).unwrap();
    let import = || {
        class(ObjectClass::PRIVATE_KEY)
            .with(A::KEY_TYPE, KeyType::EC.0)
            .with(A::EC_PARAMS, bytes(P256))
            .with(A::VALUE, read(private, A::VALUE))
    };
    let (point, wrong_point) = (read(public, A::EC_POINT), read(other, A::EC_POINT));
    let (info, wrong_info) = (read(public, A::PUBLIC_KEY_INFO), read(other, A::PUBLIC_KEY_INFO));
    let whole = || class(ObjectClass::PUBLIC_KEY).with(A::KEY_TYPE, KeyType::EC.0);
    let whole = || whole().with(A::EC_PARAMS, bytes(P256)).with(A::EC_POINT, point.clone());
    check(
        vec![
            ("alone", import(), OK),
            ("with its point", import().with(A::EC_POINT, point.clone()), OK),
            ("with another's point", import().with(A::EC_POINT, wrong_point), WRONG_VALUE),
            ("with its info", import().with(A::PUBLIC_KEY_INFO, info), OK),
            ("info of another", import().with(A::PUBLIC_KEY_INFO, wrong_info.clone()), WRONG_VALUE),
            ("public, info of another", whole().with(A::PUBLIC_KEY_INFO, wrong_info), WRONG_VALUE),
            ("password at each use", import().with(A::ALWAYS_AUTHENTICATE, true), OK),
            (
                "password at each use, no login",
                import().with(A::ALWAYS_AUTHENTICATE, true).with(A::PRIVATE, false),
                INCONSISTENT,
            ),
        ],
        |template| create(hsm, &link, template),
    );
}

#[test]
fn what_is_generated_is_what_was_asked_for() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let size = || none().with(A::VALUE_LEN, 16);
    check(
        vec![
            ("a size", size(), OK),
            ("no size", none(), INCOMPLETE),
            ("no such size", none().with(A::VALUE_LEN, 17), Err(Status::KeySizeRange)),
            ("two sizes", twice(A::VALUE_LEN, [16.into(), 32.into()]), INCONSISTENT),
            ("size as text", none().with(A::VALUE_LEN, text("16")), WRONG_VALUE),
            ("another kind", size().with(A::KEY_TYPE, KeyType::HKDF.0), INCONSISTENT),
            ("another class", size().with(A::CLASS, ObjectClass::DATA.0), INCONSISTENT),
            ("class as text", size().with(A::CLASS, text("secret")), INCONSISTENT),
            ("a value", size().with(A::VALUE, bytes(&[7; 16])), READ_ONLY),
            ("a check value", size().with(A::CHECK_VALUE, bytes(&[7; 3])), WRONG_VALUE),
            ("local", size().with(A::LOCAL, false), READ_ONLY),
            ("never extractable", size().with(A::NEVER_EXTRACTABLE, true), READ_ONLY),
            ("an identifier", size().with(A::UNIQUE_ID, text("1")), READ_ONLY),
            ("trusted", size().with(A::TRUSTED, true), READ_ONLY),
            (
                "on the token for all",
                size().with(A::TOKEN, true).with(A::PRIVATE, false),
                INCONSISTENT,
            ),
            ("no attribute of keys", size().with(A::URL, text("http://localhost/")), NO_TYPE),
        ],
        |template| generate(hsm, &link, M::AES_KEY_GEN, template),
    );
    let public = |template: Template| pair(hsm, &link, template, none()).map(|pair| pair.0);
    let private = |template: Template| pair(hsm, &link, none(), template).map(|pair| pair.1);
    check(
        vec![
            ("a point", none().with(A::EC_POINT, bytes(&[4, 1, 4])), READ_ONLY),
            ("sensitive", none().with(A::SENSITIVE, true), NO_TYPE),
            ("another kind", none().with(A::KEY_TYPE, KeyType::RSA.0), INCONSISTENT),
            ("info", none().with(A::PUBLIC_KEY_INFO, bytes(&[0x30, 0])), WRONG_VALUE),
        ],
        public,
    );
    check(
        vec![
            ("a curve in the private half", none().with(A::EC_PARAMS, bytes(P256)), READ_ONLY),
            ("a value", none().with(A::VALUE, bytes(&[7; 32])), READ_ONLY),
            ("another class", class(ObjectClass::PUBLIC_KEY), INCONSISTENT),
            ("encrypts", none().with(A::ENCRYPT, true), NO_TYPE),
        ],
        private,
    );
    assert_eq!(find(hsm, &link, class(ObjectClass::PUBLIC_KEY)).len(), 0, "halves were left");
}

#[test]
fn what_is_derived_is_what_was_asked_for() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let base = none().with(A::VALUE_LEN, 32).with(A::DERIVE, true);
    let link = &link;
    let base = generate(hsm, link, M::HKDF_KEY_GEN, base).unwrap();
    let by_hkdf = |mechanism: M| {
        move |template: Template| {
            let parameters = Parameters::Hkdf {
                extract: true,
                expand: true,
                hash: M::SHA256,
                salt: HkdfSalt::Null,
                info: Vec::new(),
            };
            let mechanism = Mechanism { mechanism, parameters };
            let request =
                CryptokiRequest::DeriveKey { session: S, mechanism, base_key: base, template };
            made(perform(hsm, link, request))
        }
    };
    let size = |bytes: u64| none().with(A::VALUE_LEN, bytes);
    let too_long = 255 * 32 + 1;
    check(
        vec![
            ("a size", size(16), OK),
            ("no size", none(), INCOMPLETE),
            ("nothing", size(0), Err(Status::KeySizeRange)),
            ("more than there is", size(too_long), Err(Status::KeySizeRange)),
            ("two sizes", twice(A::VALUE_LEN, [16.into(), 32.into()]), INCONSISTENT),
            ("size as text", none().with(A::VALUE_LEN, text("16")), WRONG_VALUE),
            (
                "an AES key of no such size",
                size(17).with(A::KEY_TYPE, KeyType::AES.0),
                Err(Status::KeySizeRange),
            ),
            ("a private key", size(32).with(A::CLASS, ObjectClass::PRIVATE_KEY.0), INCONSISTENT),
            ("a key of a pair", size(32).with(A::KEY_TYPE, KeyType::EC.0), WRONG_VALUE),
            ("a value", size(16).with(A::VALUE, bytes(&[7; 16])), READ_ONLY),
            ("a check value", size(16).with(A::CHECK_VALUE, bytes(&[7; 3])), WRONG_VALUE),
            ("always sensitive", size(16).with(A::ALWAYS_SENSITIVE, true), READ_ONLY),
        ],
        by_hkdf(M::HKDF_DERIVE),
    );
    check(
        vec![
            ("a size", size(16), OK),
            ("no size", none(), INCOMPLETE),
            ("nothing", size(0), Err(Status::KeySizeRange)),
            ("more than there is", size(too_long), Err(Status::KeySizeRange)),
            ("more than memory", size(u64::MAX), Err(Status::KeySizeRange)),
            ("two sizes", twice(A::VALUE_LEN, [16.into(), 16.into()]), INCONSISTENT),
            ("size as text", none().with(A::VALUE_LEN, text("16")), WRONG_VALUE),
            ("a key", size(16).with(A::CLASS, ObjectClass::SECRET_KEY.0), INCONSISTENT),
            ("class as text", size(16).with(A::CLASS, text("data")), WRONG_VALUE),
            ("a kind of key", size(16).with(A::KEY_TYPE, KeyType::AES.0), NO_TYPE),
            ("a value", size(16).with(A::VALUE, bytes(&[7; 16])), INCONSISTENT),
            ("sensitive", size(16).with(A::SENSITIVE, true), NO_TYPE),
        ],
        by_hkdf(M::HKDF_DATA),
    );
    let sixteen = by_hkdf(M::HKDF_DATA)(size(16)).unwrap();
    let AttributeValue::Bytes(value) = get(hsm, link, sixteen, A::VALUE).unwrap() else {
        panic!("no bytes")
    };
    assert_eq!(value.len(), 16);
}

#[test]
fn what_is_agreed_upon_is_as_long_as_was_asked_for() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let (public, private) = pair(hsm, &link, none(), none().with(A::DERIVE, true)).unwrap();
    let AttributeValue::Bytes(public) = get(hsm, &link, public, A::EC_POINT).unwrap() else {
        panic!("no bytes")
    };
    let link = &link;
    let agree = |derivation: KeyDerivation| {
        let parameters =
            Parameters::Ecdh { derivation, shared: Vec::new(), public: public.to_vec() };
        let mechanism = Mechanism { mechanism: M::ECDH1_DERIVE, parameters };
        move |template: Template| {
            let mechanism = mechanism.clone();
            let request =
                CryptokiRequest::DeriveKey { session: S, mechanism, base_key: private, template };
            made(perform(hsm, link, request))
        }
    };
    let aes = |bytes: u64| none().with(A::KEY_TYPE, KeyType::AES.0).with(A::VALUE_LEN, bytes);
    check(
        vec![
            ("all of it", none(), OK),
            ("a part", aes(16), OK),
            ("more than there is", none().with(A::VALUE_LEN, 33), Err(Status::KeySizeRange)),
            ("no AES key", aes(20), Err(Status::KeySizeRange)),
            ("a point", none().with(A::EC_POINT, bytes(&[4])), NO_TYPE),
        ],
        agree(KeyDerivation::NULL),
    );
}

#[test]
fn what_is_unwrapped_is_what_was_asked_for() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let unwrapping = aes(hsm, &link, none().with(A::WRAP, true).with(A::UNWRAP, true)).unwrap();
    let key = none().with(A::VALUE_LEN, 16).with(A::EXTRACTABLE, true);
    let key = generate(hsm, &link, M::AES_KEY_GEN, key).unwrap();
    let mechanism = Mechanism::plain(M::AES_KEY_WRAP);
    let wrap = CryptokiRequest::WrapKey { session: S, mechanism, wrapping_key: unwrapping, key };
    let Ok(Some(CryptokiReply::Bytes(wrapped))) = perform(hsm, &link, wrap) else {
        panic!("no bytes")
    };
    let unwrap = |template: Template| {
        let request = CryptokiRequest::UnwrapKey {
            session: S,
            mechanism: Mechanism::plain(M::AES_KEY_WRAP),
            unwrapping_key: unwrapping,
            wrapped: wrapped.to_vec(),
            template,
        };
        made(perform(hsm, &link, request))
    };
    let key = || class(ObjectClass::SECRET_KEY).with(A::KEY_TYPE, KeyType::AES.0);
    check(
        vec![
            ("a key", key(), OK),
            ("its size", key().with(A::VALUE_LEN, 16), OK),
            ("another size", key().with(A::VALUE_LEN, 32), INCONSISTENT),
            ("no kind", class(ObjectClass::SECRET_KEY), INCOMPLETE),
            ("no class", none().with(A::KEY_TYPE, KeyType::AES.0), INCOMPLETE),
            (
                "a public key",
                class(ObjectClass::PUBLIC_KEY).with(A::KEY_TYPE, KeyType::RSA.0),
                INCONSISTENT,
            ),
            ("data", class(ObjectClass::DATA), INCONSISTENT),
            (
                "a key of another size",
                class(ObjectClass::SECRET_KEY).with(A::KEY_TYPE, KeyType::CHACHA20.0),
                Err(Status::WrappedKeyLenRange),
            ),
            ("a value", key().with(A::VALUE, bytes(&[7; 16])), READ_ONLY),
            ("a check value", key().with(A::CHECK_VALUE, bytes(&[7; 3])), WRONG_VALUE),
            ("twice", Template([key().0, key().0].concat()), INCONSISTENT),
            ("on the token", key().with(A::TOKEN, true), OK),
        ],
        unwrap,
    );
}
