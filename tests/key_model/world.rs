//! A partition with an application of every role.

use std::{cell::RefCell, collections::BTreeMap};

use lunacm::{
    hsm::LinkSession,
    model::{
        PolicySet, PolicyValue, Reply, Request, Role, Status,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            ObjectHandle, SessionId, Template,
        },
    },
};

use crate::hsm_support::{Bench, PO, add_role, another, done, log_in};

/// Policies of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    First,
    Strict,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    PartitionSo,
    CryptoOfficer,
    LimitedOfficer,
    CryptoUser,
    Nobody,
}

pub const ACTORS: [Actor; 5] = [
    Actor::PartitionSo,
    Actor::CryptoOfficer,
    Actor::LimitedOfficer,
    Actor::CryptoUser,
    Actor::Nobody,
];

const PASSWORD: &str = "a-password";

/// The session that stays, and the one whose objects go after each sequence.
const LASTING: SessionId = SessionId(1);
pub const S: SessionId = SessionId(2);

pub struct World {
    bench: Bench,
    links: BTreeMap<Actor, LinkSession>,
    /// A Crypto Officer who looks on.
    onlooker: LinkSession,
    /// Whoever is logged in where somebody else was.
    switched: RefCell<BTreeMap<Actor, Actor>>,
}

impl World {
    pub fn new(preset: Preset) -> Self {
        let (bench, officer) = Bench::with_officer();
        let hsm = &bench.hsm;
        let changes = match preset {
            Preset::First => Vec::new(),
            Preset::Strict => PolicySet::strict(),
        };
        done(hsm, &officer, Request::ChangePolicies { changes, erase: true });
        let crypto = add_role(hsm, &officer, Role::CryptoOfficer, PASSWORD);
        let mut open = vec![(Actor::CryptoOfficer, crypto)];
        for (actor, role) in [
            (Actor::LimitedOfficer, Role::LimitedCryptoOfficer),
            (Actor::CryptoUser, Role::CryptoUser),
        ] {
            open.push((actor, add_role(hsm, &open[0].1, role, PASSWORD)));
        }
        open.push((Actor::Nobody, another(&officer)));
        let so = another(&officer);
        log_in(hsm, &so, Role::PartitionSo, PO);
        open.push((Actor::PartitionSo, so));
        let onlooker = another(&officer);
        log_in(hsm, &onlooker, Role::CryptoOfficer, PASSWORD);
        let request = CryptokiRequest::OpenSession { session: S, read_write: false };
        done(hsm, &onlooker, Request::Cryptoki(request));
        let (links, switched) = (open.into_iter().collect(), RefCell::default());
        let world = Self { bench, links, onlooker, switched };
        for actor in ACTORS {
            for session in [LASTING, S] {
                let request = CryptokiRequest::OpenSession { session, read_write: true };
                world.cryptoki(actor, request).unwrap();
            }
        }
        world
    }

    pub fn ask(&self, actor: Actor, request: Request) -> Reply {
        self.bench.hsm.perform(&self.links[&actor], request).0
    }

    pub fn cryptoki(
        &self,
        actor: Actor,
        request: CryptokiRequest,
    ) -> Result<Option<CryptokiReply>, Status> {
        match self.ask(actor, Request::Cryptoki(request)) {
            Reply::Done => Ok(None),
            Reply::Cryptoki(reply) => Ok(Some(reply)),
            Reply::Failed(status) => Err(status),
            other => panic!("{other:?}"),
        }
    }

    /// The attributes that an actor may read.
    pub fn read(&self, actor: Actor, object: ObjectHandle, types: &[A]) -> Template {
        self.look(Some(actor), object, types)
    }

    /// The attributes of an application's object, or of the token's, whoever is logged in.
    pub fn look(&self, owner: Option<Actor>, object: ObjectHandle, types: &[A]) -> Template {
        let link = owner.map_or(&self.onlooker, |owner| &self.links[&owner]);
        let request = CryptokiRequest::GetAttributes { session: S, object, types: types.to_vec() };
        let reply = self.bench.hsm.perform(link, Request::Cryptoki(request)).0;
        let Reply::Cryptoki(CryptokiReply::Attributes(read)) = reply else {
            return Template::default();
        };
        types.iter().zip(read).fold(Template::default(), |template, (kind, read)| match read {
            AttributeRead::Value(value) => template.with(*kind, value),
            AttributeRead::Refused(_) => template,
        })
    }

    /// A value that an actor may read.
    pub fn value(&self, actor: Actor, object: ObjectHandle, kind: A) -> Option<Vec<u8>> {
        match self.read(actor, object, &[kind]).get(kind) {
            Some(AttributeValue::Bytes(value)) if !value.is_empty() => Some(value.to_vec()),
            _ => None,
        }
    }

    /// The role that an application has now.
    pub fn role(&self, application: Actor) -> Actor {
        self.switched.borrow().get(&application).copied().unwrap_or(application)
    }

    /// Logs an application out, and in again as another one.
    pub fn switch(&self, application: Actor, to: Actor) {
        self.ask(application, Request::Logout);
        let (role, text) = match to {
            Actor::PartitionSo => (Some(Role::PartitionSo), PO),
            Actor::CryptoOfficer => (Some(Role::CryptoOfficer), PASSWORD),
            Actor::LimitedOfficer => (Some(Role::LimitedCryptoOfficer), PASSWORD),
            Actor::CryptoUser => (Some(Role::CryptoUser), PASSWORD),
            Actor::Nobody => (None, PASSWORD),
        };
        if let Some(role) = role {
            log_in(&self.bench.hsm, &self.links[&application], role, text);
        }
        self.switched.borrow_mut().insert(application, to);
    }

    /// Ends a sequence: its session objects and its logins go.
    pub fn end(&self) {
        let switched = self.switched.take();
        for application in switched.into_keys() {
            self.switch(application, application);
        }
        self.switched.take();
        for actor in ACTORS {
            self.cryptoki(actor, CryptokiRequest::CloseSession { session: S }).unwrap();
            let request = CryptokiRequest::OpenSession { session: S, read_write: true };
            self.cryptoki(actor, request).unwrap();
        }
    }

    /// Destroys all objects of the token.
    pub fn clear(&self) {
        while let Reply::Left(left) = self.ask(Actor::CryptoOfficer, Request::Clear) {
            if left == 0 {
                break;
            }
        }
    }

    /// Changes a policy of the partition.
    #[allow(dead_code, reason = "for experiments")]
    pub fn decide(&self, number: u8, value: u8) {
        let changes = vec![PolicyValue { number, value }];
        self.ask(Actor::PartitionSo, Request::ChangePolicies { changes, erase: true });
    }
}
