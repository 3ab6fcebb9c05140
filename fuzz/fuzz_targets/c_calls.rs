//! Calls of the PKCS#11 module's C functions, over a link to an appliance in this process. Choices
//! that are bad for a host program are no excuse for a crash.

#![no_main]
#![allow(clippy::wildcard_imports, clippy::as_conversions)]

#[path = "../../tests/pkcs11_edge/arguments.rs"]
mod arguments;
#[path = "../../tests/pkcs11_edge/caller.rs"]
mod caller;
#[path = "../../tests/pkcs11_edge/guarded.rs"]
mod guarded;
#[path = "../../tests/pkcs11_edge/returns.rs"]
mod returns;

use std::{cell::RefCell, env, fs, sync::OnceLock, time::SystemTime};

use caller::{Caller, Choices, PIN};
use libfuzzer_sys::fuzz_target;
use lunacm::{
    client::{Application, home::Home},
    embedded::Embedded,
    model::{Password, Reply, Request, Role, Status},
};
use tokio::runtime::Runtime;

/// The appliance and what it runs on, as long as the process.
static APPLIANCE: OnceLock<(Runtime, Embedded)> = OnceLock::new();

thread_local! {
    /// The host program; the fuzzer has one thread.
    static CALLER: RefCell<Caller> = RefCell::new(start());
}

/// An appliance with a partition that is ready to use, and a host program in its client's home.
fn start() -> Caller {
    let directory = env::temp_dir().join(format!("lunacm-fuzz-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let home = Home::at(&directory);
    let runtime = Runtime::new().expect("a runtime");
    let embedded = runtime.block_on(Embedded::start(&home, SystemTime::now())).expect("embedded");
    assert!(APPLIANCE.set((runtime, embedded)).is_ok(), "started once");
    prepare(home);
    // SAFETY: nothing reads the environment before the host program begins.
    unsafe { env::set_var("ChrystokiConfigurationPath", directory) };
    Caller::new()
}

/// Initializes the partition and its Crypto Officer.
fn prepare(home: Home) {
    let application = Application::new(home);
    application.refresh().expect("slots");
    let slot = application.slot(0).expect("the slot");
    let officer = || Password::new("po-password1".to_owned());
    let initial = || Password::new("co-initial1".to_owned());
    let lasting = Password::new(String::from_utf8(PIN.to_vec()).expect("a text"));
    let label = "par0".parse().expect("a label");
    let role = Role::CryptoOfficer;
    let requests = [
        Request::Initialize {
            label,
            password: officer(),
            domain: None,
            domain_label: None,
            policies: Vec::new(),
        },
        Request::Login { role: Role::PartitionSo, password: officer() },
        Request::CreateRole { role, password: initial() },
        Request::Logout,
        Request::Login { role, password: initial() },
        Request::ChangePassword { role, old: initial(), new: lasting },
        Request::Logout,
    ];
    for request in requests {
        assert_eq!(slot.partition.call(&request).expect("an answer"), Reply::Done, "{request:?}");
    }
    application.close();
}

fuzz_target!(|data: &[u8]| {
    CALLER.with_borrow_mut(|caller| {
        let mut choices = Choices(data);
        while !choices.0.is_empty() {
            let (function, code) = caller.call(&mut choices);
            if let Err(unlisted) = returns::check(function, code) {
                panic!("{unlisted}");
            }
            assert_ne!(code, u64::from(Status::GeneralError.code()), "function {function}");
        }
    });
});
