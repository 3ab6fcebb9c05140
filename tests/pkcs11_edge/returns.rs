//! What each function may return, by the specification's own lists.

use lunacm::model::Status;

const LISTS: &str = include_str!("returns.txt");

/// What a function returned, which the specification has to list for it.
///
/// # Errors
/// It does not.
pub fn check(number: u8, code: u64) -> Result<(), String> {
    check_name(NAMES[usize::from(number)], code)
}

/// As [`check`], by the function's name without `C_`, or by several of which one was called.
///
/// # Errors
/// It is not listed.
pub fn check_name(names: &str, code: u64) -> Result<(), String> {
    let status = u32::try_from(code).ok().and_then(Status::from_code);
    let symbol = status.map(|status| status.symbol().trim_start_matches("CKR_"));
    let listed = symbol.is_some_and(|symbol| {
        names
            .split('|')
            .any(|name| list(name).any(|listed| listed == symbol) || is_plain(name, symbol))
    });
    if listed { Ok(()) } else { Err(format!("C_{names} returned {code:#x} ({symbol:?})")) }
}

/// The list of one function.
fn list(name: &str) -> impl Iterator<Item = &'static str> {
    let line = LISTS.lines().filter_map(|line| line.strip_prefix("C_")?.split_once(':'));
    let found = line.clone().find(|(own, _)| *own == name);
    assert!(found.is_some(), "no list of C_{name}");
    found.into_iter().flat_map(|(_, values)| values.split_whitespace())
}

/// What the lists leave out and the text has: arguments that are wrong in any way (section 5.1.6),
/// a handle of no session, a buffer that is too small (section 5.2).
fn is_plain(name: &str, symbol: &str) -> bool {
    match symbol {
        "ARGUMENTS_BAD" => true,
        "SESSION_HANDLE_INVALID" => name == "SessionCancel",
        "BUFFER_TOO_SMALL" => name == "EncapsulateKey",
        _ => false,
    }
}

/// The functions by the numbers of `Caller::call`.
const NAMES: [&str; 64] = [
    "Finalize",
    "GetInfo",
    "GetSlotList",
    "GetSlotInfo",
    "GetTokenInfo",
    "GetMechanismList",
    "GetMechanismInfo",
    "InitToken",
    "InitPIN",
    "SetPIN",
    "OpenSession",
    "CloseSession|GetSessionInfo",
    "CloseAllSessions|GetFunctionStatus",
    "GetOperationState",
    "Login",
    "CancelFunction",
    "CreateObject",
    "CopyObject",
    "GetObjectSize",
    "GetAttributeValue",
    "SetAttributeValue",
    "FindObjectsInit",
    "FindObjects",
    "FindObjectsFinal",
    "EncryptInit",
    "Encrypt",
    "EncryptUpdate",
    "EncryptFinal",
    "DecryptInit",
    "Decrypt",
    "DecryptUpdate",
    "DecryptFinal",
    "DigestInit",
    "Digest",
    "DigestUpdate",
    "DigestKey",
    "DigestFinal",
    "SignInit",
    "Sign",
    "SignUpdate",
    "SignFinal",
    "SignRecoverInit",
    "SignRecover",
    "VerifyInit",
    "Verify",
    "VerifyUpdate",
    "VerifyFinal",
    "VerifyRecoverInit",
    "VerifyRecover",
    "DigestEncryptUpdate",
    "DecryptDigestUpdate",
    "SignEncryptUpdate",
    "DecryptVerifyUpdate",
    "WrapKey",
    "GenerateKey",
    "GenerateKeyPair",
    "SessionCancel",
    "UnwrapKey",
    "DeriveKey",
    "SeedRandom",
    "GenerateRandom",
    "EncapsulateKey",
    "VerifySignatureInit",
    "WaitForSlotEvent",
];
