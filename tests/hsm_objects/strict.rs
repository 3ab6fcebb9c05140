//! The preset `strict`, and what templates preset.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        PolicySet, Request, Role, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, Mechanism,
            MechanismType as M, ObjectHandle, Template,
        },
    },
};

use crate::{
    hsm_support::{Bench, add_role, done},
    support::{
        CO, S, aes, application, copy, create, data, destroy, is, open, partition, perform, set,
    },
};

fn strict() -> (Bench, LinkSession, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    let changes = PolicySet::strict();
    done(&bench.hsm, &officer, Request::ChangePolicies { changes, erase: true });
    let link = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    open(&bench.hsm, &link, S);
    (bench, officer, link)
}

fn uses(uses: &[A]) -> Template {
    uses.iter().fold(Template::default(), |template, usage| template.with(*usage, true))
}

fn rsa(
    hsm: &Hsm,
    link: &LinkSession,
    public: Template,
    private: Template,
) -> Result<(ObjectHandle, ObjectHandle), Status> {
    let request = CryptokiRequest::GenerateKeyPair {
        session: S,
        mechanism: Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN),
        public: public
            .with(A::MODULUS_BITS, 2048)
            .with(A::PUBLIC_EXPONENT, AttributeValue::bytes([1, 0, 1])),
        private,
    };
    match perform(hsm, link, request)? {
        Some(CryptokiReply::KeyPair { public, private }) => Ok((public, private)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_names_one_use_has_chosen_a_role() {
    const USES: [A; 7] =
        [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::WRAP, A::UNWRAP, A::DERIVE];
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let of = |key| USES.map(|usage| is(hsm, &link, key, usage));
    let silent = aes(hsm, &link, Template::default()).unwrap();
    assert_eq!(of(silent), [true, true, true, true, false, false, false]);
    for (at, usage) in USES.iter().enumerate() {
        let named = aes(hsm, &link, uses(&[*usage])).unwrap();
        let mut expected = [false; 7];
        expected[at] = true;
        assert_eq!(of(named), expected, "{usage}");
        let denied = aes(hsm, &link, Template::default().with(*usage, false)).unwrap();
        assert_eq!(of(denied), [false; 7], "{usage}");
    }
    let (public, private) = rsa(hsm, &link, Template::default(), uses(&[A::UNWRAP])).unwrap();
    assert!(is(hsm, &link, public, A::ENCRYPT) && is(hsm, &link, public, A::VERIFY));
    assert!(!is(hsm, &link, private, A::SIGN) && !is(hsm, &link, private, A::DECRYPT));
}

#[test]
fn a_key_and_its_other_half_have_one_purpose_for_good() {
    let (bench, _, link) = strict();
    let hsm = &bench.hsm;
    assert_eq!(aes(hsm, &link, Template::default()), Err(Status::TemplateInconsistent));
    let both = uses(&[A::WRAP, A::DECRYPT]);
    assert_eq!(aes(hsm, &link, both), Err(Status::TemplateInconsistent));
    let across = rsa(hsm, &link, uses(&[A::WRAP]), uses(&[A::DECRYPT]));
    assert_eq!(across, Err(Status::TemplateInconsistent));
    rsa(hsm, &link, uses(&[A::WRAP]), uses(&[A::UNWRAP])).unwrap();
    let key = aes(hsm, &link, uses(&[A::WRAP]).with(A::TOKEN, true)).unwrap();
    let other = uses(&[A::DECRYPT]).with(A::WRAP, false);
    assert_eq!(set(hsm, &link, key, other.clone()), Err(Status::AttributeReadOnly));
    assert_eq!(copy(hsm, &link, key, other), Err(Status::AttributeReadOnly));
    copy(hsm, &link, key, Template::default().with(A::TOKEN, false)).unwrap();
}

#[test]
fn only_what_the_partition_so_trusts_wraps() {
    let (bench, officer, link) = strict();
    let hsm = &bench.hsm;
    open(hsm, &officer, S);
    let (public, _) =
        rsa(hsm, &link, uses(&[A::WRAP]).with(A::TOKEN, true), uses(&[A::UNWRAP])).unwrap();
    let out = |usage| uses(&[usage]).with(A::EXTRACTABLE, true);
    let key = aes(hsm, &link, out(A::ENCRYPT)).unwrap();
    let deriving = aes(hsm, &link, out(A::DERIVE)).unwrap();
    let wrap = |key| {
        let mechanism = Mechanism::plain(M::RSA_PKCS);
        let request = CryptokiRequest::WrapKey { session: S, mechanism, wrapping_key: public, key };
        perform(hsm, &link, request).map(drop)
    };
    assert_eq!(wrap(key), Err(Status::KeyNotWrappable));
    let trusts = Template::default().with(A::TRUSTED, true);
    assert_eq!(set(hsm, &link, public, trusts.clone()), Err(Status::AttributeReadOnly));
    let more = trusts.clone().with(A::WRAP, true);
    assert_eq!(set(hsm, &officer, public, more), Err(Status::AttributeReadOnly));
    set(hsm, &officer, public, trusts).unwrap();
    assert_eq!(wrap(key), Ok(()));
    // What makes or protects keys stays.
    assert_eq!(wrap(deriving), Err(Status::KeyNotWrappable));
}

#[test]
fn the_crypto_user_and_nobody_manage_nothing() {
    let (bench, _, link) = strict();
    let hsm = &bench.hsm;
    let public = create(hsm, &link, data("public").with(A::TOKEN, true)).unwrap();
    let user = add_role(hsm, &link, Role::CryptoUser, "cu-password");
    open(hsm, &user, S);
    let nobody = application(hsm, &link);
    for who in [&user, &nobody] {
        let note = create(hsm, who, data("note"));
        assert_eq!(note, Err(Status::UserNotLoggedIn));
        let label = crate::support::labelled("mine");
        assert_eq!(set(hsm, who, public, label.clone()), Err(Status::UserNotLoggedIn));
        assert_eq!(copy(hsm, who, public, label), Err(Status::UserNotLoggedIn));
        assert_eq!(destroy(hsm, who, public), Err(Status::UserNotLoggedIn));
    }
    destroy(hsm, &link, public).unwrap();
}
