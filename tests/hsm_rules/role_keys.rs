//! What each role's password opens at rest.

use std::path::Path;

use lunacm::{
    crypto::{PasswordHash, SystemRandom},
    hsm::LinkSession,
    model::{
        PolicyValue, Role,
        cryptoki::{AttributeType as A, AttributeValue, KeyType, ObjectClass, Template},
    },
    store::{ApplianceStore, DomainStore, ObjectStore, RoleStore, Sealer, Seat, SqliteAppliance},
};

use crate::{
    hsm_support::{Bench, DOMAIN, PO, add_role, another, done, log_in, reset},
    transfer::{contents, create},
};

const CO: &str = "co-password";
const LCO: &str = "lco-password";
const CU: &str = "cu-password";

const ROLES: [(Role, &str); 4] = [
    (Role::PartitionSo, PO),
    (Role::CryptoOfficer, CO),
    (Role::LimitedCryptoOfficer, LCO),
    (Role::CryptoUser, CU),
];

fn key() -> Template {
    Template::default()
        .with(A::CLASS, ObjectClass::SECRET_KEY.0)
        .with(A::KEY_TYPE, KeyType::GENERIC_SECRET.0)
        .with(A::TOKEN, true)
        .with(A::VALUE, AttributeValue::bytes([5; 32]))
}

fn set_policy_15(bench: &Bench, value: u8) {
    let changes = [PolicyValue { number: 15, value }];
    bench.hsm.change_hsm_policies(&bench.admin, &changes, true).unwrap();
}

/// A partition with all roles and a private key in it; its Partition SO.
fn partition(escrow: bool) -> (Bench, LinkSession) {
    let bench = Bench::initialized();
    if escrow {
        set_policy_15(&bench, 1);
    }
    let officer = bench.first_client(bench.create("par0"));
    crate::hsm_support::initialize(&bench.hsm, &officer);
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    add_role(&bench.hsm, &crypto, Role::LimitedCryptoOfficer, LCO);
    add_role(&bench.hsm, &crypto, Role::CryptoUser, CU);
    crate::transfer::open(&bench.hsm, &crypto);
    create(&bench.hsm, &crypto, key());
    (bench, officer)
}

/// Whoever has all files and one password: whether they open a private object, and a domain. Every
/// run of 32 bytes of what the password opens is tried as a key.
pub fn opens(directory: &Path, role: Role, text: &str) -> (bool, bool) {
    let copied = tempfile::tempdir().unwrap();
    crate::hsm_support::copy(directory, copied.path());
    let random = Box::new(SystemRandom::new());
    let (store, _) = SqliteAppliance::open(copied.path(), random).unwrap();
    let partition = store.partitions().unwrap().remove(0);
    let serial = partition.serial;
    let row = store.roles(serial).unwrap().into_iter().find(|row| row.role == role).unwrap();
    let hash: PasswordHash = row.credential.hash;
    let under = Sealer::new(hash.open(text.as_bytes()).unwrap().expose());
    let number = serial.to_string();
    let seat = |field| Seat { store: "partition", object: &number, field };
    let opened = under.open(seat(role.abbreviation()), &row.credential.wrapped_key).unwrap();
    let mut sealers: Vec<Sealer> =
        opened.windows(32).map(|key| Sealer::new(key.try_into().unwrap())).collect();
    if let Some(handover) = &row.handover {
        let left = sealers.iter().find_map(|one| one.open(seat("handover"), handover).ok());
        let left = left.unwrap();
        sealers.push(Sealer::new(left.as_slice().try_into().unwrap()));
    }
    let object = store.objects(serial, true).unwrap().remove(0);
    let name = format!("{serial}.{}.{}", partition.generation, object.handle);
    let seat_of_object = Seat { store: "object", object: &name, field: "private" };
    let domain = store.domains(serial).unwrap().remove(0).sealed.unwrap();
    (
        sealers.iter().any(|one| one.open(seat_of_object, &object.sealed).is_ok()),
        sealers.iter().any(|one| {
            one.open(seat("domain"), &domain).is_ok_and(|opened| *opened == DOMAIN.as_bytes())
        }),
    )
}

/// The rows of a partition as they were when it had one key for everything.
fn put_back_to_one_key(directory: &Path) {
    let random = Box::new(SystemRandom::new());
    let (store, _) = SqliteAppliance::open(directory, random).unwrap();
    let serial = store.partitions().unwrap()[0].serial;
    let number = serial.to_string();
    let seat = |field| Seat { store: "partition", object: &number, field };
    let roles = store.roles(serial).unwrap();
    let row = |role| roles.iter().find(|row| row.role == role).unwrap();
    let under = |role, text: &str| {
        Sealer::new(row(role).credential.hash.open(text.as_bytes()).unwrap().expose())
    };
    let both = under(Role::CryptoOfficer, CO)
        .open(seat("co"), &row(Role::CryptoOfficer).credential.wrapped_key)
        .unwrap();
    let (domain, objects) = (&both[1..33], &both[33..]);
    let mut domains = store.domains(serial).unwrap();
    let opened = Sealer::new(domain.try_into().unwrap());
    let shared = Sealer::new(objects.try_into().unwrap());
    let secret = opened.open(seat("domain"), domains[0].sealed.as_ref().unwrap()).unwrap();
    let random = &mut SystemRandom::new();
    domains[0].sealed = Some(shared.seal(seat("domain"), &secret, random).unwrap());
    store.set_domains(serial, &domains).unwrap();
    for (role, text) in ROLES {
        let mut row = row(role).clone();
        row.credential.wrapped_key =
            under(role, text).seal(seat(role.abbreviation()), objects, random).unwrap();
        row.handover = None;
        store.replace_role(serial, &row).unwrap();
    }
}

#[test]
fn each_password_opens_what_its_role_uses_and_no_more() {
    let (bench, _) = partition(false);
    assert_eq!(opens(bench.path(), Role::PartitionSo, PO), (false, true));
    assert_eq!(opens(bench.path(), Role::CryptoOfficer, CO), (true, true));
    assert_eq!(opens(bench.path(), Role::LimitedCryptoOfficer, LCO), (true, false));
    assert_eq!(opens(bench.path(), Role::CryptoUser, CU), (true, false));
}

#[test]
fn hsm_policy_15_leaves_the_objects_key_with_the_partition_so() {
    let (bench, officer) = partition(true);
    assert_eq!(opens(bench.path(), Role::PartitionSo, PO), (true, true));
    // And a reset Crypto Officer has its objects.
    done(&bench.hsm, &officer, reset(Role::CryptoOfficer, CO));
    assert_eq!(opens(bench.path(), Role::CryptoOfficer, CO), (true, true));
    // Once the policy is off, the officer's next login gives the key up.
    set_policy_15(&bench, 0);
    log_in(&bench.hsm, &another(&officer), Role::PartitionSo, PO);
    assert_eq!(opens(bench.path(), Role::PartitionSo, PO), (false, true));
}

#[test]
fn an_earlier_partitions_keys_are_parted_as_its_roles_log_in() {
    for first in [Role::PartitionSo, Role::CryptoOfficer] {
        let (mut bench, link) = partition(false);
        put_back_to_one_key(bench.path());
        for (role, text) in ROLES {
            assert_eq!(opens(bench.path(), role, text), (true, true), "{role}");
        }
        bench.reopen();
        let mut order = ROLES;
        order.sort_by_key(|(role, _)| *role != first);
        for (role, text) in order {
            let link = another(&link);
            log_in(&bench.hsm, &link, role, text);
            let sees = usize::from(role != Role::PartitionSo);
            assert_eq!(contents(&bench.hsm, &link).len(), sees, "{role}");
        }
        assert_eq!(opens(bench.path(), Role::PartitionSo, PO), (false, true));
        assert_eq!(opens(bench.path(), Role::CryptoOfficer, CO), (true, true));
        assert_eq!(opens(bench.path(), Role::LimitedCryptoOfficer, LCO), (true, false));
        assert_eq!(opens(bench.path(), Role::CryptoUser, CU), (true, false));
        // Both officers have the one domain key.
        let officer = another(&link);
        log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
        crate::hsm_support::initialize(&bench.hsm, &officer);
        add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    }
}

#[test]
fn an_earlier_partitions_password_is_changed_and_reset() {
    let (mut bench, link) = partition(false);
    put_back_to_one_key(bench.path());
    bench.reopen();
    let (officer, crypto) = (another(&link), another(&link));
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    log_in(&bench.hsm, &crypto, Role::CryptoOfficer, CO);
    done(&bench.hsm, &crypto, reset(Role::CryptoUser, "another-cu-password"));
    done(&bench.hsm, &crypto, crate::hsm_support::change(Role::CryptoOfficer, CO, "another-co"));
    assert_eq!(opens(bench.path(), Role::CryptoUser, "another-cu-password"), (true, false));
    assert_eq!(opens(bench.path(), Role::CryptoOfficer, "another-co"), (true, true));
    assert_eq!(contents(&bench.hsm, &crypto).len(), 1);
}
