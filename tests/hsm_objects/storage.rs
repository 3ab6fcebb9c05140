//! Storage: charged, limited, counted.

use std::thread;

use lunacm::model::{
    Reply, Request, Status, StorageSize,
    cryptoki::{AttributeType as A, AttributeValue},
};

use crate::{
    hsm_support::{ask, info},
    support::{aes, create, data, destroy, partition, set, token},
};

#[test]
fn a_full_partition_takes_no_more_and_loses_nothing() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let big = || {
        let value = AttributeValue::bytes(vec![7; 50_000]);
        data("big").with(A::TOKEN, true).with(A::VALUE, value)
    };
    let mut made = Vec::new();
    let status = loop {
        match create(hsm, &link, big()) {
            Ok(object) => made.push(object),
            Err(status) => break status,
        }
    };
    assert_eq!((status, made.len()), (Status::DeviceMemory, 6));
    let full = info(hsm, &link);
    assert_eq!(full.objects, 6);
    assert!(full.used_storage <= full.total_storage);
    let grow = data("big").with(A::VALUE, AttributeValue::bytes(vec![7; 90_000]));
    let mut grow = grow;
    grow.0.retain(|attribute| attribute.kind == A::VALUE);
    assert_eq!(set(hsm, &link, made[0], grow), Err(Status::DeviceMemory));
    assert_eq!(info(hsm, &link).used_storage, full.used_storage);
    destroy(hsm, &link, made[0]).unwrap();
    create(hsm, &link, big()).unwrap();
    assert_eq!(info(hsm, &link).used_storage, full.used_storage);
}

#[test]
fn the_appliance_counts_the_same() {
    let (mut bench, _, link) = partition();
    for _ in 0..3 {
        aes(&bench.hsm, &link, token()).unwrap();
    }
    let told = info(&bench.hsm, &link);
    bench.reopen();
    let listed = bench.hsm.partitions().unwrap();
    assert_eq!(listed[0].objects, 3);
    assert_eq!(listed[0].used_storage, told.used_storage);
    bench.log_in();
    let name = &listed[0].name;
    let small = StorageSize::Bytes(lunacm::model::CLIENT_IDENTITY_BYTES);
    let refused = bench.hsm.resize_partition(&bench.admin, name, small);
    assert_eq!(refused, Err(Status::OperationNotAllowed));
}

#[test]
fn contents_list_what_the_role_may_see() {
    let (bench, officer, link) = partition();
    let hsm = &bench.hsm;
    let key = aes(hsm, &link, token().with(A::LABEL, AttributeValue::bytes(*b"k"))).unwrap();
    let note = create(hsm, &link, data("note").with(A::TOKEN, true)).unwrap();
    create(hsm, &link, data("own")).unwrap();
    let list = |link| match ask(hsm, link, Request::Contents) {
        Reply::Objects(objects) => objects
            .into_iter()
            .map(|object| (object.label, u64::from(object.handle)))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(list(&link), [("k".to_owned(), key.0), ("note".to_owned(), note.0)]);
    assert_eq!(list(&officer), [("note".to_owned(), note.0)]);
}

#[test]
fn many_threads_store_at_once_and_nothing_is_lost() {
    let (mut bench, _, link) = partition();
    let hsm = &bench.hsm;
    thread::scope(|scope| {
        for thread in 0..8 {
            let link = &link;
            scope.spawn(move || {
                for number in 0..25 {
                    let label = format!("{thread}-{number}");
                    let object = create(hsm, link, data(&label).with(A::TOKEN, true)).unwrap();
                    if number % 5 == 0 {
                        destroy(hsm, link, object).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(info(hsm, &link).objects, 160);
    assert_eq!(hsm.check_audit().unwrap().broken, None);
    bench.reopen();
    let again = crate::support::application(&bench.hsm, &link);
    let all =
        crate::support::find(&bench.hsm, &again, lunacm::model::cryptoki::Template::default());
    assert_eq!(all.len(), 160);
}
