//! Every operation that writes.

use lunacm::{
    hsm::{AdminSession, LinkSession},
    model::{
        AuditSetting, PolicyValue, Request, Role, Rotation, Status, StcChange, StorageSize,
        TransferPurpose,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiRequest, Mechanism, MechanismType as M,
            Template,
        },
    },
};

use crate::{
    hsm_support::{
        PO, SO, change, client_key, client_label, create, deregister, label, login, password,
        register, reset,
    },
    scene::{CO, CU, KEPT, P256, S, SALT, Scene, WRONG, data, token},
};

/// Passwords to be.
pub const NEW: &str = "another-password";
pub const INITIAL: &str = "initial-password";

/// Something that is done to a scene.
pub struct Operation {
    pub name: &'static str,
    /// What is done on a disk that is well.
    pub before: fn(&Scene),
    pub act: fn(&Scene) -> Result<(), Status>,
    /// Whether it is done in steps that are each whole.
    pub gradual: bool,
}

const fn whole(name: &'static str, act: fn(&Scene) -> Result<(), Status>) -> Operation {
    Operation { name, before: |_| {}, act, gradual: false }
}

const fn after(
    name: &'static str,
    before: fn(&Scene),
    act: fn(&Scene) -> Result<(), Status>,
) -> Operation {
    Operation { name, before, act, gradual: false }
}

const fn gradual(
    name: &'static str,
    before: fn(&Scene),
    act: fn(&Scene) -> Result<(), Status>,
) -> Operation {
    Operation { name, before, act, gradual: true }
}

pub const APPLIANCE: &[Operation] = &[
    after(
        "hsm init",
        |s| drop(s.hsm.zeroize(&s.admin, false)),
        |s| {
            let (officer, domain) = (Some(password(NEW)), Some(password("domain")));
            s.hsm.initialize(&AdminSession::new(), &label("hsm1"), officer, domain).map(drop)
        },
    ),
    whole("hsm init again", |s| s.hsm.initialize(&s.admin, &label("hsm1"), None, None).map(drop)),
    whole("hsm login", |s| hsm_login(s, SO)),
    whole("hsm login, wrong", |s| hsm_login(s, WRONG)),
    gradual(
        "hsm login, the last",
        |s| assert!(hsm_login(s, WRONG).is_err()),
        |s| hsm_login(s, WRONG),
    ),
    whole("hsm changePw", |s| {
        let changed = s.hsm.change_officer_password(&s.admin, &password(SO), &password(NEW));
        changed.map_err(|failure| failure.status)
    }),
    whole("hsm zeroize", |s| s.hsm.zeroize(&s.admin, false).map(drop)),
    whole("hsm factoryReset", |s| s.hsm.zeroize(&s.admin, true).map(drop)),
    whole("hsm changePolicy", |s| {
        let changes = [PolicyValue { number: 21, value: 0 }];
        s.hsm.change_hsm_policies(&s.admin, &changes, true).map(drop)
    }),
    whole("partition create", |s| {
        s.hsm.create_partition(&s.admin, &label("par2"), StorageSize::Default).map(drop)
    }),
    whole("partition rename", |s| {
        s.hsm.rename_partition(&s.admin, &label("par0"), &label("renamed"))
    }),
    whole("partition resize", |s| {
        s.hsm.resize_partition(&s.admin, &label("par0"), StorageSize::Bytes(400_000))
    }),
    whole("partition delete", |s| s.hsm.delete_partition(&s.admin, &label("par0")).map(drop)),
    whole("client register", |s| register_host(s, 3)),
    after(
        "client assignPartition",
        |s| register_host(s, 3).unwrap(),
        |s| {
            let assigned = s.hsm.assign_partition(&client_label(3), &label("par0"));
            assigned.map_err(|_| Status::DeviceError)
        },
    ),
    after(
        "client delete",
        |s| register_host(s, 3).unwrap(),
        |s| {
            let deleted = s.hsm.delete_ntls_client(&client_label(3));
            deleted.map(drop).map_err(|_| Status::DeviceError)
        },
    ),
    whole("ntls settings", |s| s.hsm.check_addresses(true)),
    whole("hsm force officer", |s| s.hsm.force_officer(&s.admin, true)),
];

fn register_host(scene: &Scene, number: u8) -> Result<(), Status> {
    let host = format!("host{number}").parse().unwrap();
    let registered = scene.hsm.register_ntls_client(client_label(number), host, vec![number; 100]);
    registered.map_err(|_| Status::DeviceError)
}

fn hsm_login(scene: &Scene, text: &str) -> Result<(), Status> {
    let done = scene.hsm.login(&AdminSession::new(), &password(text));
    done.map_err(|failure| failure.status)
}

pub const AUDIT: &[Operation] = &[
    whole("audit config", |s| {
        s.hsm.configure_audit(&s.admin, Some(&label("par0")), "all".parse().ok())
    }),
    whole("audit rotation", |s| {
        let setting = AuditSetting::Rotation(Rotation::Hourly { minute: 0 });
        s.hsm.keep_audit(&s.admin, setting)
    }),
    gradual(
        "audit archive",
        |_| {},
        |s| {
            let (start, _) = s.hsm.audit_range()?;
            if start > 0 {
                return Ok(());
            }
            s.hsm.close_audit(Some(&s.admin), (0, 5), ("a.log".to_owned(), 9)).map(drop)
        },
    ),
    gradual("audit clear", |_| {}, |s| s.hsm.clear_audit(&s.admin, true)),
    gradual(
        "use of a key that is recorded",
        |s| {
            s.hsm.configure_audit(&s.admin, Some(&label("par0")), "all".parse().ok()).unwrap();
        },
        |s| {
            let key = s.object("signer");
            let types = vec![A::LABEL];
            let request = CryptokiRequest::GetAttributes { session: S, object: key, types };
            s.ask(&s.crypto, Request::Cryptoki(request))?;
            s.ask(&s.link(), login(Role::CryptoUser, CU))
        },
    ),
];

fn enter(s: &Scene, role: Role, text: &str) -> Result<(), Status> {
    s.ask(&s.link(), login(role, text))
}

pub const ROLES: &[Operation] = &[
    whole("PO login", |s| enter(s, Role::PartitionSo, PO)),
    whole("PO login, wrong", |s| enter(s, Role::PartitionSo, WRONG)),
    gradual(
        "PO login, the last",
        |s| wrong(s, Role::PartitionSo, 8),
        |s| enter(s, Role::PartitionSo, WRONG),
    ),
    whole("CO login", |s| enter(s, Role::CryptoOfficer, CO)),
    whole("CO login, wrong", |s| enter(s, Role::CryptoOfficer, WRONG)),
    gradual(
        "CO login, the last",
        |s| wrong(s, Role::CryptoOfficer, 8),
        |s| enter(s, Role::CryptoOfficer, WRONG),
    ),
    whole("CU login", |s| enter(s, Role::CryptoUser, CU)),
    whole("CU login, wrong", |s| enter(s, Role::CryptoUser, WRONG)),
    whole("role init", |s| s.ask(&s.crypto, create(Role::LimitedCryptoOfficer, INITIAL))),
    whole("PO changepw", |s| s.ask(&s.officer, change(Role::PartitionSo, PO, NEW))),
    whole("PO changepw, wrong", |s| s.ask(&s.officer, change(Role::PartitionSo, WRONG, NEW))),
    whole("CO changepw", |s| s.ask(&s.crypto, change(Role::CryptoOfficer, CO, NEW))),
    whole("CU changepw", |s| s.ask(&s.user, change(Role::CryptoUser, CU, NEW))),
    whole("role resetpw", |s| s.ask(&s.crypto, reset(Role::CryptoUser, INITIAL))),
];

fn wrong(scene: &Scene, role: Role, times: u8) {
    for _ in 0..times {
        enter(scene, role, WRONG).unwrap_err();
    }
}

pub const PARTITION: &[Operation] = &[
    after(
        "partition init",
        |s| s.hsm.activate(&second(s, 1), client_label(1)).unwrap(),
        |s| s.ask(&second(s, 1), initialization("first")),
    ),
    whole("partition init again", |s| s.ask(&s.officer, initialization("again"))),
    whole("first contact", |s| s.hsm.activate(&second(s, 5), client_label(5))),
    whole("clientregister", |s| s.ask(&s.officer, register(4))),
    whole("clientderegister", |s| s.ask(&s.officer, deregister(2))),
    whole("client leaves", |s| {
        s.ask(&LinkSession::new(s.serial, client_key(2)), Request::DeregisterSelf)
    }),
    whole("changepolicy", |s| {
        let changes = vec![PolicyValue { number: 20, value: 7 }];
        s.ask(&s.officer, Request::ChangePolicies { changes, erase: false })
    }),
    whole("changelabel", |s| s.ask(&s.officer, Request::ChangeLabel { label: label("other") })),
    after("domain add", several_domains, |s| s.ask(&s.officer, domain(true))),
    after(
        "domain delete",
        |s| {
            several_domains(s);
            s.ask(&s.officer, domain(false)).unwrap();
        },
        |s| s.ask(&s.officer, Request::DeleteDomain { label: label("second") }),
    ),
    whole("stcconfig", |s| {
        s.ask(&s.officer, Request::ChangeStcSettings(StcChange::ReplayWindow(500)))
    }),
];

/// A link to the partition that nobody has initialized.
fn second(scene: &Scene, number: u8) -> LinkSession {
    let mut partitions = scene.hsm.partitions().unwrap().into_iter();
    let serial = partitions.find(|one| one.name == label("par1")).unwrap().serial;
    LinkSession::new(serial, client_key(number))
}

fn several_domains(scene: &Scene) {
    let changes = vec![PolicyValue { number: 44, value: 1 }];
    scene.ask(&scene.officer, Request::ChangePolicies { changes, erase: false }).unwrap();
}

fn domain(primary: bool) -> Request {
    let domain = Some(password("another domain"));
    Request::AddDomain { label: label("second"), domain, primary }
}

fn initialization(name: &str) -> Request {
    Request::Initialize {
        label: label(name),
        password: password(PO),
        domain: Some(password("domain")),
        domain_label: None,
        policies: Vec::new(),
    }
}

fn crypto(scene: &Scene, request: CryptokiRequest) -> Result<(), Status> {
    scene.ask(&scene.crypto, Request::Cryptoki(request))
}

pub const OBJECTS: &[Operation] = &[
    whole("generate a key", |s| {
        let (mechanism, template) = (Mechanism::plain(M::AES_KEY_GEN), token("aes"));
        let template = template.with(A::VALUE_LEN, 32);
        crypto(s, CryptokiRequest::GenerateKey { session: S, mechanism, template })
    }),
    whole("generate a pair", |s| {
        let public = token("new pair").with(A::EC_PARAMS, AttributeValue::bytes(P256));
        let (mechanism, private) = (Mechanism::plain(M::EC_KEY_PAIR_GEN), token("new pair"));
        crypto(s, CryptokiRequest::GenerateKeyPair { session: S, mechanism, public, private })
    }),
    whole("create", |s| {
        crypto(s, CryptokiRequest::CreateObject { session: S, template: data("created") })
    }),
    whole("copy", |s| {
        let template = Template::default().with(A::LABEL, AttributeValue::bytes(b"copy"));
        let object = s.object(KEPT);
        crypto(s, CryptokiRequest::CopyObject { session: S, object, template })
    }),
    whole("set", |s| {
        let template = Template::default().with(A::APPLICATION, AttributeValue::bytes(b"set"));
        let object = s.object(KEPT);
        crypto(s, CryptokiRequest::SetAttributes { session: S, object, template })
    }),
    whole("destroy", |s| {
        let object = s.object("signer");
        crypto(s, CryptokiRequest::DestroyObject { session: S, object })
    }),
    whole("import", |s| s.ask(&s.crypto, import(s))),
    gradual("clear", |_| {}, |s| s.ask(&s.crypto, Request::Clear)),
];

fn import(scene: &Scene) -> Request {
    let purpose = TransferPurpose::Clone;
    Request::ImportObject { sealed: scene.sealed.clone(), purpose, salt: SALT, replace: true }
}
