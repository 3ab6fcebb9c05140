//! The worst that a client can do without a login.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Scope},
    time::Duration,
};

use lunacm::{
    channel::InitiatorConfig,
    model::{
        Reply, Request,
        cryptoki::{
            Attribute, AttributeType as A, AttributeValue, CryptokiRequest, Iterations, Mechanism,
            MechanismType, ObjectClass, Parameters, Template,
        },
    },
    net::Link,
    wire::encode,
};
use rustix::process::setpriority_process;
use zeroize::Zeroizing;

use crate::{S, ask, connect, world::World};

/// Links of the attacker, and threads on each of them.
const LINKS: usize = 4;
const THREADS: usize = 16;

/// What the attacker does all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    Templates,
    Passwords,
    Rsa,
    Objects,
    Audit,
    Keys,
}

impl Attack {
    pub const ALL: [Self; 6] =
        [Self::Templates, Self::Passwords, Self::Rsa, Self::Objects, Self::Audit, Self::Keys];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Templates => "templates of 4 MiB",
            Self::Passwords => "PBKDF2",
            Self::Rsa => "RSA 8192",
            Self::Objects => "session objects",
            Self::Audit => "audit floods",
            Self::Keys => "changes of keys",
        }
    }

    /// The request that is made again and again.
    fn request(self) -> Request {
        let open = |class: ObjectClass| {
            Template::default().with(A::CLASS, class.0).with(A::PRIVATE, false)
        };
        Request::Cryptoki(match self {
            Self::Templates => {
                let empty = AttributeValue::bytes(Vec::new());
                let attribute = |number| Attribute { kind: A(number), value: empty.clone() };
                let template = Template((0x1_0000..0x1_0000 + 830_000).map(attribute).collect());
                CryptokiRequest::CreateObject { session: S, template }
            }
            Self::Passwords => {
                let parameters = Parameters::Pbkdf2 {
                    salt: vec![0; 16],
                    iterations: Iterations(1_250_000),
                    prf: MechanismType::SHA512_HMAC,
                    password: Zeroizing::new(vec![0; 8]),
                };
                let mechanism = Mechanism { mechanism: MechanismType::PKCS5_PBKD2, parameters };
                let template = open(ObjectClass::SECRET_KEY).with(A::VALUE_LEN, 512);
                CryptokiRequest::GenerateKey { session: S, mechanism, template }
            }
            Self::Rsa => CryptokiRequest::GenerateKeyPair {
                session: S,
                mechanism: Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
                public: Template::default().with(A::MODULUS_BITS, 8192),
                private: Template::default().with(A::PRIVATE, false),
            },
            Self::Objects => {
                let value = AttributeValue::bytes(vec![7; 3 << 20]);
                let template = open(ObjectClass::DATA).with(A::VALUE, value);
                CryptokiRequest::CreateObject { session: S, template }
            }
            Self::Audit => CryptokiRequest::GenerateKey {
                session: S,
                mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN),
                template: Template::default().with(A::TOKEN, true).with(A::VALUE_LEN, 32),
            },
            Self::Keys => return Request::Ping,
        })
    }
}

/// Attacks from threads of a scope until told to stop.
pub fn attack<'scope>(
    scope: &'scope Scope<'scope, '_>,
    world: &World,
    (kind, client): (Attack, &InitiatorConfig),
    stop: &'scope AtomicBool,
) {
    let request = Arc::new(encode(&kind.request()).unwrap());
    for _ in 0..LINKS {
        let link = Arc::new(connect(world, client));
        let session = CryptokiRequest::OpenSession { session: S, read_write: true };
        assert_eq!(ask(&link, &Request::Cryptoki(session)), Reply::Done);
        let threads = if kind == Attack::Keys { 1 } else { THREADS };
        for _ in 0..threads {
            let (link, request) = (link.clone(), request.clone());
            scope.spawn(move || work(kind, &link, &request, stop));
        }
        // Whoever waits for an answer hears of the end by the link's.
        scope.spawn(move || {
            while !stop.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(20));
            }
            link.close();
        });
    }
}

fn work(kind: Attack, link: &Link, request: &[u8], stop: &AtomicBool) {
    // The lowest priority, so that what is measured is the daemon's and not this program's.
    let _ = setpriority_process(None, 19);
    while !stop.load(Ordering::Acquire) {
        if kind == Attack::Keys {
            link.rekey();
        }
        if link.call(request).is_err() {
            return;
        }
    }
}
