//! What a login takes beside its password's hash, and what others notice of logins.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use cryptoki::{mechanism::Mechanism, object::Attribute, session::UserType};
use lunacm::crypto::{PasswordHash, PasswordParameters};

use crate::{Application, Times, world::CO};

/// The object identifier of P-256.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const ROUNDS: u32 = 9;

/// Runs of each round.
const RUNS: u32 = 10;

pub fn run(application: &Application) {
    let (mut hashes, mut logins, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let session = application.session();
    for _ in 0..ROUNDS {
        let hash = Times::of(RUNS, || {
            let hash = PasswordHash::create(PasswordParameters::DEFAULT, [7; 16], CO.as_bytes());
            std::hint::black_box(hash.unwrap());
        });
        let mut login = Times(Vec::new());
        for _ in 0..RUNS {
            let begun = Instant::now();
            session.login(UserType::User, Some(&CO.into())).unwrap();
            login.0.push(begun.elapsed());
            session.logout().unwrap();
        }
        login.0.sort_unstable();
        ratios.push(login.median() / hash.median());
        hashes.extend(hash.0);
        logins.extend(login.0);
    }
    ratios.sort_by(f64::total_cmp);
    hashes.sort_unstable();
    logins.sort_unstable();
    println!("{:34}{}", "Argon2id alone", Times(hashes));
    println!("{:34}{}", "C_Login over STC", Times(logins));
    let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
    println!("{:34}{:9.3}    ({least:.3} to {most:.3})", "ratio", ratios[ratios.len() / 2]);

    for others in [0, 1, 2, 4] {
        signatures_beside(application, others);
    }
}

/// Signatures of this application while others do nothing but log in.
fn signatures_beside(application: &Application, others: u32) {
    let session = application.logged_in();
    let curve = [Attribute::EcParams(P256.to_vec()), Attribute::Token(false)];
    let private = [Attribute::Token(false), Attribute::Sign(true)];
    let pair = session.generate_key_pair(&Mechanism::EccKeyPairGen, &curve, &private);
    let (_, key) = pair.unwrap();
    let mut running: Vec<_> = (0..others).map(|_| logging_in(application)).collect();
    thread::sleep(Duration::from_secs(1));
    let times = Times::of(3000, || drop(session.sign(&Mechanism::Ecdsa, key, &[7; 32]).unwrap()));
    for child in &mut running {
        assert!(child.try_wait().unwrap().is_none(), "the other application has ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (late, last) = (times.at(990), times.at(1000));
    println!(
        "signature, {others} log in              {times}, 99 of 100 in {late:.3}, all in {last:.3}"
    );
    session.logout().unwrap();
}

fn logging_in(application: &Application) -> Child {
    let password = format!("-password={CO}");
    let arguments = ["login", "-timed=60", "-rounds=1", &password];
    let mut command = application.client.command(env!("CARGO_BIN_EXE_multitoken"), &arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
