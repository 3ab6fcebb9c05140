//! What is there before a sequence begins: the token's objects, made by honest officers of values
//! that no caller has, and wraps of some of them that every caller has.

use lunacm::model::cryptoki::{
    AttributeType as A, AttributeValue, CryptokiRequest, KeyType, Template,
};

use super::{
    Now, object,
    templates::{THEIRS, restricted, secret},
};
use crate::{
    chance::Chance,
    keys::{Pair, importable, pairs},
    objects::Thing,
    oracle::Oracle,
    secrets::Blob,
    world::{Actor, Preset, S, World},
};

pub struct Scene {
    things: Vec<Thing>,
    blobs: Vec<Blob>,
    pub log: Vec<String>,
}

impl Scene {
    pub fn enter(&self, oracle: &mut Oracle) {
        oracle.things.clone_from(&self.things);
        oracle.blobs.clone_from(&self.blobs);
        for value in THEIRS {
            oracle.known.learn(value);
        }
        let private = &pairs().known_ec.private;
        oracle.known.learn(private.bytes(A::VALUE).unwrap());
        let private = &pairs().known_rsa.private;
        oracle.known.learn(private.bytes(A::PRIVATE_EXPONENT).unwrap());
    }
}

pub fn set_up(world: &World, preset: Preset, chance: &mut Chance) -> Scene {
    let mut oracle = Oracle::new(preset);
    let mut log = Vec::new();
    let actor = Actor::CryptoOfficer;
    let own = Chance::new(chance.next());
    let mut now = Now { world, oracle: &mut oracle, log: &mut log, actor, chance: own };
    for _ in 0..3 {
        now.victim();
    }
    for _ in 0..2 {
        now.wrapping_key();
    }
    let derives = Template::default().with(A::DERIVE, true);
    for pair in &pairs().ec {
        now.enter(importable(&pair.private), &derives);
    }
    now.both(&pairs().kem, (&[A::ENCAPSULATE], &[A::DECAPSULATE]));
    let more = now.chance.one_in(4) && preset == Preset::First;
    let opens: &[A] = if more { &[A::UNWRAP, A::DECRYPT, A::SIGN] } else { &[A::UNWRAP] };
    now.both(&pairs().rsa, (&[A::WRAP], opens));
    if preset == Preset::Strict || now.chance.one_in(2) {
        now.trust();
    }
    now.actor = actor;
    for content in 0..now.oracle.things.len() {
        for around in 0..now.oracle.things.len() {
            if now.oracle.things[around].is(A::WRAP)
                && now.oracle.things[content].is(A::EXTRACTABLE)
            {
                now.wrap_these(around, content).unwrap();
            }
        }
    }
    let Oracle { things, blobs, .. } = oracle;
    Scene { things, blobs, log }
}

impl Now<'_> {
    fn victim(&mut self) {
        let kind = *self.chance.pick(&[KeyType::AES, KeyType::AES, KeyType::GENERIC_SECRET]);
        let mut template = secret(Template::default(), kind, None);
        if self.chance.one_in(2) {
            template.set(A::EXTRACTABLE, true);
            if self.chance.one_in(2) {
                template.set(A::WRAP_WITH_TRUSTED, true);
            }
        }
        let uses: &[A] = match self.chance.below(4) {
            0 => &[],
            1 | 2 => &[A::DERIVE],
            _ => &[A::DERIVE, A::SIGN],
        };
        for usage in uses {
            template.set(*usage, true);
        }
        let template = restricted(&mut self.chance, template);
        let value = self.chance.bytes(32);
        self.enter(template.with(A::VALUE, AttributeValue::bytes(value)), &Template::default());
    }

    fn wrapping_key(&mut self) {
        let value = self.chance.bytes(32);
        let mut template = secret(Template::default(), KeyType::AES, None)
            .with(A::VALUE, AttributeValue::bytes(value))
            .with(A::WRAP, true)
            .with(A::UNWRAP, true);
        if self.oracle.preset == Preset::First {
            for (usage, cases) in [(A::DECRYPT, 6), (A::ENCRYPT, 6), (A::DERIVE, 3)] {
                if self.chance.one_in(cases) {
                    template.set(usage, true);
                }
            }
        }
        self.enter(template, &Template::default());
    }

    fn both(&mut self, pair: &Pair, (public, private): (&[A], &[A])) {
        let with = |uses: &[A]| {
            uses.iter().fold(Template::default(), |template, usage| template.with(*usage, true))
        };
        self.enter(importable(&pair.public), &with(public));
        self.enter(importable(&pair.private), &with(private));
    }

    /// An object of the token's, if the policies have such.
    fn enter(&mut self, template: Template, more: &Template) {
        let mut template = template.with(A::TOKEN, true);
        for one in &more.0 {
            template.set(one.kind, one.value.clone());
        }
        let request = CryptokiRequest::CreateObject { session: S, template: template.clone() };
        let made = object(self.world.cryptoki(self.actor, request));
        let mut shown = template.clone();
        shown.0.retain(|one| matches!(one.value, AttributeValue::Boolean(_)));
        let name = format!("#{}", self.oracle.things.len());
        self.note(&format!("has {name}, {shown:?}"), &made);
        if let Ok(handle) = made {
            let made = self.made(handle, (&template, Some(template.clone())), (&[], None));
            made.1.unwrap();
        }
    }
}
