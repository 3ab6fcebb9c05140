//! What the HSM SO changes later: password, names, sizes, policies; and how the HSM forgets.

use lunacm::{
    hsm::{AdminSession, Effect, HSM_STORAGE_BYTES},
    model::{
        CLIENT_IDENTITY_BYTES, HsmPolicySet, PARTITION_OVERHEAD_BYTES, Policy, PolicyValue,
        Request, Status, StorageSize,
    },
};

use crate::hsm_support::{Bench, PO, SO, client_key, done, label, password};

#[test]
fn the_hsm_so_changes_its_password() {
    let mut bench = Bench::initialized();
    let change = |bench: &Bench, old: &str, new: &str| {
        let outcome =
            bench.hsm.change_officer_password(&bench.admin, &password(old), &password(new));
        outcome.map_err(|failure| (failure.status, failure.attempts_left))
    };
    assert_eq!(change(&bench, SO, SO), Err((Status::PinInvalid, None)));
    assert_eq!(change(&bench, SO, "short77"), Err((Status::PinLenRange, None)));
    let wrong = change(&bench, "not-the-password", "new-password");
    assert_eq!(wrong, Err((Status::PinIncorrect, Some(2))));
    assert_eq!(change(&bench, SO, "new-password"), Ok(()));
    let state = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!((state.logged_in, state.attempts_left), (true, Some(3)));
    bench.reopen();
    assert_eq!(change(&bench, "new-password", SO), Err((Status::UserNotLoggedIn, None)));
    bench.hsm.login(&bench.admin, &password(SO)).unwrap_err();
    bench.hsm.login(&bench.admin, &password("new-password")).unwrap();
}

#[test]
fn a_changed_password_ends_other_logins_of_the_hsm_so() {
    let bench = Bench::initialized();
    let other = AdminSession::new();
    bench.hsm.login(&other, &password(SO)).unwrap();
    bench
        .hsm
        .change_officer_password(&bench.admin, &password(SO), &password("new-password"))
        .unwrap();
    assert!(!bench.hsm.describe(&other).unwrap().logged_in);
}

#[test]
fn zeroization_keeps_the_policies_and_a_factory_reset_does_not() {
    let (bench, officer) = Bench::with_officer();
    let serial = officer.serial();
    let changes = [PolicyValue { number: 21, value: 0 }];
    bench.hsm.change_hsm_policies(&bench.admin, &changes, false).unwrap();
    assert_eq!(
        bench.hsm.zeroize(&bench.admin, false),
        Ok(vec![Effect::EndLinks { serial, client: None }])
    );
    let state = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!((state.label, state.attempts_left, state.logged_in), (None, None, false));
    assert!(state.partitions.is_empty() && bench.hsm.identity(serial).is_none());
    assert_ne!(bench.hsm.hsm_policies(), HsmPolicySet::defaults());
    assert_eq!(bench.hsm.zeroize(&bench.admin, true), Ok(Vec::new()));
    assert_eq!(bench.hsm.hsm_policies(), HsmPolicySet::defaults());
}

#[test]
fn partitions_are_renamed() {
    let mut bench = Bench::initialized();
    bench.create("one");
    bench.create("two");
    let rename = |bench: &Bench, from: &str, to: &str| {
        bench.hsm.rename_partition(&bench.admin, &label(from), &label(to))
    };
    assert_eq!(rename(&bench, "one", "two"), Err(Status::AttributeValueInvalid));
    assert_eq!(rename(&bench, "none", "x"), Err(Status::ObjectHandleInvalid));
    assert_eq!(rename(&bench, "one", "one"), Ok(()));
    assert_eq!(rename(&bench, "one", "first"), Ok(()));
    bench.reopen();
    let mut names: Vec<_> =
        bench.hsm.partitions().unwrap().iter().map(|one| one.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["first", "two"]);
    assert_eq!(rename(&bench, "two", "second"), Err(Status::UserNotLoggedIn));
}

#[test]
fn partitions_are_resized_within_what_they_hold_and_what_is_left() {
    let (bench, _) = Bench::with_officer();
    bench.create("other");
    let resize = |size| bench.hsm.resize_partition(&bench.admin, &label("par0"), size);
    let size = || {
        let entries = bench.hsm.partitions().unwrap();
        let entry = entries.iter().find(|entry| entry.name == label("par0"));
        entry.unwrap().total_storage
    };
    assert_eq!(resize(StorageSize::Bytes(CLIENT_IDENTITY_BYTES - 1)), Err(Status::ArgumentsBad));
    assert_eq!(resize(StorageSize::Bytes(CLIENT_IDENTITY_BYTES)), Ok(()));
    assert_eq!(size(), CLIENT_IDENTITY_BYTES);
    for bytes in [HSM_STORAGE_BYTES, u64::MAX] {
        assert_eq!(resize(StorageSize::Bytes(bytes)), Err(Status::DeviceMemory));
    }
    assert_eq!(resize(StorageSize::AllFree), Ok(()));
    let state = bench.hsm.describe(&bench.admin).unwrap();
    assert_eq!(state.used_storage, HSM_STORAGE_BYTES);
    assert_eq!(resize(StorageSize::Bytes(size() + 1)), Err(Status::DeviceMemory));
    let other = lunacm::model::PARTITION_STORAGE_BYTES;
    assert_eq!(size(), HSM_STORAGE_BYTES - other - 2 * PARTITION_OVERHEAD_BYTES);
}

#[test]
fn a_partition_is_not_made_smaller_than_what_it_holds() {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, crate::hsm_support::register(2));
    let wanted = StorageSize::Bytes(2 * CLIENT_IDENTITY_BYTES - 1);
    let outcome = bench.hsm.resize_partition(&bench.admin, &label("par0"), wanted);
    assert_eq!(outcome, Err(Status::OperationNotAllowed));
}

#[test]
fn the_appliance_changes_policies_of_partitions_without_stc_clients_only() {
    let (bench, officer) = Bench::with_officer();
    let changes = [PolicyValue { number: 20, value: 5 }];
    let change = |text: &str| {
        let (outcome, effects) =
            bench.hsm.change_partition_policies(&label("par0"), &password(text), (&changes, false));
        (outcome, effects.len())
    };
    assert_eq!(change(PO), (Err(Status::OperationNotAllowed), 0));
    let (_, ended) = bench.hsm.perform(&officer, Request::DeregisterSelf);
    assert_eq!(
        ended,
        [Effect::EndLinks { serial: officer.serial(), client: Some(client_key(1).into()) }]
    );
    assert_eq!(change("not-the-password"), (Err(Status::PinIncorrect), 0));
    assert_eq!(change(PO), (Ok(()), 0));
    let (_, policies) = bench.hsm.partition_policies(&label("par0")).unwrap();
    assert_eq!(policies.get(Policy::MaximumFailedLogins), 5);
    for _ in 0..9 {
        assert_eq!(change("not-the-password"), (Err(Status::PinIncorrect), 0));
    }
    // The tenth zeroizes, as over a link.
    assert_eq!(change("not-the-password"), (Err(Status::PinLocked), 1));
    assert_eq!(bench.hsm.partitions().unwrap()[0].label, None);
}
