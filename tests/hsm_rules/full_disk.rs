//! A disk that becomes full: no guess is free, no login stands that is not recorded, and nothing is
//! answered as done that was not.

use lunacm::{
    hsm::LinkSession,
    model::{
        AuditAct, AuditQuery, Reply, Request, Role, Status, cryptoki::CryptokiRequest,
        cryptoki::SessionId,
    },
};
use rusqlite::Connection;

use crate::hsm_support::{
    Bench, PO, SO, add_role, another, change, create, info, log_in, login, password, reset,
    role_info, room_for,
};

const CO: &str = "co-password";
const CU: &str = "cu-password";
const WRONG: &str = "not-the-password";

/// The changes of rows that counting a failed login takes: the counter, and what watches over it.
const COUNTED: i64 = 4;

/// More changes of rows than any of these requests makes.
const ENOUGH: i64 = 40;

fn partition() -> (Bench, LinkSession) {
    let (bench, officer) = Bench::with_officer();
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    (bench, officer)
}

/// The counters of failed logins as they are stored, by role; the HSM SO's first.
fn failures(bench: &Bench) -> Vec<u8> {
    let database = Connection::open(bench.path().join("appliance.db")).unwrap();
    let sql = "SELECT failures FROM hsm UNION ALL SELECT failures FROM \
               (SELECT failures FROM role ORDER BY partition, role)";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// How many logins are recorded as done.
fn recorded_logins(bench: &Bench) -> usize {
    assert_eq!(bench.hsm.check_audit().unwrap().broken, None);
    let records = bench.hsm.audit_records(&AuditQuery::default()).unwrap();
    let entries = records.into_iter().filter_map(|record| record.entry);
    entries.filter(|entry| (entry.act, entry.outcome) == (AuditAct::Login, Status::Ok)).count()
}

/// Asks for something on a link made for it, with room for ever more changes, until it is done.
/// What holds each time that the room ran out: no counter has fallen, and the request was not
/// answered as done.
fn until_done(
    bench: &Bench,
    link: impl Fn() -> LinkSession,
    request: &Request,
    check: impl Fn(&LinkSession, &Reply),
) -> i64 {
    for room in 0..ENOUGH {
        let link = link();
        let before = failures(bench);
        room_for(bench.path(), Some(room));
        let (reply, _) = bench.hsm.perform(&link, request.clone());
        room_for(bench.path(), None);
        if reply == Reply::Done {
            return room;
        }
        let after = failures(bench);
        assert!(before.iter().zip(&after).all(|(before, after)| before <= after), "{request:?}");
        assert_eq!(reply, Reply::Failed(Status::DeviceError), "{request:?}, room for {room}");
        check(&link, &reply);
    }
    panic!("{request:?} is not done with room for {ENOUGH} changes");
}

#[test]
fn no_password_is_looked_at_that_could_not_be_counted() {
    let (bench, officer) = partition();
    room_for(bench.path(), Some(0));
    for role in [Role::PartitionSo, Role::CryptoOfficer, Role::CryptoUser] {
        let right = match role {
            Role::PartitionSo => PO,
            Role::CryptoOfficer => CO,
            _ => CU,
        };
        for text in [WRONG, right, WRONG, right] {
            let link = another(&officer);
            let (reply, effects) = bench.hsm.perform(&link, login(role, text));
            assert_eq!((reply, effects), (Reply::Failed(Status::DeviceError), Vec::new()));
            assert_eq!(info(&bench.hsm, &link).logged_in, None);
        }
    }
    room_for(bench.path(), None);
    assert_eq!(failures(&bench), [0, 0, 0, 0]);
    // Nobody has lost anything by it.
    log_in(&bench.hsm, &another(&officer), Role::PartitionSo, PO);
}

#[test]
fn a_login_that_is_not_recorded_never_stood() {
    let (bench, officer) = partition();
    for (role, text) in [(Role::PartitionSo, PO), (Role::CryptoOfficer, CO), (Role::CryptoUser, CU)]
    {
        let before = recorded_logins(&bench);
        let fresh = || another(&officer);
        let room = until_done(&bench, fresh, &login(role, text), |link, _| {
            assert_eq!(info(&bench.hsm, link).logged_in, None, "{role}");
        });
        assert!(room >= 3, "{role}: counted, set back and recorded with room for {room}");
        assert_eq!(recorded_logins(&bench), before + 1, "{role}");
    }
}

#[test]
fn wrong_passwords_are_counted_however_little_room_there_is() {
    let (bench, officer) = partition();
    let index = [Role::PartitionSo, Role::CryptoOfficer, Role::CryptoUser];
    for (at, role) in index.into_iter().enumerate() {
        for room in 0..6 {
            let before = failures(&bench)[at + 1];
            room_for(bench.path(), Some(room));
            let (reply, _) = bench.hsm.perform(&another(&officer), login(role, WRONG));
            room_for(bench.path(), None);
            let counted = failures(&bench)[at + 1] > before;
            let looked_at = reply == Reply::Failed(Status::PinIncorrect);
            assert!(counted || !looked_at, "{role}, room for {room}: {reply:?}");
        }
    }
}

#[test]
fn the_last_guess_locks_or_zeroizes_when_there_is_room_again() {
    let (bench, officer) = partition();
    for _ in 0..9 {
        bench.hsm.perform(&another(&officer), login(Role::PartitionSo, WRONG));
    }
    for room in 0..ENOUGH {
        room_for(bench.path(), Some(room));
        let (reply, _) = bench.hsm.perform(&another(&officer), login(Role::PartitionSo, WRONG));
        room_for(bench.path(), None);
        let gone = bench.hsm.partitions().unwrap()[0].label.is_none();
        if reply == Reply::Failed(Status::PinLocked) {
            assert!(gone);
            return;
        }
        assert_eq!(reply, Reply::Failed(Status::DeviceError));
        if !gone && room >= COUNTED {
            // The guess was counted: the right password is not looked at any more.
            assert_eq!(failures(&bench)[1], 10);
        }
        if gone {
            return;
        }
    }
    panic!("not zeroized");
}

#[test]
fn a_changed_password_is_the_new_one_or_the_old_one() {
    let (bench, officer) = partition();
    for (role, old, new) in
        [(Role::PartitionSo, PO, "new-po-pass"), (Role::CryptoOfficer, CO, "new-co-pass")]
    {
        let logged_in = || {
            let link = another(&officer);
            log_in(&bench.hsm, &link, role, old);
            link
        };
        until_done_or_recorded(&bench, logged_in, role, (old, new));
        log_in(&bench.hsm, &another(&officer), role, new);
    }
}

/// Changes a password with ever more room. Either the old one is in force still or the new one is,
/// and an answer that it is done is never wrong.
fn until_done_or_recorded(
    bench: &Bench,
    link: impl Fn() -> LinkSession,
    role: Role,
    (old, new): (&str, &str),
) {
    for room in 0..ENOUGH {
        let link = link();
        room_for(bench.path(), Some(room));
        let (reply, _) = bench.hsm.perform(&link, change(role, old, new));
        room_for(bench.path(), None);
        let fresh = another(&link);
        let (changed, _) = bench.hsm.perform(&fresh, login(role, new));
        match (reply, changed) {
            (Reply::Done, Reply::Done) => return,
            // Done, but not recorded: it is said, and put back here for the next turn.
            (Reply::Failed(Status::DeviceError), Reply::Done) => {
                assert_eq!(bench.hsm.perform(&fresh, change(role, new, old)).0, Reply::Done);
            }
            (Reply::Failed(Status::DeviceError), Reply::Failed(Status::PinIncorrect)) => {
                log_in(&bench.hsm, &another(&link), role, old);
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("not changed");
}

#[test]
fn roles_are_made_and_reset_or_not() {
    let (bench, officer) = partition();
    let crypto = || {
        let link = another(&officer);
        log_in(&bench.hsm, &link, Role::CryptoOfficer, CO);
        link
    };
    let lower = create(Role::LimitedCryptoOfficer, "initial-password");
    for request in [lower, reset(Role::CryptoUser, "another-initial")] {
        let done = (0..ENOUGH).any(|room| {
            let link = crypto();
            room_for(bench.path(), Some(room));
            let (reply, _) = bench.hsm.perform(&link, request.clone());
            room_for(bench.path(), None);
            // Made but not recorded: the next attempt finds it.
            reply == Reply::Done || reply == Reply::Failed(Status::FunctionRejected)
        });
        assert!(done, "{request:?}");
    }
    assert!(role_info(&bench.hsm, &officer, Role::LimitedCryptoOfficer).initialized);
    log_in(&bench.hsm, &another(&officer), Role::CryptoUser, "another-initial");
}

#[test]
fn a_logout_without_room_for_its_record_logs_out() {
    let (bench, officer) = partition();
    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::CryptoUser, CU);
    room_for(bench.path(), Some(0));
    assert_eq!(bench.hsm.perform(&link, Request::Logout).0, Reply::Failed(Status::DeviceError));
    assert_eq!(info(&bench.hsm, &link).logged_in, None);
}

#[test]
fn a_password_for_one_use_is_counted_first_too() {
    let (bench, officer) = partition();
    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::CryptoUser, CU);
    crate::transfer::open(&bench.hsm, &link);
    let context = |text| {
        let session = SessionId(1);
        Request::Cryptoki(CryptokiRequest::LoginContext { session, password: password(text) })
    };
    room_for(bench.path(), Some(0));
    for text in [WRONG, CU] {
        let (reply, _) = bench.hsm.perform(&link, context(text));
        assert_eq!(reply, Reply::Failed(Status::DeviceError));
    }
    room_for(bench.path(), None);
    assert_eq!(failures(&bench), [0, 0, 0, 0]);
    assert_eq!(bench.hsm.perform(&link, context(WRONG)).0, Reply::Failed(Status::PinIncorrect));
    assert_eq!(failures(&bench)[3], 1);
    assert_eq!(bench.hsm.perform(&link, context(CU)).0, Reply::Done);
    assert_eq!(failures(&bench)[3], 0);
}

#[test]
fn the_hsm_so_is_counted_first_too() {
    let bench = Bench::initialized();
    for text in [WRONG, SO, WRONG] {
        bench.hsm.logout(&bench.admin).ok();
        room_for(bench.path(), Some(0));
        let refused = bench.hsm.login(&bench.admin, &password(text)).unwrap_err();
        room_for(bench.path(), None);
        assert_eq!((refused.status, refused.attempts_left), (Status::DeviceError, None));
        assert!(!bench.hsm.describe(&bench.admin).unwrap().logged_in);
    }
    assert_eq!(failures(&bench), [0]);
    bench.log_in();
}

#[test]
fn right_passwords_that_come_to_nothing_lock_nobody_out() {
    let (bench, officer) = partition();
    let with_room = |room, role, text| {
        room_for(bench.path(), Some(room));
        let (reply, _) = bench.hsm.perform(&another(&officer), login(role, text));
        room_for(bench.path(), None);
        reply
    };
    for (at, role, text) in
        [(1, Role::PartitionSo, PO), (2, Role::CryptoOfficer, CO), (3, Role::CryptoUser, CU)]
    {
        // With nine wrong ones before, there is one attempt left.
        for _ in 0..9 {
            bench.hsm.perform(&another(&officer), login(role, WRONG));
        }
        // It is counted and cannot be set back; the others need no other count.
        for room in [COUNTED].into_iter().chain([0; 12]) {
            let reply = with_room(room, role, text);
            assert_eq!(reply, Reply::Failed(Status::DeviceError), "{role}");
            assert_eq!(failures(&bench)[at], 10, "{role}");
        }
        log_in(&bench.hsm, &another(&officer), role, text);
        assert_eq!(failures(&bench)[at], 0, "{role}");
    }
    // What is kept for a right password is one attempt, and a wrong one uses it up.
    for _ in 0..9 {
        bench.hsm.perform(&another(&officer), login(Role::CryptoUser, WRONG));
    }
    with_room(COUNTED, Role::CryptoUser, CU);
    for text in [WRONG, CU] {
        let (reply, _) = bench.hsm.perform(&another(&officer), login(Role::CryptoUser, text));
        assert_eq!(reply, Reply::Failed(Status::PinLocked), "{text}");
    }
}

#[test]
fn right_passwords_of_the_hsm_so_zeroize_nothing() {
    let bench = Bench::initialized();
    bench.hsm.logout(&bench.admin).unwrap();
    let with_room = |room| {
        room_for(bench.path(), Some(room));
        let refused = bench.hsm.login(&bench.admin, &password(SO)).unwrap_err();
        room_for(bench.path(), None);
        assert_eq!((refused.status, refused.attempts_left), (Status::DeviceError, None));
    };
    // With ever more room it is counted once, and cannot be set back.
    let counted = (0..ENOUGH).any(|room| {
        with_room(room);
        failures(&bench) == [1]
    });
    assert!(counted);
    for _ in 0..5 {
        with_room(0);
        assert_eq!(failures(&bench), [1]);
    }
    bench.log_in();
}

#[test]
fn what_fails_to_be_looked_at_costs_no_attempt_of_forty_at_once() {
    let (bench, officer) = partition();
    let looked_at = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            let (hsm, link, looked_at) = (&bench.hsm, another(&officer), &looked_at);
            scope.spawn(move || {
                let (reply, _) = hsm.perform(&link, login(Role::CryptoOfficer, WRONG));
                if reply == Reply::Failed(Status::PinIncorrect) {
                    looked_at.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    // The tenth is answered by the lock-out.
    assert_eq!(looked_at.into_inner(), 9);
    assert_eq!(failures(&bench)[2], 10);
}
