//! What leaves a partition opens in HSMs of its HSM's domain only.

use lunacm::{
    hsm::LinkSession,
    model::{
        Reply, Request, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, Mechanism,
            MechanismType as M, ObjectClass, ObjectHandle, SessionId, Template,
        },
    },
    store::Sealer,
};

use crate::{
    hsm_support::{Bench, DOMAIN, another, ask, done, refused},
    moving::{
        HISTORY, SALT, SEAT, crypto_officer, destroy, export, exported, generated, hsm, import,
        imported, known, truths,
    },
    transfer::{contents, create},
};

#[test]
fn what_leaves_opens_for_nobody_who_knows_the_partitions_domain() {
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    let handle = generated(&bench, &link, Template::default());
    let sealed = exported(&bench, &link, handle);
    for domain in [DOMAIN.as_bytes(), b"domain-of-hsm", b"default domain", b""] {
        let sealer = Sealer::new(known(domain).expose());
        for from in 0..2 {
            assert!(sealer.open(SEAT, &sealed[from..]).is_err());
        }
    }
}

#[test]
fn objects_go_between_hsms_of_one_domain_only() {
    let (one, same) = (hsm(Some("domain-of-hsm")), hsm(Some("domain-of-hsm")));
    let (other, default) = (hsm(Some("another-domain")), hsm(None));
    let from = crypto_officer(&one, "one", Some(DOMAIN));
    let handle = generated(&one, &from, Template::default());
    let sealed = exported(&one, &from, handle);
    let proof = |bench: &Bench, link: &LinkSession| match ask(
        &bench.hsm,
        link,
        Request::TransferProof { salt: SALT },
    ) {
        Reply::DomainProof(proof) => proof,
        other => panic!("{other:?}"),
    };
    for (bench, fits) in [(&same, true), (&other, false), (&default, false)] {
        let link = crypto_officer(bench, "two", Some(DOMAIN));
        assert_eq!(proof(bench, &link) == proof(&one, &from), fits);
        if fits {
            let copy = imported(bench, &link, sealed.clone(), false);
            // Believed, because an HSM has sealed it.
            assert_eq!(truths(bench, &link, copy, &HISTORY), [false, true, true, true]);
        } else {
            refused(&bench.hsm, &link, import(sealed.clone(), false), Status::DomainMismatch);
        }
    }
    let nobody = another(&from);
    refused(&one.hsm, &nobody, Request::TransferProof { salt: SALT }, Status::UserNotLoggedIn);
}

#[test]
fn under_a_default_domain_only_what_is_extractable_leaves() {
    for (hsm_domain, domain) in [(None, Some(DOMAIN)), (Some("domain-of-hsm"), None), (None, None)]
    {
        let bench = hsm(hsm_domain);
        let link = crypto_officer(&bench, "one", domain);
        let kept = generated(&bench, &link, Template::default());
        let trusting =
            Template::default().with(A::EXTRACTABLE, true).with(A::WRAP_WITH_TRUSTED, true);
        let trusting = generated(&bench, &link, trusting);
        let free = generated(&bench, &link, Template::default().with(A::EXTRACTABLE, true));
        for handle in [kept, trusting] {
            refused(&bench.hsm, &link, export(handle), Status::KeyUnextractable);
        }
        let sealed = exported(&bench, &link, free);
        // Anybody could have sealed it: what it says of its past is not believed.
        done(&bench.hsm, &link, destroy(free));
        let copy = imported(&bench, &link, sealed, false);
        assert_eq!(truths(&bench, &link, copy, &HISTORY), [false; 4]);
    }
    let bench = hsm(Some("domain-of-hsm"));
    let link = crypto_officer(&bench, "one", Some(DOMAIN));
    let kept = generated(&bench, &link, Template::default());
    exported(&bench, &link, kept);
}

#[test]
fn public_objects_and_every_kind_of_key_come_back_as_they_left() {
    let one = hsm(Some("domain-of-hsm"));
    let two = hsm(Some("domain-of-hsm"));
    let from = crypto_officer(&one, "one", Some(DOMAIN));
    let to = crypto_officer(&two, "two", Some(DOMAIN));
    generated(&one, &from, Template::default());
    let data = Template::default()
        .with(A::CLASS, ObjectClass::DATA.0)
        .with(A::TOKEN, true)
        .with(A::PRIVATE, false)
        .with(A::VALUE, AttributeValue::bytes(*b"data"));
    create(&one.hsm, &from, data);
    for (mechanism, public) in pairs() {
        let request = CryptokiRequest::GenerateKeyPair {
            session: SessionId(1),
            mechanism: Mechanism::plain(mechanism),
            public: public.with(A::TOKEN, true),
            private: Template::default().with(A::TOKEN, true),
        };
        let reply = ask(&one.hsm, &from, Request::Cryptoki(request));
        assert!(matches!(reply, Reply::Cryptoki(CryptokiReply::KeyPair { .. })), "{reply:?}");
    }
    let all = contents(&one.hsm, &from);
    for object in &all {
        let sealed = exported(&one, &from, ObjectHandle(object.handle.into()));
        imported(&two, &to, sealed, false);
    }
    let named = |list: Vec<lunacm::model::ObjectEntry>| -> Vec<_> {
        list.into_iter().map(|one| (one.ouid, one.class, one.label)).collect()
    };
    assert_eq!(named(contents(&two.hsm, &to)), named(all));
}

/// Pairs of every family.
fn pairs() -> Vec<(M, Template)> {
    let curve = |oid: &[u8]| Template::default().with(A::EC_PARAMS, AttributeValue::bytes(oid));
    let p256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let set = |number: u64| Template::default().with(A::PARAMETER_SET, number);
    let rsa = Template::default()
        .with(A::MODULUS_BITS, 2048)
        .with(A::PUBLIC_EXPONENT, AttributeValue::bytes([1, 0, 1]));
    vec![
        (M::RSA_PKCS_KEY_PAIR_GEN, rsa),
        (M::EC_KEY_PAIR_GEN, curve(&p256)),
        (M::EC_EDWARDS_KEY_PAIR_GEN, curve(&[0x06, 0x03, 0x2b, 0x65, 0x70])),
        (M::EC_MONTGOMERY_KEY_PAIR_GEN, curve(&[0x06, 0x03, 0x2b, 0x65, 0x6e])),
        (M::ML_KEM_KEY_PAIR_GEN, set(2)),
        (M::ML_DSA_KEY_PAIR_GEN, set(2)),
    ]
}
