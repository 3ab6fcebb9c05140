//! The HSM SO: initialization, login, zeroization.

use lunacm::{
    hsm::{AdminSession, Effect, LoginFailure},
    model::{Status, StorageSize},
};

use crate::hsm_support::{Bench, SO, label, password};

fn wrong(bench: &Bench) -> LoginFailure {
    bench.hsm.login(&bench.admin, &password("not-the-password")).unwrap_err()
}

#[test]
fn a_blank_hsm_has_a_serial_number_that_stays() {
    let mut bench = Bench::blank();
    let before = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!((before.label, before.attempts_left), (None, None));
    assert!(before.serial.value() >= 100_000);
    bench.reopen();
    assert_eq!(bench.hsm.describe(&bench.admin).unwrap().serial, before.serial);
}

#[test]
fn nobody_logs_in_to_a_blank_hsm() {
    let bench = Bench::blank();
    let failure = bench.hsm.login(&bench.admin, &password(SO)).unwrap_err();
    assert_eq!(failure.status, Status::UserPinNotInitialized);
    assert_eq!(failure.attempts_left, None);
}

#[test]
fn initialization_needs_a_password_that_follows_the_rules() {
    let bench = Bench::blank();
    let initialize = |text: Option<&str>, domain: Option<&str>| {
        bench.hsm.initialize(&bench.admin, &label("hsm0"), text.map(password), domain.map(password))
    };
    assert_eq!(initialize(None, None), Err(Status::ArgumentsBad));
    assert_eq!(initialize(Some("short77"), None), Err(Status::PinLenRange));
    assert_eq!(initialize(Some(" leading1"), None), Err(Status::PinInvalid));
    assert_eq!(initialize(Some("with\"quote"), None), Err(Status::PinInvalid));
    assert_eq!(bench.hsm.describe(&bench.admin).unwrap().label, None);
    assert_eq!(initialize(Some(SO), None), Ok(Vec::new()));
    assert_eq!(bench.hsm.describe(&bench.admin).unwrap().label, Some(label("hsm0")));
}

#[test]
fn a_domain_has_1_to_128_characters() {
    let bench = Bench::blank();
    for domain in [String::new(), "d".repeat(129)] {
        let domain = Some(password(&domain));
        let outcome =
            bench.hsm.initialize(&bench.admin, &label("hsm0"), Some(password(SO)), domain);
        assert_eq!(outcome, Err(Status::PinLenRange));
    }
    let domain = Some(password(&"d".repeat(128)));
    bench.hsm.initialize(&bench.admin, &label("hsm0"), Some(password(SO)), domain).unwrap();
}

#[test]
fn initialization_leaves_nobody_logged_in() {
    let bench = Bench::initialized();
    assert!(bench.hsm.describe(&bench.admin).unwrap().logged_in);
    bench.initialize();
    assert!(!bench.hsm.describe(&bench.admin).unwrap().logged_in);
}

#[test]
fn a_login_is_one_connections_and_happens_once() {
    let bench = Bench::initialized();
    let failure = bench.hsm.login(&bench.admin, &password(SO)).unwrap_err();
    assert_eq!(failure.status, Status::UserAlreadyLoggedIn);
    let other = AdminSession::new();
    assert!(!bench.hsm.describe(&other).unwrap().logged_in);
    assert_eq!(bench.hsm.logout(&other), Err(Status::UserNotLoggedIn));
    bench.hsm.logout(&bench.admin).unwrap();
    assert_eq!(bench.hsm.logout(&bench.admin), Err(Status::UserNotLoggedIn));
}

#[test]
fn the_third_wrong_password_zeroizes() {
    let bench = Bench::initialized();
    let serial = bench.create("par0");
    bench.hsm.logout(&bench.admin).unwrap();
    for left in [2, 1] {
        let failure = wrong(&bench);
        assert_eq!(failure.status, Status::PinIncorrect);
        assert_eq!((failure.attempts_left, failure.effects), (Some(left), Vec::new()));
    }
    let failure = wrong(&bench);
    assert_eq!(failure.attempts_left, Some(0));
    assert_eq!(failure.effects, [Effect::EndLinks { serial, client: None }]);
    let after = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!((after.label, after.attempts_left), (None, None));
    assert_eq!(after.partitions, []);
    assert!(bench.hsm.identity(serial).is_none());
    assert_eq!(wrong(&bench).status, Status::UserPinNotInitialized);
    bench.initialize();
    bench.log_in();
}

#[test]
fn a_success_sets_the_counter_to_zero() {
    let bench = Bench::initialized();
    for _ in 0..2 {
        bench.hsm.logout(&bench.admin).unwrap();
        wrong(&bench);
        assert_eq!(wrong(&bench).attempts_left, Some(1));
        bench.log_in();
        assert_eq!(bench.hsm.describe(&bench.admin).unwrap().attempts_left, Some(3));
    }
}

#[test]
fn the_counter_survives_a_restart() {
    let mut bench = Bench::initialized();
    for left in [2, 1, 0] {
        bench.reopen();
        assert_eq!(wrong(&bench).attempts_left, Some(left));
    }
    bench.reopen();
    assert_eq!(bench.hsm.describe(&bench.admin).unwrap().label, None);
}

#[test]
fn a_login_before_zeroization_is_void() {
    let bench = Bench::initialized();
    let attacker = AdminSession::new();
    for _ in 0..3 {
        bench.hsm.login(&attacker, &password("not-the-password")).unwrap_err();
    }
    let created = bench.hsm.create_partition(&bench.admin, &label("par0"), StorageSize::Default);
    assert_eq!(created, Err(Status::UserNotLoggedIn));
    bench.hsm.initialize(&attacker, &label("hsm1"), Some(password(SO)), None).unwrap();
    assert!(!bench.hsm.describe(&bench.admin).unwrap().logged_in);
}

#[test]
fn a_repeated_initialization_keeps_the_officer_and_erases_the_partitions() {
    let bench = Bench::initialized();
    let serial = bench.create("par0");
    bench.hsm.logout(&bench.admin).unwrap();
    let initialize =
        |text: &str| bench.hsm.initialize(&bench.admin, &label("hsm1"), Some(password(text)), None);
    assert_eq!(initialize(SO), Err(Status::UserNotLoggedIn));
    assert_eq!(bench.hsm.partitions().unwrap().len(), 1);
    bench.log_in();
    assert_eq!(initialize("another-one"), Ok(vec![Effect::EndLinks { serial, client: None }]));
    assert_eq!(bench.hsm.partitions().unwrap(), []);
    assert!(bench.hsm.identity(serial).is_none());
    let after = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!(after.label, Some(label("hsm1")));
    bench.log_in();
}

#[test]
fn right_passwords_at_the_same_time_zeroize_nothing() {
    let bench = Bench::initialized();
    bench.create("par0");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| bench.hsm.login(&AdminSession::new(), &password(SO)).unwrap());
        }
    });
    assert_eq!(bench.hsm.partitions().unwrap().len(), 1);
}
