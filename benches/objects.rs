//! How fast a partition finds and keeps objects, without a link in between: medians and the
//! spread between the quartiles, of runs of equal size.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lunacm::{
    crypto::{PasswordParameters, SystemRandom},
    hsm::{AdminSession, Hsm, LinkSession, Surroundings},
    model::{
        Label, Password, Reply, Request, Role, StorageSize,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiRequest, Mechanism, MechanismType as M,
            ObjectClass, SessionId, Template,
        },
    },
    store::SqliteAppliance,
};

const S: SessionId = SessionId(1);
const CHEAP: PasswordParameters = PasswordParameters { memory: 8, passes: 1, lanes: 1 };
const OBJECTS: u32 = 50_000;
/// P-256 as an object identifier in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let (hsm, link) = partition(directory.path());
    let filled = Instant::now();
    fill(&hsm, &link);
    println!("{OBJECTS} objects made in {:.1} s by 8 threads", filled.elapsed().as_secs_f64());
    for (what, template) in [
        ("find by label among 50,000", labelled(OBJECTS / 2)),
        ("find by label, none there", labelled(OBJECTS + 1)),
        ("find first 100 by class", class()),
        ("find by a flag that none has", class().with(A::COPYABLE, false)),
    ] {
        let request =
            CryptokiRequest::FindObjects { session: S, template, after: None, limit: 100 };
        report(what, 100, || done(&hsm, &link, request.clone()));
    }
    let login = Instant::now();
    let other = LinkSession::new(link.serial(), [1; 32]);
    ask(
        &hsm,
        &other,
        Request::Login { role: Role::CryptoOfficer, password: password("co-password") },
    );
    println!("another login with the objects open: {:.1} ms", millis(login.elapsed()));
    drop((hsm, link, other));

    for threads in [1, 8] {
        let directory = tempfile::tempdir().unwrap();
        let (hsm, link) = partition(directory.path());
        generate_pairs(&hsm, &link, threads);
    }
}

/// Token key pairs a second, each on the disk before it is answered.
fn generate_pairs(hsm: &Hsm, link: &LinkSession, threads: u32) {
    let token = || Template::default().with(A::TOKEN, true);
    let request = CryptokiRequest::GenerateKeyPair {
        session: S,
        mechanism: Mechanism::plain(M::EC_KEY_PAIR_GEN),
        public: token().with(A::EC_PARAMS, AttributeValue::bytes(P256)),
        private: token(),
    };
    let each = 200 / threads;
    let mut rates: Vec<f64> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..each).for_each(|_| done(hsm, link, request.clone())));
                }
            });
            f64::from(each * threads) / begun.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "P-256 token key pairs, {threads} threads: {:.0}/s ({:.0} to {:.0})",
        rates[4], rates[2], rates[6]
    );
}

fn report(what: &str, times: u32, mut act: impl FnMut()) {
    let mut runs: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            act();
            begun.elapsed()
        })
        .collect();
    runs.sort_unstable();
    let at = |part: usize| millis(runs[runs.len() * part / 4]);
    println!("{what}: {:.3} ms ({:.3} to {:.3})", at(2), at(1), at(3));
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn labelled(number: u32) -> Template {
    Template::default().with(A::LABEL, AttributeValue::bytes(format!("object {number}").as_bytes()))
}

fn class() -> Template {
    Template::default().with(A::CLASS, ObjectClass::DATA.0)
}

fn fill(hsm: &Hsm, link: &LinkSession) {
    thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for number in (thread..OBJECTS).step_by(8) {
                    let template = labelled(number).with(A::CLASS, ObjectClass::DATA.0);
                    let template = template.with(A::TOKEN, true);
                    done(hsm, link, CryptokiRequest::CreateObject { session: S, template });
                }
            });
        }
    });
}

/// A partition with all of the HSM's storage, and its Crypto Officer's link.
fn partition(directory: &std::path::Path) -> (Hsm, LinkSession) {
    let (store, sealer) = SqliteAppliance::open(directory, Box::new(SystemRandom::new())).unwrap();
    let hsm = Hsm::open(Arc::new(store), sealer, CHEAP, Surroundings::system()).unwrap();
    let admin = AdminSession::new();
    let label = |text: &str| text.parse::<Label>().unwrap();
    hsm.initialize(&admin, &label("hsm0"), Some(password("so-password")), None).unwrap();
    hsm.login(&admin, &password("so-password")).unwrap();
    let serial = hsm.create_partition(&admin, &label("par0"), StorageSize::AllFree).unwrap();
    let link = LinkSession::new(serial, [1; 32]);
    hsm.activate(&link, "Client1".parse().unwrap()).unwrap();
    let (label, password_of) = (label("par0"), password);
    ask(
        &hsm,
        &link,
        Request::Initialize {
            label,
            password: password_of("po-password"),
            domain: None,
            domain_label: None,
            policies: Vec::new(),
        },
    );
    ask(&hsm, &link, Request::Login { role: Role::PartitionSo, password: password("po-password") });
    let (role, initial) = (Role::CryptoOfficer, || password("initial-password"));
    ask(&hsm, &link, Request::CreateRole { role, password: initial() });
    ask(&hsm, &link, Request::Logout);
    ask(&hsm, &link, Request::Login { role, password: initial() });
    ask(
        &hsm,
        &link,
        Request::ChangePassword { role, old: initial(), new: password("co-password") },
    );
    done(&hsm, &link, CryptokiRequest::OpenSession { session: S, read_write: true });
    (hsm, link)
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn ask(hsm: &Hsm, link: &LinkSession, request: Request) -> Reply {
    let (reply, _) = hsm.perform(link, request);
    assert!(!matches!(reply, Reply::Failed(_)), "{reply:?}");
    reply
}

fn done(hsm: &Hsm, link: &LinkSession, request: CryptokiRequest) {
    ask(hsm, link, Request::Cryptoki(request));
}
