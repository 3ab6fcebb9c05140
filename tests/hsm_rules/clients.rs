//! A partition's clients: who may register them, what they take, how they leave.

use lunacm::{
    hsm::{Admission, Effect, LinkSession},
    model::{CLIENT_IDENTITY_BYTES, Label, Reply, Request, Role, Status, StorageSize},
};

use crate::hsm_support::{
    Bench, PO, add_role, another, ask, client_key, client_label, client_names, deregister, done,
    info, initialize, log_in, refused, register,
};

#[test]
fn clients_are_the_partition_sos_business_on_this_link() {
    let (bench, officer) = Bench::with_officer();
    let nobody = another(&officer);
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, "co-password");
    for link in [&nobody, &crypto] {
        for request in [register(2), deregister(1), Request::Clients, Request::Identity] {
            refused(&bench.hsm, link, request, Status::UserNotLoggedIn);
        }
    }
    refused(&bench.hsm, &nobody, Request::Contents, Status::UserNotLoggedIn);
    assert_eq!(client_names(&bench.hsm, &officer), ["Client1"]);
    done(&bench.hsm, &officer, Request::Logout);
    refused(&bench.hsm, &officer, Request::Clients, Status::UserNotLoggedIn);
}

#[test]
fn the_identity_is_the_one_of_the_handshake() {
    let (bench, officer) = Bench::with_officer();
    let Reply::Identity(identity) = ask(&bench.hsm, &officer, Request::Identity) else {
        panic!("no identity");
    };
    let serial = officer.serial();
    assert_eq!(identity.serial, serial);
    assert_eq!(identity.label.as_ref().map(Label::as_str), Some("par0"));
    assert_eq!(identity.key, *bench.hsm.identity(serial).unwrap().public());
}

#[test]
fn a_label_and_a_key_are_registered_once() {
    let (mut bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, register(2));
    let same_label = Request::RegisterClient { label: client_label(2), key: client_key(3) };
    let same_key = Request::RegisterClient { label: client_label(3), key: client_key(2) };
    for request in [register(2), same_label, same_key] {
        refused(&bench.hsm, &officer, request, Status::AttributeValueInvalid);
    }
    refused(&bench.hsm, &officer, deregister(3), Status::StcClientHandleInvalid);
    bench.reopen();
    let link = another(&officer);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    done(&bench.hsm, &link, register(3));
    assert_eq!(client_names(&bench.hsm, &link), ["Client1", "Client2", "Client3"]);
}

#[test]
fn a_client_may_be_registered_with_two_partitions() {
    let (bench, officer) = Bench::with_officer();
    let other = bench.first_client(bench.create("par1"));
    let (_, effects) = bench.hsm.perform(&officer, Request::DeregisterSelf);
    let serial = officer.serial();
    assert_eq!(effects, [Effect::EndLinks { serial, client: Some(client_key(1).into()) }]);
    assert_eq!(bench.hsm.admission(serial, &client_key(1)), Admission::Refused);
    assert_eq!(bench.hsm.admission(other.serial(), &client_key(1)), Admission::Registered);
}

#[test]
fn each_client_takes_storage_until_there_is_none() {
    let bench = Bench::initialized();
    let size = StorageSize::Bytes(3 * CLIENT_IDENTITY_BYTES + 1);
    let serial = bench.hsm.create_partition(&bench.admin, &"par0".parse().unwrap(), size).unwrap();
    let link = bench.first_client(serial);
    initialize(&bench.hsm, &link);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    let accounted = |clients: u32| {
        let state = info(&bench.hsm, &link);
        let used = u64::from(clients) * 2392;
        assert_eq!((state.clients, state.used_storage), (clients, used));
        let entry = &bench.hsm.partitions().unwrap()[0];
        assert_eq!((entry.clients, entry.used_storage), (clients, used));
        assert_eq!(entry.total_storage, state.total_storage);
    };
    accounted(1);
    done(&bench.hsm, &link, register(2));
    done(&bench.hsm, &link, register(3));
    accounted(3);
    refused(&bench.hsm, &link, register(4), Status::DeviceMemory);
    accounted(3);
    bench.hsm.perform(&link, deregister(2));
    accounted(2);
    done(&bench.hsm, &link, register(4));
    accounted(3);
}

#[test]
fn any_client_may_leave_but_only_by_itself() {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, register(2));
    let second = LinkSession::new(officer.serial(), client_key(2));
    bench.hsm.activate(&second, client_label(2)).unwrap();
    let (reply, effects) = bench.hsm.perform(&second, Request::DeregisterSelf);
    assert_eq!(reply, Reply::Done);
    let serial = officer.serial();
    assert_eq!(effects, [Effect::EndLinks { serial, client: Some(client_key(2).into()) }]);
    assert_eq!(client_names(&bench.hsm, &officer), ["Client1"]);
}

#[test]
fn a_request_that_waited_while_its_client_was_deregistered_is_refused() {
    let (bench, officer) = Bench::with_officer();
    done(&bench.hsm, &officer, register(2));
    let second = LinkSession::new(officer.serial(), client_key(2));
    bench.hsm.activate(&second, client_label(2)).unwrap();
    log_in(&bench.hsm, &second, Role::PartitionSo, PO);
    bench.hsm.perform(&officer, deregister(2));
    for request in [register(3), Request::Clients, Request::DeregisterSelf] {
        refused(&bench.hsm, &second, request, Status::StcSessionInvalid);
    }
    assert_eq!(client_names(&bench.hsm, &officer), ["Client1"]);
}
