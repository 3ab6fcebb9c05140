//! Searches among 50,000 token objects, beside a request that asks for nothing.

use std::{thread, time::Instant};

use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, ObjectClass},
    session::Session,
};

use crate::{Application, Times};

const OBJECTS: u32 = 50_000;

/// The object identifier of P-256.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

pub fn run(application: &Application) {
    let session = application.logged_in();
    let begun = Instant::now();
    thread::scope(|scope| {
        for thread in 0..8 {
            let session = application.session();
            scope.spawn(move || {
                (thread..OBJECTS).step_by(8).for_each(|number| create(&session, number));
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    println!("{OBJECTS} objects made in {seconds:.1} s by 8 threads");
    let curve = [Attribute::EcParams(P256.to_vec()), Attribute::Token(true)];
    let private = [Attribute::Token(true), Attribute::Label(b"key".to_vec())];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &curve, &private).unwrap();

    let trip = || drop(session.generate_random_slice(&mut [0; 16]));
    let mut number = 0;
    let searches: [(&str, usize, Vec<Attribute>); 8] = [
        ("none of this label", 0, vec![Attribute::Label(b"object".to_vec())]),
        ("CKA_SIGN alone, 1", 1, vec![Attribute::Sign(true)]),
        ("CKA_VERIFY alone, 1", 1, vec![Attribute::Verify(true)]),
        ("CKA_COPYABLE false alone, 0", 0, vec![Attribute::Copyable(false)]),
        (
            "private keys of the token, 1",
            1,
            vec![Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Token(true)],
        ),
        ("CKA_TOKEN alone, first 10", 10, vec![Attribute::Token(true)]),
        ("CKA_PRIVATE alone, first 10", 10, vec![Attribute::Private(true)]),
        ("anything, first 10", 10, vec![]),
    ];
    report("round trip (16 random bytes)", &Times::of(1000, trip), trip);
    let by_label = Times::of(1000, || {
        number = (number + 12_347) % OBJECTS;
        assert_eq!(find(&session, &[Attribute::Label(label(number))], 10), 1);
    });
    report("one of 50,000 by its label", &by_label, trip);
    for (what, wanted, template) in searches {
        let times = Times::of(200, || assert_eq!(find(&session, &template, 10), wanted));
        report(what, &times, trip);
    }
    let all = Times::of(5, || drop(session.find_objects(&[Attribute::Token(true)]).unwrap()));
    println!("{:34}{all}", "all of 50,000 by CKA_TOKEN");
}

/// Prints times, and what they are beyond round trips that were measured right behind them.
fn report(what: &str, times: &Times, trip: impl FnMut()) {
    let beyond = times.median() - Times::of(200, trip).median();
    println!("{what:34}{times}, {beyond:+.3} ms beyond a round trip");
}

fn find(session: &Session, template: &[Attribute], most: usize) -> usize {
    let objects = session.iter_objects(template).unwrap();
    objects.take(most).map(Result::unwrap).count()
}

fn create(session: &Session, number: u32) {
    let object = [
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(number.is_multiple_of(2)),
        Attribute::Label(label(number)),
    ];
    session.create_object(&object).unwrap();
}

fn label(number: u32) -> Vec<u8> {
    format!("object {number}").into_bytes()
}
