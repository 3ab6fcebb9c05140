//! Searches.

use lunacm::model::cryptoki::{
    AttributeType as A, CryptokiReply, CryptokiRequest, ObjectClass, ObjectHandle, Template,
};

use crate::support::{
    S, aes, application, create, data, destroy, find, get, imported, labelled, pair, partition,
    perform, set, text, token,
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

#[test]
fn each_shown_value_finds_exactly_the_objects_that_show_it() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let shown = Template::default().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
    let mut objects = vec![
        create(hsm, &link, data("one").with(A::VALUE, text("v"))).unwrap(),
        create(hsm, &link, data("two").with(A::TOKEN, true).with(A::VALUE, text("v"))).unwrap(),
        aes(hsm, &link, token().with(A::LABEL, text("one"))).unwrap(),
        aes(hsm, &link, shown).unwrap(),
        create(hsm, &link, imported(&[7; 16]).with(A::SENSITIVE, true)).unwrap(),
    ];
    let (public, private) = pair(hsm, &link, token(), token().with(A::SENSITIVE, false)).unwrap();
    objects.extend([public, private]);
    objects.sort_unstable();
    let mut values = 0;
    for kind in A::ALL {
        let shown: Vec<_> = objects
            .iter()
            .filter_map(|object| Some((*object, get(hsm, &link, *object, *kind).ok()?)))
            .collect();
        for (_, value) in &shown {
            let template = Template::default().with(*kind, value.clone());
            let found = find(hsm, &link, template);
            let having: Vec<_> =
                shown.iter().filter(|(_, own)| own == value).map(|(object, _)| *object).collect();
            // What an object could have and has not reads as empty, and is not found.
            let empty =
                ["[0 bytes]", "[]", "Template([])"].contains(&format!("{value:?}").as_str());
            assert!(found == having || empty, "{kind} {value:?}: {found:?}, {having:?}");
            values += usize::from(!found.is_empty());
        }
        for object in &objects {
            if get(hsm, &link, *object, *kind).is_err() {
                let secret = Template::default().with(*kind, text(&"\x07".repeat(16)));
                assert_eq!(find(hsm, &link, secret), [], "{kind}");
            }
        }
    }
    assert!(values > 100, "{values}");
}
