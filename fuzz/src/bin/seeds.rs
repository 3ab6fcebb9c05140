//! Writes the seeds that fuzzing starts from into `seeds/`, one directory for each target: messages
//! that are good, so that a mutation is nearly good. (The seeds of `certificate` and of
//! `certificate_file` are files that OpenSSL made.)

use std::{fs, io, path::Path};

use lunacm::{
    channel::{CookieJar, Origin, Suite, SuiteSet, split},
    model::{
        Password, Reply, Request, Role, Status, StcChange,
        cryptoki::{GcmLike, Mechanism, MechanismType, Parameters, Template},
    },
    wire::{ClientIdentityFile, PartitionIdentityFile, encode, frame_header},
};
use lunacm_fuzz::{FixedRandom, connect, control, respond, start, start_with};

fn main() -> io::Result<()> {
    for length in [1, 97, 1296, 65_792] {
        let header = frame_header(length).expect("a frame's size");
        seed("frame", &length.to_string(), &header)?;
    }
    handshakes()?;
    records()?;
    for (name, request) in requests() {
        seed("request", name, &encode(&request).expect("small"))?;
    }
    for (name, reply) in replies() {
        seed("reply", name, &encode(&reply).expect("small"))?;
    }
    mechanisms()?;
    for (name, calls) in CALLS {
        seed("c_calls", name, &calls.concat())?;
    }
    lines()?;
    identities()
}

fn handshakes() -> io::Result<()> {
    let (_, hybrid) = start();
    let (_, classic) = start_with(&Suite::CLASSIC);
    seed("handshake_init", "hybrid", &hybrid)?;
    seed("handshake_init", "classic", &classic)?;
    seed("handshake_init", "version", &[0x01, 0x02])?;
    seed("handshake_answer", "accepted", &respond(&hybrid, SuiteSet::ALL).1)?;
    seed("handshake_answer", "policy", &respond(&hybrid, SuiteSet::ALL.without(Suite::ALL[0])).1)?;
    seed("handshake_answer", "refusal", &respond(&[0xff], SuiteSet::ALL).1)?;
    let jar = CookieJar::new(&mut FixedRandom(0x12), std::time::Duration::ZERO).expect("a secret");
    let origin = Origin { address: &[127, 0, 0, 1], now: std::time::Duration::ZERO };
    let mut demand = Vec::new();
    jar.demand(&classic, origin, &mut demand);
    seed("handshake_answer", "cookie", &demand)?;
    seed("cookie", "without", &classic)?;
    seed("cookie", "with", &[&[0x06], &demand[1..], &classic].concat())
}

fn records() -> io::Result<()> {
    let (mut client, _) = connect(Suite::CLASSIC[0]);
    let mut record = Vec::new();
    client.seal(b"first", &mut record).expect("sealed");
    seed("record", "first", &record)?;
    seed("record", "flip", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3])?;
    let parts: Vec<_> = [(1, &b"a request"[..]), (2, b"")]
        .into_iter()
        .flat_map(|(id, content)| split(id, content).map(|part| part.pieces().concat()))
        .flat_map(|part| [vec![u8::try_from(part.len()).expect("small")], part].concat())
        .collect();
    seed("parts", "two", &parts)?;
    controls()?;
    let (mut client, mut partition) = connect(Suite::HYBRID[0]);
    client.rekey();
    for step in 0..4_u8 {
        let (from, to) = if step % 2 == 0 {
            (&mut client, &mut partition)
        } else {
            (&mut partition, &mut client)
        };
        let said = control(from);
        to.open(&mut said.clone()).expect("opened");
        seed("rekey", &format!("step{step}"), &[&[step], &said[..]].concat())?;
        seed("rekey", &format!("flip{step}"), &[step, 0, 0, 1])?;
    }
    Ok(())
}

/// What either end may say in turn, and what neither may.
fn controls() -> io::Result<()> {
    let step = |step: u8, said: &[u8]| {
        let bytes = u16::try_from(said.len()).expect("small").to_be_bytes();
        [&[step], &bytes[..], said].concat()
    };
    let own: Vec<_> = [2, 3, 2, 3].into_iter().flat_map(|at| step(at, b"")).collect();
    let data = [step(0, b"a"), step(1, b"b")].concat();
    seed("control", "change", &[&[0b11], &own[..], &data].concat())?;
    let settings = [&[5], &1000_u64.to_be_bytes()[..], &500_u16.to_be_bytes()].concat();
    let count = |kind: u8| [&[kind], &3_u64.to_be_bytes()[..]].concat();
    for (name, said) in [
        ("wanted", vec![1]),
        ("init_classic", [vec![2], vec![7; 48]].concat()),
        ("answer_classic", [vec![3], vec![7; 48]].concat()),
        ("changed", count(4)),
        ("settings", settings),
        ("replays", count(6)),
    ] {
        let both = [step(4, &said), step(5, &said)].concat();
        seed("control", name, &[&[0], &both[..], &data].concat())?;
    }
    let hybrid = [step(4, &[vec![2], vec![7; 1248]].concat()), step(3, b"")].concat();
    seed("control", "init_hybrid", &[&[1], &hybrid[..], &data].concat())
}

fn requests() -> Vec<(&'static str, Request)> {
    let password = Password::new("userpin1".into());
    vec![
        ("activate", Request::Activate { client: "client1".parse().expect("a label") }),
        ("describe", Request::Describe),
        ("login", Request::Login { role: Role::PartitionSo, password }),
        ("stc", Request::ChangeStcSettings(StcChange::ReplayWindow(120))),
    ]
}

fn replies() -> Vec<(&'static str, Reply)> {
    vec![
        ("done", Reply::Done),
        ("failed", Reply::Failed(Status::PinLocked)),
        ("stc", Reply::StcSettings(lunacm::model::StcSettings::default())),
    ]
}

/// The shape of a key, a bit to flip, the key's value, a message, attributes, a mechanism.
fn mechanisms() -> io::Result<()> {
    let gcm = GcmLike { nonce: vec![1; 12], associated: vec![2; 5], tag_bits: 128 };
    let bytes = Parameters::Bytes(vec![3; 16]);
    for (name, shape, value, mechanism, parameters) in [
        ("gcm", 0, 32, MechanismType::AES_GCM, Parameters::Gcm(gcm)),
        ("cbc_pad", 0, 16, MechanismType::AES_CBC_PAD, bytes),
        ("wrap", 0, 24, MechanismType::AES_KEY_WRAP, Parameters::None),
        ("hmac", 1, 40, MechanismType::SHA256_HMAC, Parameters::None),
        ("ecdsa", 3, 32, MechanismType::ECDSA_SHA256, Parameters::None),
        ("eddsa", 11, 32, MechanismType::EDDSA, Parameters::None),
        ("ml_dsa", 6, 32, MechanismType::ML_DSA, Parameters::None),
        ("ml_kem", 7, 64, MechanismType::ML_KEM, Parameters::None),
        ("digest", 1, 16, MechanismType::SHA512, Parameters::None),
    ] {
        let mechanism = Mechanism { mechanism, parameters };
        let message = vec![9_u8; 48];
        let input = (shape, 1_u8, vec![7_u8; value], message, Template::default(), mechanism);
        seed("mechanism", name, &encode(&input).expect("small"))?;
    }
    Ok(())
}

/// Calls as `tests/pkcs11_edge` reads them: a function, a session, and what the function takes.
const CALLS: [(&str, &[&[u8]]); 3] = [
    ("information", &[&[1, 2, 1], &[2, 2, 1, 64, 4, 1], &[3, 2, 0, 1], &[4, 2, 0, 1]]),
    ("find", &[OPEN, LOGIN, &[21, 2, 0, 1], &[22, 2, 64, 1, 1], &[23, 2]]),
    ("digest", &[OPEN, &[32, 2, 0, 26, 0, 0, 0, 1], &[34, 2, 3, 2], &[36, 2, 64, 3, 1]]),
];
const OPEN: &[u8] = &[10, 2, 1, 0, 1];
const LOGIN: &[u8] = &[14, 2, 0, 1];

/// Lines as people type them, right and wrong.
const LINES: [(&str, &str); 8] = [
    ("list", "slot list\npar show\n"),
    ("login", "role login -name crypto officer -password userpin1\n"),
    ("short", "stc ti -l token1 -f\nSTCC cll"),
    ("quoted", "partition init -label \"two words\" -domain=dom -force\n"),
    ("help", "help stc\npartition ?\n? role login\n"),
    ("wrong", "rloe lgoin -nmae po\nslot set -slot\n\"open"),
    ("swallowed", "hsm -p -password x\npartition setlegacydomain -domain y\n"),
    (
        "appliance",
        "partition create -par par1 -s 5000 -f\nntls tcp_keepalive set -id 10 -in 10 -p 1\n",
    ),
];

fn lines() -> io::Result<()> {
    LINES.iter().try_for_each(|(name, lines)| seed("command_line", name, lines.as_bytes()))
}

fn identities() -> io::Result<()> {
    let client = ClientIdentityFile { label: "client1".parse().expect("a label"), key: [7; 32] };
    let label = Some("par1".parse().expect("a label"));
    let serial = lunacm::model::SerialNumber::new(1_238_700_701_509);
    let partition = PartitionIdentityFile { serial, label, key: [8; 32] };
    seed("identity_file", "client", client.to_text().as_bytes())?;
    seed("identity_file", "partition", partition.to_text().as_bytes())
}

fn seed(target: &str, name: &str, content: &[u8]) -> io::Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(name), content)
}
