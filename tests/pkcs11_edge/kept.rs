//! What the library keeps for its callers: it dies with the login, and with what it was read of.

use std::ptr;

use cryptoki_sys::*;
use lunacm::pkcs11::function_list;

use crate::{
    caller::PIN,
    in_turn,
    lifecycle::{finalize, initialize, log_in, open},
};

fn log_out(session: CK_SESSION_HANDLE) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { function_list().C_Logout.unwrap()(session) }, CKR_OK);
}

/// A value of an attribute, as C has it.
fn attribute<T>(kind: CK_ATTRIBUTE_TYPE, value: &mut [T]) -> CK_ATTRIBUTE {
    let length = size_of_val(value) as CK_ULONG;
    CK_ATTRIBUTE { type_: kind, pValue: value.as_mut_ptr().cast(), ulValueLen: length }
}

/// A secret session key that may be read, and that decrypts.
fn key(session: CK_SESSION_HANDLE) -> CK_OBJECT_HANDLE {
    let (mut class, mut kind, mut yes, mut no) =
        ([CKO_SECRET_KEY], [CKK_AES], [CK_TRUE], [CK_FALSE]);
    let mut yes2 = yes;
    let mut value = [7_u8; 32];
    let mut template = [
        attribute(CKA_CLASS, &mut class),
        attribute(CKA_KEY_TYPE, &mut kind),
        attribute(CKA_DECRYPT, &mut yes),
        attribute(CKA_EXTRACTABLE, &mut yes2),
        attribute(CKA_SENSITIVE, &mut no),
        attribute(CKA_VALUE, &mut value),
    ];
    let mut key = 0;
    let count = template.len() as CK_ULONG;
    // SAFETY: the template is as long as told, and the place is there.
    let code = unsafe {
        let create = function_list().C_CreateObject.unwrap();
        create(session, template.as_mut_ptr(), count, &raw mut key)
    };
    assert_eq!(code, CKR_OK);
    key
}

/// Asks for the length of a key's value.
fn ask_length(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> CK_RV {
    let mut wanted = CK_ATTRIBUTE { type_: CKA_VALUE, pValue: ptr::null_mut(), ulValueLen: 0 };
    // SAFETY: the attribute is there.
    let code =
        unsafe { function_list().C_GetAttributeValue.unwrap()(session, key, &raw mut wanted, 1) };
    assert_eq!((code, wanted.ulValueLen), (CKR_OK, 32));
    code
}

/// Fetches a key's value.
fn fetch(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> (CK_RV, [u8; 32]) {
    let mut value = [0; 32];
    let mut wanted = attribute(CKA_VALUE, &mut value);
    // SAFETY: there is as much room as told.
    let code =
        unsafe { function_list().C_GetAttributeValue.unwrap()(session, key, &raw mut wanted, 1) };
    (code, value)
}

#[test]
fn a_value_whose_length_was_told_dies_with_what_permitted_it() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let (one, other) = (open(CKF_RW_SESSION).unwrap(), open(CKF_RW_SESSION).unwrap());
    assert_eq!(log_in(one, CKU_USER, PIN), CKR_OK);
    // The login ends.
    let of_session = key(one);
    ask_length(one, of_session);
    assert_eq!(fetch(one, of_session), (CKR_OK, [7; 32]));
    ask_length(one, of_session);
    log_out(other);
    let (code, value) = fetch(one, of_session);
    assert_ne!(code, CKR_OK);
    assert_eq!(value, [0; 32]);
    // Another one does not bring it back.
    assert_eq!(log_in(one, CKU_USER, PIN), CKR_OK);
    // Another session makes the key sensitive, or destroys it.
    let sensitive = key(one);
    ask_length(one, sensitive);
    let mut yes = [CK_TRUE];
    let mut change = attribute(CKA_SENSITIVE, &mut yes);
    // SAFETY: the attribute is there.
    let code = unsafe {
        function_list().C_SetAttributeValue.unwrap()(other, sensitive, &raw mut change, 1)
    };
    assert_eq!(code, CKR_OK);
    assert_eq!(fetch(one, sensitive), (CKR_ATTRIBUTE_SENSITIVE, [0; 32]));
    let destroyed = key(one);
    ask_length(one, destroyed);
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { function_list().C_DestroyObject.unwrap()(other, destroyed) }, CKR_OK);
    assert_eq!(fetch(one, destroyed), (CKR_OBJECT_HANDLE_INVALID, [0; 32]));
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn a_plaintext_that_did_not_fit_dies_with_the_login() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let session = open(CKF_RW_SESSION).unwrap();
    assert_eq!(log_in(session, CKU_USER, PIN), CKR_OK);
    let key = key(session);
    let mut mechanism =
        CK_MECHANISM { mechanism: CKM_AES_ECB, pParameter: ptr::null_mut(), ulParameterLen: 0 };
    let mut sealed = [9_u8; 32];
    let mut decrypt = |room: &mut [u8]| {
        let mut length = room.len() as CK_ULONG;
        let (data, bytes) = (sealed.as_mut_ptr(), sealed.len() as CK_ULONG);
        // SAFETY: data and room are as long as told.
        unsafe {
            function_list().C_Decrypt.unwrap()(
                session,
                data,
                bytes,
                room.as_mut_ptr(),
                &raw mut length,
            )
        }
    };
    let begin = |mechanism: &mut CK_MECHANISM| {
        // SAFETY: the mechanism is there.
        unsafe { function_list().C_DecryptInit.unwrap()(session, ptr::from_mut(mechanism), key) }
    };
    assert_eq!(begin(&mut mechanism), CKR_OK);
    assert_eq!(decrypt(&mut [0; 8]), CKR_BUFFER_TOO_SMALL);
    let mut room = [0; 32];
    assert_eq!(decrypt(&mut room), CKR_OK);
    assert_ne!(room, [0; 32]);
    assert_eq!(begin(&mut mechanism), CKR_OK);
    assert_eq!(decrypt(&mut [0; 8]), CKR_BUFFER_TOO_SMALL);
    log_out(session);
    let mut room = [0; 32];
    assert_ne!(decrypt(&mut room), CKR_OK);
    assert_eq!(room, [0; 32]);
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn a_handle_of_before_is_none_of_after() {
    let (_turn, _token) = in_turn();
    assert_eq!(initialize(), CKR_OK);
    let before = open(0).unwrap();
    assert_eq!(finalize(), CKR_OK);
    assert_eq!(initialize(), CKR_OK);
    let after = open(0).unwrap();
    assert_ne!(before, after);
    assert_eq!(crate::lifecycle::random(before), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(crate::lifecycle::random(after), CKR_OK);
    assert_eq!(finalize(), CKR_OK);
}
