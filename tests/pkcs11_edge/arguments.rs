//! Arguments: handles, places, lengths, mechanisms and attributes, right and wrong.

use std::{ffi::c_void, ptr};

use cryptoki_sys::*;

use super::{
    caller::{Caller, Choices, PIN, ROOM},
    guarded::NO_LENGTHS,
};

/// Mechanisms of every kind of parameter, and none at all.
pub const MECHANISMS: &[CK_MECHANISM_TYPE] = &[
    CKM_RSA_PKCS_KEY_PAIR_GEN,
    CKM_RSA_PKCS,
    CKM_RSA_PKCS_PSS,
    CKM_SHA256_RSA_PKCS_PSS,
    CKM_RSA_PKCS_OAEP,
    CKM_EC_KEY_PAIR_GEN,
    CKM_ECDSA,
    CKM_ECDSA_SHA256,
    CKM_EDDSA,
    CKM_ECDH1_DERIVE,
    CKM_AES_KEY_GEN,
    CKM_AES_ECB,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_CCM,
    CKM_AES_CMAC,
    CKM_AES_CMAC_GENERAL,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
    CKM_AES_ECB_ENCRYPT_DATA,
    CKM_AES_CBC_ENCRYPT_DATA,
    CKM_GENERIC_SECRET_KEY_GEN,
    CKM_SHA256_HMAC,
    CKM_SHA256_HMAC_GENERAL,
    CKM_SHA256,
    CKM_SHA512_224,
    CKM_HKDF_DERIVE,
    CKM_PKCS5_PBKD2,
    CKM_SP800_108_COUNTER_KDF,
    CKM_SP800_108_FEEDBACK_KDF,
    CKM_CONCATENATE_BASE_AND_KEY,
    CKM_XOR_BASE_AND_DATA,
    CKM_EXTRACT_KEY_FROM_KEY,
    CKM_ML_KEM,
    CKM_ML_DSA,
    CKM_CHACHA20_POLY1305,
    CKM_DES3_CBC,
    CK_ULONG::MAX,
];

const ATTRIBUTES: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_VALUE,
    CKA_KEY_TYPE,
    CKA_ID,
    CKA_SENSITIVE,
    CKA_SIGN,
    CKA_START_DATE,
    CKA_MODULUS_BITS,
    CKA_VALUE_LEN,
    CKA_EC_PARAMS,
    CKA_EXTRACTABLE,
    CKA_WRAP_TEMPLATE,
    CKA_ALLOWED_MECHANISMS,
    CKA_VENDOR_DEFINED,
    CK_ULONG::MAX,
];

impl Caller {
    pub fn session(&self, c: &mut Choices) -> CK_SESSION_HANDLE {
        match c.byte() {
            0 => 0,
            1 => CK_ULONG::MAX,
            at => self.sessions.get(usize::from(at) % self.sessions.len().max(1)).map_or(1, |s| *s),
        }
    }

    pub fn slot(c: &mut Choices) -> CK_SLOT_ID {
        c.of(&[0, 0, 0, 0, 1, CK_ULONG::MAX])
    }

    pub fn object(&self, c: &mut Choices) -> CK_OBJECT_HANDLE {
        c.of(&self.objects)
    }

    /// Room for any structure, or none.
    pub fn one<T>(&mut self, c: &mut Choices) -> *mut T {
        if c.byte() == 0 { ptr::null_mut() } else { self.room.last(ROOM).cast() }
    }

    pub fn some<T>(&mut self, c: &mut Choices) -> *mut T {
        if c.byte() < 64 { ptr::null_mut() } else { self.room.last(ROOM).cast() }
    }

    pub fn rarely(&mut self, c: &mut Choices) -> *mut c_void {
        if c.byte() < 200 { ptr::null_mut() } else { self.room.last(ROOM).cast() }
    }

    /// A place that holds the length of [`Self::some`], in elements of up to eight bytes.
    pub fn length(&mut self, c: &mut Choices) -> *mut CK_ULONG {
        self.length = c.of(&[0, 1, 16, 64, ROOM as CK_ULONG / 8]);
        if c.byte() == 0 { ptr::null_mut() } else { &raw mut self.length }
    }

    pub fn handle(&mut self, c: &mut Choices) -> *mut CK_ULONG {
        if c.byte() == 0 { ptr::null_mut() } else { &raw mut self.handle }
    }

    pub fn other_handle(&mut self, c: &mut Choices) -> *mut CK_ULONG {
        if c.byte() == 0 { ptr::null_mut() } else { &raw mut self.other_handle }
    }

    pub fn pin(&mut self, c: &mut Choices) -> *mut CK_UTF8CHAR {
        let pin = self.data.hold(PIN);
        if c.byte() == 0 { ptr::null_mut() } else { pin }
    }

    pub fn data(&mut self, c: &mut Choices) -> (*mut CK_BYTE, CK_ULONG) {
        let none = c.of(&NO_LENGTHS);
        let length = c.of(&[0, 1, 16, 20, 32, 64, 256, ROOM as CK_ULONG, none]);
        let bytes = usize::try_from(length).unwrap_or(ROOM).min(ROOM);
        match c.byte() % 8 {
            0 => (ptr::null_mut(), length),
            // Output may lie over the data.
            1 => (self.room.last(ROOM), length),
            _ => (self.data.last(bytes), length),
        }
    }

    /// A mechanism, or none; its parameter is none, a number of bytes, or pointers to data.
    pub fn mechanism(&mut self, c: &mut Choices) -> *mut CK_MECHANISM {
        let words = usize::from(c.byte()) % 12;
        let data = self.data.last(ROOM) as u64;
        for word in &mut self.parameter[..words] {
            // A pointer never comes with a length that leaves the data a little.
            let none = c.of(&NO_LENGTHS);
            *word = c.of(&[0, 1, 2, 12, 16, 32, 96, 128, CKM_SHA256, data, none]);
        }
        let lengths = [words * 8, words * 8, 16.min(words * 8), 1.min(words * 8)];
        self.mechanism.mechanism = c.of(MECHANISMS);
        self.mechanism.ulParameterLen = c.of(&lengths) as CK_ULONG;
        self.mechanism.pParameter = self.structure.last(0).cast();
        if words == 0 && c.byte() < 128 {
            self.mechanism.pParameter = ptr::null_mut();
            self.mechanism.ulParameterLen = c.of(&[0, 8]);
        }
        self.make_sound();
        if words > 0 {
            let bytes: Vec<u8> =
                self.parameter.iter().flat_map(|word| word.to_ne_bytes()).take(words * 8).collect();
            let told = usize::try_from(self.mechanism.ulParameterLen).unwrap_or(0);
            self.mechanism.pParameter = self.structure.hold(&bytes[..told]).cast();
            if c.byte() < 8 {
                self.mechanism.ulParameterLen = c.of(&NO_LENGTHS);
            }
        }
        if c.byte() == 0 { ptr::null_mut() } else { &raw mut self.mechanism }
    }

    /// A structure with a pointer where its type has a length, or a length where it has a
    /// pointer, is no C program's: such words become null or small.
    pub fn make_sound(&mut self) {
        let data = self.data.last(ROOM) as u64;
        let lengths: &[usize] = match self.mechanism.mechanism {
            CKM_RSA_PKCS_OAEP => &[4],
            CKM_AES_GCM if self.mechanism.ulParameterLen == 40 => &[1, 3],
            CKM_AES_GCM => &[1, 4],
            CKM_AES_CCM => &[2, 4],
            CKM_CHACHA20_POLY1305 => &[1, 3],
            CKM_EDDSA | CKM_AES_ECB_ENCRYPT_DATA | CKM_XOR_BASE_AND_DATA => &[1],
            CKM_ECDH1_DERIVE => &[1, 3],
            CKM_AES_CBC_ENCRYPT_DATA => &[3],
            CKM_HKDF_DERIVE => &[4, 7],
            CKM_PKCS5_PBKD2 => &[2, 6, 8],
            CKM_SP800_108_COUNTER_KDF => &[1, 3],
            CKM_SP800_108_FEEDBACK_KDF => &[1, 3, 5],
            CKM_ML_DSA => &[2],
            _ => &[],
        };
        let pieces = matches!(
            self.mechanism.mechanism,
            CKM_SP800_108_COUNTER_KDF | CKM_SP800_108_FEEDBACK_KDF
        );
        for (at, word) in self.parameter.iter_mut().enumerate() {
            if lengths.contains(&at) {
                // A structure of version 2.x has a pointer to the password's length.
                let points = self.mechanism.mechanism == CKM_PKCS5_PBKD2 && at == 8;
                if *word == data && !points {
                    *word = 0;
                }
                // An array of structures with pointers of their own is too deep for words.
                if pieces {
                    *word = 0;
                }
            } else if *word != data && !lengths.is_empty() && *word > 200 {
                *word = CKM_SHA256;
            }
        }
        let pointers: &[usize] = match self.mechanism.mechanism {
            CKM_RSA_PKCS_OAEP => &[3],
            CKM_AES_GCM if self.mechanism.ulParameterLen == 40 => &[0, 2],
            CKM_AES_GCM => &[0, 3],
            CKM_AES_CCM => &[1, 3],
            CKM_CHACHA20_POLY1305 => &[0, 2],
            CKM_EDDSA | CKM_AES_CBC_ENCRYPT_DATA => &[2],
            CKM_AES_ECB_ENCRYPT_DATA | CKM_XOR_BASE_AND_DATA => &[0],
            CKM_ECDH1_DERIVE => &[2, 4],
            CKM_HKDF_DERIVE => &[3, 6],
            CKM_PKCS5_PBKD2 => &[1, 5, 7],
            CKM_SP800_108_COUNTER_KDF => &[2, 4],
            CKM_SP800_108_FEEDBACK_KDF => &[2, 4, 6],
            CKM_ML_DSA => &[1],
            _ => &[],
        };
        for at in pointers {
            let word = &mut self.parameter[*at];
            *word = if *word < 32 { data } else { 0 };
        }
    }

    /// Attributes, or none where some are promised.
    pub fn template(&mut self, c: &mut Choices) -> (*mut CK_ATTRIBUTE, CK_ULONG) {
        let count = usize::from(c.byte()) % 7;
        self.values = (0..count).map(|_| vec![CK_ULONG::from(c.byte() % 5); 4]).collect();
        self.attributes.clear();
        for at in 0..count {
            let kind = c.of(ATTRIBUTES);
            let length = c.of(&[0, 1, 1, 8, 8, 8, 32, 5]);
            let value = self.values[at].as_mut_ptr().cast();
            // Inside a template there are attributes, whose pointers chance does not make.
            let (value, length) = match (kind, c.byte()) {
                (CKA_WRAP_TEMPLATE, _) => (ptr::null_mut(), c.of(&[0, 24, 7])),
                (_, 0) => (ptr::null_mut(), c.of(&[0, 8, CK_ULONG::MAX])),
                (_, 1) => (value, c.of(&NO_LENGTHS)),
                _ => (value, length),
            };
            self.attributes.push(CK_ATTRIBUTE { type_: kind, pValue: value, ulValueLen: length });
        }
        match c.byte() {
            0 => (ptr::null_mut(), c.of(&[0, 1, CK_ULONG::MAX])),
            _ => (self.attributes.as_mut_ptr(), count as CK_ULONG),
        }
    }
}
