//! Memory: what a client keeps is charged to it over all of its links, and given back.

use lunacm::{
    hsm::{Hsm, LinkSession, MemoryLimits},
    model::{
        Status,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiRequest, Mechanism, MechanismType as M,
            Operation, SessionId,
        },
    },
};
use zeroize::Zeroizing;

use crate::{
    hsm_support::Bench,
    support::{S, create, data, done, open, partition, perform, refused},
};

/// The HSM with so little memory, and two links of a client that nobody is logged in on.
fn bounded(all: usize, per_client: usize) -> (Bench, LinkSession, LinkSession) {
    let (mut bench, _, link) = partition();
    let (serial, client) = (link.serial(), link.client());
    drop(link);
    bench.hsm = std::mem::replace(&mut bench.hsm, Bench::blank().hsm)
        .with_memory(MemoryLimits { all, per_client });
    let links = [0, 1].map(|_| bench.hsm.link(serial, client));
    let [one, other] = links;
    open(&bench.hsm, &one, S);
    open(&bench.hsm, &other, S);
    (bench, one, other)
}

fn update(operation: Operation, bytes: usize) -> CryptokiRequest {
    CryptokiRequest::Update { session: S, operation, data: Zeroizing::new(vec![7; bytes]) }
}

/// Begins what keeps its data until the end.
fn begin(hsm: &Hsm, link: &LinkSession) {
    let key = create(
        hsm,
        link,
        crate::support::imported(&[7; 32]).with(A::PRIVATE, false).with(A::DECRYPT, true),
    );
    let parameters = lunacm::model::cryptoki::Parameters::Gcm(lunacm::model::cryptoki::GcmLike {
        nonce: vec![0; 12],
        associated: Vec::new(),
        tag_bits: 128,
    });
    let mechanism = Mechanism { mechanism: M::AES_GCM, parameters };
    let key = Some(key.unwrap());
    done(
        hsm,
        link,
        CryptokiRequest::Begin { session: S, operation: Operation::Decrypt, mechanism, key },
    );
}

#[test]
fn session_objects_are_charged_to_the_client_over_all_links() {
    let (bench, one, other) = bounded(usize::MAX, 8 << 20);
    let hsm = &bench.hsm;
    let big = || data("big").with(A::VALUE, AttributeValue::bytes(vec![7; 3 << 20]));
    create(hsm, &one, big()).unwrap();
    assert_eq!(create(hsm, &other, big()), Err(Status::DeviceMemory));
    create(hsm, &other, data("small")).unwrap();
    done(hsm, &one, CryptokiRequest::CloseSession { session: S });
    create(hsm, &other, big()).unwrap();
    drop((one, other));
    assert_eq!(hsm.memory_taken(), 0);
}

#[test]
fn sessions_and_operations_are_charged_and_given_back() {
    let (bench, one, other) = bounded(1 << 20, usize::MAX);
    let hsm = &bench.hsm;
    let before = hsm.memory_taken();
    let mut opened = 0;
    let last = (2..5000).find_map(|number| {
        let session = SessionId(number);
        opened += 1;
        perform(hsm, &one, CryptokiRequest::OpenSession { session, read_write: true }).err()
    });
    assert_eq!(last, Some(Status::SessionCount));
    assert!((900..1100).contains(&opened), "{opened}");
    done(hsm, &one, CryptokiRequest::CloseAllSessions);
    assert!(hsm.memory_taken() < before, "{}", hsm.memory_taken());
    begin(hsm, &other);
    perform(hsm, &other, update(Operation::Decrypt, 200_000)).unwrap();
    refused(hsm, &other, update(Operation::Decrypt, 700_000), Status::DeviceMemory);
    // A failure ends an operation, and what it kept is given back.
    refused(hsm, &other, update(Operation::Decrypt, 1), Status::OperationNotInitialized);
    begin(hsm, &other);
    perform(hsm, &other, update(Operation::Decrypt, 200_000)).unwrap();
    done(hsm, &other, CryptokiRequest::Cancel { session: S, operation: Operation::Decrypt });
    drop((one, other));
    assert_eq!(hsm.memory_taken(), 0);
}
