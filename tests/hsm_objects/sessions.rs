//! Sessions: what they permit, and what ends with them.

use lunacm::model::{
    Request, Role, Status,
    cryptoki::{
        AttributeType as A, CryptokiRequest, Mechanism, MechanismType as M, ObjectHandle,
        Operation, SessionId, Template,
    },
};
use zeroize::Zeroizing;

use crate::{
    hsm_support::{self, PO, another, info, log_in, login, password},
    support::{
        CO, S, aes, application, create, data, destroy, done, find, get, open, pair, partition,
        perform, refused, set, sign, token,
    },
};

const OTHER: SessionId = SessionId(2);

const fn session(session: SessionId, read_write: bool) -> CryptokiRequest {
    CryptokiRequest::OpenSession { session, read_write }
}

#[test]
fn nothing_without_a_session() {
    let (bench, _, link) = partition();
    let nobody = another(&link);
    for request in [
        CryptokiRequest::CreateObject { session: S, template: data("d") },
        CryptokiRequest::CloseSession { session: S },
        CryptokiRequest::DestroyObject { session: S, object: ObjectHandle(1) },
    ] {
        let status = perform(&bench.hsm, &nobody, request.clone()).unwrap_err();
        let wanted = [Status::SessionHandleInvalid, Status::ObjectHandleInvalid];
        assert!(wanted.contains(&status), "{request:?} {status}");
    }
    refused(&bench.hsm, &link, session(S, true), Status::ArgumentsBad);
}

#[test]
fn a_read_only_session_changes_no_token_object() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let object = create(hsm, &link, data("kept").with(A::TOKEN, true)).unwrap();
    let reader = another(&link);
    done(hsm, &reader, session(S, false));
    log_in(hsm, &reader, Role::CryptoOfficer, CO);
    let new = data("new").with(A::TOKEN, true);
    assert_eq!(create(hsm, &reader, new), Err(Status::SessionReadOnly));
    assert_eq!(set(hsm, &reader, object, data("x")), Err(Status::SessionReadOnly));
    assert_eq!(destroy(hsm, &reader, object), Err(Status::SessionReadOnly));
    assert_eq!(aes(hsm, &reader, token()), Err(Status::SessionReadOnly));
    create(hsm, &reader, data("own")).unwrap();
}

#[test]
fn the_officer_has_no_read_only_sessions() {
    let (bench, officer, _) = partition();
    let hsm = &bench.hsm;
    refused(hsm, &officer, session(S, false), Status::SessionReadWriteSoExists);
    let link = another(&officer);
    done(hsm, &link, session(S, false));
    let status = Status::SessionReadOnlyExists;
    hsm_support::refused(hsm, &link, login(Role::PartitionSo, PO), status);
}

#[test]
fn session_objects_are_the_applications_and_go_with_their_session() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    open(hsm, &link, OTHER);
    let template = data("short-lived");
    let request = CryptokiRequest::CreateObject { session: OTHER, template };
    let object = crate::support::made(perform(hsm, &link, request)).unwrap();
    assert_eq!(find(hsm, &link, data("short-lived")), [object]);
    let neighbour = application(hsm, &link);
    assert_eq!(find(hsm, &neighbour, Template::default()), []);
    let status = Err(Status::ObjectHandleInvalid);
    assert_eq!(get(hsm, &neighbour, object, A::LABEL), status);
    done(hsm, &link, CryptokiRequest::CloseSession { session: OTHER });
    assert_eq!(get(hsm, &link, object, A::LABEL), status);
}

#[test]
fn the_last_session_takes_the_login_with_it() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    open(hsm, &link, OTHER);
    done(hsm, &link, CryptokiRequest::CloseSession { session: S });
    assert_eq!(info(hsm, &link).logged_in, Some(Role::CryptoOfficer));
    done(hsm, &link, CryptokiRequest::CloseSession { session: OTHER });
    assert_eq!(info(hsm, &link).logged_in, None);
    open(hsm, &link, S);
    log_in(hsm, &link, Role::CryptoOfficer, CO);
    done(hsm, &link, CryptokiRequest::CloseAllSessions);
    assert_eq!(info(hsm, &link).logged_in, None);
}

#[test]
fn logging_out_takes_what_needed_the_login() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let stored = aes(hsm, &link, token()).unwrap();
    let own = aes(hsm, &link, Template::default()).unwrap();
    let open = create(hsm, &link, data("open")).unwrap();
    hsm_support::done(hsm, &link, Request::Logout);
    assert_eq!(find(hsm, &link, Template::default()), [open]);
    for key in [stored, own] {
        assert_eq!(get(hsm, &link, key, A::LABEL), Err(Status::ObjectHandleInvalid));
    }
    log_in(hsm, &link, Role::CryptoOfficer, CO);
    assert_eq!(find(hsm, &link, Template::default()), [stored, open]);
}

#[test]
fn a_key_that_asks_each_time_is_used_once_a_login() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let private = Template::default().with(A::ALWAYS_AUTHENTICATE, true);
    let (_, key) = pair(hsm, &link, Template::default(), private).unwrap();
    assert_eq!(sign(hsm, &link, key), Err(Status::UserNotLoggedIn));
    let again = |text| CryptokiRequest::LoginContext { session: S, password: password(text) };
    refused(hsm, &link, again("wrong-password"), Status::PinIncorrect);
    assert_eq!(sign(hsm, &link, key), Err(Status::UserNotLoggedIn));
    done(hsm, &link, again(CO));
    sign(hsm, &link, key).unwrap();
    assert_eq!(sign(hsm, &link, key), Err(Status::UserNotLoggedIn));
}

#[test]
fn an_operation_in_parts_is_its_sessions() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    open(hsm, &link, OTHER);
    let (operation, mechanism) = (Operation::Digest, Mechanism::plain(M::SHA256));
    let begin = |session| {
        let mechanism = mechanism.clone();
        CryptokiRequest::Begin { session, operation, mechanism, key: None }
    };
    let part = |session| {
        let data = Zeroizing::new(b"abc".to_vec());
        CryptokiRequest::Update { session, operation, data }
    };
    let end = |session| CryptokiRequest::Finish { session, operation, signature: Vec::new() };
    refused(hsm, &link, part(S), Status::OperationNotInitialized);
    done(hsm, &link, begin(S));
    refused(hsm, &link, begin(S), Status::OperationActive);
    refused(hsm, &link, part(OTHER), Status::OperationNotInitialized);
    perform(hsm, &link, part(S)).unwrap();
    perform(hsm, &link, end(S)).unwrap();
    refused(hsm, &link, end(S), Status::OperationNotInitialized);
    done(hsm, &link, begin(S));
    done(hsm, &link, CryptokiRequest::Cancel { session: S, operation });
    refused(hsm, &link, end(S), Status::OperationNotInitialized);
}

#[test]
fn sessions_are_counted() {
    let (bench, _, link) = partition();
    let most = u32::try_from(lunacm::model::MAXIMUM_SESSIONS).unwrap();
    for number in 2..=most {
        open(&bench.hsm, &link, SessionId(number));
    }
    refused(&bench.hsm, &link, session(SessionId(most + 1), true), Status::SessionCount);
}

#[test]
fn what_an_application_keeps_in_memory_is_limited() {
    let (bench, _, link) = partition();
    let hsm = &bench.hsm;
    let big = || {
        let value = lunacm::model::cryptoki::AttributeValue::bytes(vec![7; 3 << 20]);
        data("big").with(A::VALUE, value)
    };
    let made: Vec<_> = (0..10).map(|_| create(hsm, &link, big()).unwrap()).collect();
    assert_eq!(create(hsm, &link, big()), Err(Status::DeviceMemory));
    // What goes makes room again, whatever ends it.
    destroy(hsm, &link, made[0]).unwrap();
    create(hsm, &link, big()).unwrap();
    assert_eq!(create(hsm, &link, big()), Err(Status::DeviceMemory));
    let again =
        |types: Vec<A>| CryptokiRequest::GetAttributes { session: S, object: made[1], types };
    refused(hsm, &link, again(vec![A::VALUE; 2]), Status::DeviceMemory);
    refused(hsm, &link, again(vec![A::CLASS; 1000]), Status::ArgumentsBad);
    done(hsm, &link, CryptokiRequest::CloseSession { session: S });
    open(hsm, &link, S);
    create(hsm, &link, big()).unwrap();
}
