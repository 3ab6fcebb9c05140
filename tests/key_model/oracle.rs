//! The oracle: what callers have after each call, and whether it gives away a key that is not
//! theirs.

use lunacm::model::cryptoki::{
    AttributeType as A, AttributeValue, KeyType, ObjectClass, ObjectHandle, Template,
};

use crate::{
    exceptions::{Cause, explained},
    objects::{Need, SEEN, Thing, roles},
    secrets::{Blob, Derivation, Known, difference, opened, value_of},
    world::{Actor, Preset, World},
};

/// How a new object is bound to those that it comes from, as the documents say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    Carries,
    Computed,
    Agreed,
    Unwrapped,
    Copied,
}

/// Everything about one sequence.
pub struct Oracle {
    pub preset: Preset,
    /// The role in which something was called last.
    pub by: Actor,
    pub things: Vec<Thing>,
    pub known: Known,
    pub blobs: Vec<Blob>,
    pub derivations: Vec<Derivation>,
    /// Whether an object of the token is not as it was.
    pub stirred: bool,
}

/// What a call broke.
pub type Verdict = Result<(), String>;

impl Oracle {
    pub fn new(preset: Preset) -> Self {
        let (things, blobs, derivations) = (Vec::new(), Vec::new(), Vec::new());
        let (by, known) = (Actor::CryptoOfficer, Known::default());
        Self { preset, by, things, known, blobs, derivations, stirred: false }
    }

    /// Takes a new object down. `by_callers`: they gave its value, or have it at once.
    pub fn made(
        &mut self,
        world: &World,
        (actor, handle): (Actor, ObjectHandle),
        (asked, material): (&Template, Option<Template>),
        (parents, bond): (&[usize], Option<Bond>),
    ) -> usize {
        let seen = world.read(actor, handle, &SEEN);
        let class = ObjectClass(seen.number(A::CLASS).unwrap_or(u64::MAX));
        let kind = KeyType(seen.number(A::KEY_TYPE).unwrap_or(u64::MAX));
        let token = seen.boolean(A::TOKEN) == Some(true);
        let mut need = Need::of(&seen);
        let mut given = roles(class, kind, asked);
        for parent in parents {
            let parent = &self.things[*parent];
            need.private |= parent.need.private;
            match bond {
                None => {}
                Some(Bond::Carries) => {
                    need.and(&parent.need);
                    // What protects keys does not come back as a key for data.
                    if parent.roles.contains(&A::WRAP) || parent.roles.contains(&A::UNWRAP) {
                        given.retain(|usage| parent.roles.contains(usage));
                    }
                }
                Some(Bond::Copied) => {
                    need.and(&parent.need);
                    given.clone_from(&parent.roles);
                    for usage in crate::objects::USES {
                        match asked.boolean(usage) {
                            Some(true) => given.insert(usage),
                            Some(false) => given.remove(&usage),
                            None => false,
                        };
                    }
                }
                Some(Bond::Computed) => {
                    need.unreadable |= parent.need.unreadable && class != ObjectClass::DATA;
                    need.trusted |= parent.need.trusted;
                }
                Some(Bond::Agreed) => need.trusted |= parent.need.trusted,
                Some(Bond::Unwrapped) => {
                    let consents = matches!(parent.seen.get(A::UNWRAP_TEMPLATE),
                        Some(AttributeValue::Template(inner))
                            if inner.boolean(A::SENSITIVE) == Some(false));
                    need.unreadable |= parent.need.unreadable && !consents;
                    need.trusted |= parent.need.trusted || parent.is(A::TRUSTED);
                }
            }
        }
        let value = material.as_ref().and_then(value_of);
        let kept = parents.is_empty()
            || parents.iter().any(|parent| {
                let parent = &self.things[*parent];
                let opaque = parent.material.is_none() && parent.need.unreadable;
                (parent.secret && !parent.released) || opaque
            });
        let unreadable = Need::of(&seen).unreadable && class != ObjectClass::PUBLIC_KEY;
        let secret = unreadable && kept && value.is_some_and(|value| !self.known.has(value));
        let place = self.things.len();
        self.things.push(Thing {
            name: format!("#{place}"),
            handle,
            owner: (!token).then_some(actor),
            seen,
            material,
            need,
            roles: given,
            secret,
            released: false,
            foreign: false,
            alive: true,
        });
        self.stirred |= token;
        place
    }

    /// Looks at an object's attributes again.
    pub fn look_again(&mut self, world: &World, at: usize) {
        let thing = &mut self.things[at];
        thing.seen = world.look(thing.owner, thing.handle, &SEEN);
        thing.need.and(&Need { allowed: None, ..Need::of(&thing.seen) });
        self.stirred |= thing.owner.is_none();
    }

    /// Learns what callers read, and judges what follows.
    pub fn judge(&mut self, cause: Option<Causes>, read: &[&[u8]]) -> Verdict {
        for bytes in read {
            self.known.learn(bytes);
        }
        let wrapped = self.close();
        self.direct(cause.as_ref())?;
        let first = self.preset == Preset::First;
        let mut verdict = Ok(());
        for at in 0..self.things.len() {
            let thing = &self.things[at];
            let known = thing.secret
                && !thing.released
                && thing.value().is_some_and(|value| self.known.has(value));
            if !known {
                continue;
            }
            let explanation = match &cause {
                _ if !first => None,
                Some(cause) => explained(self.cause(cause)),
                None => explained(Cause::Made),
            };
            // What left under a foreign key is explained by how it left.
            let explanation = explanation.or_else(|| {
                let left = wrapped.iter().map(|at| &self.things[*at]);
                let mut explained = left.map(|left| explained(Cause::Wrapped(left)));
                if first { explained.find_map(|one| one) } else { None }
            });
            if explanation.is_none() && verdict.is_ok() {
                verdict = Err(format!("callers have the value of {}", thing.name));
            }
            self.things[at].released = true;
        }
        verdict
    }

    /// What needs no value to be wrong.
    fn direct(&self, cause: Option<&Causes>) -> Verdict {
        let outside = matches!(self.by, Actor::Nobody | Actor::PartitionSo);
        if let Some(Causes::Read(at) | Causes::Used(at, ..)) = cause
            && outside
            && self.things[*at].need.private
        {
            return Err(format!("{:?} came by {}", self.by, self.things[*at].name));
        }
        match cause {
            Some(Causes::Read(at)) => {
                let thing = &self.things[*at];
                let hidden = Need::of(&thing.seen).unreadable && thing.is_key();
                if hidden {
                    return Err(format!("{} is not to be read, and was", thing.name));
                }
                Ok(())
            }
            Some(Causes::Used(at, usage, mechanism)) => {
                let thing = &self.things[*at];
                if let Some(allowed) = &thing.need.allowed
                    && !allowed.contains(mechanism)
                {
                    return Err(format!("{} was used with {mechanism}", thing.name));
                }
                if thing.is_key() && !thing.roles.contains(usage) {
                    return Err(format!("nobody gave {} the use {usage}", thing.name));
                }
                Ok(())
            }
            Some(Causes::Made(at)) => {
                let by = self.by;
                let thing = &self.things[*at];
                if thing.is_key() && by == Actor::CryptoUser {
                    return Err(format!("the Crypto User made {}", thing.name));
                }
                if self.preset == Preset::Strict && matches!(by, Actor::CryptoUser | Actor::Nobody)
                {
                    return Err(format!("{by:?} made {}", thing.name));
                }
                if thing.need.private && !thing.is(A::PRIVATE) {
                    return Err(format!("{} needs no login, and comes of what does", thing.name));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn cause(&self, cause: &Causes) -> Cause<'_> {
        match cause {
            Causes::Made(_) => Cause::Made,
            Causes::Read(at) => Cause::Read(&self.things[*at]),
            Causes::Used(at, usage, _) => Cause::Used(&self.things[*at], *usage),
        }
    }

    /// Draws conclusions until there are no more; which keys came out of wraps.
    fn close(&mut self) -> Vec<usize> {
        let mut wrapped = Vec::new();
        loop {
            let mut more = false;
            for at in 0..self.blobs.len() {
                let blob = &self.blobs[at];
                let (around, content) = (&self.things[blob.wrapping], &self.things[blob.content]);
                let theirs =
                    around.foreign || around.value().is_some_and(|value| self.known.has(value));
                if !theirs {
                    continue;
                }
                let (content, found) = (
                    blob.content,
                    match content.value() {
                        Some(value) => Some(value.to_vec()),
                        // One that the token generated: now the oracle has it too.
                        None => around.material.as_ref().and_then(|around| {
                            let like = opened(blob, around, &self.things[blob.content].seen)?;
                            value_of(&like).map(<[u8]>::to_vec)
                        }),
                    },
                );
                if let Some(found) = found
                    && self.known.learn(&found)
                {
                    wrapped.push(content);
                    more = true;
                }
            }
            more |= self.compare_blobs();
            more |= self.derive_again();
            if !more {
                return wrapped;
            }
        }
    }

    fn compare_blobs(&mut self) -> bool {
        let mut more = false;
        for one in 0..self.blobs.len() {
            for other in 0..self.blobs.len() {
                let (first, second) = (&self.blobs[one], &self.blobs[other]);
                let same_key = self.things[first.wrapping].handle
                    == self.things[second.wrapping].handle
                    || self.things[first.wrapping]
                        .value()
                        .is_some_and(|value| self.things[second.wrapping].value() == Some(value));
                if one == other || !same_key {
                    continue;
                }
                let text = self.things[first.content].value().filter(|text| self.known.has(text));
                let (Some(text), Some(difference)) = (text, difference(first, second)) else {
                    continue;
                };
                let sum: Vec<u8> =
                    text.iter().zip(&difference).map(|(one, other)| one ^ other).collect();
                more |= self.known.learn(&sum);
            }
        }
        more
    }

    fn derive_again(&mut self) -> bool {
        let mut more = false;
        for derivation in &self.derivations {
            let has = |at: &usize| {
                let parent = &self.things[*at];
                parent.value().is_some_and(|value| self.known.has(value))
            };
            let theirs = derivation.agreed_with_callers || derivation.parents.iter().all(has);
            if theirs && let Some(value) = self.things[derivation.child].value() {
                more |= self.known.learn(value);
            }
        }
        more
    }
}

/// What a call did, by the places of its objects.
#[derive(Clone, Copy, Debug)]
pub enum Causes {
    Made(usize),
    Read(usize),
    Used(usize, A, lunacm::model::cryptoki::MechanismType),
}
