//! PKCS#11 v3.1 section 5.4: the library itself.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_C_INITIALIZE_ARGS, CK_FLAGS, CK_FUNCTION_LIST_PTR, CK_INFO, CK_INTERFACE, CK_INTERFACE_PTR,
    CK_ULONG, CK_UTF8CHAR, CK_VERSION, CKF_OS_LOCKING_OK,
};

use crate::{
    model::Status,
    pkcs11::{
        library::Library,
        memory::{Output, Place, padded, value},
        process, table,
    },
};

c_functions! {
    /// `C_Initialize`. Locks are the operating system's; an application that permits its own
    /// ones only is refused.
    fn C_Initialize as Initialize(arguments: *mut c_void) {
        if !arguments.is_null() {
            check_arguments(&value(arguments.cast::<CK_C_INITIALIZE_ARGS>())?)?;
        }
        process::initialize(Library::new)
    }

    /// `C_Finalize`.
    fn C_Finalize as Finalize(reserved: *mut c_void) {
        if !reserved.is_null() {
            return Err(Status::ArgumentsBad);
        }
        process::finalize()
    }

    /// `C_GetInfo`, as interfaces of version 3 have it.
    fn C_GetInfo as GetInfo(info: *mut CK_INFO) {
        process::library()?;
        Place::new(info)?.put(information(table::VERSION_3_1));
        Ok(())
    }

    /// `C_GetFunctionList`.
    fn C_GetFunctionList as GetFunctionList(list: *mut CK_FUNCTION_LIST_PTR) {
        Place::new(list)?.put(table::function_list_pointer());
        Ok(())
    }

    /// `C_GetInterfaceList`.
    fn C_GetInterfaceList as GetInterfaceList(
        interfaces: *mut CK_INTERFACE,
        count: *mut CK_ULONG,
    ) {
        Output::new(interfaces, count)?.give_again(&table::interfaces())
    }

    /// `C_GetInterface`.
    fn C_GetInterface as GetInterface(
        name: *mut CK_UTF8CHAR,
        version: *mut CK_VERSION,
        interface: *mut CK_INTERFACE_PTR,
        flags: CK_FLAGS,
    ) {
        let place = Place::new(interface)?;
        let version = if version.is_null() { None } else { Some(value(version)?) };
        if !name.is_null() && !table::is_name(name) {
            return Err(Status::ArgumentsBad);
        }
        place.put(table::interface(version, flags).ok_or(Status::ArgumentsBad)?);
        Ok(())
    }
}

/// `C_GetInfo` of the list of version 2.40, which says so.
///
/// # Safety
/// `info` is null or has room.
pub(in crate::pkcs11) unsafe extern "C" fn C_GetInfo_2_40(
    info: *mut CK_INFO,
) -> cryptoki_sys::CK_RV {
    super::answer(super::Function::GetInfo, || {
        process::library()?;
        // SAFETY: the contract is the caller's.
        unsafe { Place::new(info) }?.put(information(table::VERSION_2_40));
        Ok(())
    })
}

/// Refuses what this library cannot honour.
fn check_arguments(arguments: &CK_C_INITIALIZE_ARGS) -> Result<(), Status> {
    let functions = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let all = functions.iter().all(|given| *given);
    let any = functions.iter().any(|given| *given);
    if !arguments.pReserved.is_null() || any != all {
        return Err(Status::ArgumentsBad);
    }
    if all && arguments.flags & CKF_OS_LOCKING_OK == 0 {
        return Err(Status::CantLock);
    }
    Ok(())
}

fn information(version: CK_VERSION) -> CK_INFO {
    CK_INFO {
        cryptokiVersion: version,
        manufacturerID: padded("lunacm"),
        flags: 0,
        libraryDescription: padded("lunacm PKCS#11 module"),
        libraryVersion: library_version(),
    }
}

fn library_version() -> CK_VERSION {
    let part = |text: &str| text.parse().unwrap_or(0);
    CK_VERSION {
        major: part(env!("CARGO_PKG_VERSION_MAJOR")),
        minor: part(env!("CARGO_PKG_VERSION_MINOR")),
    }
}
