//! Which attributes objects have (PKCS#11 v3.1 sections 4.4 to 4.10 and 6, 3.2 for ML-KEM and
//! ML-DSA), what is said of them in the tables' footnotes, and what they are if nobody says.
//!
//! The notes are those of the specification's table 11 "Common footnotes for object attribute
//! tables"; their numbers stand behind the names.

use crate::model::{
    Status,
    cryptoki::{AttributeKind, AttributeType as A, AttributeValue, KeyType, ObjectClass, Template},
};

/// One line of an attribute table.
#[derive(Clone, Copy, Debug)]
pub(in crate::hsm) struct Rule {
    pub(super) kind: A,
    notes: u16,
    preset: Preset,
}

/// What an attribute is if nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preset {
    /// Not there; read, it is empty, or missing where its kind knows no emptiness.
    Absent,
    Yes,
    No,
    /// Empty bytes.
    Empty,
    Number(u64),
}

/// 1: has to be given to `C_CreateObject`.
const CREATE_NEEDS: u16 = 1 << 1;
/// 2: may not be given to `C_CreateObject`.
const CREATE_REFUSES: u16 = 1 << 2;
/// 3: has to be given to `C_GenerateKey` or `C_GenerateKeyPair`.
const GENERATE_NEEDS: u16 = 1 << 3;
/// 4: may not be given to `C_GenerateKey` or `C_GenerateKeyPair`.
const GENERATE_REFUSES: u16 = 1 << 4;
/// 5: has to be given to `C_UnwrapKey`.
const UNWRAP_NEEDS: u16 = 1 << 5;
/// 6: may not be given to `C_UnwrapKey`.
const UNWRAP_REFUSES: u16 = 1 << 6;
/// 7: not revealed if `CKA_SENSITIVE` is true or `CKA_EXTRACTABLE` is false.
const SECRET: u16 = 1 << 7;
/// 8: may be changed by `C_SetAttributeValue` and `C_CopyObject`.
const CHANGES: u16 = 1 << 8;
/// 10: set to true by the SO only.
const SO_TRUE: u16 = 1 << 10;
/// 11: stays true.
const STAYS_TRUE: u16 = 1 << 11;
/// 12: stays false.
const STAYS_FALSE: u16 = 1 << 12;
/// May be another one in a copy (section 5.7.2), though it never changes.
const COPY_CHANGES: u16 = 1 << 13;
/// 2, 4 and 6: the token's to say.
const COMPUTED: u16 = CREATE_REFUSES | GENERATE_REFUSES | UNWRAP_REFUSES;
/// 1, 4 and 6: a part of a key.
const PART: u16 = CREATE_NEEDS | GENERATE_REFUSES | UNWRAP_REFUSES;

const fn rule(kind: A, notes: u16, preset: Preset) -> Rule {
    Rule { kind, notes, preset }
}

impl Rule {
    const fn has(self, note: u16) -> bool {
        self.notes & note != 0
    }

    pub(super) const fn is_needed(self, origin: super::Origin) -> bool {
        self.has(match origin {
            super::Origin::Created => CREATE_NEEDS,
            super::Origin::Generated => GENERATE_NEEDS,
            super::Origin::Unwrapped => UNWRAP_NEEDS,
            super::Origin::Derived => return false,
        })
    }

    pub(super) const fn is_refused(self, origin: super::Origin) -> bool {
        self.has(match origin {
            super::Origin::Created => CREATE_REFUSES,
            super::Origin::Generated => GENERATE_REFUSES,
            // What an unwrapped key may not be told, a derived one is not told either.
            super::Origin::Unwrapped | super::Origin::Derived => UNWRAP_REFUSES,
        })
    }

    pub(super) const fn is_secret(self) -> bool {
        self.has(SECRET)
    }

    pub(super) const fn is_for_officer(self) -> bool {
        self.has(SO_TRUE)
    }

    /// Whether the attribute may go from one value to another.
    pub(super) fn permits_change(
        self,
        in_copy: bool,
        from: Option<&AttributeValue>,
        to: &AttributeValue,
    ) -> bool {
        let from = matches!(from, Some(AttributeValue::Boolean(true)));
        let to = *to == AttributeValue::Boolean(true);
        let turns = (self.has(STAYS_TRUE) && from && !to) || (self.has(STAYS_FALSE) && !from && to);
        !turns && (self.has(CHANGES) || (in_copy && self.has(COPY_CHANGES)))
    }

    /// The value if nobody says.
    pub(super) fn preset(self) -> Option<AttributeValue> {
        match self.preset {
            Preset::Absent => None,
            Preset::Yes => Some(true.into()),
            Preset::No => Some(false.into()),
            Preset::Empty => Some(AttributeValue::bytes([])),
            Preset::Number(number) => Some(number.into()),
        }
    }

    /// What an attribute reads as that the object could have and has not.
    pub(super) fn emptiness(self) -> Option<AttributeValue> {
        match self.kind.kind() {
            AttributeKind::Bytes | AttributeKind::Date => Some(AttributeValue::bytes([])),
            AttributeKind::Mechanisms => Some(AttributeValue::Mechanisms(Vec::new())),
            AttributeKind::Template => Some(AttributeValue::Template(Template::default())),
            AttributeKind::Boolean | AttributeKind::Number => None,
        }
    }
}

/// What an object is, as far as its attributes depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hsm) struct Subtype {
    pub(in crate::hsm) class: ObjectClass,
    /// `CKA_KEY_TYPE` or `CKA_CERTIFICATE_TYPE`; 0 for data.
    pub(in crate::hsm) number: u64,
}

/// What an object with these attributes is.
///
/// # Errors
/// Its class or its type is missing, or not known here.
pub(in crate::hsm) fn subtype_of(attributes: &Template) -> Result<Subtype, Status> {
    let class = attributes.number(A::CLASS).ok_or(Status::TemplateIncomplete)?;
    let class = ObjectClass(class);
    let number = match class {
        ObjectClass::DATA => 0,
        ObjectClass::CERTIFICATE => {
            attributes.number(A::CERTIFICATE_TYPE).ok_or(Status::TemplateIncomplete)?
        }
        class if is_key(class) => {
            attributes.number(A::KEY_TYPE).ok_or(Status::TemplateIncomplete)?
        }
        _ => return Err(Status::AttributeValueInvalid),
    };
    let subtype = Subtype { class, number };
    if own_rules(subtype).is_none() {
        return Err(Status::AttributeValueInvalid);
    }
    Ok(subtype)
}

/// Whether objects of this class are keys.
pub(in crate::hsm) const fn is_key(class: ObjectClass) -> bool {
    matches!(class, ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY)
}

/// Whether an attribute says what a key is used for.
pub(super) const fn is_usage(kind: A) -> bool {
    matches!(
        kind,
        A::ENCRYPT
            | A::DECRYPT
            | A::SIGN
            | A::SIGN_RECOVER
            | A::VERIFY
            | A::VERIFY_RECOVER
            | A::WRAP
            | A::UNWRAP
            | A::DERIVE
            | A::ENCAPSULATE
            | A::DECAPSULATE
    )
}

/// Every attribute that such an object may have.
pub(super) fn rules(subtype: Subtype) -> impl Iterator<Item = &'static Rule> {
    let class: &[&'static [Rule]] = match subtype.class {
        ObjectClass::DATA => &[DATA],
        ObjectClass::CERTIFICATE => &[CERTIFICATE],
        ObjectClass::PUBLIC_KEY => &[KEY, PUBLIC_KEY],
        ObjectClass::PRIVATE_KEY => &[KEY, PRIVATE_KEY],
        _ => &[KEY, SECRET_KEY],
    };
    let own = own_rules(subtype).unwrap_or_default();
    COMMON.iter().chain(class.iter().copied().flatten()).chain(own)
}

/// The rule of one attribute of such an object.
pub(super) fn rule_of(subtype: Subtype, kind: A) -> Option<&'static Rule> {
    rules(subtype).find(|rule| rule.kind == kind)
}

/// What a key of this type has of its own; none for a type that is not known here.
fn own_rules(subtype: Subtype) -> Option<&'static [Rule]> {
    Some(match (subtype.class, KeyType(subtype.number)) {
        (ObjectClass::DATA, _) => &[],
        // `CKC_X_509`.
        (ObjectClass::CERTIFICATE, KeyType(0)) => X509,
        (ObjectClass::PUBLIC_KEY, KeyType::RSA) => RSA_PUBLIC,
        (ObjectClass::PRIVATE_KEY, KeyType::RSA) => RSA_PRIVATE,
        (ObjectClass::PUBLIC_KEY, KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => {
            EC_PUBLIC
        }
        (ObjectClass::PRIVATE_KEY, KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => {
            EC_PRIVATE
        }
        (ObjectClass::PUBLIC_KEY, KeyType::ML_KEM | KeyType::ML_DSA) => LATTICE_PUBLIC,
        (ObjectClass::PRIVATE_KEY, KeyType::ML_KEM | KeyType::ML_DSA) => LATTICE_PRIVATE,
        (ObjectClass::SECRET_KEY, KeyType::CHACHA20) => SECRET_FIXED,
        (
            ObjectClass::SECRET_KEY,
            KeyType::GENERIC_SECRET
            | KeyType::AES
            | KeyType::HKDF
            | KeyType::SHA_1_HMAC
            | KeyType::SHA224_HMAC
            | KeyType::SHA256_HMAC
            | KeyType::SHA384_HMAC
            | KeyType::SHA512_HMAC
            | KeyType::SHA3_224_HMAC
            | KeyType::SHA3_256_HMAC
            | KeyType::SHA3_384_HMAC
            | KeyType::SHA3_512_HMAC,
        ) => SECRET_VALUE,
        _ => return None,
    })
}

/// Sections 4.2, 4.4: every storage object. `CKA_PRIVATE` is preset by class elsewhere.
const COMMON: &[Rule] = &[
    rule(A::CLASS, CREATE_NEEDS | UNWRAP_NEEDS, Preset::Absent),
    rule(A::TOKEN, COPY_CHANGES, Preset::No),
    rule(A::PRIVATE, COPY_CHANGES, Preset::Absent),
    rule(A::MODIFIABLE, COPY_CHANGES, Preset::Yes),
    rule(A::LABEL, CHANGES, Preset::Empty),
    rule(A::COPYABLE, CHANGES | STAYS_FALSE, Preset::Yes),
    rule(A::DESTROYABLE, COPY_CHANGES, Preset::Yes),
    rule(A::UNIQUE_ID, COMPUTED, Preset::Absent),
];

/// Section 4.5. Without a right to change them `CKA_MODIFIABLE` would mean nothing for data.
const DATA: &[Rule] = &[
    rule(A::APPLICATION, CHANGES, Preset::Empty),
    rule(A::OBJECT_ID, CHANGES, Preset::Empty),
    rule(A::VALUE, CHANGES, Preset::Empty),
];

/// Section 4.6.
const CERTIFICATE: &[Rule] = &[
    rule(A::CERTIFICATE_TYPE, CREATE_NEEDS, Preset::Absent),
    rule(A::TRUSTED, CHANGES | SO_TRUE, Preset::No),
    rule(A::CERTIFICATE_CATEGORY, 0, Preset::Number(0)),
    rule(A::CHECK_VALUE, 0, Preset::Absent),
    rule(A::START_DATE, 0, Preset::Empty),
    rule(A::END_DATE, 0, Preset::Empty),
    rule(A::PUBLIC_KEY_INFO, 0, Preset::Empty),
];

/// Section 4.6.3.
const X509: &[Rule] = &[
    rule(A::SUBJECT, CREATE_NEEDS, Preset::Absent),
    rule(A::ID, CHANGES, Preset::Empty),
    rule(A::ISSUER, CHANGES, Preset::Empty),
    rule(A::SERIAL_NUMBER, CHANGES, Preset::Empty),
    // Needed unless a URL is given; the completion says so.
    rule(A::VALUE, 0, Preset::Empty),
    rule(A::URL, 0, Preset::Empty),
    rule(A::HASH_OF_SUBJECT_PUBLIC_KEY, 0, Preset::Empty),
    rule(A::HASH_OF_ISSUER_PUBLIC_KEY, 0, Preset::Empty),
    rule(A::JAVA_MIDP_SECURITY_DOMAIN, 0, Preset::Number(0)),
    // `CKM_SHA_1`.
    rule(A::NAME_HASH_ALGORITHM, 0, Preset::Number(0x220)),
];

/// Section 4.7.
const KEY: &[Rule] = &[
    rule(A::KEY_TYPE, CREATE_NEEDS | UNWRAP_NEEDS, Preset::Absent),
    rule(A::ID, CHANGES, Preset::Empty),
    rule(A::START_DATE, CHANGES, Preset::Empty),
    rule(A::END_DATE, CHANGES, Preset::Empty),
    rule(A::DERIVE, CHANGES, Preset::No),
    rule(A::LOCAL, COMPUTED, Preset::No),
    // `CK_UNAVAILABLE_INFORMATION`.
    rule(A::KEY_GEN_MECHANISM, COMPUTED, Preset::Number(u64::MAX)),
    rule(A::ALLOWED_MECHANISMS, 0, Preset::Absent),
];

/// Section 4.8. Which uses are preset depends on the type of the key.
const PUBLIC_KEY: &[Rule] = &[
    rule(A::SUBJECT, CHANGES, Preset::Empty),
    rule(A::ENCRYPT, CHANGES, Preset::No),
    rule(A::VERIFY, CHANGES, Preset::No),
    rule(A::VERIFY_RECOVER, CHANGES, Preset::No),
    rule(A::WRAP, CHANGES, Preset::No),
    rule(A::ENCAPSULATE, CHANGES, Preset::No),
    rule(A::TRUSTED, CHANGES | SO_TRUE, Preset::No),
    rule(A::WRAP_TEMPLATE, 0, Preset::Absent),
    rule(A::ENCAPSULATE_TEMPLATE, 0, Preset::Absent),
    rule(A::PUBLIC_KEY_INFO, 0, Preset::Absent),
    rule(A::CHECK_VALUE, 0, Preset::Absent),
];

/// Section 4.9.
const PRIVATE_KEY: &[Rule] = &[
    rule(A::SUBJECT, CHANGES, Preset::Empty),
    rule(A::SENSITIVE, CHANGES | STAYS_TRUE, Preset::Yes),
    rule(A::DECRYPT, CHANGES, Preset::No),
    rule(A::SIGN, CHANGES, Preset::No),
    rule(A::SIGN_RECOVER, CHANGES, Preset::No),
    rule(A::UNWRAP, CHANGES, Preset::No),
    rule(A::DECAPSULATE, CHANGES, Preset::No),
    rule(A::EXTRACTABLE, CHANGES | STAYS_FALSE, Preset::No),
    rule(A::ALWAYS_SENSITIVE, COMPUTED, Preset::No),
    rule(A::NEVER_EXTRACTABLE, COMPUTED, Preset::No),
    rule(A::WRAP_WITH_TRUSTED, CHANGES | STAYS_TRUE, Preset::No),
    rule(A::UNWRAP_TEMPLATE, 0, Preset::Absent),
    rule(A::DERIVE_TEMPLATE, 0, Preset::Absent),
    rule(A::DECAPSULATE_TEMPLATE, 0, Preset::Absent),
    rule(A::ALWAYS_AUTHENTICATE, 0, Preset::No),
    rule(A::PUBLIC_KEY_INFO, 0, Preset::Absent),
    rule(A::CHECK_VALUE, 0, Preset::Absent),
];

/// Section 4.10.
const SECRET_KEY: &[Rule] = &[
    rule(A::SENSITIVE, CHANGES | STAYS_TRUE, Preset::Yes),
    rule(A::ENCRYPT, CHANGES, Preset::No),
    rule(A::DECRYPT, CHANGES, Preset::No),
    rule(A::SIGN, CHANGES, Preset::No),
    rule(A::VERIFY, CHANGES, Preset::No),
    rule(A::WRAP, CHANGES, Preset::No),
    rule(A::UNWRAP, CHANGES, Preset::No),
    rule(A::EXTRACTABLE, CHANGES | STAYS_FALSE, Preset::No),
    rule(A::ALWAYS_SENSITIVE, COMPUTED, Preset::No),
    rule(A::NEVER_EXTRACTABLE, COMPUTED, Preset::No),
    rule(A::CHECK_VALUE, 0, Preset::Absent),
    rule(A::WRAP_WITH_TRUSTED, CHANGES | STAYS_TRUE, Preset::No),
    rule(A::TRUSTED, CHANGES | SO_TRUE, Preset::No),
    rule(A::WRAP_TEMPLATE, 0, Preset::Absent),
    rule(A::UNWRAP_TEMPLATE, 0, Preset::Absent),
    rule(A::DERIVE_TEMPLATE, 0, Preset::Absent),
];

/// Section 6.1.2.
const RSA_PUBLIC: &[Rule] = &[
    rule(A::MODULUS, CREATE_NEEDS | GENERATE_REFUSES, Preset::Absent),
    rule(A::MODULUS_BITS, CREATE_REFUSES | GENERATE_NEEDS, Preset::Absent),
    rule(A::PUBLIC_EXPONENT, CREATE_NEEDS, Preset::Absent),
];

/// Section 6.1.3. Of the private parts an importer gives what it has.
const RSA_PRIVATE: &[Rule] = &[
    rule(A::MODULUS, PART, Preset::Absent),
    rule(A::PUBLIC_EXPONENT, GENERATE_REFUSES | UNWRAP_REFUSES, Preset::Absent),
    rule(A::PRIVATE_EXPONENT, PART | SECRET, Preset::Absent),
    rule(A::PRIME_1, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
    rule(A::PRIME_2, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
    rule(A::EXPONENT_1, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
    rule(A::EXPONENT_2, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
    rule(A::COEFFICIENT, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
];

/// Sections 6.3.3, 6.3.5, 6.3.7.
const EC_PUBLIC: &[Rule] = &[
    rule(A::EC_PARAMS, CREATE_NEEDS | GENERATE_NEEDS, Preset::Absent),
    rule(A::EC_POINT, CREATE_NEEDS | GENERATE_REFUSES, Preset::Absent),
];

/// Sections 6.3.4, 6.3.6, 6.3.8.
const EC_PRIVATE: &[Rule] = &[
    rule(A::EC_PARAMS, PART, Preset::Absent),
    rule(A::VALUE, PART | SECRET, Preset::Absent),
    // Not the specification's; importers give it for keys whose public half would be lost.
    rule(A::EC_POINT, GENERATE_REFUSES | UNWRAP_REFUSES, Preset::Absent),
];

/// Version 3.2, ML-KEM and ML-DSA.
const LATTICE_PUBLIC: &[Rule] = &[
    rule(A::PARAMETER_SET, CREATE_NEEDS | GENERATE_NEEDS, Preset::Absent),
    rule(A::VALUE, CREATE_NEEDS | GENERATE_REFUSES, Preset::Absent),
];

/// Version 3.2, ML-KEM and ML-DSA. One of value and seed has to be given.
const LATTICE_PRIVATE: &[Rule] = &[
    rule(A::PARAMETER_SET, PART, Preset::Absent),
    rule(A::SEED, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
    rule(A::VALUE, GENERATE_REFUSES | UNWRAP_REFUSES | SECRET, Preset::Absent),
];

/// Sections 6.6, 6.13.1 and the like. The length may be given to unwrapping and derivation, where
/// the mechanism does not say it.
const SECRET_VALUE: &[Rule] = &[
    rule(A::VALUE, PART | SECRET, Preset::Absent),
    rule(A::VALUE_LEN, CREATE_REFUSES | GENERATE_NEEDS, Preset::Absent),
];

/// A secret whose length is the type's.
const SECRET_FIXED: &[Rule] = &[
    rule(A::VALUE, PART | SECRET, Preset::Absent),
    rule(A::VALUE_LEN, CREATE_REFUSES, Preset::Absent),
];
