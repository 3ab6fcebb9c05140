//! What a new key has of those that took part: for every mechanism that makes keys of keys.

use lunacm::{
    hsm::{Hsm, LinkSession, mechanism},
    model::{
        Policy, PolicyValue, Request, Role, Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, HkdfSalt,
            KeyDerivation, KeyType, Mechanism, MechanismFlags, MechanismType as M, ObjectClass,
            ObjectHandle, Parameters, PrfData, Template,
        },
    },
};
use zeroize::Zeroizing;

use crate::{
    hsm_support::{add_role, done},
    support::{S, create, get, imported, is, made, open, pair, partition, perform},
};

/// How a derived key is bound to its parents, as `docs/mechanisms.md` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    Carries,
    Computed,
    Agreed,
}

const fn bond(mechanism: M) -> Bond {
    match mechanism {
        M::CONCATENATE_BASE_AND_KEY
        | M::CONCATENATE_BASE_AND_DATA
        | M::CONCATENATE_DATA_AND_BASE
        | M::XOR_BASE_AND_DATA => Bond::Carries,
        M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE => Bond::Agreed,
        _ => Bond::Computed,
    }
}

/// Every mechanism of the table that derives.
fn deriving() -> Vec<M> {
    let derives = |info: &&lunacm::model::cryptoki::MechanismInfo| {
        info.flags.contains(MechanismFlags::DERIVE)
    };
    mechanism::info().iter().filter(derives).map(|info| info.mechanism).collect()
}

/// A key of its own for each attempt: everything about it can be read and nothing is kept.
fn weak() -> Template {
    imported(&[7; 32])
        .with(A::SENSITIVE, false)
        .with(A::EXTRACTABLE, true)
        .with(A::PRIVATE, false)
        .with(A::DERIVE, true)
}

fn with_all(mut template: Template, more: &Template) -> Template {
    for one in &more.0 {
        template.set(one.kind, one.value.clone());
    }
    template
}

/// The parameters of a mechanism, with the other key where it takes one.
fn parameters(mechanism: M, second: ObjectHandle, point: &[u8]) -> Parameters {
    let data = |bytes: usize| Parameters::Data(Zeroizing::new(vec![3; bytes]));
    match mechanism {
        M::CONCATENATE_BASE_AND_KEY => Parameters::Key(second),
        M::CONCATENATE_BASE_AND_DATA
        | M::CONCATENATE_DATA_AND_BASE
        | M::XOR_BASE_AND_DATA
        | M::AES_ECB_ENCRYPT_DATA => data(32),
        M::AES_CBC_ENCRYPT_DATA => {
            Parameters::CbcEncryptData { vector: [1; 16], data: vec![3; 32] }
        }
        M::HKDF_DERIVE | M::HKDF_DATA => Parameters::Hkdf {
            extract: true,
            expand: true,
            hash: M::SHA256,
            salt: HkdfSalt::Key(second),
            info: Vec::new(),
        },
        M::SP800_108_COUNTER_KDF => Parameters::Sp800108 {
            prf: M::AES_CMAC,
            data: vec![PrfData::Counter { little_endian: false, bits: 32 }],
            feedback: Vec::new(),
        },
        M::SP800_108_FEEDBACK_KDF | M::SP800_108_DOUBLE_PIPELINE_KDF => Parameters::Sp800108 {
            prf: M::AES_CMAC,
            data: vec![PrfData::Iteration],
            feedback: Vec::new(),
        },
        M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE => Parameters::Ecdh {
            derivation: KeyDerivation::NULL,
            shared: Vec::new(),
            public: point.to_vec(),
        },
        other => panic!("{other} derives and is not tried here"),
    }
}

/// Whether the parameters name a second key.
const fn takes_second(mechanism: M) -> bool {
    matches!(mechanism, M::CONCATENATE_BASE_AND_KEY | M::HKDF_DERIVE | M::HKDF_DATA)
}

/// An officer's derivations.
struct Scene<'s> {
    hsm: &'s Hsm,
    link: &'s LinkSession,
    /// A public key of the partition's.
    point: Vec<u8>,
}

impl Scene<'_> {
    fn base(&self, mechanism: M, more: &Template) -> ObjectHandle {
        if bond(mechanism) != Bond::Agreed {
            return create(self.hsm, self.link, with_all(weak(), more)).unwrap();
        }
        let weak = Template::default()
            .with(A::SENSITIVE, false)
            .with(A::EXTRACTABLE, true)
            .with(A::PRIVATE, false)
            .with(A::DERIVE, true);
        pair(self.hsm, self.link, Template::default(), with_all(weak, more)).unwrap().1
    }

    fn derive(
        &self,
        mechanism: M,
        (base, second): (ObjectHandle, ObjectHandle),
        asked: Template,
    ) -> Result<ObjectHandle, Status> {
        let parameters = parameters(mechanism, second, &self.point);
        let asked = match (mechanism, bond(mechanism)) {
            (M::HKDF_DATA, _) => asked.with(A::VALUE_LEN, 32),
            (_, Bond::Carries) => asked.with(A::KEY_TYPE, KeyType::GENERIC_SECRET.0),
            _ => asked.with(A::KEY_TYPE, KeyType::AES.0).with(A::VALUE_LEN, 32),
        };
        made(perform(
            self.hsm,
            self.link,
            CryptokiRequest::DeriveKey {
                session: S,
                mechanism: Mechanism { mechanism, parameters },
                base_key: base,
                template: asked,
            },
        ))
    }

    /// Which parents have an attribute: the base, the second key, both.
    fn parents(&self, mechanism: M, strong: &Template) -> Vec<(ObjectHandle, ObjectHandle)> {
        let (base, second) = (Template::default(), create(self.hsm, self.link, weak()).unwrap());
        let strong_second = create(self.hsm, self.link, with_all(weak(), strong)).unwrap();
        let mut parents = vec![(self.base(mechanism, strong), second)];
        if takes_second(mechanism) {
            parents.push((self.base(mechanism, &base), strong_second));
            parents.push((self.base(mechanism, strong), strong_second));
        }
        parents
    }
}

fn in_scene(test: impl FnOnce(&Scene<'_>, &LinkSession)) {
    let (bench, officer, link) = partition();
    let (public, _) = pair(&bench.hsm, &link, Template::default(), Template::default()).unwrap();
    let Ok(AttributeValue::Bytes(point)) = get(&bench.hsm, &link, public, A::EC_POINT) else {
        panic!("no point")
    };
    test(&Scene { hsm: &bench.hsm, link: &link, point: point.to_vec() }, &officer);
}

fn turn(hsm: &Hsm, officer: &LinkSession, policy: Policy, value: u8) {
    let changes = vec![PolicyValue { number: policy.number(), value }];
    done(hsm, officer, Request::ChangePolicies { changes, erase: true });
}

/// What a parent has, what is asked against it, and to which bonds it goes on.
fn protections() -> Vec<(A, bool, &'static [Bond])> {
    const ALL: &[Bond] = &[Bond::Carries, Bond::Computed, Bond::Agreed];
    vec![
        (A::PRIVATE, true, ALL),
        (A::WRAP_WITH_TRUSTED, true, ALL),
        (A::SENSITIVE, true, &[Bond::Carries, Bond::Computed]),
        (A::EXTRACTABLE, false, &[Bond::Carries]),
    ]
}

#[test]
fn nothing_of_a_result_is_weaker_than_of_any_key_that_took_part() {
    in_scene(|scene, _| {
        for mechanism in deriving() {
            let data = mechanism == M::HKDF_DATA;
            for (kind, value, bonds) in protections() {
                if data && kind != A::PRIVATE {
                    continue;
                }
                let goes_on = bonds.contains(&bond(mechanism));
                let strong = Template::default().with(kind, value);
                for parents in scene.parents(mechanism, &strong) {
                    let silent = scene.derive(mechanism, parents, Template::default()).unwrap();
                    let shown = get(scene.hsm, scene.link, silent, kind);
                    if goes_on {
                        assert_eq!(shown, Ok(value.into()), "{kind} by {mechanism}");
                    }
                    let contrary =
                        scene.derive(mechanism, parents, Template::default().with(kind, !value));
                    let refused = contrary == Err(Status::TemplateInconsistent);
                    assert_eq!(refused, goes_on, "{kind} by {mechanism}: {contrary:?}");
                }
                // Of weak keys comes what is asked for.
                let weak = scene.parents(mechanism, &Template::default())[0];
                let asked = Template::default().with(kind, !value).with(A::PRIVATE, false);
                scene.derive(mechanism, weak, asked).unwrap();
            }
        }
    });
}

#[test]
fn policy_61_off_leaves_nothing_to_the_template() {
    in_scene(|scene, officer| {
        turn(scene.hsm, officer, Policy::FreeDescendants, 0);
        for mechanism in deriving().into_iter().filter(|one| *one != M::HKDF_DATA) {
            for (kind, value, _) in protections() {
                let strong = Template::default().with(kind, value);
                for parents in scene.parents(mechanism, &strong) {
                    let contrary =
                        scene.derive(mechanism, parents, Template::default().with(kind, !value));
                    assert_eq!(contrary, Err(Status::TemplateInconsistent), "{kind} {mechanism}");
                }
            }
            let weak = scene.parents(mechanism, &Template::default())[0];
            let wraps = scene.derive(mechanism, weak, Template::default().with(A::WRAP, true));
            assert_eq!(wraps, Err(Status::TemplateInconsistent), "{mechanism}");
        }
        let hidden = Template::default().with(A::SENSITIVE, true);
        for parents in scene.parents(M::HKDF_DATA, &hidden) {
            let read = scene.derive(M::HKDF_DATA, parents, Template::default());
            assert_eq!(read, Err(Status::TemplateInconsistent));
        }
    });
}

#[test]
fn the_second_key_takes_part_as_the_first_does() {
    in_scene(|scene, _| {
        let weak_key = || create(scene.hsm, scene.link, weak()).unwrap();
        let second =
            |more: Template| create(scene.hsm, scene.link, with_all(weak(), &more)).unwrap();
        let list = AttributeValue::Mechanisms(vec![M::AES_CMAC]);
        let cases = [
            (second(Template::default().with(A::DERIVE, false)), Status::KeyFunctionNotPermitted),
            (
                second(Template::default().with(A::ALLOWED_MECHANISMS, list)),
                Status::MechanismInvalid,
            ),
            (ObjectHandle(99), Status::KeyHandleInvalid),
        ];
        for mechanism in [M::CONCATENATE_BASE_AND_KEY, M::HKDF_DERIVE] {
            for (second, status) in cases {
                let refused = scene.derive(mechanism, (weak_key(), second), Template::default());
                assert_eq!(refused, Err(status), "{mechanism}");
            }
            let (_, private) = pair(
                scene.hsm,
                scene.link,
                Template::default(),
                Template::default().with(A::DERIVE, true),
            )
            .unwrap();
            let refused = scene.derive(mechanism, (weak_key(), private), Template::default());
            assert_eq!(refused, Err(Status::KeyTypeInconsistent), "{mechanism}");
        }
        // What it demands of keys that come of it holds too.
        let demand = AttributeValue::Template(Template::default().with(A::EXTRACTABLE, false));
        let demanding = second(Template::default().with(A::DERIVE_TEMPLATE, demand));
        let asked = Template::default().with(A::EXTRACTABLE, true);
        let refused = scene.derive(M::HKDF_DERIVE, (weak_key(), demanding), asked);
        assert_eq!(refused, Err(Status::TemplateInconsistent));
    });
}

#[test]
fn a_concatenation_is_what_both_keys_are() {
    in_scene(|scene, _| {
        let keys = [&[7; 32][..], &[9; 32]].map(|value| {
            create(scene.hsm, scene.link, with_all(weak(), &imported(value))).unwrap()
        });
        let asked = Template::default().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
        let joined = scene.derive(M::CONCATENATE_BASE_AND_KEY, (keys[0], keys[1]), asked).unwrap();
        let value = AttributeValue::bytes([[7; 32], [9; 32]].concat());
        assert_eq!(get(scene.hsm, scene.link, joined, A::VALUE), Ok(value));
        // History is as good as the worse of both.
        let facts = [A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE];
        assert_eq!(facts.map(|kind| is(scene.hsm, scene.link, joined, kind)), [false, false]);
    });
}

#[test]
fn mechanisms_and_demands_are_carried_and_only_narrowed() {
    in_scene(|scene, _| {
        let list = |list: &[M]| AttributeValue::Mechanisms(list.to_vec());
        let restricted = |mechanisms: &[M]| {
            let more = Template::default().with(A::ALLOWED_MECHANISMS, list(mechanisms));
            create(scene.hsm, scene.link, with_all(weak(), &more)).unwrap()
        };
        let join = M::CONCATENATE_BASE_AND_KEY;
        let first = restricted(&[join, M::SHA256_HMAC, M::SHA_1_HMAC]);
        let second = restricted(&[join, M::SHA256_HMAC]);
        let joined = scene.derive(join, (first, second), Template::default()).unwrap();
        let allowed = |key| get(scene.hsm, scene.link, key, A::ALLOWED_MECHANISMS);
        assert_eq!(allowed(joined), Ok(list(&[join, M::SHA256_HMAC])));
        let ask = |wanted: &[M]| {
            let asked = Template::default().with(A::ALLOWED_MECHANISMS, list(wanted));
            scene.derive(join, (first, second), asked)
        };
        assert_eq!(allowed(ask(&[M::SHA256_HMAC]).unwrap()), Ok(list(&[M::SHA256_HMAC])));
        assert_eq!(ask(&[M::SHA_1_HMAC]), Err(Status::TemplateInconsistent));
        assert_eq!(ask(&[]), Err(Status::TemplateInconsistent));
        let demand = AttributeValue::Template(Template::default().with(A::SENSITIVE, true));
        for kind in [A::DERIVE_TEMPLATE, A::WRAP_TEMPLATE, A::UNWRAP_TEMPLATE] {
            let more = Template::default().with(kind, demand.clone());
            let base = create(scene.hsm, scene.link, with_all(weak(), &more)).unwrap();
            let second = create(scene.hsm, scene.link, weak()).unwrap();
            let copy = scene.derive(M::XOR_BASE_AND_DATA, (base, second), Template::default());
            assert_eq!(get(scene.hsm, scene.link, copy.unwrap(), kind), Ok(demand.clone()));
            let contrary = AttributeValue::Template(Template::default().with(A::SENSITIVE, false));
            let asked = Template::default().with(kind, contrary);
            let refused = scene.derive(M::XOR_BASE_AND_DATA, (base, second), asked);
            assert_eq!(refused, Err(Status::TemplateInconsistent), "{kind}");
        }
    });
}

#[test]
fn a_wrapping_key_does_not_come_back_as_a_key_for_data() {
    in_scene(|scene, _| {
        let more = Template::default().with(A::WRAP, true).with(A::UNWRAP, true);
        let base = create(scene.hsm, scene.link, with_all(weak(), &more)).unwrap();
        let parents = (base, base);
        let asked = Template::default().with(A::DECRYPT, true);
        let refused = scene.derive(M::XOR_BASE_AND_DATA, parents, asked);
        assert_eq!(refused, Err(Status::TemplateInconsistent));
        let copy = scene.derive(M::XOR_BASE_AND_DATA, parents, Template::default()).unwrap();
        assert!(!is(scene.hsm, scene.link, copy, A::SIGN));
        let asked = Template::default().with(A::WRAP, true);
        scene.derive(M::XOR_BASE_AND_DATA, parents, asked).unwrap();
    });
}

#[test]
fn what_cannot_be_read_cannot_be_found_byte_by_byte() {
    in_scene(|scene, _| {
        let hidden = Template::default().with(A::SENSITIVE, true);
        for mechanism in [M::HKDF_DERIVE, M::AES_ECB_ENCRYPT_DATA, M::ECDH1_DERIVE] {
            let (base, second) = scene.parents(mechanism, &hidden)[0];
            for (bytes, outcome) in [(13, Err(Status::KeySizeRange)), (14, Ok(()))] {
                let template = Template::default()
                    .with(A::KEY_TYPE, KeyType::GENERIC_SECRET.0)
                    .with(A::VALUE_LEN, bytes);
                let parameters = parameters(mechanism, second, &scene.point);
                let request = CryptokiRequest::DeriveKey {
                    session: S,
                    mechanism: Mechanism { mechanism, parameters },
                    base_key: base,
                    template,
                };
                let made = made(perform(scene.hsm, scene.link, request)).map(drop);
                assert_eq!(made, outcome, "{mechanism} {bytes}");
            }
        }
    });
}

/// Whatever makes secret or private keys, with `CKA_PRIVATE` true, false and left out.
#[test]
fn the_crypto_user_makes_no_key_by_any_call() {
    in_scene(|scene, _| {
        let hsm = scene.hsm;
        let kept = weak().with(A::TOKEN, true).with(A::PRIVATE, true).with(A::UNWRAP, true);
        let base = create(hsm, scene.link, kept).unwrap();
        let kem = |public: Template, private: Template| {
            let request = CryptokiRequest::GenerateKeyPair {
                session: S,
                mechanism: Mechanism::plain(M::ML_KEM_KEY_PAIR_GEN),
                public: public.with(A::PARAMETER_SET, 1),
                private,
            };
            match perform(hsm, scene.link, request) {
                Ok(Some(CryptokiReply::KeyPair { public, private })) => (public, private),
                other => panic!("{other:?}"),
            }
        };
        let token = || Template::default().with(A::TOKEN, true);
        let (public, private) = kem(token(), token());
        let user = add_role(hsm, scene.link, Role::CryptoUser, "cu-password");
        open(hsm, &user, S);
        for openness in [Some(false), Some(true), None] {
            let session = S;
            let with = |template: Template| match openness {
                Some(private) => template.with(A::PRIVATE, private),
                None => template,
            };
            let secret = || {
                with(Template::default())
                    .with(A::CLASS, ObjectClass::SECRET_KEY.0)
                    .with(A::KEY_TYPE, KeyType::AES.0)
            };
            let sized = || secret().with(A::VALUE_LEN, 32);
            let plain = Mechanism::plain;
            let mut requests = vec![
                CryptokiRequest::CreateObject { session, template: with(imported(&[7; 16])) },
                CryptokiRequest::CopyObject {
                    session,
                    object: base,
                    template: with(Template::default()),
                },
                CryptokiRequest::GenerateKey {
                    session,
                    mechanism: plain(M::AES_KEY_GEN),
                    template: sized(),
                },
                CryptokiRequest::GenerateKeyPair {
                    session,
                    mechanism: plain(M::ML_KEM_KEY_PAIR_GEN),
                    public: Template::default().with(A::PARAMETER_SET, 1),
                    private: with(Template::default()),
                },
                CryptokiRequest::UnwrapKey {
                    session,
                    mechanism: plain(M::AES_KEY_WRAP_KWP),
                    unwrapping_key: base,
                    wrapped: vec![1; 40],
                    template: secret(),
                },
                CryptokiRequest::EncapsulateKey {
                    session,
                    mechanism: plain(M::ML_KEM),
                    public_key: public,
                    template: sized(),
                },
                CryptokiRequest::DecapsulateKey {
                    session,
                    mechanism: plain(M::ML_KEM),
                    private_key: private,
                    ciphertext: vec![1; 768],
                    template: sized(),
                },
            ];
            for mechanism in deriving() {
                let fits = bond(mechanism) != Bond::Agreed && mechanism != M::HKDF_DATA;
                let template = if bond(mechanism) == Bond::Carries {
                    with(Template::default())
                } else {
                    sized()
                };
                if fits {
                    let parameters = parameters(mechanism, base, &scene.point);
                    let mechanism = Mechanism { mechanism, parameters };
                    requests.push(CryptokiRequest::DeriveKey {
                        session,
                        mechanism,
                        base_key: base,
                        template,
                    });
                }
            }
            for request in requests {
                let shown = format!("{request:?}");
                let status = perform(hsm, &user, request).unwrap_err();
                let refusals = [Status::UserNotLoggedIn, Status::TemplateInconsistent];
                assert!(refusals.contains(&status), "{status} of {shown}");
            }
        }
        let note = crate::support::data("note");
        create(hsm, &user, note).unwrap();
    });
}

#[test]
fn an_encapsulated_key_is_the_decapsulated_one_and_obeys_its_templates() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let demand = |label: &[u8]| {
        AttributeValue::Template(Template::default().with(A::LABEL, AttributeValue::bytes(label)))
    };
    let request = CryptokiRequest::GenerateKeyPair {
        session: S,
        mechanism: Mechanism::plain(M::ML_KEM_KEY_PAIR_GEN),
        public: Template::default()
            .with(A::PARAMETER_SET, 1)
            .with(A::ENCAPSULATE_TEMPLATE, demand(b"made")),
        private: Template::default().with(A::DECAPSULATE_TEMPLATE, demand(b"found")),
    };
    let Ok(Some(CryptokiReply::KeyPair { public, private })) = perform(hsm, &link, request) else {
        panic!("no pair")
    };
    let asked = || {
        Template::default()
            .with(A::KEY_TYPE, KeyType::AES.0)
            .with(A::VALUE_LEN, 32)
            .with(A::EXTRACTABLE, true)
    };
    let mechanism = || Mechanism::plain(M::ML_KEM);
    let encapsulate = |template| {
        let mechanism = mechanism();
        perform(
            hsm,
            &link,
            CryptokiRequest::EncapsulateKey { session: S, mechanism, public_key: public, template },
        )
    };
    let Ok(Some(CryptokiReply::Encapsulated { ciphertext, key })) = encapsulate(asked()) else {
        panic!("no key")
    };
    let decapsulate = |template| {
        let (mechanism, ciphertext) = (mechanism(), ciphertext.clone());
        let private_key = private;
        made(perform(
            hsm,
            &link,
            CryptokiRequest::DecapsulateKey {
                session: S,
                mechanism,
                private_key,
                ciphertext,
                template,
            },
        ))
    };
    let found = decapsulate(asked()).unwrap();
    for kind in [A::CHECK_VALUE, A::VALUE_LEN, A::EXTRACTABLE] {
        assert_eq!(get(hsm, &link, key, kind), get(hsm, &link, found, kind), "{kind}");
    }
    for (key, label) in [(key, b"made".to_vec()), (found, b"found".to_vec())] {
        assert_eq!(get(hsm, &link, key, A::LABEL), Ok(AttributeValue::bytes(label)));
    }
    let contrary = || asked().with(A::LABEL, AttributeValue::bytes(*b"other"));
    assert_eq!(encapsulate(contrary()), Err(Status::TemplateInconsistent));
    assert_eq!(decapsulate(contrary()), Err(Status::TemplateInconsistent));
    assert!(
        !is(hsm, &link, found, A::ALWAYS_SENSITIVE) || is(hsm, &link, private, A::ALWAYS_SENSITIVE)
    );
}
