//! Keys and objects through the module, as a program in Rust uses them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

#[path = "../world/mod.rs"]
mod world;

#[path = "../pkcs11_tools/token.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod token;

use std::env;

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use token::{PIN, Token, module};
use world::has_home_here;

/// The object identifier of P-256.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A process has one library, and one home: the scenes go one after the other.
#[test]
fn keys_serve_a_program() {
    if !has_home_here(&["--exact", "keys_serve_a_program", "--nocapture"]) {
        return;
    }
    let token = Token::new();
    env::set_current_dir(&token.client.home).unwrap();
    let library = Pkcs11::new(module()).unwrap();
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = library.get_slots_with_initialized_token().unwrap()[0];
    let session = library.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&PIN.into())).unwrap();

    parts_and_wholes_are_the_same(&session);
    a_small_buffer_loses_nothing(&session);
    errors_come_with_the_initialization(&session);
    a_search_goes_on_for_many_pages(&session);
    a_key_may_want_a_login_each_time(&session);
    a_concatenation_gives_no_key_away(&session);

    let read_only = library.open_ro_session(slot).unwrap();
    let refused = generate_ec(&read_only, true, &[]).unwrap_err();
    assert_eq!(code(&refused), Some(RvError::SessionReadOnly));
    drop((session, read_only));
    let session = library.open_rw_session(slot).unwrap();
    let refused = generate_ec(&session, false, &[]).unwrap_err();
    assert_eq!(code(&refused), Some(RvError::UserNotLoggedIn));
}

fn parts_and_wholes_are_the_same(session: &Session) {
    let (public, private) = generate_ec(session, false, &[]).unwrap();
    let data: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for length in [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, data.len()] {
        let data = &data[..length];
        session.sign_init(&Mechanism::EcdsaSha256, private).unwrap();
        data.chunks(999).for_each(|part| session.sign_update(part).unwrap());
        let signature = session.sign_final().unwrap();
        session.verify(&Mechanism::EcdsaSha256, public, data, &signature).unwrap();
        session.verify_init(&Mechanism::EcdsaSha256, public).unwrap();
        data.chunks(10_000).for_each(|part| session.verify_update(part).unwrap());
        session.verify_final(&signature).unwrap();
        let whole = session.digest(&Mechanism::Sha384, data).unwrap();
        session.digest_init(&Mechanism::Sha384).unwrap();
        data.chunks(7777).for_each(|part| session.digest_update(part).unwrap());
        assert_eq!(session.digest_final().unwrap(), whole, "{length} bytes");
    }
    let aes = aes(session);
    let mechanism = Mechanism::AesCbcPad([9; 16]);
    let whole = session.encrypt(&mechanism, aes, &data).unwrap();
    session.encrypt_init(&mechanism, aes).unwrap();
    let mut parts: Vec<u8> = Vec::new();
    data.chunks(33_333).for_each(|part| parts.extend(session.encrypt_update(part).unwrap()));
    parts.extend(session.encrypt_final().unwrap());
    assert_eq!(parts, whole);
    assert_eq!(session.decrypt(&mechanism, aes, &parts).unwrap(), data);
    let mut large = vec![7; 3 * 1024 * 1024];
    large[0] = 1;
    let sealed = session.encrypt(&mechanism, aes, &large).unwrap();
    assert_eq!(session.decrypt(&mechanism, aes, &sealed).unwrap(), large);
}

/// The crate asks for the length first and signs then: ECDSA's two answers would differ, had the
/// signature been made twice.
fn a_small_buffer_loses_nothing(session: &Session) {
    let (public, private) = generate_ec(session, false, &[]).unwrap();
    let signature = session.sign(&Mechanism::Ecdsa, private, &[3; 32]).unwrap();
    assert_eq!(signature.len(), 64);
    session.verify(&Mechanism::Ecdsa, public, &[3; 32], &signature).unwrap();
    let invalid = session.verify(&Mechanism::Ecdsa, public, &[4; 32], &signature).unwrap_err();
    assert_eq!(code(&invalid), Some(RvError::SignatureInvalid));
    let short = session.verify(&Mechanism::Ecdsa, public, &[3; 32], &signature[1..]).unwrap_err();
    assert_eq!(code(&short), Some(RvError::SignatureLenRange));
}

fn errors_come_with_the_initialization(session: &Session) {
    let (public, private) = generate_ec(session, false, &[]).unwrap();
    let told = |mechanism: &Mechanism<'_>, key| {
        code(&session.sign_init(mechanism, key).unwrap_err()).unwrap()
    };
    assert_eq!(told(&Mechanism::RsaPkcs, private), RvError::KeyTypeInconsistent);
    assert_eq!(told(&Mechanism::Sha256, private), RvError::MechanismInvalid);
    // It was made to encrypt, so it signs nothing.
    assert_eq!(told(&Mechanism::Ecdsa, aes(session)), RvError::KeyFunctionNotPermitted);
    let not_permitted = told(&Mechanism::Ecdsa, public);
    let expected = [RvError::KeyFunctionNotPermitted, RvError::KeyTypeInconsistent];
    assert!(expected.contains(&not_permitted), "{not_permitted:?}");
    session.destroy_object(private).unwrap();
    assert_eq!(told(&Mechanism::Ecdsa, private), RvError::KeyHandleInvalid);
    session.sign_init(&Mechanism::Ecdsa, generate_ec(session, false, &[]).unwrap().1).unwrap();
    let again = session.sign_init(&Mechanism::Ecdsa, private).unwrap_err();
    assert_eq!(code(&again), Some(RvError::OperationActive));
    session.sign_update(&[1; 32]).unwrap();
    assert_eq!(session.sign_final().unwrap().len(), 64);
}

fn a_search_goes_on_for_many_pages(session: &Session) {
    let label = Attribute::Label(b"many".to_vec());
    for number in 0..2500_u32 {
        let value = Attribute::Value(number.to_be_bytes().to_vec());
        let class = Attribute::Class(ObjectClass::DATA);
        session.create_object(&[class, Attribute::Token(false), label.clone(), value]).unwrap();
    }
    let mut found = session.find_objects(std::slice::from_ref(&label)).unwrap();
    assert_eq!(found.len(), 2500);
    found.dedup();
    assert_eq!(found.len(), 2500);
    let value = session.get_attributes(found[1234], &[AttributeType::Value]).unwrap();
    assert_eq!(value, [Attribute::Value(1234_u32.to_be_bytes().to_vec())]);
    for object in found {
        session.destroy_object(object).unwrap();
    }
    assert!(session.find_objects(&[label]).unwrap().is_empty());
}

fn a_key_may_want_a_login_each_time(session: &Session) {
    let always = Attribute::AlwaysAuthenticate(true);
    let (_, private) = generate_ec(session, false, &[always]).unwrap();
    session.sign_init(&Mechanism::EcdsaSha256, private).unwrap();
    session.sign_update(b"data").unwrap();
    let refused = session.sign_final().unwrap_err();
    assert_eq!(code(&refused), Some(RvError::UserNotLoggedIn));
    session.sign_init(&Mechanism::EcdsaSha256, private).unwrap();
    session.login(UserType::ContextSpecific, Some(&PIN.into())).unwrap();
    session.sign_update(b"data").unwrap();
    assert_eq!(session.sign_final().unwrap().len(), 64);
    session.sign_init(&Mechanism::EcdsaSha256, private).unwrap();
    session.sign_update(b"data").unwrap();
    assert_eq!(code(&session.sign_final().unwrap_err()), Some(RvError::UserNotLoggedIn));
}

fn generate_ec(
    session: &Session,
    token: bool,
    private: &[Attribute],
) -> Result<(ObjectHandle, ObjectHandle), Error> {
    let kind = [Attribute::Token(token), Attribute::EcParams(P256.to_vec())];
    let public = [&kind[..], &[Attribute::Verify(true)]].concat();
    let own = [Attribute::Token(token), Attribute::Private(true), Attribute::Sign(true)];
    let private = [&own[..], private].concat();
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
}

fn aes(session: &Session) -> ObjectHandle {
    let uses = [Attribute::Encrypt(true), Attribute::Decrypt(true), Attribute::ValueLen(32.into())];
    let template = [&[Attribute::Token(false), Attribute::Private(true)][..], &uses].concat();
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

/// A program that concatenates its own key and one that it may not read.
fn a_concatenation_gives_no_key_away(session: &Session) {
    let secret = |more: &[Attribute]| {
        let mut template = vec![Attribute::Derive(true)];
        template.extend_from_slice(more);
        template
    };
    let open = [Attribute::Sensitive(false), Attribute::Extractable(true)];
    let kept = [Attribute::Sensitive(true), Attribute::Extractable(false)];
    let length = [Attribute::ValueLen(32.into())];
    let victim = secret(&[&kept[..], &length].concat());
    let victim = session.generate_key(&Mechanism::AesKeyGen, &victim).unwrap();
    let own = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Value(vec![b'A'; 16]),
        Attribute::Private(false),
    ];
    let own = session.create_object(&secret(&[&open[..], &own].concat())).unwrap();
    let result = |more: &[Attribute]| {
        let kind = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
        ];
        [&kind[..], more].concat()
    };
    for (base, other) in [(own, victim), (victim, own)] {
        let concatenation = Mechanism::ConcatenateBaseAndKey(other);
        let refused = session.derive_key(&concatenation, base, &result(&open)).unwrap_err();
        assert_eq!(code(&refused), Some(RvError::TemplateInconsistent));
        // Who asks for nothing has a key that is kept as the victim is.
        let made = session.derive_key(&concatenation, base, &result(&[])).unwrap();
        let shown = [AttributeType::Value, AttributeType::Sensitive, AttributeType::Extractable];
        let shown = session.get_attributes(made, &shown).unwrap();
        assert_eq!(shown, kept);
    }
}

fn code(error: &Error) -> Option<RvError> {
    match error {
        Error::Pkcs11(code, _) => Some(*code),
        _ => None,
    }
}
