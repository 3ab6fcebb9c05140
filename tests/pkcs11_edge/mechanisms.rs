//! The mechanisms that are listed: the same on both sides, and known where C passes them.

use std::ptr;

use cryptoki_sys::*;
use lunacm::{hsm::mechanism, model::cryptoki::MechanismType, pkcs11::function_list};

use crate::{
    caller::PIN,
    in_turn,
    lifecycle::{finalize, initialize},
};

/// An initialization that takes a mechanism and a key.
type Begin =
    Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_RV>;

#[test]
fn the_module_lists_what_the_appliance_has() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    // Raw RSA is off at first: policy 18.
    let raw = MechanismType::RSA_X_509;
    let offered: Vec<_> = mechanism::info().iter().filter(|info| info.mechanism != raw).collect();
    let wanted: Vec<_> = offered.iter().map(|info| info.mechanism.0).collect();
    assert_eq!(listed(), wanted);
    for known in offered {
        let mut info = CK_MECHANISM_INFO::default();
        // SAFETY: the place is there.
        let code = unsafe {
            function_list().C_GetMechanismInfo.unwrap()(0, known.mechanism.0, &raw mut info)
        };
        assert_eq!(code, CKR_OK);
        let hardware = if known.flags.0 == CKF_DIGEST { 0 } else { CKF_HW };
        assert_eq!(info.flags, known.flags.0 | hardware, "{}", known.mechanism);
        assert_eq!(
            (info.ulMinKeySize, info.ulMaxKeySize),
            (known.smallest_key, known.greatest_key)
        );
    }
    assert_eq!(finalize(), CKR_OK);
}

/// A parameter that none has is told at once, and never taken for another.
#[test]
fn every_listed_mechanism_is_known_and_its_parameter_is_looked_at() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let session = log_in();
    let list = function_list();
    let begins: [(CK_FLAGS, Begin); 6] = [
        (CKF_ENCRYPT, list.C_EncryptInit),
        (CKF_DECRYPT, list.C_DecryptInit),
        (CKF_SIGN, list.C_SignInit),
        (CKF_VERIFY, list.C_VerifyInit),
        (CKF_SIGN_RECOVER, list.C_SignRecoverInit),
        (CKF_VERIFY_RECOVER, list.C_VerifyRecoverInit),
    ];
    let mut looked_at = 0;
    for known in mechanism::info() {
        for (_, begin) in begins.iter().filter(|(flag, _)| known.flags.0 & flag != 0) {
            let mut parameter = [7_u8; 3];
            let mut given = CK_MECHANISM {
                mechanism: known.mechanism.0,
                pParameter: parameter.as_mut_ptr().cast(),
                ulParameterLen: 3,
            };
            // SAFETY: the mechanism and its parameter are there.
            let code = unsafe { begin.unwrap()(session, &raw mut given, 77_777) };
            // Where the parameter is nothing but bytes the missing key is noticed first.
            let told = [CKR_MECHANISM_PARAM_INVALID, CKR_KEY_HANDLE_INVALID].contains(&code);
            assert!(told, "{}: {code:#x}", known.mechanism);
            looked_at += 1;
        }
    }
    assert!(looked_at > 50, "{looked_at}");
    assert_eq!(finalize(), CKR_OK);
}

fn listed() -> Vec<CK_MECHANISM_TYPE> {
    let (list, mut count) = (function_list().C_GetMechanismList.unwrap(), 0);
    // SAFETY: first the count is asked for, and then there is room for so many.
    unsafe {
        assert_eq!(list(0, ptr::null_mut(), &raw mut count), CKR_OK);
        let mut mechanisms = vec![0; usize::try_from(count).unwrap()];
        assert_eq!(list(0, mechanisms.as_mut_ptr(), &raw mut count), CKR_OK);
        mechanisms
    }
}

fn log_in() -> CK_SESSION_HANDLE {
    let (mut session, mut pin) = (0, PIN.to_vec());
    let length = CK_ULONG::try_from(pin.len()).unwrap();
    // SAFETY: every place is there, and the PIN as long as told.
    unsafe {
        let (open, nobody) = (function_list().C_OpenSession.unwrap(), ptr::null_mut());
        assert_eq!(open(0, CKF_SERIAL_SESSION, nobody, None, &raw mut session), CKR_OK);
        let log_in = function_list().C_Login.unwrap();
        assert_eq!(log_in(session, CKU_USER, pin.as_mut_ptr(), length), CKR_OK);
    }
    session
}
