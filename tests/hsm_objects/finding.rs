//! Searches.

use lunacm::model::cryptoki::{
    AttributeType as A, CryptokiReply, CryptokiRequest, ObjectClass, ObjectHandle, Template,
};

use crate::support::{
    S, aes, application, create, data, destroy, find, labelled, partition, perform, set, text,
    token,
};

#[test]
fn every_value_of_the_template_has_to_match() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let note = create(hsm, &link, data("one").with(A::TOKEN, true)).unwrap();
    let key = aes(hsm, &link, token().with(A::LABEL, text("one"))).unwrap();
    let other =
        aes(hsm, &link, token().with(A::LABEL, text("two")).with(A::ID, text("7"))).unwrap();
    let own = create(hsm, &link, data("one")).unwrap();
    assert_eq!(find(hsm, &link, labelled("one")), [note, key, own]);
    let secret = || Template::default().with(A::CLASS, ObjectClass::SECRET_KEY.0);
    assert_eq!(find(hsm, &link, secret()), [key, other]);
    assert_eq!(find(hsm, &link, secret().with(A::LABEL, text("one"))), [key]);
    assert_eq!(find(hsm, &link, Template::default().with(A::ID, text("7"))), [other]);
    assert_eq!(find(hsm, &link, Template::default().with(A::ENCRYPT, true)), [key, other]);
    assert_eq!(find(hsm, &link, labelled("three")), []);
    assert_eq!(find(hsm, &link, Template::default().with(A::MODULUS, text("m"))), []);
    set(hsm, &link, key, labelled("three")).unwrap();
    assert_eq!(find(hsm, &link, labelled("three")), [key]);
    assert_eq!(find(hsm, &link, labelled("one")), [note, own]);
    destroy(hsm, &link, key).unwrap();
    assert_eq!(find(hsm, &link, labelled("three")), []);
}

#[test]
fn many_are_found_page_by_page() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let made: Vec<ObjectHandle> = (0..25)
        .map(|number| {
            let template = data("many").with(A::TOKEN, number % 2 == 0);
            create(hsm, &link, template).unwrap()
        })
        .collect();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let template = data("many");
        let request = CryptokiRequest::FindObjects { session: S, template, after, limit: 4 };
        let Ok(Some(CryptokiReply::Found { objects, more })) = perform(hsm, &link, request) else {
            panic!("no answer");
        };
        assert!(objects.len() <= 4);
        after = objects.last().copied();
        found.extend(objects);
        if !more {
            break;
        }
    }
    let mut made = made;
    made.sort_unstable();
    assert_eq!(found, made);
}

#[test]
fn what_one_application_stores_another_finds() {
    let (mut bench, _, link) = partition();
    let object = create(&bench.hsm, &link, data("shared").with(A::TOKEN, true)).unwrap();
    let other = application(&bench.hsm, &link);
    assert_eq!(find(&bench.hsm, &other, labelled("shared")), [object]);
    bench.reopen();
    let other = application(&bench.hsm, &link);
    assert_eq!(find(&bench.hsm, &other, labelled("shared")), [object]);
    let next = create(&bench.hsm, &other, data("next").with(A::TOKEN, true)).unwrap();
    assert!(next > object);
}
