//! Every attribute of every kind of object, against the specification's tables: what creation,
//! generation and unwrapping need and refuse, what is shown, what changes, what it is if nobody
//! says.

use std::{cell::RefCell, fmt::Debug};

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{
        Policy, Status,
        cryptoki::{
            AttributeKind, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            Mechanism, MechanismType as M, ObjectClass, ObjectHandle, Template,
        },
    },
};

use crate::{
    attribute_text::{Kind, kinds},
    policies::turn,
    support::{P256, S, aes, copy, create, destroy, generate, get, made, partition, perform, set},
};

/// A value of the right form. The dates contradict each other.
fn sample(kind: &Kind, attribute: A) -> AttributeValue {
    match (attribute, attribute.kind()) {
        (A::CLASS, _) => kind.class.0.into(),
        (A::KEY_TYPE | A::CERTIFICATE_TYPE, _) => kind.number.into(),
        (A::START_DATE, _) => AttributeValue::bytes(*b"20270101"),
        (A::END_DATE, _) => AttributeValue::bytes(*b"20260101"),
        (_, AttributeKind::Boolean) => true.into(),
        (_, AttributeKind::Number) => 1.into(),
        (_, AttributeKind::Bytes | AttributeKind::Date) => AttributeValue::bytes(*b"x"),
        (_, AttributeKind::Mechanisms) => AttributeValue::Mechanisms(vec![M::SHA256_HMAC]),
        (_, AttributeKind::Template) => {
            AttributeValue::Template(Template::default().with(A::MODIFIABLE, true))
        }
    }
}

/// Adds what contradicts itself, which is looked at last: a request that was refused for nothing
/// else makes no key, and costs no time.
fn spoilt(kind: &Kind, template: Template) -> Template {
    if kind.class == ObjectClass::DATA {
        return template;
    }
    let start = sample(kind, A::START_DATE);
    template.with(A::START_DATE, start).with(A::END_DATE, sample(kind, A::END_DATE))
}

/// What a key of a type is generated with.
fn generated_with(name: &str) -> (M, Template) {
    let parameters = |bytes: &[u8]| {
        Template::default().with(A::EC_PARAMS, AttributeValue::bytes(bytes.to_vec()))
    };
    let set = Template::default().with(A::PARAMETER_SET, 1);
    match name {
        "RSA" => (M::RSA_PKCS_KEY_PAIR_GEN, Template::default().with(A::MODULUS_BITS, 2048)),
        "EC" => (M::EC_KEY_PAIR_GEN, parameters(P256)),
        "EC_EDWARDS" => (M::EC_EDWARDS_KEY_PAIR_GEN, parameters(&[6, 3, 0x2b, 0x65, 0x70])),
        "EC_MONTGOMERY" => (M::EC_MONTGOMERY_KEY_PAIR_GEN, parameters(&[6, 3, 0x2b, 0x65, 0x6e])),
        "ML_KEM" => (M::ML_KEM_KEY_PAIR_GEN, set),
        "ML_DSA" => (M::ML_DSA_KEY_PAIR_GEN, set),
        "CHACHA20" => (M::CHACHA20_KEY_GEN, Template::default()),
        "AES" => (M::AES_KEY_GEN, Template::default().with(A::VALUE_LEN, 32)),
        _ => (M::GENERIC_SECRET_KEY_GEN, Template::default().with(A::VALUE_LEN, 32)),
    }
}

struct Scene<'s> {
    hsm: &'s Hsm,
    link: &'s LinkSession,
    /// What is not as the tables have it.
    wrong: RefCell<Vec<String>>,
}

impl<'s> Scene<'s> {
    const fn new(hsm: &'s Hsm, link: &'s LinkSession) -> Self {
        Self { hsm, link, wrong: RefCell::new(Vec::new()) }
    }

    fn hold<T: PartialEq + Debug>(&self, told: &T, wanted: &T, what: &str) {
        if told != wanted {
            self.wrong.borrow_mut().push(format!("{what}: {told:?} instead of {wanted:?}"));
        }
    }

    /// Generates a key of a kind; `template` is for the half that is of the kind.
    fn generate(&self, kind: &Kind, template: Template) -> Result<ObjectHandle, Status> {
        let (mechanism, base) = generated_with(kind.name);
        let (public, private) = match kind.class {
            ObjectClass::PUBLIC_KEY => (template, Template::default()),
            ObjectClass::PRIVATE_KEY => (base, template),
            _ => {
                let template = template.with(A::KEY_TYPE, kind.number);
                return generate(self.hsm, self.link, mechanism, template);
            }
        };
        let mechanism = Mechanism::plain(mechanism);
        let request = CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private };
        match perform(self.hsm, self.link, request)? {
            Some(CryptokiReply::KeyPair { public, private }) => {
                Ok(if kind.class == ObjectClass::PUBLIC_KEY { public } else { private })
            }
            other => panic!("{other:?}"),
        }
    }

    /// An object of a kind of which nobody says more than has to be said, or a key that shows all.
    fn object(&self, kind: &Kind, open: bool) -> ObjectHandle {
        let text = || AttributeValue::bytes(*b"x");
        let template = match kind.class {
            ObjectClass::DATA => kind.minimal(),
            ObjectClass::CERTIFICATE => {
                kind.minimal().with(A::SUBJECT, text()).with(A::VALUE, text())
            }
            ObjectClass::PRIVATE_KEY => Template::default(),
            _ => generated_with(kind.name).1,
        };
        let secret = matches!(kind.class, ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY);
        let template = if open && secret {
            template.with(A::SENSITIVE, false).with(A::EXTRACTABLE, true)
        } else {
            template
        };
        let made = if kind.is_key() {
            self.generate(kind, template)
        } else {
            create(self.hsm, self.link, template)
        };
        made.unwrap_or_else(|status| panic!("{status}: {} {}", kind.class, kind.name))
    }

    fn get(&self, object: ObjectHandle, attribute: A) -> Result<AttributeValue, Status> {
        get(self.hsm, self.link, object, attribute)
    }

    /// What a key of this kind is created with: its needed parts, of a key that shows them.
    fn parts(&self, kind: &Kind, open: ObjectHandle) -> Template {
        let mut template = kind.minimal();
        let mut needed: Vec<_> = kind
            .rows
            .iter()
            .filter(|(_, row)| row.has("1"))
            .map(|(attribute, _)| *attribute)
            .collect();
        match (kind.class, kind.name) {
            (ObjectClass::PRIVATE_KEY, "RSA") => needed.push(A::PUBLIC_EXPONENT),
            (ObjectClass::PRIVATE_KEY, "ML_KEM" | "ML_DSA") | (ObjectClass::CERTIFICATE, _) => {
                needed.push(A::VALUE);
            }
            _ => {}
        }
        for attribute in needed {
            template.set(attribute, self.get(open, attribute).unwrap());
        }
        if kind.class == ObjectClass::CERTIFICATE {
            // Whatever the address of one is given with.
            for hash in [A::HASH_OF_SUBJECT_PUBLIC_KEY, A::HASH_OF_ISSUER_PUBLIC_KEY] {
                template.set(hash, sample(kind, hash));
            }
        }
        template
    }

    /// Whether a way of making objects needs and refuses what the notes say.
    fn check_making(
        &self,
        kind: &Kind,
        (needed, refused): (&str, &str),
        template: &Template,
        make: &dyn Fn(Template) -> Result<ObjectHandle, Status>,
    ) {
        for attribute in A::ALL {
            let asked = spoilt(kind, template.clone()).with(*attribute, sample(kind, *attribute));
            let wanted = match kind.row(*attribute) {
                None => Err(Status::AttributeTypeInvalid),
                Some(row) if row.has(refused) || row.has("10") => Err(Status::AttributeReadOnly),
                Some(_) if kind.class == ObjectClass::DATA => Ok(()),
                Some(_) => Err(Status::TemplateInconsistent),
            };
            let what = format!("{attribute} of {} {}, {refused}", kind.class, kind.name);
            self.hold(&make(asked).map(drop), &wanted, &what);
        }
        for (attribute, _) in kind.rows.iter().filter(|(_, row)| row.has(needed)) {
            let mut asked = spoilt(kind, template.clone());
            asked.0.retain(|one| one.kind != *attribute);
            let what = format!("{attribute} of {} {}, {needed}", kind.class, kind.name);
            self.hold(&make(asked).map(drop), &Err(Status::TemplateIncomplete), &what);
        }
    }

    /// What an object shows of which nobody has said more than has to be said.
    fn check_presets(&self, kind: &Kind, object: ObjectHandle) {
        let given = |attribute| {
            kind.class == ObjectClass::CERTIFICATE && [A::SUBJECT, A::VALUE].contains(&attribute)
        };
        for attribute in A::ALL.iter().filter(|attribute| !given(**attribute)) {
            let read = self.get(object, *attribute);
            let what = format!("{attribute} of {} {}", kind.class, kind.name);
            let Some(row) = kind.row(*attribute) else {
                self.hold(&read, &Err(Status::AttributeTypeInvalid), &what);
                continue;
            };
            if row.has("7") {
                self.hold(&read, &Err(Status::AttributeSensitive), &what);
                continue;
            }
            let wanted: AttributeValue = match (row.preset, attribute.kind()) {
                ("yes", _) => true.into(),
                ("no", _) => false.into(),
                ("empty", _) => AttributeValue::bytes([]),
                ("natural", _) => kind.is_natural(*attribute).into(),
                ("by class", _) => {
                    let open = [ObjectClass::PUBLIC_KEY, ObjectClass::CERTIFICATE];
                    (!open.contains(&kind.class)).into()
                }
                ("-", AttributeKind::Mechanisms) => AttributeValue::Mechanisms(Vec::new()),
                ("-", AttributeKind::Template) => AttributeValue::Template(Template::default()),
                ("-" | "computed", _) => {
                    let there = matches!(&read, Ok(value) if *value != AttributeValue::bytes([]));
                    let maker_did_not_say =
                        (kind.class, *attribute) == (ObjectClass::PRIVATE_KEY, A::EC_POINT);
                    self.hold(&(there || maker_did_not_say), &true, &what);
                    continue;
                }
                (number, _) => number.parse::<u64>().unwrap().into(),
            };
            self.hold(&read, &Ok(wanted), &what);
        }
    }

    /// Whether each attribute changes, in the object or in a copy, to each value.
    fn check_changes(&self, kind: &Kind, object: ObjectHandle, in_copy: bool) {
        for attribute in A::ALL {
            let values = match (*attribute, attribute.kind()) {
                (_, AttributeKind::Boolean) => vec![true.into(), false.into(), true.into()],
                (A::END_DATE, _) => vec![sample(kind, A::START_DATE)],
                _ => vec![sample(kind, *attribute)],
            };
            for value in values {
                let to = value == true.into();
                let from = self.get(object, *attribute) == Ok(true.into());
                let wanted = match kind.row(*attribute) {
                    None => Err(Status::AttributeTypeInvalid),
                    Some(row) if row.has("11") && from && !to => Err(Status::AttributeReadOnly),
                    Some(row) if row.has("12") && !from && to => Err(Status::AttributeReadOnly),
                    Some(row) if row.has("10") && to => Err(Status::AttributeReadOnly),
                    Some(_) if in_copy && *attribute == A::PRIVATE && from && !to => {
                        Err(Status::TemplateInconsistent)
                    }
                    Some(row) if row.has("8") || (in_copy && row.has("c")) => Ok(()),
                    Some(_) => Err(Status::AttributeReadOnly),
                };
                let changes = Template::default().with(*attribute, value.clone());
                let done = if in_copy {
                    copy(self.hsm, self.link, object, changes).map(|copy| {
                        let kept = destroy(self.hsm, self.link, copy).is_err();
                        let wanted = *attribute == A::DESTROYABLE && !to;
                        self.hold(&kept, &wanted, "a copy is kept");
                    })
                } else {
                    set(self.hsm, self.link, object, changes)
                };
                let (class, name) = (kind.class, kind.name);
                let what =
                    format!("{attribute} of {class} {name}, {from} to {value:?}, copy: {in_copy}");
                self.hold(&done, &wanted, &what);
            }
        }
    }
}

fn unwrap(
    scene: &Scene<'_>,
    unwrapping_key: ObjectHandle,
    template: Template,
) -> Result<ObjectHandle, Status> {
    let (mechanism, wrapped) = (Mechanism::plain(M::AES_KEY_WRAP), vec![7; 24]);
    let request =
        CryptokiRequest::UnwrapKey { session: S, mechanism, unwrapping_key, wrapped, template };
    made(perform(scene.hsm, scene.link, request))
}

/// It would lie in the store under no role's password.
#[test]
fn no_key_of_a_token_is_for_everybody() {
    let (bench, _, link) = partition();
    let scene = Scene::new(&bench.hsm, &link);
    let unwrapping = aes(scene.hsm, &link, Template::default().with(A::UNWRAP, true)).unwrap();
    let secret = [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY];
    for kind in kinds().iter().filter(|kind| secret.contains(&kind.class)) {
        let parts = scene.parts(kind, scene.object(kind, true));
        let base = match kind.class {
            ObjectClass::SECRET_KEY => generated_with(kind.name).1,
            _ => Template::default(),
        };
        let open = |template: Template| template.with(A::TOKEN, true).with(A::PRIVATE, false);
        let refused = [
            create(scene.hsm, &link, open(parts)),
            scene.generate(kind, open(base)),
            unwrap(&scene, unwrapping, open(kind.minimal())),
        ];
        assert_eq!(refused, [Err(Status::TemplateInconsistent); 3], "{} {}", kind.class, kind.name);
    }
}

#[test]
fn every_attribute_is_what_the_specification_says() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    turn(hsm, &officer, Policy::KeyDates, 1);
    let scene = Scene::new(hsm, &link);
    let unwrapping = aes(hsm, &link, Template::default().with(A::UNWRAP, true)).unwrap();
    let unwrap = |template| unwrap(&scene, unwrapping, template);
    let kinds = kinds();
    assert_eq!(kinds.len(), 2 + 6 + 6 + 13, "kinds of objects");
    for kind in &kinds {
        let object = scene.object(kind, false);
        let open = scene.object(kind, true);
        let parts = scene.parts(kind, open);
        scene.check_presets(kind, object);
        for (attribute, _) in kind.rows.iter().filter(|(_, row)| row.has("7")) {
            assert!(scene.get(open, *attribute).is_ok(), "{attribute} of {}", kind.name);
        }
        create(hsm, &link, parts.clone()).unwrap();
        scene.check_making(kind, ("1", "2"), &parts, &|template| create(hsm, &link, template));
        if kind.is_key() {
            let base = if kind.class == ObjectClass::PRIVATE_KEY {
                Template::default()
            } else {
                generated_with(kind.name).1
            };
            scene.check_making(kind, ("3", "4"), &base, &|template| scene.generate(kind, template));
            scene.check_making(kind, ("5", "6"), &kind.minimal(), &unwrap);
        }
        for object in [open, object] {
            scene.check_changes(kind, object, true);
            scene.check_changes(kind, object, false);
        }
    }
    let wrong = scene.wrong.into_inner();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_lattice_key_is_created_from_its_value_or_its_seed() {
    let (bench, _, link) = partition();
    let scene = Scene::new(&bench.hsm, &link);
    let lattice = |kind: &Kind| {
        kind.class == ObjectClass::PRIVATE_KEY && ["ML_KEM", "ML_DSA"].contains(&kind.name)
    };
    for kind in kinds().iter().filter(|kind| lattice(kind)) {
        let open = scene.object(kind, true);
        let bare = || kind.minimal().with(A::PARAMETER_SET, 1);
        assert_eq!(create(scene.hsm, &link, bare()), Err(Status::TemplateIncomplete));
        for part in [A::VALUE, A::SEED] {
            let whole = bare().with(part, scene.get(open, part).unwrap());
            create(scene.hsm, &link, whole).unwrap();
        }
    }
}
