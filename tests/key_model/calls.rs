//! Calls: what callers try, and what the oracle hears of it.

mod derive;
mod make;
mod scene;
mod templates;
mod transfer;
mod using;
mod wrap;

pub use scene::{Scene, set_up};

use lunacm::model::{
    Status,
    cryptoki::{AttributeType as A, CryptokiReply, ObjectHandle},
};

use crate::{
    chance::Chance,
    oracle::{Bond, Causes, Oracle, Verdict},
    world::{ACTORS, Actor, World},
};

/// What is called.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Create,
    Generate,
    GeneratePair,
    Derive,
    Wrap,
    Unwrap,
    Copy,
    Set,
    Read,
    Decrypt,
    RawSign,
    Output,
    Encapsulate,
    Transfer,
    Trust,
    KeyStream,
    Switch,
}

/// How often each is called.
const ACTS: [(Act, usize); 17] = [
    (Act::Create, 12),
    (Act::Generate, 4),
    (Act::GeneratePair, 1),
    (Act::Derive, 24),
    (Act::Wrap, 18),
    (Act::Unwrap, 12),
    (Act::Copy, 6),
    (Act::Set, 6),
    (Act::Read, 4),
    (Act::Decrypt, 10),
    (Act::RawSign, 1),
    (Act::Output, 6),
    (Act::Encapsulate, 3),
    (Act::Transfer, 1),
    (Act::Trust, 2),
    (Act::KeyStream, 4),
    (Act::Switch, 2),
];

/// A call, before it is known what there is to call it on: what it picks follows from its number.
#[derive(Clone, Debug)]
pub struct Call {
    actor: Actor,
    act: Act,
    detail: u64,
}

/// A call under way.
pub struct Now<'n> {
    pub world: &'n World,
    pub oracle: &'n mut Oracle,
    pub log: &'n mut Vec<String>,
    pub actor: Actor,
    pub chance: Chance,
}

impl Call {
    /// A sequence is mostly one caller's, because session objects are.
    pub fn any(chance: &mut Chance, mostly: Actor) -> Self {
        let mut at = chance.below(ACTS.iter().map(|(_, weight)| weight).sum());
        let act = ACTS.iter().find(|(_, weight)| {
            let found = at < *weight;
            at = at.saturating_sub(*weight);
            found
        });
        let actor = if chance.one_in(4) { *chance.pick(&ACTORS) } else { mostly };
        Self { actor, act: act.unwrap().0, detail: chance.next() }
    }

    pub fn perform(&self, world: &World, oracle: &mut Oracle, log: &mut Vec<String>) -> Verdict {
        let chance = Chance::new(self.detail);
        oracle.by = world.role(self.actor);
        let mut now = Now { world, oracle, log, actor: self.actor, chance };
        match self.act {
            Act::Create => now.create(),
            Act::Generate => now.generate(),
            Act::GeneratePair => now.generate_pair(),
            Act::Derive => now.derive(),
            Act::Wrap => now.wrap(),
            Act::Unwrap => now.unwrap(),
            Act::Copy => now.copy(),
            Act::Set => now.set(),
            Act::Read => now.read_one(),
            Act::Decrypt => now.decrypt(),
            Act::RawSign => now.raw_sign(),
            Act::Output => now.output(),
            Act::Encapsulate => now.encapsulate(),
            Act::Transfer => now.transfer(),
            Act::Trust => {
                now.trust();
                Ok(())
            }
            Act::KeyStream => now.key_stream(),
            Act::Switch => {
                now.switch();
                Ok(())
            }
        }
    }
}

impl Now<'_> {
    /// One of the objects that the caller sees, for which something holds.
    fn choose(&mut self, fits: impl Fn(&crate::objects::Thing) -> bool) -> Option<usize> {
        // Sometimes it does not mind that it should not see them.
        let role = self.world.role(self.actor);
        let role = if self.chance.one_in(10) { Actor::CryptoOfficer } else { role };
        let things = &self.oracle.things;
        let places = 0..things.len();
        let seen = |thing: &crate::objects::Thing| thing.is_seen_by(self.actor, role);
        let all: Vec<usize> =
            places.filter(|at| seen(&things[*at]) && fits(&things[*at])).collect();
        if all.is_empty() { None } else { Some(*self.chance.pick(&all)) }
    }

    fn handle(&self, at: usize) -> ObjectHandle {
        self.oracle.things[at].handle
    }

    /// Notes a call and what came of it.
    fn note<T>(&mut self, what: &str, outcome: &Result<T, Status>) {
        let outcome = match outcome {
            Ok(_) => "done".to_owned(),
            Err(status) => status.to_string(),
        };
        self.log.push(format!("{:?}: {what}: {outcome}", self.actor));
    }

    /// Ends the login of an application, whose objects stay, and begins another one, or none.
    fn switch(&mut self) {
        let role = *self.chance.pick(&ACTORS);
        self.world.switch(self.actor, role);
        self.log.push(format!("{:?}: is {role:?} from here on", self.actor));
    }

    /// What a call made is looked at, and read if that is possible.
    fn made(
        &mut self,
        handle: ObjectHandle,
        (asked, material): (
            &lunacm::model::cryptoki::Template,
            Option<lunacm::model::cryptoki::Template>,
        ),
        (parents, bond): (&[usize], Option<Bond>),
    ) -> (usize, Verdict) {
        let at =
            self.oracle.made(self.world, (self.actor, handle), (asked, material), (parents, bond));
        let verdict = self.oracle.judge(Some(Causes::Made(at)), &[]);
        (at, verdict.and_then(|()| self.read(at)))
    }

    fn read(&mut self, at: usize) -> Verdict {
        let thing = &self.oracle.things[at];
        if !thing.is_key() && thing.seen.number(A::CLASS) != Some(0) {
            return Ok(());
        }
        let kind = if thing.kind() == lunacm::model::cryptoki::KeyType::RSA && thing.is_key() {
            A::PRIVATE_EXPONENT
        } else {
            A::VALUE
        };
        let Some(value) = self.world.value(self.actor, thing.handle, kind) else { return Ok(()) };
        self.log.push(format!("{:?}: reads {}: done", self.actor, thing.name));
        let thing = &mut self.oracle.things[at];
        if thing.material.is_none() {
            let material = thing.seen.clone();
            thing.material = Some(
                material.with(kind, lunacm::model::cryptoki::AttributeValue::bytes(&value[..])),
            );
        }
        self.oracle.judge(Some(Causes::Read(at)), &[&value])
    }
}

fn object(reply: Result<Option<CryptokiReply>, Status>) -> Result<ObjectHandle, Status> {
    match reply? {
        Some(CryptokiReply::Object(handle)) => Ok(handle),
        other => panic!("{other:?}"),
    }
}

fn bytes(reply: Result<Option<CryptokiReply>, Status>) -> Result<Vec<u8>, Status> {
    match reply? {
        Some(CryptokiReply::Bytes(bytes)) => Ok(bytes.to_vec()),
        other => panic!("{other:?}"),
    }
}
