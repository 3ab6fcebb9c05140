//! Cloning domains and labels.

use lunacm::{
    hsm::{Hsm, LinkSession},
    model::{PolicyValue, Reply, Request, Role, Status},
};

use crate::hsm_support::{
    Bench, DOMAIN, PO, add_role, another, ask, done, info, label, log_in, password, refused,
};

const CO: &str = "co-password";

fn add(name: &str, domain: Option<&str>, primary: bool) -> Request {
    Request::AddDomain { label: label(name), domain: domain.map(password), primary }
}

fn domains(hsm: &Hsm, officer: &LinkSession) -> Vec<(String, bool, bool)> {
    match ask(hsm, officer, Request::Domains) {
        Reply::Domains(domains) => domains
            .into_iter()
            .map(|domain| (domain.label.to_string(), domain.primary, domain.default))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn proof(hsm: &Hsm, crypto: &LinkSession, salt: u8) -> [u8; 32] {
    match ask(hsm, crypto, Request::DomainProof { salt: [salt; 16] }) {
        Reply::DomainProof(proof) => proof,
        other => panic!("{other:?}"),
    }
}

fn extended(bench: &Bench, officer: &LinkSession) {
    let changes = vec![PolicyValue { number: 44, value: 1 }];
    done(&bench.hsm, officer, Request::ChangePolicies { changes, erase: false });
}

/// A partition with this domain, and its Crypto Officer.
fn partition(bench: &Bench, name: &str, domain: Option<&str>) -> LinkSession {
    let link = bench.first_client(bench.create(name));
    let request = Request::Initialize {
        label: label(name),
        password: password(PO),
        domain: domain.map(password),
        domain_label: None,
        policies: Vec::new(),
    };
    done(&bench.hsm, &link, request);
    log_in(&bench.hsm, &link, Role::PartitionSo, PO);
    add_role(&bench.hsm, &link, Role::CryptoOfficer, CO)
}

#[test]
fn partitions_of_one_domain_prove_it_to_each_other() {
    let bench = Bench::initialized();
    let one = partition(&bench, "one", Some(DOMAIN));
    let same = partition(&bench, "same", Some(DOMAIN));
    let other = partition(&bench, "other", Some("another-domain"));
    let default = partition(&bench, "default", None);
    let prove = |link| proof(&bench.hsm, link, 7);
    assert_eq!(prove(&one), prove(&same));
    assert_ne!(prove(&one), prove(&other));
    assert_ne!(prove(&one), prove(&default));
    assert_ne!(proof(&bench.hsm, &one, 7), proof(&bench.hsm, &one, 8));
    refused(
        &bench.hsm,
        &another(&one),
        Request::DomainProof { salt: [7; 16] },
        Status::UserNotLoggedIn,
    );
}

#[test]
fn more_domains_take_policy_44_and_end_at_three() {
    let (bench, officer) = Bench::with_officer();
    let hsm = &bench.hsm;
    let first = ("domain1".to_owned(), true, false);
    assert_eq!(domains(hsm, &officer), std::slice::from_ref(&first));
    refused(hsm, &officer, add("two", Some("d2"), false), Status::OperationNotAllowed);
    extended(&bench, &officer);
    refused(hsm, &officer, add("domain1", Some("d2"), false), Status::AttributeValueInvalid);
    refused(hsm, &officer, add("two", Some(""), false), Status::PinLenRange);
    done(hsm, &officer, add("two", Some("d2"), false));
    done(hsm, &officer, add("three", None, true));
    refused(hsm, &officer, add("four", Some("d4"), false), Status::FunctionRejected);
    let now = domains(hsm, &officer);
    let named = |at: usize| (now[at].0.as_str(), now[at].1, now[at].2);
    assert_eq!(named(0), ("domain1", false, false));
    assert_eq!((named(1), named(2)), (("two", false, false), ("three", true, true)));
}

#[test]
fn domains_are_renamed_and_deleted_by_the_officer() {
    let (mut bench, officer) = Bench::with_officer();
    extended(&bench, &officer);
    done(&bench.hsm, &officer, add("two", Some("d2"), false));
    let rename =
        |from: &str, to: &str| Request::RenameDomain { label: label(from), new: label(to) };
    let delete = |name: &str| Request::DeleteDomain { label: label(name) };
    refused(&bench.hsm, &officer, rename("none", "x"), Status::ObjectHandleInvalid);
    refused(&bench.hsm, &officer, rename("domain1", "two"), Status::AttributeValueInvalid);
    done(&bench.hsm, &officer, rename("domain1", "first"));
    refused(&bench.hsm, &officer, delete("first"), Status::FunctionRejected);
    refused(&bench.hsm, &officer, delete("domain1"), Status::ObjectHandleInvalid);
    let nobody = another(&officer);
    for request in [delete("two"), rename("two", "x"), add("x", None, false), Request::Domains] {
        refused(&bench.hsm, &nobody, request, Status::UserNotLoggedIn);
    }
    done(&bench.hsm, &officer, delete("two"));
    bench.reopen();
    log_in(&bench.hsm, &nobody, Role::PartitionSo, PO);
    assert_eq!(domains(&bench.hsm, &nobody), [("first".to_owned(), true, false)]);
}

#[test]
fn domains_outlast_a_repeated_initialization() {
    let bench = Bench::initialized();
    let one = partition(&bench, "one", Some(DOMAIN));
    let before = proof(&bench.hsm, &one, 1);
    let officer = another(&one);
    log_in(&bench.hsm, &officer, Role::PartitionSo, PO);
    let again = Request::Initialize {
        label: label("again"),
        password: password(PO),
        domain: Some(password("ignored")),
        domain_label: Some(label("ignored")),
        policies: Vec::new(),
    };
    done(&bench.hsm, &officer, again);
    assert_eq!(domains(&bench.hsm, &officer)[0].0, "domain1");
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    assert_eq!(proof(&bench.hsm, &crypto, 1), before);
}

#[test]
fn the_officer_changes_the_label() {
    let (mut bench, officer) = Bench::with_officer();
    let request = Request::ChangeLabel { label: label("renamed") };
    let crypto = add_role(&bench.hsm, &officer, Role::CryptoOfficer, CO);
    refused(&bench.hsm, &crypto, request.clone(), Status::UserNotLoggedIn);
    done(&bench.hsm, &officer, request);
    // Nothing else has changed: nobody was logged out.
    assert_eq!(info(&bench.hsm, &crypto).logged_in, Some(Role::CryptoOfficer));
    bench.reopen();
    assert_eq!(info(&bench.hsm, &officer).label, Some(label("renamed")));
}
