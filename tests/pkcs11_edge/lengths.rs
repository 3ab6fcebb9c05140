//! Lengths that cannot be: of every function that takes one, of every field of a parameter that is
//! one. A pointer taken for a length, a length that was never set, -1.

use std::{collections::BTreeSet, ffi::c_void, mem::size_of, ptr};

use cryptoki_sys::*;
use lunacm::pkcs11::function_list_3_2;

use crate::{
    arguments::MECHANISMS,
    caller::PIN,
    guarded::{NO_LENGTHS, PAGE, Page},
    in_turn,
    lifecycle::{finalize, initialize},
    returns,
};

/// A host program that is logged in and has a key of each kind.
struct Host {
    list: &'static CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
    data: Page,
    structure: Page,
    room: Vec<u8>,
    aes: CK_OBJECT_HANDLE,
    public: CK_OBJECT_HANDLE,
    private: CK_OBJECT_HANDLE,
}

fn attribute<T>(kind: CK_ATTRIBUTE_TYPE, value: &mut [T]) -> CK_ATTRIBUTE {
    let length = size_of_val(value) as CK_ULONG;
    CK_ATTRIBUTE { type_: kind, pValue: value.as_mut_ptr().cast(), ulValueLen: length }
}

const fn plain(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

impl Host {
    fn new() -> Self {
        assert_eq!(initialize(), CKR_OK);
        let mut host = Self {
            list: function_list_3_2(),
            session: 0,
            data: Page::new(),
            structure: Page::new(),
            room: vec![0; PAGE],
            aes: 0,
            public: 0,
            private: 0,
        };
        let mut pin = PIN.to_vec();
        let (flags, length) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, pin.len() as CK_ULONG);
        // SAFETY: every place is there, and the PIN is as long as told.
        unsafe {
            let open = host.list.C_OpenSession.unwrap();
            assert_eq!(open(0, flags, ptr::null_mut(), None, &raw mut host.session), CKR_OK);
            let log_in = host.list.C_Login.unwrap();
            assert_eq!(log_in(host.session, CKU_USER, pin.as_mut_ptr(), length), CKR_OK);
        }
        host.aes = host.generate();
        host.generate_pair();
        host
    }

    fn generate(&mut self) -> CK_OBJECT_HANDLE {
        let (mut length, mut yes, mut no) = ([32 as CK_ULONG], [CK_TRUE], [CK_FALSE]);
        let is =
            [CKA_PRIVATE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN];
        let mut template =
            vec![attribute(CKA_VALUE_LEN, &mut length), attribute(CKA_TOKEN, &mut no)];
        template.extend(is.map(|kind| attribute(kind, &mut yes)));
        let (mut key, mut mechanism) = (0, plain(CKM_AES_KEY_GEN));
        // SAFETY: mechanism, template and place are there.
        let code = unsafe {
            let generate = self.list.C_GenerateKey.unwrap();
            generate(self.session, &raw mut mechanism, template.as_mut_ptr(), 9, &raw mut key)
        };
        assert_eq!(code, CKR_OK);
        key
    }

    fn generate_pair(&mut self) {
        let (mut bits, mut exponent, mut no) = ([2048 as CK_ULONG], [1_u8, 0, 1], [CK_FALSE]);
        let mut yes = [CK_TRUE];
        let mut public = vec![
            attribute(CKA_MODULUS_BITS, &mut bits),
            attribute(CKA_PUBLIC_EXPONENT, &mut exponent),
            attribute(CKA_TOKEN, &mut no),
        ];
        let mut private = vec![attribute(CKA_TOKEN, &mut no)];
        let is = [CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER];
        public.extend(is.map(|kind| attribute(kind, &mut yes)));
        let is = [CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER];
        private.extend(is.map(|kind| attribute(kind, &mut yes)));
        let mut mechanism = plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
        // SAFETY: mechanism, templates and places are there.
        let code = unsafe {
            let generate = self.list.C_GenerateKeyPair.unwrap();
            let (first, second) = (public.as_mut_ptr(), private.as_mut_ptr());
            let (public, private) = (&raw mut self.public, &raw mut self.private);
            generate(self.session, &raw mut mechanism, first, 6, second, 4, public, private)
        };
        assert_eq!(code, CKR_OK);
    }

    /// Ends whatever goes on, so that the next call finds nothing.
    fn cancel(&self) {
        // SAFETY: no memory is involved.
        unsafe { self.list.C_SessionCancel.unwrap()(self.session, CK_ULONG::MAX) };
    }
}

/// What is called, by the function's name, with a length that is none.
type Call = unsafe fn(&mut Host, CK_ULONG) -> CK_RV;

macro_rules! calls {
    ($( $name:literal, |$h:ident, $n:ident| $body:expr; )*) => {
        &[$( ($name, {
            unsafe fn call($h: &mut Host, $n: CK_ULONG) -> CK_RV {
                // SAFETY: nothing but the length is wrong.
                unsafe { $body }
            }
            call
        }) ),*]
    };
}

/// Initializes an operation, which has to succeed.
macro_rules! begin {
    ($h:ident, $function:ident, $mechanism:expr, $key:ident) => {{
        let mut mechanism = plain($mechanism);
        let code = $h.list.$function.unwrap()($h.session, &raw mut mechanism, $h.$key);
        assert_eq!(code, CKR_OK);
    }};
    ($h:ident, digest) => {{
        let mut mechanism = plain(CKM_SHA256);
        let code = $h.list.C_DigestInit.unwrap()($h.session, &raw mut mechanism);
        assert_eq!(code, CKR_OK);
    }};
}

/// A call with data and room for an answer.
macro_rules! to_output {
    ($h:ident, $n:ident, $function:ident) => {{
        let mut room = PAGE as CK_ULONG;
        let (data, output) = ($h.data.last(16), $h.room.as_mut_ptr());
        $h.list.$function.unwrap()($h.session, data, $n, output, &raw mut room)
    }};
}

/// A call with a template of one attribute, whose value has the length.
macro_rules! template {
    ($h:ident, $n:ident, |$a:ident| $call:expr) => {{
        let value: *mut c_void = $h.data.last(16).cast();
        let mut one = CK_ATTRIBUTE { type_: CKA_LABEL, pValue: value, ulValueLen: $n };
        let mut codes = BTreeSet::new();
        for kind in [CKA_LABEL, CKA_TOKEN, CKA_CLASS, CKA_WRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS] {
            one.type_ = kind;
            let $a = &raw mut one;
            codes.insert($call);
        }
        assert_eq!(codes.len(), 1, "{codes:x?}");
        codes.pop_first().unwrap()
    }};
}

const CALLS: &[(&str, Call)] = calls! {
    "Digest", |h, n| { begin!(h, digest); to_output!(h, n, C_Digest) };
    "DigestUpdate", |h, n| {
        begin!(h, digest);
        h.list.C_DigestUpdate.unwrap()(h.session, h.data.last(16), n)
    };
    "Encrypt", |h, n| {
        begin!(h, C_EncryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_Encrypt)
    };
    "EncryptUpdate", |h, n| {
        begin!(h, C_EncryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_EncryptUpdate)
    };
    "Decrypt", |h, n| {
        begin!(h, C_DecryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_Decrypt)
    };
    "DecryptUpdate", |h, n| {
        begin!(h, C_DecryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_DecryptUpdate)
    };
    "Sign", |h, n| {
        begin!(h, C_SignInit, CKM_SHA256_RSA_PKCS, private);
        to_output!(h, n, C_Sign)
    };
    "SignUpdate", |h, n| {
        begin!(h, C_SignInit, CKM_SHA256_RSA_PKCS, private);
        h.list.C_SignUpdate.unwrap()(h.session, h.data.last(16), n)
    };
    "SignRecover", |h, n| {
        begin!(h, C_SignRecoverInit, CKM_RSA_PKCS, private);
        to_output!(h, n, C_SignRecover)
    };
    "Verify", |h, n| {
        begin!(h, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        let (data, signature) = (h.data.last(16), h.room.as_mut_ptr());
        h.list.C_Verify.unwrap()(h.session, data, n, signature, 256)
    };
    "Verify", |h, n| {
        begin!(h, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        let (signature, data) = (h.data.last(16), h.room.as_mut_ptr());
        h.list.C_Verify.unwrap()(h.session, data, 16, signature, n)
    };
    "VerifyUpdate", |h, n| {
        begin!(h, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        h.list.C_VerifyUpdate.unwrap()(h.session, h.data.last(16), n)
    };
    "VerifyFinal", |h, n| {
        begin!(h, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        h.list.C_VerifyFinal.unwrap()(h.session, h.data.last(16), n)
    };
    "VerifyRecover", |h, n| {
        begin!(h, C_VerifyRecoverInit, CKM_RSA_PKCS, public);
        to_output!(h, n, C_VerifyRecover)
    };
    "VerifySignatureInit", |h, n| {
        let mut mechanism = plain(CKM_SHA256_RSA_PKCS);
        let (begin, key) = (h.list.C_VerifySignatureInit.unwrap(), h.public);
        begin(h.session, &raw mut mechanism, key, h.data.last(16), n)
    };
    "VerifySignature", |h, n| {
        let mut mechanism = plain(CKM_SHA256_RSA_PKCS);
        let (begin, key) = (h.list.C_VerifySignatureInit.unwrap(), h.public);
        assert_eq!(begin(h.session, &raw mut mechanism, key, h.data.last(256), 256), CKR_OK);
        h.list.C_VerifySignature.unwrap()(h.session, h.data.last(16), n)
    };
    "DigestEncryptUpdate", |h, n| {
        begin!(h, digest);
        begin!(h, C_EncryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_DigestEncryptUpdate)
    };
    "DecryptDigestUpdate", |h, n| {
        begin!(h, digest);
        begin!(h, C_DecryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_DecryptDigestUpdate)
    };
    "SignEncryptUpdate", |h, n| {
        begin!(h, C_SignInit, CKM_SHA256_RSA_PKCS, private);
        begin!(h, C_EncryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_SignEncryptUpdate)
    };
    "DecryptVerifyUpdate", |h, n| {
        begin!(h, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        begin!(h, C_DecryptInit, CKM_AES_ECB, aes);
        to_output!(h, n, C_DecryptVerifyUpdate)
    };
    "CreateObject", |h, n| template!(h, n, |a| {
        let mut object = 0;
        h.list.C_CreateObject.unwrap()(h.session, a, 1, &raw mut object)
    });
    "CopyObject", |h, n| template!(h, n, |a| {
        let mut object = 0;
        h.list.C_CopyObject.unwrap()(h.session, h.aes, a, 1, &raw mut object)
    });
    "SetAttributeValue", |h, n| template!(h, n, |a| {
        h.list.C_SetAttributeValue.unwrap()(h.session, h.aes, a, 1)
    });
    "FindObjectsInit", |h, n| template!(h, n, |a| {
        h.list.C_FindObjectsInit.unwrap()(h.session, a, 1)
    });
    "GenerateKey", |h, n| template!(h, n, |a| {
        let (mut key, mut mechanism) = (0, plain(CKM_AES_KEY_GEN));
        h.list.C_GenerateKey.unwrap()(h.session, &raw mut mechanism, a, 1, &raw mut key)
    });
    "GenerateKeyPair", |h, n| template!(h, n, |a| {
        let (mut key, mut mechanism) = (0, plain(CKM_RSA_PKCS_KEY_PAIR_GEN));
        let (generate, key) = (h.list.C_GenerateKeyPair.unwrap(), &raw mut key);
        generate(h.session, &raw mut mechanism, a, 1, ptr::null_mut(), 0, key, key)
    });
    "GenerateKeyPair", |h, n| template!(h, n, |a| {
        let (mut key, mut mechanism) = (0, plain(CKM_RSA_PKCS_KEY_PAIR_GEN));
        let (generate, key) = (h.list.C_GenerateKeyPair.unwrap(), &raw mut key);
        generate(h.session, &raw mut mechanism, ptr::null_mut(), 0, a, 1, key, key)
    });
    "UnwrapKey", |h, n| {
        let (mut key, mut mechanism) = (0, plain(CKM_AES_KEY_WRAP_KWP));
        let (unwrap, key) = (h.list.C_UnwrapKey.unwrap(), &raw mut key);
        let wrapped = h.data.last(16);
        unwrap(h.session, &raw mut mechanism, h.aes, wrapped, n, ptr::null_mut(), 0, key)
    };
    "UnwrapKey", |h, n| template!(h, n, |a| {
        let (mut key, mut mechanism) = (0, plain(CKM_AES_KEY_WRAP_KWP));
        let (unwrap, key) = (h.list.C_UnwrapKey.unwrap(), &raw mut key);
        unwrap(h.session, &raw mut mechanism, h.aes, h.data.last(24), 24, a, 1, key)
    });
    "DeriveKey", |h, n| template!(h, n, |a| {
        let mut mechanism = plain(CKM_XOR_BASE_AND_DATA);
        let (mut key, mut byte) = (0, 7_u8);
        let mut data = CK_KEY_DERIVATION_STRING_DATA { pData: &raw mut byte, ulLen: 1 };
        mechanism.pParameter = (&raw mut data).cast();
        mechanism.ulParameterLen = 16;
        h.list.C_DeriveKey.unwrap()(h.session, &raw mut mechanism, h.aes, a, 1, &raw mut key)
    });
    "EncapsulateKey", |h, n| template!(h, n, |a| {
        let (mut key, mut mechanism) = (0, plain(CKM_ML_KEM));
        let (mut room, output) = (PAGE as CK_ULONG, h.room.as_mut_ptr());
        let (make, key, room) =
            (h.list.C_EncapsulateKey.unwrap(), &raw mut key, &raw mut room);
        make(h.session, &raw mut mechanism, h.public, a, 1, output, room, key)
    });
    "DecapsulateKey", |h, n| {
        let (mut key, mut mechanism) = (0, plain(CKM_ML_KEM));
        let (open, key) = (h.list.C_DecapsulateKey.unwrap(), &raw mut key);
        let nothing = ptr::null_mut();
        open(h.session, &raw mut mechanism, h.private, nothing, 0, h.data.last(16), n, key)
    };
    "Login", |h, n| h.list.C_Login.unwrap()(h.session, CKU_SO, h.data.last(16), n);
    "LoginUser", |h, n| {
        let pin = h.data.last(16);
        h.list.C_LoginUser.unwrap()(h.session, CKU_SO, pin, n, ptr::null_mut(), 0)
    };
    "LoginUser", |h, n| {
        let name = h.data.last(16);
        h.list.C_LoginUser.unwrap()(h.session, CKU_SO, h.room.as_mut_ptr(), 12, name, n)
    };
    "SetPIN", |h, n| {
        h.list.C_SetPIN.unwrap()(h.session, h.data.last(16), n, h.room.as_mut_ptr(), 12)
    };
    "SetPIN", |h, n| {
        h.list.C_SetPIN.unwrap()(h.session, h.room.as_mut_ptr(), 12, h.data.last(16), n)
    };
    "InitPIN", |h, n| h.list.C_InitPIN.unwrap()(h.session, h.data.last(16), n);
    "InitToken", |h, n| {
        h.list.C_InitToken.unwrap()(0, h.data.last(16), n, h.room.as_mut_ptr())
    };
    "SeedRandom", |h, n| h.list.C_SeedRandom.unwrap()(h.session, h.data.last(16), n);
    "GenerateRandom", |h, n| h.list.C_GenerateRandom.unwrap()(h.session, h.data.last(16), n);
    "SetOperationState", |h, n| {
        h.list.C_SetOperationState.unwrap()(h.session, h.data.last(16), n, 0, 0)
    };
    "CreateObject", |h, n| {
        let mut object = 0;
        let attributes = h.data.last(24).cast();
        h.list.C_CreateObject.unwrap()(h.session, attributes, n, &raw mut object)
    };
    "GetAttributeValue", |h, n| {
        h.list.C_GetAttributeValue.unwrap()(h.session, h.aes, h.data.last(24).cast(), n)
    };
    "FindObjectsInit", |h, n| {
        h.list.C_FindObjectsInit.unwrap()(h.session, h.data.last(24).cast(), n)
    };
};

#[test]
fn no_length_that_cannot_be_ends_the_host() {
    let (_turn, _token) = in_turn();
    let mut host = Host::new();
    for (name, call) in CALLS {
        // As long as the memory would be if it went on for a page and a bit.
        for length in NO_LENGTHS.into_iter().chain([2 * PAGE as CK_ULONG, 100_000]) {
            // SAFETY: nothing but the length is wrong.
            let code = unsafe { call(&mut host, length) };
            assert_ne!(code, CKR_OK, "C_{name} takes {length:#x}");
            assert_ne!(code, CKR_GENERAL_ERROR, "C_{name} of {length:#x}");
            returns::check_name(name, code).unwrap_or_else(|error| panic!("{error}, {length:#x}"));
            host.cancel();
        }
    }
    // The library goes on as before.
    let mut mechanism = plain(CKM_SHA256);
    // SAFETY: the mechanism is there, and the data as long as told.
    unsafe {
        assert_eq!(host.list.C_DigestInit.unwrap()(host.session, &raw mut mechanism), CKR_OK);
        assert_eq!(to_output!(host, SIXTEEN, C_Digest), CKR_OK);
    }
    assert_eq!(finalize(), CKR_OK);
}

/// A structure of words, as C lays it out.
fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

const SIXTEEN: CK_ULONG = 16;

/// A parameter by its words, of which some are lengths of what the word before or behind points to.
struct Parameter {
    mechanism: CK_MECHANISM_TYPE,
    words: usize,
    /// Pointers and their lengths.
    pairs: &'static [(usize, usize)],
}

const PARAMETERS: &[Parameter] = &[
    Parameter { mechanism: CKM_RSA_PKCS_OAEP, words: 5, pairs: &[(3, 4)] },
    Parameter { mechanism: CKM_AES_GCM, words: 6, pairs: &[(0, 1), (3, 4)] },
    Parameter { mechanism: CKM_AES_GCM, words: 5, pairs: &[(0, 1), (2, 3)] },
    Parameter { mechanism: CKM_AES_CCM, words: 6, pairs: &[(1, 2), (3, 4)] },
    Parameter { mechanism: CKM_CHACHA20_POLY1305, words: 4, pairs: &[(0, 1), (2, 3)] },
    Parameter { mechanism: CKM_EDDSA, words: 3, pairs: &[(2, 1)] },
    Parameter { mechanism: CKM_ML_DSA, words: 3, pairs: &[(1, 2)] },
    Parameter { mechanism: CKM_ECDH1_DERIVE, words: 5, pairs: &[(2, 1), (4, 3)] },
    Parameter { mechanism: CKM_PKCS5_PBKD2, words: 9, pairs: &[(1, 2), (7, 8)] },
    Parameter { mechanism: CKM_AES_CBC_ENCRYPT_DATA, words: 4, pairs: &[(2, 3)] },
    Parameter { mechanism: CKM_AES_ECB_ENCRYPT_DATA, words: 2, pairs: &[(0, 1)] },
    Parameter { mechanism: CKM_CONCATENATE_BASE_AND_DATA, words: 2, pairs: &[(0, 1)] },
    Parameter { mechanism: CKM_CONCATENATE_DATA_AND_BASE, words: 2, pairs: &[(0, 1)] },
    Parameter { mechanism: CKM_XOR_BASE_AND_DATA, words: 2, pairs: &[(0, 1)] },
    Parameter { mechanism: CKM_HKDF_DERIVE, words: 8, pairs: &[(3, 4), (6, 7)] },
    Parameter { mechanism: CKM_SP800_108_COUNTER_KDF, words: 5, pairs: &[(2, 1), (4, 3)] },
    Parameter { mechanism: CKM_SP800_108_FEEDBACK_KDF, words: 7, pairs: &[(2, 1), (4, 3), (6, 5)] },
];

#[test]
fn no_length_inside_a_parameter_ends_the_host() {
    let (_turn, _token) = in_turn();
    let host = Host::new();
    let given = |mechanism: CK_MECHANISM_TYPE, parameter: *mut c_void, length: CK_ULONG| {
        let mut given = CK_MECHANISM { mechanism, pParameter: parameter, ulParameterLen: length };
        let (mut key, given) = (0, &raw mut given);
        // SAFETY: nothing but a length is wrong.
        unsafe {
            let (l, s, a) = (host.list, host.session, ptr::null_mut());
            [
                ("EncryptInit", l.C_EncryptInit.unwrap()(s, given, host.aes)),
                ("SignInit", l.C_SignInit.unwrap()(s, given, host.private)),
                ("DeriveKey", l.C_DeriveKey.unwrap()(s, given, host.aes, a, 0, &raw mut key)),
                ("GenerateKey", l.C_GenerateKey.unwrap()(s, given, a, 0, &raw mut key)),
            ]
        }
    };
    let check = |codes: [(&str, CK_RV); 4], what: &str| {
        for (name, code) in codes {
            assert_eq!(code, CKR_MECHANISM_PARAM_INVALID, "C_{name}, {what}");
        }
    };
    for Parameter { mechanism, words, pairs } in PARAMETERS {
        for (pointer, length) in *pairs {
            for none in NO_LENGTHS {
                let mut parameter = vec![0_u64; *words];
                match *mechanism {
                    CKM_PKCS5_PBKD2 => (parameter[0], parameter[3], parameter[4]) = (1, 1000, 4),
                    // Whether it extracts and expands, its hash, and that the salt is data.
                    CKM_HKDF_DERIVE => {
                        (parameter[0], parameter[1], parameter[2]) = (0x0101, CKM_SHA256, 2);
                    }
                    CKM_RSA_PKCS_OAEP => parameter[2] = 1,
                    _ => {}
                }
                parameter[*pointer] = host.data.last(16) as u64;
                parameter[*length] = none;
                let place = host.structure.hold(&bytes(&parameter));
                let size = parameter.len() * 8;
                let what = format!("{mechanism:#x}, word {length} is {none:#x}");
                check(given(*mechanism, place.cast(), size as CK_ULONG), &what);
            }
        }
    }
    for mechanism in MECHANISMS.iter().filter(|mechanism| **mechanism < CKM_VENDOR_DEFINED) {
        for none in NO_LENGTHS {
            let codes = given(*mechanism, host.structure.last(8).cast(), none);
            check(codes, &format!("{mechanism:#x} of {none:#x}"));
        }
    }
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn a_structure_that_is_not_there_is_a_wrong_parameter() {
    let (_turn, _token) = in_turn();
    let host = Host::new();
    let structures = [
        (CKM_AES_GCM, size_of::<CK_GCM_PARAMS>()),
        (CKM_AES_CTR, size_of::<CK_AES_CTR_PARAMS>()),
        (CKM_AES_CCM, size_of::<CK_CCM_PARAMS>()),
        (CKM_AES_CBC, 16),
        (CKM_CHACHA20_POLY1305, size_of::<CK_SALSA20_CHACHA20_POLY1305_PARAMS>()),
        (CKM_RSA_PKCS_OAEP, size_of::<CK_RSA_PKCS_OAEP_PARAMS>()),
    ];
    for (mechanism, size) in structures {
        let length = size as CK_ULONG;
        let mut given =
            CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: length };
        // SAFETY: the mechanism is there.
        let code =
            unsafe { host.list.C_EncryptInit.unwrap()(host.session, &raw mut given, host.aes) };
        assert_eq!(code, CKR_MECHANISM_PARAM_INVALID, "{mechanism:#x}");
    }
    assert_eq!(finalize(), CKR_OK);
}

/// Structures of version 2.x have a pointer to the password's length, those of 2.40 the length.
#[test]
fn both_structures_of_pbkdf2_give_the_same_key() {
    let (_turn, _token) = in_turn();
    let host = Host::new();
    let (mut salt, mut password, mut length) = (*b"saltsalt", *b"password", 8 as CK_ULONG);
    let mut derive = |of_length: CK_ULONG| {
        let (salt, password) = (salt.as_mut_ptr() as u64, password.as_mut_ptr() as u64);
        let parameter = [1, salt, 8, 1000, 4, 0, 0, password, of_length];
        let mut given = CK_MECHANISM {
            mechanism: CKM_PKCS5_PBKD2,
            pParameter: host.structure.hold(&bytes(&parameter)).cast(),
            ulParameterLen: 72,
        };
        let (mut class, mut kind, mut bytes) =
            ([CKO_SECRET_KEY], [CKK_GENERIC_SECRET], [32 as CK_ULONG]);
        let (mut yes, mut no) = ([CK_TRUE], [CK_FALSE]);
        let mut template = [
            attribute(CKA_CLASS, &mut class),
            attribute(CKA_KEY_TYPE, &mut kind),
            attribute(CKA_VALUE_LEN, &mut bytes),
            attribute(CKA_EXTRACTABLE, &mut yes),
            attribute(CKA_SENSITIVE, &mut no),
        ];
        let (mut key, mut value) = (0, [0_u8; 32]);
        // SAFETY: everything is there and as long as told.
        unsafe {
            let generate = host.list.C_GenerateKey.unwrap();
            let template = template.as_mut_ptr();
            let code = generate(host.session, &raw mut given, template, 5, &raw mut key);
            if code != CKR_OK {
                return Err(code);
            }
            let mut wanted = attribute(CKA_VALUE, &mut value);
            let read = host.list.C_GetAttributeValue.unwrap();
            assert_eq!(read(host.session, key, &raw mut wanted, 1), CKR_OK);
        }
        Ok(value)
    };
    let value = derive(8).unwrap();
    assert_eq!(derive(&raw mut length as CK_ULONG), Ok(value));
    // A pointer that leads nowhere, and one that leads to a length which is none.
    assert_eq!(derive(0x7ffd_1234_5678), Err(CKR_MECHANISM_PARAM_INVALID));
    length = 1 << 40;
    assert_eq!(derive(&raw mut length as CK_ULONG), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn random_bytes_fill_all_the_room() {
    let (_turn, _token) = in_turn();
    let host = Host::new();
    // In one request, and in several.
    for length in [1, 32, 4097, 2 * 1024 * 1024 + 13] {
        let (mut room, mut seen) = (vec![0_u8; length + 8], vec![0_u8; length]);
        for _ in 0..8 {
            room.fill(0);
            // SAFETY: there is room for so many bytes.
            let code = unsafe {
                let random = host.list.C_GenerateRandom.unwrap();
                random(host.session, room.as_mut_ptr(), length as CK_ULONG)
            };
            assert_eq!(code, CKR_OK);
            seen.iter_mut().zip(&room).for_each(|(seen, byte)| *seen |= byte);
            assert_eq!(room[length..], [0; 8], "a byte too many");
        }
        // A byte is zero eight times in a row once in 2^64.
        assert!(seen.iter().all(|byte| *byte != 0), "{length}");
    }
    assert_eq!(finalize(), CKR_OK);
}

/// Data larger than any message, which nobody holds twice.
#[test]
fn bulk_data_go_in_pieces() {
    let (_turn, _token) = in_turn();
    let mut host = Host::new();
    let mut data: Vec<u8> = (0..=250).cycle().take(9 * 1024 * 1024 + 5).collect();
    let length = data.len() as CK_ULONG;
    let mut digest = |parts: &[usize]| {
        let (mut mechanism, mut room, mut hash) = (plain(CKM_SHA256), 32, [0_u8; 32]);
        let (l, s) = (host.list, host.session);
        // SAFETY: everything is as long as told.
        unsafe {
            assert_eq!(l.C_DigestInit.unwrap()(s, &raw mut mechanism), CKR_OK);
            if parts.is_empty() {
                let (data, hash) = (data.as_mut_ptr(), hash.as_mut_ptr());
                assert_eq!(l.C_Digest.unwrap()(s, data, length, hash, &raw mut room), CKR_OK);
            } else {
                let mut from = 0;
                for part in parts {
                    let data = data.as_mut_ptr().add(from);
                    assert_eq!(l.C_DigestUpdate.unwrap()(s, data, *part as CK_ULONG), CKR_OK);
                    from += part;
                }
                let hash = hash.as_mut_ptr();
                assert_eq!(l.C_DigestFinal.unwrap()(s, hash, &raw mut room), CKR_OK);
            }
        }
        hash
    };
    let whole = digest(&[]);
    assert_eq!(digest(&[7, 70_000, 1, 9 * 1024 * 1024 + 5 - 70_008]), whole);
    // A signature over all of it, asked for its length first: the same data give the same answer.
    let (mut room, mut signature) = (0, vec![0_u8; 256]);
    // SAFETY: everything is as long as told.
    unsafe {
        begin!(host, C_SignInit, CKM_SHA256_RSA_PKCS, private);
        let (l, s, data) = (host.list, host.session, data.as_mut_ptr());
        let sign = l.C_Sign.unwrap();
        assert_eq!(sign(s, data, length, ptr::null_mut(), &raw mut room), CKR_OK);
        assert_eq!(room, 256);
        room = 10;
        let place = signature.as_mut_ptr();
        assert_eq!(sign(s, data, length, place, &raw mut room), CKR_BUFFER_TOO_SMALL);
        assert_eq!(sign(s, data, length, place, &raw mut room), CKR_OK);
        begin!(host, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        assert_eq!(l.C_Verify.unwrap()(s, data, length, place, 256), CKR_OK);
    }
    host.room.clear();
    assert_eq!(finalize(), CKR_OK);
}

#[test]
fn a_call_without_what_it_needs_ends_the_operation() {
    let (_turn, _token) = in_turn();
    let mut host = Host::new();
    let nothing = ptr::null_mut;
    // SAFETY: null where nothing is.
    unsafe {
        let (l, s) = (host.list, host.session);
        begin!(host, C_EncryptInit, CKM_AES_ECB, aes);
        let (output, mut room) = (host.room.as_mut_ptr(), PAGE as CK_ULONG);
        let code = l.C_Encrypt.unwrap()(s, nothing(), 16, output, &raw mut room);
        assert_eq!(code, CKR_ARGUMENTS_BAD);
        begin!(host, C_EncryptInit, CKM_AES_ECB, aes);
        assert_eq!(l.C_EncryptFinal.unwrap()(s, output, ptr::null_mut()), CKR_ARGUMENTS_BAD);
        begin!(host, C_EncryptInit, CKM_AES_ECB, aes);
        let code = l.C_EncryptUpdate.unwrap()(s, nothing(), 16, output, &raw mut room);
        assert_eq!(code, CKR_ARGUMENTS_BAD);
        begin!(host, C_EncryptInit, CKM_AES_ECB, aes);
        begin!(host, digest);
        assert_eq!(l.C_DigestUpdate.unwrap()(s, nothing(), 1), CKR_ARGUMENTS_BAD);
        begin!(host, digest);
        begin!(host, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
        assert_eq!(l.C_VerifyFinal.unwrap()(s, nothing(), 1), CKR_ARGUMENTS_BAD);
        begin!(host, C_VerifyInit, CKM_SHA256_RSA_PKCS, public);
    }
    assert_eq!(finalize(), CKR_OK);
}
