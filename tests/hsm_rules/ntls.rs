//! NTLS clients: known by certificate, and let into the partitions they were given.

use lunacm::{
    crypto::CertificateHash,
    hsm::{Effect, LinkClient, LinkSession, NtlsFailure},
    model::{NtlsRefusal, Reply, Request, Role, SerialNumber, Status},
};

use crate::hsm_support::{
    Bench, PO, client_label, done, info, initialize, label, log_in, refused, register,
};

/// What stands for a certificate here: the HSM looks at its hash only.
fn certificate(number: u8) -> Vec<u8> {
    vec![number; 100]
}

fn hash(number: u8) -> CertificateHash {
    CertificateHash::of(&certificate(number))
}

fn add(bench: &Bench, number: u8) {
    let host = format!("host{number}").parse().unwrap();
    bench.hsm.register_ntls_client(client_label(number), host, certificate(number)).unwrap();
}

fn link(serial: SerialNumber, number: u8) -> LinkSession {
    LinkSession::new(serial, hash(number))
}

#[test]
fn a_client_uses_the_partitions_it_was_given_and_no_other() {
    let bench = Bench::initialized();
    let (given, other) = (bench.create("par0"), bench.create("par1"));
    add(&bench, 1);
    let (first, second) = (link(given, 1), link(other, 1));
    refused(&bench.hsm, &first, Request::Describe, Status::StcSessionInvalid);
    bench.hsm.assign_partition(&client_label(1), &label("par0")).unwrap();
    assert_eq!(info(&bench.hsm, &first).serial, given);
    refused(&bench.hsm, &second, Request::Describe, Status::StcSessionInvalid);
    refused(&bench.hsm, &link(given, 2), Request::Describe, Status::StcSessionInvalid);
    assert_eq!(bench.hsm.ntls_clients()[0].partitions, [given]);
}

#[test]
fn a_link_by_certificate_is_activated_where_it_was_let_in() {
    let bench = Bench::initialized();
    let (given, other) = (bench.create("par0"), bench.create("par1"));
    add(&bench, 1);
    let activate = |serial| bench.hsm.activate(&link(serial, 1), client_label(1));
    assert_eq!(activate(given), Err(Status::FunctionRejected));
    bench.hsm.assign_partition(&client_label(1), &label("par0")).unwrap();
    assert_eq!(activate(given), Ok(()));
    assert_eq!(activate(other), Err(Status::FunctionRejected));
    // It has become nobody's first client.
    for serial in [given, other] {
        let entry = bench.hsm.partitions().unwrap().into_iter().find(|one| one.serial == serial);
        assert_eq!(entry.unwrap().clients, 0);
    }
}

#[test]
fn a_partition_over_ntls_has_every_rule_of_one_over_stc() {
    let bench = Bench::initialized();
    let serial = bench.create("par0");
    add(&bench, 1);
    bench.hsm.assign_partition(&client_label(1), &label("par0")).unwrap();
    let link = link(serial, 1);
    initialize(&bench.hsm, &link);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    done(&bench.hsm, &link, register(2));
    // It is registered by certificate, so no identity of it could be removed.
    refused(&bench.hsm, &link, Request::DeregisterSelf, Status::FunctionRejected);
    assert_eq!(info(&bench.hsm, &link).clients, 1);
}

#[test]
fn names_hosts_and_certificates_are_registered_once() {
    let bench = Bench::initialized();
    add(&bench, 1);
    let (host1, host2) = ("HOST1".parse().unwrap(), "host2".parse().unwrap());
    let refusal = |refusal| Err(NtlsFailure::Refused(refusal));
    let register = |name, host: &lunacm::model::ClientHost, number| {
        bench.hsm.register_ntls_client(client_label(name), host.clone(), certificate(number))
    };
    assert_eq!(register(1, &host2, 2), refusal(NtlsRefusal::NameTaken));
    assert_eq!(register(2, &host1, 2), refusal(NtlsRefusal::HostTaken(host1.clone())));
    assert_eq!(register(2, &host2, 1), refusal(NtlsRefusal::CertificateTaken(client_label(1))));
    assert_eq!(register(2, &host2, 2), Ok(()));
}

#[test]
fn what_is_not_there_is_named() {
    let bench = Bench::initialized();
    bench.create("par0");
    add(&bench, 1);
    let refusal = |refusal| Err(NtlsFailure::Refused(refusal));
    let (one, two, par0) = (client_label(1), client_label(2), label("par0"));
    assert_eq!(bench.hsm.assign_partition(&two, &par0), refusal(NtlsRefusal::NoClient));
    assert_eq!(bench.hsm.assign_partition(&one, &label("par1")), refusal(NtlsRefusal::NoPartition));
    assert_eq!(
        bench.hsm.revoke_partition(&one, &par0),
        Err(NtlsFailure::Refused(NtlsRefusal::NotAssigned))
    );
    bench.hsm.assign_partition(&one, &par0).unwrap();
    assert_eq!(bench.hsm.assign_partition(&one, &par0), refusal(NtlsRefusal::Assigned));
    assert_eq!(bench.hsm.map_address(&one, None), refusal(NtlsRefusal::NotMapped));
    let address = "192.0.2.1".parse().unwrap();
    bench.hsm.map_address(&one, Some(address)).unwrap();
    let again = bench.hsm.map_address(&one, Some(address));
    assert_eq!(again, refusal(NtlsRefusal::Mapped(address)));
}

#[test]
fn revoking_and_deleting_end_the_links_and_forbid_requests() {
    let bench = Bench::initialized();
    let (par0, par1) = (bench.create("par0"), bench.create("par1"));
    add(&bench, 1);
    for name in ["par0", "par1"] {
        bench.hsm.assign_partition(&client_label(1), &label(name)).unwrap();
    }
    let client = Some(LinkClient::Ntls(hash(1)));
    let effects = bench.hsm.revoke_partition(&client_label(1), &label("par0"));
    assert_eq!(effects, Ok(vec![Effect::EndLinks { serial: par0, client }]));
    refused(&bench.hsm, &link(par0, 1), Request::Describe, Status::StcSessionInvalid);
    let effects = bench.hsm.delete_ntls_client(&client_label(1));
    assert_eq!(effects, Ok(vec![Effect::EndLinks { serial: par1, client }]));
    refused(&bench.hsm, &link(par1, 1), Request::Describe, Status::StcSessionInvalid);
    assert!(bench.hsm.ntls_client(hash(1)).is_none());
}

#[test]
fn registrations_survive_and_go_with_their_partition() {
    let mut bench = Bench::initialized();
    let serial = bench.create("par0");
    add(&bench, 1);
    bench.hsm.assign_partition(&client_label(1), &label("par0")).unwrap();
    bench.hsm.check_addresses(true).unwrap();
    bench.reopen();
    bench.log_in();
    assert_eq!(bench.hsm.address_check(), Ok(true));
    assert!(matches!(
        bench.hsm.perform(&link(serial, 1), Request::Describe).0,
        Reply::Partition(_)
    ));
    bench.hsm.delete_partition(&bench.admin, &label("par0")).unwrap();
    assert_eq!(bench.hsm.ntls_client(hash(1)).unwrap().partitions, []);
    refused(&bench.hsm, &link(serial, 1), Request::Describe, Status::TokenNotPresent);
}
