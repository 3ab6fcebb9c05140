//! Objects that come from nothing, copies and changes.

use lunacm::model::cryptoki::{
    AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, KeyType, Mechanism,
    MechanismType as M, ObjectClass, Template,
};

use super::{
    Now, object,
    templates::{THEIRS, readable, secret, wished},
};
use crate::{
    keys::{importable, pairs},
    objects::USES,
    oracle::{Bond, Verdict},
    world::{Preset, S},
};

impl Now<'_> {
    /// A key that callers have.
    pub(super) fn create(&mut self) -> Verdict {
        if self.chance.one_in(4) {
            return self.create_public();
        }
        let value = *self.chance.pick(&THEIRS);
        let kind = *self.chance.pick(&[KeyType::AES, KeyType::AES, KeyType::GENERIC_SECRET]);
        let wished = if self.chance.one_in(2) {
            readable(&mut self.chance)
        } else {
            wished(&mut self.chance)
        };
        let template = secret(wished, kind, None).with(A::VALUE, AttributeValue::bytes(value));
        let made = object(self.world.cryptoki(
            self.actor,
            CryptokiRequest::CreateObject { session: S, template: template.clone() },
        ));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("creates {name} of a known value, {template:?}"), &made);
        let Ok(handle) = made else { return Ok(()) };
        self.made(handle, (&template, Some(template.clone())), (&[], None)).1
    }

    /// A public key whose private half callers have.
    fn create_public(&mut self) -> Verdict {
        let mut template = importable(&pairs().known_rsa.public).with(A::WRAP, true);
        if self.chance.one_in(8) {
            template.set(A::TOKEN, true);
        }
        let request = CryptokiRequest::CreateObject { session: S, template: template.clone() };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("creates {name}, a public key of a known pair"), &made);
        let Ok(handle) = made else { return Ok(()) };
        let private = pairs().known_rsa.private.clone();
        let (at, verdict) = self.made(handle, (&template, Some(private)), (&[], None));
        self.oracle.things[at].foreign = true;
        verdict
    }

    pub(super) fn generate(&mut self) -> Verdict {
        let wished = wished(&mut self.chance);
        let (kind, mechanism) = *self.chance.pick(&[
            (KeyType::AES, M::AES_KEY_GEN),
            (KeyType::GENERIC_SECRET, M::GENERIC_SECRET_KEY_GEN),
        ]);
        let template = secret(wished, kind, Some(32));
        let mechanism = Mechanism::plain(mechanism);
        let request =
            CryptokiRequest::GenerateKey { session: S, mechanism, template: template.clone() };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("generates {name}, {template:?}"), &made);
        let Ok(handle) = made else { return Ok(()) };
        self.made(handle, (&template, None), (&[], None)).1
    }

    pub(super) fn generate_pair(&mut self) -> Verdict {
        let private = wished(&mut self.chance);
        let point = pairs().ec[0].public.get(A::EC_PARAMS).cloned().unwrap();
        let public = Template::default().with(A::EC_PARAMS, point);
        let request = CryptokiRequest::GenerateKeyPair {
            session: S,
            mechanism: Mechanism::plain(M::EC_KEY_PAIR_GEN),
            public: public.clone(),
            private: private.clone(),
        };
        let made = self.world.cryptoki(self.actor, request);
        let name = format!("#{}", self.oracle.things.len() + 1);
        self.note(&format!("generates a pair of {name}, {private:?}"), &made);
        let Ok(Some(CryptokiReply::KeyPair { public: first, private: second })) = made else {
            return Ok(());
        };
        self.made(first, (&public, None), (&[], None)).1?;
        self.made(second, (&private, None), (&[], None)).1
    }

    pub(super) fn copy(&mut self) -> Verdict {
        let Some(at) = self.choose(crate::objects::Thing::is_key) else { return Ok(()) };
        let template = self.changes();
        let original = self.handle(at);
        let request = CryptokiRequest::CopyObject {
            session: S,
            object: original,
            template: template.clone(),
        };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("copies #{at} to {name}, {template:?}"), &made);
        let Ok(handle) = made else { return Ok(()) };
        let material = self.oracle.things[at].material.clone();
        self.made(handle, (&template, material), (&[at], Some(Bond::Copied))).1
    }

    pub(super) fn set(&mut self) -> Verdict {
        let Some(at) = self.choose(crate::objects::Thing::is_key) else { return Ok(()) };
        let mut template = self.changes();
        template.0.retain(|one| !matches!(one.kind, A::TOKEN | A::PRIVATE));
        let request = CryptokiRequest::SetAttributes {
            session: S,
            object: self.handle(at),
            template: template.clone(),
        };
        let done = self.world.cryptoki(self.actor, request);
        self.note(&format!("sets #{at}, {template:?}"), &done);
        if done.is_ok() {
            self.oracle.look_again(self.world, at);
            for usage in USES {
                let roles = &mut self.oracle.things[at].roles;
                match template.boolean(usage) {
                    Some(true) => roles.insert(usage),
                    Some(false) => roles.remove(&usage),
                    None => false,
                };
            }
            return self.read(at);
        }
        Ok(())
    }

    fn changes(&mut self) -> Template {
        let mut template = wished(&mut self.chance);
        if self.chance.one_in(2) {
            template.0.truncate(1);
        }
        template
    }

    /// The Partition SO trusts: under the first policies whatever public key it is shown, under
    /// `strict` only what its own people made.
    pub(super) fn trust(&mut self) {
        self.actor = crate::world::Actor::PartitionSo;
        let strict = self.oracle.preset == Preset::Strict;
        let trustworthy = |thing: &crate::objects::Thing| {
            thing.class() == ObjectClass::PUBLIC_KEY && !(strict && thing.foreign)
        };
        let Some(at) = self.choose(trustworthy) else { return };
        let template = Template::default().with(A::TRUSTED, true);
        let request =
            CryptokiRequest::SetAttributes { session: S, object: self.handle(at), template };
        let done = self.world.cryptoki(self.actor, request);
        self.note(&format!("trusts #{at}"), &done);
        if done.is_ok() {
            self.oracle.look_again(self.world, at);
        }
    }

    pub(super) fn read_one(&mut self) -> Verdict {
        let Some(at) = self.choose(|_| true) else { return Ok(()) };
        self.read(at)
    }
}
