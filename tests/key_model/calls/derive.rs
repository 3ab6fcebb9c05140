//! Derivation by every mechanism, and encapsulation.

use std::sync::Arc;

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, CryptokiReply, CryptokiRequest, HkdfSalt, KeyDerivation, KeyType,
        Mechanism, MechanismType as M, ObjectClass, Parameters, PrfData, Template,
    },
};
use zeroize::Zeroizing;

use super::{
    Now, object,
    templates::{secret, wished},
};
use crate::{
    keys::pairs,
    objects::{Need, Thing},
    oracle::{Bond, Causes, Verdict},
    secrets::Derivation,
    world::S,
};

const MECHANISMS: [M; 16] = [
    M::CONCATENATE_BASE_AND_KEY,
    M::CONCATENATE_BASE_AND_KEY,
    M::CONCATENATE_BASE_AND_KEY,
    M::CONCATENATE_BASE_AND_KEY,
    M::CONCATENATE_BASE_AND_DATA,
    M::CONCATENATE_DATA_AND_BASE,
    M::XOR_BASE_AND_DATA,
    M::XOR_BASE_AND_DATA,
    M::HKDF_DERIVE,
    M::HKDF_DATA,
    M::SP800_108_COUNTER_KDF,
    M::SP800_108_FEEDBACK_KDF,
    M::SP800_108_DOUBLE_PIPELINE_KDF,
    M::AES_ECB_ENCRYPT_DATA,
    M::AES_CBC_ENCRYPT_DATA,
    M::ECDH1_DERIVE,
];

const fn bond(mechanism: M) -> Bond {
    match mechanism {
        M::CONCATENATE_BASE_AND_KEY
        | M::CONCATENATE_BASE_AND_DATA
        | M::CONCATENATE_DATA_AND_BASE
        | M::XOR_BASE_AND_DATA => Bond::Carries,
        M::ECDH1_DERIVE => Bond::Agreed,
        _ => Bond::Computed,
    }
}

fn known(thing: &Thing) -> Option<Arc<PreparedKey>> {
    PreparedKey::from_template(thing.material.as_ref()?).ok().map(Arc::new)
}

impl Now<'_> {
    pub(super) fn derive(&mut self) -> Verdict {
        let kind = *self.chance.pick(&MECHANISMS);
        let agreement = kind == M::ECDH1_DERIVE;
        let fits = |thing: &Thing| {
            let suits = if agreement {
                thing.class() == ObjectClass::PRIVATE_KEY && thing.kind() == KeyType::EC
            } else {
                thing.class() == ObjectClass::SECRET_KEY
            };
            suits && thing.is(A::DERIVE)
        };
        let open = |thing: &Thing| fits(thing) && !Need::of(&thing.seen).unreadable;
        let own = if self.chance.one_in(2) { self.choose(open) } else { None };
        let Some(base) = own.or_else(|| self.choose(fits)) else { return Ok(()) };
        let other =
            self.choose(|thing| thing.class() == ObjectClass::SECRET_KEY && thing.is(A::DERIVE));
        let of_token = self.choose(|thing| {
            thing.class() == ObjectClass::SECRET_KEY && thing.is(A::DERIVE) && thing.owner.is_none()
        });
        let other = if self.chance.one_in(2) { of_token.or(other) } else { other };
        let (parameters, second) = self.parameters(kind, base, other);
        let mut theirs = false;
        if let Parameters::Ecdh { public, .. } = &parameters {
            theirs = Some(&public[..]) == pairs().known_ec.public.bytes(A::EC_POINT);
        }
        let mechanism = Mechanism { mechanism: kind, parameters };
        let template = self.wish_of(kind);
        let request = CryptokiRequest::DeriveKey {
            session: S,
            mechanism: mechanism.clone(),
            base_key: self.handle(base),
            template: template.clone(),
        };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        let beside = second.map_or(String::new(), |second| format!(" and #{second}"));
        self.note(&format!("derives {name} of #{base}{beside} by {kind}, {template:?}"), &made);
        let Ok(handle) = made else { return Ok(()) };
        let parents: Vec<usize> = [base].into_iter().chain(second).collect();
        let material = self.computed(&mechanism, &parents, &template);
        let value = material.as_ref().and_then(|made| made.bytes(A::VALUE)).map(<[u8]>::to_vec);
        if let (true, Some(value)) = (theirs, value) {
            self.oracle.known.learn(&value);
        }
        let (at, verdict) = self.made(handle, (&template, material), (&parents, Some(bond(kind))));
        self.oracle.derivations.push(Derivation {
            parents: parents.clone(),
            child: at,
            agreed_with_callers: theirs,
        });
        verdict?;
        for parent in parents {
            self.oracle.judge(Some(Causes::Used(parent, A::DERIVE, kind)), &[])?;
        }
        Ok(())
    }

    fn wish_of(&mut self, kind: M) -> Template {
        let wished = wished(&mut self.chance);
        if kind == M::HKDF_DATA {
            let private = wished.boolean(A::PRIVATE);
            let template = Template::default().with(A::VALUE_LEN, 32);
            return match private {
                Some(private) => template.with(A::PRIVATE, private),
                None => template,
            };
        }
        let (length, result) = match kind {
            M::CONCATENATE_BASE_AND_KEY
            | M::CONCATENATE_BASE_AND_DATA
            | M::CONCATENATE_DATA_AND_BASE => (None, KeyType::GENERIC_SECRET),
            M::XOR_BASE_AND_DATA => {
                (None, *self.chance.pick(&[KeyType::AES, KeyType::GENERIC_SECRET]))
            }
            _ => {
                let length = *self.chance.pick(&[16, 32, 32, 1]);
                (Some(length), *self.chance.pick(&[KeyType::AES, KeyType::GENERIC_SECRET]))
            }
        };
        secret(wished, result, length)
    }

    fn parameters(
        &mut self,
        kind: M,
        base: usize,
        other: Option<usize>,
    ) -> (Parameters, Option<usize>) {
        let data = |bytes: Vec<u8>| Parameters::Data(Zeroizing::new(bytes));
        let none = (data(vec![0; 32]), None);
        let Some(other) = other.or(Some(base)) else { return none };
        match kind {
            M::CONCATENATE_BASE_AND_KEY => (Parameters::Key(self.handle(other)), Some(other)),
            M::XOR_BASE_AND_DATA => (data(vec![*self.chance.pick(&[0, 0, 0x5a]); 32]), None),
            M::CONCATENATE_BASE_AND_DATA | M::CONCATENATE_DATA_AND_BASE => {
                (data(vec![7; *self.chance.pick(&[0, 1, 16])]), None)
            }
            M::HKDF_DERIVE | M::HKDF_DATA => {
                let (extract, expand) =
                    *self.chance.pick(&[(true, true), (false, true), (true, false)]);
                let keyed = extract && self.chance.one_in(3);
                let salt = if keyed { HkdfSalt::Key(self.handle(other)) } else { HkdfSalt::Null };
                let parameters =
                    Parameters::Hkdf { extract, expand, hash: M::SHA256, salt, info: Vec::new() };
                (parameters, keyed.then_some(other))
            }
            M::AES_ECB_ENCRYPT_DATA => (data(vec![0; 32]), None),
            M::AES_CBC_ENCRYPT_DATA => {
                (Parameters::CbcEncryptData { vector: [0; 16], data: vec![0; 32] }, None)
            }
            M::ECDH1_DERIVE => {
                let peers = [&pairs().known_ec, &pairs().ec[0], &pairs().ec[1]];
                let peer = self.chance.pick(&peers).public.bytes(A::EC_POINT).unwrap().to_vec();
                let derivation = KeyDerivation(*self.chance.pick(&[1, 6]));
                (Parameters::Ecdh { derivation, shared: Vec::new(), public: peer }, None)
            }
            _ => {
                let prf = if self.oracle.things[base].kind() == KeyType::AES {
                    M::AES_CMAC
                } else {
                    M::SHA256_HMAC
                };
                let counter = PrfData::Counter { little_endian: false, bits: 32 };
                let iteration = match kind {
                    M::SP800_108_COUNTER_KDF => {
                        vec![counter, PrfData::Bytes(vec![1])]
                    }
                    _ => vec![PrfData::Iteration, PrfData::Bytes(vec![1])],
                };
                (Parameters::Sp800108 { prf, data: iteration, feedback: Vec::new() }, None)
            }
        }
    }

    fn computed(
        &self,
        mechanism: &Mechanism,
        parents: &[usize],
        asked: &Template,
    ) -> Option<Template> {
        let mut keys = parents.iter().map(|parent| known(&self.oracle.things[*parent]));
        let base = keys.next()??;
        let others = keys.collect::<Option<Vec<_>>>()?;
        mechanism::derive(mechanism, &base, &others, asked).ok()
    }

    /// A secret for the pair of ML-KEM, and the same one out of its ciphertext.
    pub(super) fn encapsulate(&mut self) -> Verdict {
        let kem =
            |class| move |thing: &Thing| thing.class() == class && thing.kind() == KeyType::ML_KEM;
        let Some(public) = self.choose(kem(ObjectClass::PUBLIC_KEY)) else { return Ok(()) };
        let mechanism = Mechanism::plain(M::ML_KEM);
        let template = secret(wished(&mut self.chance), KeyType::AES, Some(32));
        let request = CryptokiRequest::EncapsulateKey {
            session: S,
            mechanism: mechanism.clone(),
            public_key: self.handle(public),
            template: template.clone(),
        };
        let made = self.world.cryptoki(self.actor, request);
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("encapsulates {name} for #{public}, {template:?}"), &made);
        let ciphertext = if let Ok(Some(CryptokiReply::Encapsulated { ciphertext, key })) = made {
            let material = Self::decapsulated(&ciphertext, &template);
            self.made(key, (&template, material), (&[], None)).1?;
            ciphertext
        } else {
            vec![1; 768]
        };
        let Some(private) = self.choose(kem(ObjectClass::PRIVATE_KEY)) else { return Ok(()) };
        let template = secret(wished(&mut self.chance), KeyType::AES, Some(32));
        let request = CryptokiRequest::DecapsulateKey {
            session: S,
            mechanism,
            private_key: self.handle(private),
            ciphertext: ciphertext.clone(),
            template: template.clone(),
        };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("decapsulates {name} by #{private}, {template:?}"), &made);
        let Ok(handle) = made else { return Ok(()) };
        let material = Self::decapsulated(&ciphertext, &template);
        self.made(handle, (&template, material), (&[private], Some(Bond::Agreed))).1
    }

    fn decapsulated(ciphertext: &[u8], asked: &Template) -> Option<Template> {
        let key = PreparedKey::from_template(&pairs().kem.private).ok()?;
        mechanism::decapsulate(&Mechanism::plain(M::ML_KEM), &key, ciphertext, asked).ok()
    }
}
