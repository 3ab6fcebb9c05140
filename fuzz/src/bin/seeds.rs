//! Writes the seeds that fuzzing starts from into `seeds/`, one directory for each target: messages
//! that are good, so that a mutation is nearly good. (The seeds of `certificate` are files that
//! OpenSSL made.)

use std::{fs, io, path::Path};

use lunacm::{
    channel::{CookieJar, Origin, Suite, SuiteSet, split},
    model::{Password, Reply, Request, Role, Status, StcChange},
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
    seed("control", "asks", &[0b110, 1, b'a', 2, b'b', b'c'])?;
    seed("control", "starts", &[0b011, 1, b'a', 2, b'b', b'c'])?;
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
