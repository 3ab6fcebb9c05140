//! Calls of C functions by bytes that choose everything: the function, which pointers are null,
//! lengths, handles, mechanisms, attributes. A length that is not right is one that no memory has;
//! what a C program may not do even so, such as a length a little beyond its buffer, is not chosen.

use std::ptr;

use super::{
    arguments::MECHANISMS,
    guarded::{NO_LENGTHS, Page},
};
use cryptoki_sys::*;
use lunacm::pkcs11::function_list_3_2;

/// The Crypto Officer's password.
pub const PIN: &[u8] = b"co-password1";

/// The size in bytes of the caller's memory for data, and of that for answers.
pub const ROOM: usize = 2048;

/// Bytes that choose.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[usize::from(self.byte()) % values.len()]
    }
}

/// A host program: its memory, and the handles it was given.
pub struct Caller {
    pub list: &'static CK_FUNCTION_LIST_3_2,
    pub sessions: Vec<CK_SESSION_HANDLE>,
    pub objects: Vec<CK_OBJECT_HANDLE>,
    pub data: Page,
    pub room: Page,
    pub length: CK_ULONG,
    pub handle: CK_ULONG,
    pub other_handle: CK_ULONG,
    pub parameter: Vec<u64>,
    pub structure: Page,
    pub mechanism: CK_MECHANISM,
    pub values: Vec<Vec<u64>>,
    pub attributes: Vec<CK_ATTRIBUTE>,
}

impl Caller {
    /// A host program that has initialized the library.
    pub fn new() -> Self {
        let nothing = CK_MECHANISM { mechanism: 0, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let caller = Self {
            list: function_list_3_2(),
            sessions: Vec::new(),
            objects: vec![0, CK_ULONG::MAX, 1, 2, 3, 4, 5],
            data: Page::new(),
            room: Page::new(),
            length: 0,
            handle: 0,
            other_handle: 0,
            parameter: vec![0; 16],
            structure: Page::new(),
            mechanism: nothing,
            values: Vec::new(),
            attributes: Vec::new(),
        };
        caller.initialize();
        caller
    }

    /// Makes one call, and returns its number and what it returned.
    pub fn call(&mut self, choices: &mut Choices) -> (u8, CK_RV) {
        let function = choices.byte() % 64;
        // SAFETY: every pointer is null or leads to memory of this caller, which is as long as
        // the length that goes with it says, or the length is one that no memory has.
        let code = unsafe { self.perform(function, choices) };
        if code == CKR_OK {
            match function {
                10 => self.sessions.push(self.handle),
                16 | 17 | 54 | 55 | 57 | 58 => self.objects.push(self.handle),
                _ => {}
            }
        }
        (function, code)
    }

    fn initialize(&self) {
        // SAFETY: no arguments are permitted.
        let code = unsafe { self.list.C_Initialize.unwrap()(ptr::null_mut()) };
        assert!([CKR_OK, CKR_CRYPTOKI_ALREADY_INITIALIZED].contains(&code), "{code:#x}");
    }

    #[allow(clippy::too_many_lines, clippy::many_single_char_names, reason = "a table")]
    unsafe fn perform(&mut self, function: u8, c: &mut Choices) -> CK_RV {
        let l = self.list;
        let s = self.session(c);
        unsafe {
            match function {
                0 => {
                    let code = l.C_Finalize.unwrap()(self.rarely(c));
                    self.initialize();
                    code
                }
                1 => l.C_GetInfo.unwrap()(self.one(c)),
                2 => l.C_GetSlotList.unwrap()(c.byte() % 2, self.some(c), self.length(c)),
                3 => l.C_GetSlotInfo.unwrap()(Self::slot(c), self.one(c)),
                4 => l.C_GetTokenInfo.unwrap()(Self::slot(c), self.one(c)),
                5 => l.C_GetMechanismList.unwrap()(Self::slot(c), self.some(c), self.length(c)),
                6 => l.C_GetMechanismInfo.unwrap()(Self::slot(c), c.of(MECHANISMS), self.one(c)),
                7 => l.C_InitToken.unwrap()(Self::slot(c), ptr::null_mut(), 0, self.one(c)),
                8 => l.C_InitPIN.unwrap()(s, self.pin(c), 12),
                9 => l.C_SetPIN.unwrap()(s, ptr::null_mut(), 0, self.pin(c), 12),
                10 => {
                    let flags = c.of(&[4, 6, 6, 0]);
                    let slot = Self::slot(c);
                    let place = self.handle(c);
                    l.C_OpenSession.unwrap()(slot, flags, ptr::null_mut(), None, place)
                }
                11 if self.sessions.len() > 3 => l.C_CloseSession.unwrap()(s),
                11 => l.C_GetSessionInfo.unwrap()(s, self.one(c)),
                12 if c.byte() == 7 => l.C_CloseAllSessions.unwrap()(Self::slot(c)),
                12 => l.C_GetFunctionStatus.unwrap()(s),
                13 => l.C_GetOperationState.unwrap()(s, self.some(c), self.length(c)),
                14 => l.C_Login.unwrap()(s, c.of(&[1, 1, 2, 9]), self.pin(c), 12),
                15 => l.C_CancelFunction.unwrap()(s),
                16 => {
                    let (a, n) = self.template(c);
                    l.C_CreateObject.unwrap()(s, a, n, self.handle(c))
                }
                17 => {
                    let (o, (a, n)) = (self.object(c), self.template(c));
                    l.C_CopyObject.unwrap()(s, o, a, n, self.handle(c))
                }
                18 => l.C_GetObjectSize.unwrap()(s, self.object(c), self.one(c)),
                19 => {
                    let (o, (a, n)) = (self.object(c), self.template(c));
                    l.C_GetAttributeValue.unwrap()(s, o, a, n)
                }
                20 => {
                    let (o, (a, n)) = (self.object(c), self.template(c));
                    l.C_SetAttributeValue.unwrap()(s, o, a, n)
                }
                21 => {
                    let (a, n) = self.template(c);
                    l.C_FindObjectsInit.unwrap()(s, a, n)
                }
                22 => l.C_FindObjects.unwrap()(s, self.some(c), c.of(&[0, 1, 100]), self.one(c)),
                23 => l.C_FindObjectsFinal.unwrap()(s),
                24 => l.C_EncryptInit.unwrap()(s, self.mechanism(c), self.object(c)),
                25 => self.data_to_output(l.C_Encrypt, s, c),
                26 => self.data_to_output(l.C_EncryptUpdate, s, c),
                27 => l.C_EncryptFinal.unwrap()(s, self.some(c), self.length(c)),
                28 => l.C_DecryptInit.unwrap()(s, self.mechanism(c), self.object(c)),
                29 => self.data_to_output(l.C_Decrypt, s, c),
                30 => self.data_to_output(l.C_DecryptUpdate, s, c),
                31 => l.C_DecryptFinal.unwrap()(s, self.some(c), self.length(c)),
                32 => l.C_DigestInit.unwrap()(s, self.mechanism(c)),
                33 => self.data_to_output(l.C_Digest, s, c),
                34 => self.data_only(l.C_DigestUpdate, s, c),
                35 => l.C_DigestKey.unwrap()(s, self.object(c)),
                36 => l.C_DigestFinal.unwrap()(s, self.some(c), self.length(c)),
                37 => l.C_SignInit.unwrap()(s, self.mechanism(c), self.object(c)),
                38 => self.data_to_output(l.C_Sign, s, c),
                39 => self.data_only(l.C_SignUpdate, s, c),
                40 => l.C_SignFinal.unwrap()(s, self.some(c), self.length(c)),
                41 => l.C_SignRecoverInit.unwrap()(s, self.mechanism(c), self.object(c)),
                42 => self.data_to_output(l.C_SignRecover, s, c),
                43 => l.C_VerifyInit.unwrap()(s, self.mechanism(c), self.object(c)),
                44 => {
                    let ((d, n), (e, m)) = (self.data(c), self.data(c));
                    l.C_Verify.unwrap()(s, d, n, e, m)
                }
                45 => self.data_only(l.C_VerifyUpdate, s, c),
                46 => self.data_only(l.C_VerifyFinal, s, c),
                47 => l.C_VerifyRecoverInit.unwrap()(s, self.mechanism(c), self.object(c)),
                48 => self.data_to_output(l.C_VerifyRecover, s, c),
                49 => self.data_to_output(l.C_DigestEncryptUpdate, s, c),
                50 => self.data_to_output(l.C_DecryptDigestUpdate, s, c),
                51 => self.data_to_output(l.C_SignEncryptUpdate, s, c),
                52 => self.data_to_output(l.C_DecryptVerifyUpdate, s, c),
                53 => {
                    let (m, w, o) = (self.mechanism(c), self.object(c), self.object(c));
                    l.C_WrapKey.unwrap()(s, m, w, o, self.some(c), self.length(c))
                }
                54 => {
                    let (m, (a, n)) = (self.mechanism(c), self.template(c));
                    l.C_GenerateKey.unwrap()(s, m, a, n, self.handle(c))
                }
                55 => {
                    let (m, (a, n)) = (self.mechanism(c), self.template(c));
                    let private = self.other_handle(c);
                    l.C_GenerateKeyPair.unwrap()(s, m, a, n, a, n, self.handle(c), private)
                }
                56 => l.C_SessionCancel.unwrap()(s, CK_ULONG::from(c.byte()) << 8),
                57 => {
                    let (m, o) = (self.mechanism(c), self.object(c));
                    let ((d, k), (a, n)) = (self.data(c), self.template(c));
                    l.C_UnwrapKey.unwrap()(s, m, o, d, k, a, n, self.handle(c))
                }
                58 => {
                    let (m, o, (a, n)) = (self.mechanism(c), self.object(c), self.template(c));
                    l.C_DeriveKey.unwrap()(s, m, o, a, n, self.handle(c))
                }
                59 => self.data_only(l.C_SeedRandom, s, c),
                60 => {
                    let none = c.of(&NO_LENGTHS);
                    let wanted = c.of(&[0, 1, 64, ROOM as CK_ULONG, none]);
                    l.C_GenerateRandom.unwrap()(s, self.some(c), wanted)
                }
                61 => {
                    let (m, o, (a, n)) = (self.mechanism(c), self.object(c), self.template(c));
                    let (out, k) = (self.some(c), self.length(c));
                    l.C_EncapsulateKey.unwrap()(s, m, o, a, n, out, k, self.other_handle(c))
                }
                62 => {
                    let (m, o, (d, n)) = (self.mechanism(c), self.object(c), self.data(c));
                    l.C_VerifySignatureInit.unwrap()(s, m, o, d, n)
                }
                _ => l.C_WaitForSlotEvent.unwrap()(CKF_DONT_BLOCK, self.one(c), self.rarely(c)),
            }
        }
    }

    unsafe fn data_to_output(&mut self, f: CK_C_Sign, s: CK_ULONG, c: &mut Choices) -> CK_RV {
        let (data, n) = self.data(c);
        unsafe { f.unwrap()(s, data, n, self.some(c), self.length(c)) }
    }

    unsafe fn data_only(&mut self, f: CK_C_SignUpdate, s: CK_ULONG, c: &mut Choices) -> CK_RV {
        let (data, n) = self.data(c);
        unsafe { f.unwrap()(s, data, n) }
    }
}
