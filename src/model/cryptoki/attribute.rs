//! Attributes of objects.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{bounds, mechanism_type::MechanismType, numbers::numbers};
use crate::model::MAXIMUM_MECHANISMS;

numbers! {
    /// The type of an attribute (PKCS#11 v3.1 section 4 and each mechanism's section).
    AttributeType:
    CLASS = 0x0, "CKA_CLASS";
    TOKEN = 0x1, "CKA_TOKEN";
    PRIVATE = 0x2, "CKA_PRIVATE";
    LABEL = 0x3, "CKA_LABEL";
    UNIQUE_ID = 0x4, "CKA_UNIQUE_ID";
    APPLICATION = 0x10, "CKA_APPLICATION";
    VALUE = 0x11, "CKA_VALUE";
    OBJECT_ID = 0x12, "CKA_OBJECT_ID";
    CERTIFICATE_TYPE = 0x80, "CKA_CERTIFICATE_TYPE";
    ISSUER = 0x81, "CKA_ISSUER";
    SERIAL_NUMBER = 0x82, "CKA_SERIAL_NUMBER";
    TRUSTED = 0x86, "CKA_TRUSTED";
    CERTIFICATE_CATEGORY = 0x87, "CKA_CERTIFICATE_CATEGORY";
    JAVA_MIDP_SECURITY_DOMAIN = 0x88, "CKA_JAVA_MIDP_SECURITY_DOMAIN";
    URL = 0x89, "CKA_URL";
    HASH_OF_SUBJECT_PUBLIC_KEY = 0x8a, "CKA_HASH_OF_SUBJECT_PUBLIC_KEY";
    HASH_OF_ISSUER_PUBLIC_KEY = 0x8b, "CKA_HASH_OF_ISSUER_PUBLIC_KEY";
    NAME_HASH_ALGORITHM = 0x8c, "CKA_NAME_HASH_ALGORITHM";
    CHECK_VALUE = 0x90, "CKA_CHECK_VALUE";
    KEY_TYPE = 0x100, "CKA_KEY_TYPE";
    SUBJECT = 0x101, "CKA_SUBJECT";
    ID = 0x102, "CKA_ID";
    SENSITIVE = 0x103, "CKA_SENSITIVE";
    ENCRYPT = 0x104, "CKA_ENCRYPT";
    DECRYPT = 0x105, "CKA_DECRYPT";
    WRAP = 0x106, "CKA_WRAP";
    UNWRAP = 0x107, "CKA_UNWRAP";
    SIGN = 0x108, "CKA_SIGN";
    SIGN_RECOVER = 0x109, "CKA_SIGN_RECOVER";
    VERIFY = 0x10a, "CKA_VERIFY";
    VERIFY_RECOVER = 0x10b, "CKA_VERIFY_RECOVER";
    DERIVE = 0x10c, "CKA_DERIVE";
    START_DATE = 0x110, "CKA_START_DATE";
    END_DATE = 0x111, "CKA_END_DATE";
    MODULUS = 0x120, "CKA_MODULUS";
    MODULUS_BITS = 0x121, "CKA_MODULUS_BITS";
    PUBLIC_EXPONENT = 0x122, "CKA_PUBLIC_EXPONENT";
    PRIVATE_EXPONENT = 0x123, "CKA_PRIVATE_EXPONENT";
    PRIME_1 = 0x124, "CKA_PRIME_1";
    PRIME_2 = 0x125, "CKA_PRIME_2";
    EXPONENT_1 = 0x126, "CKA_EXPONENT_1";
    EXPONENT_2 = 0x127, "CKA_EXPONENT_2";
    COEFFICIENT = 0x128, "CKA_COEFFICIENT";
    PUBLIC_KEY_INFO = 0x129, "CKA_PUBLIC_KEY_INFO";
    VALUE_BITS = 0x160, "CKA_VALUE_BITS";
    VALUE_LEN = 0x161, "CKA_VALUE_LEN";
    EXTRACTABLE = 0x162, "CKA_EXTRACTABLE";
    LOCAL = 0x163, "CKA_LOCAL";
    NEVER_EXTRACTABLE = 0x164, "CKA_NEVER_EXTRACTABLE";
    ALWAYS_SENSITIVE = 0x165, "CKA_ALWAYS_SENSITIVE";
    KEY_GEN_MECHANISM = 0x166, "CKA_KEY_GEN_MECHANISM";
    MODIFIABLE = 0x170, "CKA_MODIFIABLE";
    COPYABLE = 0x171, "CKA_COPYABLE";
    DESTROYABLE = 0x172, "CKA_DESTROYABLE";
    EC_PARAMS = 0x180, "CKA_EC_PARAMS";
    EC_POINT = 0x181, "CKA_EC_POINT";
    ALWAYS_AUTHENTICATE = 0x202, "CKA_ALWAYS_AUTHENTICATE";
    WRAP_WITH_TRUSTED = 0x210, "CKA_WRAP_WITH_TRUSTED";
    WRAP_TEMPLATE = 0x4000_0211, "CKA_WRAP_TEMPLATE";
    UNWRAP_TEMPLATE = 0x4000_0212, "CKA_UNWRAP_TEMPLATE";
    DERIVE_TEMPLATE = 0x4000_0213, "CKA_DERIVE_TEMPLATE";
    ALLOWED_MECHANISMS = 0x4000_0600, "CKA_ALLOWED_MECHANISMS";
    PARAMETER_SET = 0x61d, "CKA_PARAMETER_SET";
    ENCAPSULATE = 0x633, "CKA_ENCAPSULATE";
    DECAPSULATE = 0x634, "CKA_DECAPSULATE";
    ENCAPSULATE_TEMPLATE = 0x62a, "CKA_ENCAPSULATE_TEMPLATE";
    DECAPSULATE_TEMPLATE = 0x62b, "CKA_DECAPSULATE_TEMPLATE";
    SEED = 0x637, "CKA_SEED";
    PROFILE_ID = 0x601, "CKA_PROFILE_ID";
}

impl AttributeType {
    /// What kind of value the attribute has. One without a name here is taken as bytes.
    pub const fn kind(self) -> AttributeKind {
        match self {
            Self::TOKEN
            | Self::PRIVATE
            | Self::TRUSTED
            | Self::SENSITIVE
            | Self::ENCRYPT
            | Self::DECRYPT
            | Self::WRAP
            | Self::UNWRAP
            | Self::SIGN
            | Self::SIGN_RECOVER
            | Self::VERIFY
            | Self::VERIFY_RECOVER
            | Self::DERIVE
            | Self::EXTRACTABLE
            | Self::LOCAL
            | Self::NEVER_EXTRACTABLE
            | Self::ALWAYS_SENSITIVE
            | Self::MODIFIABLE
            | Self::COPYABLE
            | Self::DESTROYABLE
            | Self::ALWAYS_AUTHENTICATE
            | Self::WRAP_WITH_TRUSTED
            | Self::ENCAPSULATE
            | Self::DECAPSULATE => AttributeKind::Boolean,
            Self::CLASS
            | Self::CERTIFICATE_TYPE
            | Self::CERTIFICATE_CATEGORY
            | Self::JAVA_MIDP_SECURITY_DOMAIN
            | Self::NAME_HASH_ALGORITHM
            | Self::KEY_TYPE
            | Self::MODULUS_BITS
            | Self::VALUE_BITS
            | Self::VALUE_LEN
            | Self::KEY_GEN_MECHANISM
            | Self::PARAMETER_SET
            | Self::PROFILE_ID => AttributeKind::Number,
            Self::START_DATE | Self::END_DATE => AttributeKind::Date,
            Self::ALLOWED_MECHANISMS => AttributeKind::Mechanisms,
            Self::WRAP_TEMPLATE
            | Self::UNWRAP_TEMPLATE
            | Self::DERIVE_TEMPLATE
            | Self::ENCAPSULATE_TEMPLATE
            | Self::DECAPSULATE_TEMPLATE => AttributeKind::Template,
            _ => AttributeKind::Bytes,
        }
    }
}

/// The kinds of values that attributes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// `CK_BBOOL`.
    Boolean,
    /// `CK_ULONG`.
    Number,
    /// Bytes, big integers and texts.
    Bytes,
    /// `CK_DATE`, eight digits, or empty.
    Date,
    /// An array of `CK_MECHANISM_TYPE`.
    Mechanisms,
    /// An array of attributes.
    Template,
}

/// The value of an attribute. Debugging shows sizes, because it may be a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// A `CK_BBOOL`.
    Boolean(bool),
    /// A `CK_ULONG`. C's `CK_UNAVAILABLE_INFORMATION` is `u64::MAX`.
    Number(u64),
    /// Bytes, a big integer (most significant byte first), a text, or a date's eight digits.
    Bytes(Zeroizing<Vec<u8>>),
    /// Mechanisms.
    Mechanisms(
        #[serde(deserialize_with = "bounds::list::<MAXIMUM_MECHANISMS, _, _>")] Vec<MechanismType>,
    ),
    /// Attributes.
    Template(Template),
}

impl AttributeValue {
    /// A value of these bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Zeroizing::new(bytes.into()))
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<u64> for AttributeValue {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => write!(f, "[{} bytes]", bytes.len()),
            Self::Mechanisms(mechanisms) => write!(f, "{mechanisms:?}"),
            Self::Template(template) => write!(f, "{template:?}"),
        }
    }
}

/// An attribute: its type and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The type.
    pub kind: AttributeType,
    /// The value.
    pub value: AttributeValue,
}

/// A list of attributes, as a caller gives it: a type may wrongly stand in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Template(pub Vec<Attribute>);

impl Template {
    /// The first value of this type.
    pub fn get(&self, kind: AttributeType) -> Option<&AttributeValue> {
        self.0.iter().find(|attribute| attribute.kind == kind).map(|attribute| &attribute.value)
    }

    /// The first value of this type, if it is a Boolean.
    pub fn boolean(&self, kind: AttributeType) -> Option<bool> {
        match self.get(kind) {
            Some(AttributeValue::Boolean(value)) => Some(*value),
            _ => None,
        }
    }

    /// The first value of this type, if it is a number.
    pub fn number(&self, kind: AttributeType) -> Option<u64> {
        match self.get(kind) {
            Some(AttributeValue::Number(value)) => Some(*value),
            _ => None,
        }
    }

    /// The first value of this type, if it is bytes.
    pub fn bytes(&self, kind: AttributeType) -> Option<&[u8]> {
        match self.get(kind) {
            Some(AttributeValue::Bytes(value)) => Some(value),
            _ => None,
        }
    }

    /// Sets a value, in place of all of this type.
    pub fn set(&mut self, kind: AttributeType, value: impl Into<AttributeValue>) {
        self.0.retain(|attribute| attribute.kind != kind);
        self.0.push(Attribute { kind, value: value.into() });
    }

    /// How many attributes it has, those of templates inside it included.
    pub fn count(&self) -> usize {
        let inside = |attribute: &Attribute| match &attribute.value {
            AttributeValue::Template(inner) => inner.count(),
            _ => 0,
        };
        self.0.iter().map(inside).sum::<usize>() + self.0.len()
    }

    /// This template with a value more, or another.
    #[must_use]
    pub fn with(mut self, kind: AttributeType, value: impl Into<AttributeValue>) -> Self {
        self.set(kind, value);
        self
    }
}
