//! Partitions: made and deleted by the HSM SO, taken by their first client, initialized.

use lunacm::{
    hsm::{Admission, Effect, HSM_STORAGE_BYTES, LinkSession},
    model::{
        CLIENT_IDENTITY_BYTES, PARTITION_OVERHEAD_BYTES, PARTITION_STORAGE_BYTES, Reply, Request,
        Role, SerialNumber, Status, StorageSize,
    },
};

use crate::hsm_support::{
    Bench, DOMAIN, PO, add_role, another, client_key, client_label, client_names, deregister, done,
    info, initialize, label, log_in, login, password, refused, register, role_info,
};

fn create(bench: &Bench, name: &str, size: StorageSize) -> Result<SerialNumber, Status> {
    bench.hsm.create_partition(&bench.admin, &label(name), size)
}

#[test]
fn only_the_hsm_so_makes_and_deletes() {
    let bench = Bench::initialized();
    bench.create("par0");
    bench.hsm.logout(&bench.admin).unwrap();
    assert_eq!(create(&bench, "par1", StorageSize::Default), Err(Status::UserNotLoggedIn));
    let deleted = bench.hsm.delete_partition(&bench.admin, &label("par0"));
    assert_eq!(deleted, Err(Status::UserNotLoggedIn));
    assert_eq!(bench.hsm.partitions().unwrap().len(), 1);
}

#[test]
fn a_new_partition_is_as_ordered() {
    let mut bench = Bench::initialized();
    let serial = bench.create("par0");
    assert_eq!(create(&bench, "par0", StorageSize::Default), Err(Status::AttributeValueInvalid));
    bench.reopen();
    let entries = bench.hsm.partitions().unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.serial, &entry.name, &entry.label), (serial, &label("par0"), &None));
    assert_eq!((entry.total_storage, entry.used_storage), (PARTITION_STORAGE_BYTES, 0));
    assert!(entry.roles.iter().all(|role| !role.initialized));
    assert_eq!(*bench.hsm.identity(serial).unwrap().public(), entry.key);
}

#[test]
fn storage_is_given_out_once() {
    let bench = Bench::initialized();
    let size = StorageSize::Bytes;
    assert_eq!(create(&bench, "a", size(CLIENT_IDENTITY_BYTES - 1)), Err(Status::ArgumentsBad));
    let most = HSM_STORAGE_BYTES - PARTITION_OVERHEAD_BYTES;
    for bytes in [most + 1, u64::MAX] {
        assert_eq!(create(&bench, "a", size(bytes)), Err(Status::DeviceMemory));
    }
    create(&bench, "a", size(1_000_000)).unwrap();
    create(&bench, "rest", StorageSize::AllFree).unwrap();
    let state = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!(state.used_storage, HSM_STORAGE_BYTES);
    assert_eq!(state.partitions[0].total_storage + state.partitions[1].total_storage, {
        most - PARTITION_OVERHEAD_BYTES
    });
    for wanted in [StorageSize::AllFree, size(CLIENT_IDENTITY_BYTES)] {
        assert_eq!(create(&bench, "b", wanted), Err(Status::DeviceMemory));
    }
    bench.hsm.delete_partition(&bench.admin, &label("rest")).unwrap();
    create(&bench, "b", StorageSize::Default).unwrap();
}

#[test]
fn an_hsm_holds_a_hundred_partitions() {
    let bench = Bench::initialized();
    for number in 0..100 {
        create(&bench, &format!("par{number}"), StorageSize::Bytes(5000)).unwrap();
    }
    assert_eq!(create(&bench, "more", StorageSize::Bytes(5000)), Err(Status::FunctionRejected));
}

#[test]
fn a_deleted_partition_is_gone_with_its_links() {
    let (bench, link) = Bench::with_officer();
    let serial = link.serial();
    let unknown = bench.hsm.delete_partition(&bench.admin, &label("par1"));
    assert_eq!(unknown, Err(Status::ObjectHandleInvalid));
    let effects = bench.hsm.delete_partition(&bench.admin, &label("par0")).unwrap();
    assert_eq!(effects, [Effect::EndLinks { serial, client: None }]);
    assert!(bench.hsm.identity(serial).is_none());
    assert!(!bench.hsm.permits(&link));
    refused(&bench.hsm, &link, Request::Describe, Status::TokenNotPresent);
}

#[test]
fn the_first_client_wins_and_the_second_is_turned_away() {
    let mut bench = Bench::initialized();
    let serial = bench.create("par0");
    let admission = |bench: &Bench, client| bench.hsm.admission(serial, &client_key(client));
    assert_eq!(admission(&bench, 1), Admission::FirstContact);
    assert_eq!(admission(&bench, 2), Admission::FirstContact);
    bench.first_client(serial);
    // The second one shook hands before the first one was activated.
    let second = LinkSession::new(serial, client_key(2));
    let refusal = bench.hsm.activate(&second, client_label(2));
    assert_eq!(refusal, Err(Status::FunctionRejected));
    for _ in 0..2 {
        assert_eq!(admission(&bench, 1), Admission::Registered);
        assert_eq!(admission(&bench, 2), Admission::Refused);
        bench.reopen();
    }
}

#[test]
fn one_of_many_first_contacts_at_the_same_time_wins() {
    let bench = Bench::initialized();
    let serial = bench.create("par0");
    let activate = |client| {
        let link = LinkSession::new(serial, client_key(client));
        bench.hsm.activate(&link, client_label(client)).is_ok()
    };
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (1..=8).map(|client| scope.spawn(move || (client, activate(client)))).collect();
        let outcomes = threads.into_iter().map(|thread| thread.join().unwrap());
        outcomes.filter(|(_, won)| *won).map(|(client, _)| client).collect::<Vec<u8>>()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(bench.hsm.admission(serial, &client_key(won[0])), Admission::Registered);
}

#[test]
fn there_is_no_first_contact_with_an_initialized_partition() {
    let (bench, link) = Bench::with_officer();
    let (reply, _) = bench.hsm.perform(&link, Request::DeregisterSelf);
    assert_eq!(reply, Reply::Done);
    let stranger = LinkSession::new(link.serial(), client_key(2));
    assert_eq!(bench.hsm.admission(link.serial(), &client_key(2)), Admission::Refused);
    assert_eq!(bench.hsm.activate(&stranger, client_label(2)), Err(Status::FunctionRejected));
}

#[test]
fn admission_follows_registration() {
    let (mut bench, officer) = Bench::with_officer();
    let (serial, second) = (officer.serial(), client_key(2));
    assert_eq!(bench.hsm.admission(serial, &second), Admission::Refused);
    done(&bench.hsm, &officer, register(2));
    assert_eq!(bench.hsm.admission(serial, &second), Admission::Registered);
    let link = LinkSession::new(serial, second);
    bench.hsm.activate(&link, client_label(9)).unwrap();
    assert_eq!(client_names(&bench.hsm, &officer), ["Client1", "Client2"]);
    let (reply, effects) = bench.hsm.perform(&officer, deregister(2));
    assert_eq!(reply, Reply::Done);
    assert_eq!(effects, [Effect::EndLinks { serial, client: Some(second.into()) }]);
    assert_eq!(bench.hsm.admission(serial, &second), Admission::Refused);
    assert_eq!(bench.hsm.activate(&link, client_label(2)), Err(Status::FunctionRejected));
    bench.reopen();
    assert_eq!(bench.hsm.admission(serial, &second), Admission::Refused);
}

#[test]
fn a_partition_may_take_a_new_first_client_once_it_has_lost_the_first() {
    let bench = Bench::initialized();
    let link = bench.first_client(bench.create("par0"));
    let (reply, effects) = bench.hsm.perform(&link, Request::DeregisterSelf);
    assert_eq!(reply, Reply::Done);
    let ended = Effect::EndLinks { serial: link.serial(), client: Some(client_key(1).into()) };
    assert_eq!(effects, [ended]);
    assert_eq!(bench.hsm.admission(link.serial(), &client_key(2)), Admission::FirstContact);
}

#[test]
fn the_first_client_initializes() {
    let bench = Bench::initialized();
    let link = bench.first_client(bench.create("par0"));
    refused(&bench.hsm, &link, login(Role::PartitionSo, PO), Status::UserPinNotInitialized);
    let attempt = |text: &str, domain: &str, status| {
        let (password, domain) = (password(text), Some(password(domain)));
        let request = Request::Initialize {
            label: label("par0"),
            password,
            domain,
            domain_label: None,
            policies: Vec::new(),
        };
        refused(&bench.hsm, &link, request, status);
    };
    attempt("short77", DOMAIN, Status::PinLenRange);
    attempt("with\"quote", DOMAIN, Status::PinInvalid);
    attempt(PO, "", Status::PinLenRange);
    attempt(PO, &"d".repeat(129), Status::PinLenRange);
    assert_eq!(info(&bench.hsm, &link).label, None);
    initialize(&bench.hsm, &link);
    let state = info(&bench.hsm, &link);
    assert_eq!((state.label, state.logged_in), (Some(label("par0")), None));
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
}

#[test]
fn only_the_partition_so_initializes_again() {
    let (bench, officer) = Bench::with_officer();
    let again = |text| Request::Initialize {
        label: label(text),
        password: password("ignored-password"),
        domain: None,
        domain_label: None,
        policies: Vec::new(),
    };
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, "co-password");
    add_role(&bench.hsm, &crypto, Role::CryptoUser, "cu-password");
    let nobody = another(&officer);
    let second_officer = another(&officer);
    log_in(&bench.hsm, &second_officer, Role::PartitionSo, PO);
    done(&bench.hsm, &officer, register(2));
    for link in [&nobody, &crypto] {
        refused(&bench.hsm, link, again("stolen"), Status::UserNotLoggedIn);
    }

    done(&bench.hsm, &officer, again("renamed"));
    let state = info(&bench.hsm, &officer);
    assert_eq!((state.label, state.clients), (Some(label("renamed")), 2));
    assert_eq!(state.logged_in, Some(Role::PartitionSo));
    for role in [Role::CryptoOfficer, Role::LimitedCryptoOfficer, Role::CryptoUser] {
        assert!(!role_info(&bench.hsm, &officer, role).initialized, "{role}");
    }
    for link in [&crypto, &second_officer] {
        assert_eq!(info(&bench.hsm, link).logged_in, None);
        refused(&bench.hsm, link, Request::Contents, Status::UserNotLoggedIn);
        refused(&bench.hsm, link, again("stolen"), Status::UserNotLoggedIn);
    }
    log_in(&bench.hsm, &second_officer, Role::PartitionSo, PO);
    // The login that initialized goes on, with the new key.
    done(&bench.hsm, &officer, again("renamed again"));
    add_role(&bench.hsm, &officer, Role::CryptoOfficer, "co-password");
}

#[test]
fn an_initialization_under_a_changed_password_does_not_lock_the_officer_out() {
    let (bench, officer) = Bench::with_officer();
    let other = another(&officer);
    log_in(&bench.hsm, &other, Role::PartitionSo, PO);
    let change = crate::hsm_support::change(Role::PartitionSo, PO, "changed-password");
    done(&bench.hsm, &other, change);
    // The first link was logged in under the old password.
    let request = Request::Initialize {
        label: label("again"),
        password: password(PO),
        domain: None,
        domain_label: None,
        policies: Vec::new(),
    };
    refused(&bench.hsm, &officer, request.clone(), Status::UserNotLoggedIn);
    log_in(&bench.hsm, &officer, Role::PartitionSo, "changed-password");
    done(&bench.hsm, &officer, request);
    log_in(&bench.hsm, &another(&officer), Role::PartitionSo, "changed-password");
}

#[test]
fn the_domain_survives_a_repeated_initialization_and_a_restart() {
    let (mut bench, officer) = Bench::with_officer();
    for text in ["again", "and again"] {
        let request = Request::Initialize {
            label: label(text),
            password: password(PO),
            domain: None,
            domain_label: None,
            policies: Vec::new(),
        };
        done(&bench.hsm, &officer, request);
    }
    bench.reopen();
    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    // Opening the kept domain under the unwrapped key is part of this.
    let request = Request::Initialize {
        label: label("last"),
        password: password(PO),
        domain: None,
        domain_label: None,
        policies: Vec::new(),
    };
    done(&bench.hsm, &link, request);
}
