//! What the oracle remembers of an object.

use std::collections::BTreeSet;

use lunacm::model::cryptoki::{
    AttributeType as A, AttributeValue, KeyType, MechanismType as M, ObjectClass, ObjectHandle,
    Template,
};

use crate::world::Actor;

/// The attributes that are looked at; none of them is a secret.
pub const SEEN: [A; 25] = [
    A::CLASS,
    A::KEY_TYPE,
    A::TOKEN,
    A::PRIVATE,
    A::SENSITIVE,
    A::EXTRACTABLE,
    A::WRAP_WITH_TRUSTED,
    A::TRUSTED,
    A::VALUE_LEN,
    A::ALLOWED_MECHANISMS,
    A::UNWRAP_TEMPLATE,
    A::LOCAL,
    A::ENCRYPT,
    A::DECRYPT,
    A::SIGN,
    A::SIGN_RECOVER,
    A::VERIFY,
    A::VERIFY_RECOVER,
    A::WRAP,
    A::UNWRAP,
    A::DERIVE,
    A::ENCAPSULATE,
    A::DECAPSULATE,
    A::MODULUS,
    A::COPYABLE,
];

/// The uses of keys.
pub const USES: [A; 11] = [
    A::ENCRYPT,
    A::DECRYPT,
    A::SIGN,
    A::SIGN_RECOVER,
    A::VERIFY,
    A::VERIFY_RECOVER,
    A::WRAP,
    A::UNWRAP,
    A::DERIVE,
    A::ENCAPSULATE,
    A::DECAPSULATE,
];

/// What protects an object: its own attributes at any time, and those of the keys that it comes
/// from, as far as its making does not end that.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
pub struct Need {
    pub private: bool,
    pub unreadable: bool,
    pub inside: bool,
    pub trusted: bool,
    /// The mechanisms that it is restricted to.
    pub allowed: Option<BTreeSet<M>>,
}

impl Need {
    /// Of an object by its own attributes.
    pub fn of(seen: &Template) -> Self {
        let is = |kind| seen.boolean(kind) == Some(true);
        let inside = seen.boolean(A::EXTRACTABLE) == Some(false);
        Self {
            private: is(A::PRIVATE),
            unreadable: is(A::SENSITIVE) || inside,
            inside,
            trusted: is(A::WRAP_WITH_TRUSTED),
            allowed: match seen.get(A::ALLOWED_MECHANISMS) {
                Some(AttributeValue::Mechanisms(list)) if !list.is_empty() => {
                    Some(list.iter().copied().collect())
                }
                _ => None,
            },
        }
    }

    /// What protects both.
    pub fn and(&mut self, other: &Self) {
        self.private |= other.private;
        self.unreadable |= other.unreadable;
        self.inside |= other.inside;
        self.trusted |= other.trusted;
        self.allowed = match (self.allowed.take(), &other.allowed) {
            (Some(own), Some(other)) => Some(own.intersection(other).copied().collect()),
            (own, other) => own.or_else(|| other.clone()),
        };
    }
}

/// An object of a sequence.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Thing {
    pub name: String,
    pub handle: ObjectHandle,
    /// The application whose session object it is; none for the token's.
    pub owner: Option<Actor>,
    pub seen: Template,
    /// Class, type and value, as far as the oracle knows them.
    pub material: Option<Template>,
    pub need: Need,
    /// The uses that its maker gave it, by name or by leaving all to the token.
    pub roles: BTreeSet<A>,
    /// Whether nobody may come to know its value.
    pub secret: bool,
    /// Whether callers came to know it in a way that PKCS#11 permits.
    pub released: bool,
    /// Whether callers have the private half of this public key.
    pub foreign: bool,
    pub alive: bool,
}

impl Thing {
    pub fn is(&self, kind: A) -> bool {
        self.seen.boolean(kind) == Some(true)
    }

    pub fn class(&self) -> ObjectClass {
        ObjectClass(self.seen.number(A::CLASS).unwrap_or(u64::MAX))
    }

    pub fn kind(&self) -> KeyType {
        KeyType(self.seen.number(A::KEY_TYPE).unwrap_or(u64::MAX))
    }

    /// The bytes that make the key.
    pub fn value(&self) -> Option<&[u8]> {
        let material = self.material.as_ref()?;
        let value = material.bytes(A::PRIVATE_EXPONENT).or_else(|| material.bytes(A::VALUE));
        value.filter(|_| self.class() != ObjectClass::PUBLIC_KEY)
    }

    pub fn is_key(&self) -> bool {
        matches!(self.class(), ObjectClass::SECRET_KEY | ObjectClass::PRIVATE_KEY)
    }

    /// Whether an application sees it that has this role now.
    pub fn is_seen_by(&self, application: Actor, role: Actor) -> bool {
        let insider = !matches!(role, Actor::PartitionSo | Actor::Nobody);
        self.alive
            && self.owner.is_none_or(|owner| owner == application)
            && (insider || !self.is(A::PRIVATE))
    }
}

/// The uses that a template gives a key of this type and class, by the rules of the documents: who
/// names one has chosen, who names none has what such keys are used for.
pub fn roles(class: ObjectClass, kind: KeyType, template: &Template) -> BTreeSet<A> {
    let named = USES.iter().any(|usage| template.get(*usage).is_some());
    if named {
        let given = USES.iter().filter(|usage| template.boolean(**usage) == Some(true));
        return given.copied().collect();
    }
    let natural: &[A] = match (class, kind) {
        (ObjectClass::SECRET_KEY, KeyType::AES) => &[A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY],
        (ObjectClass::SECRET_KEY, KeyType::CHACHA20) => &[A::ENCRYPT, A::DECRYPT],
        (ObjectClass::SECRET_KEY, KeyType::HKDF) => &[],
        (ObjectClass::SECRET_KEY, _) => &[A::SIGN, A::VERIFY],
        (ObjectClass::PRIVATE_KEY, KeyType::RSA) => &[A::DECRYPT, A::SIGN],
        (ObjectClass::PRIVATE_KEY, KeyType::ML_KEM) => &[A::DECAPSULATE],
        (ObjectClass::PRIVATE_KEY, KeyType::EC) => &[A::SIGN],
        (ObjectClass::PUBLIC_KEY, KeyType::RSA) => &[A::ENCRYPT, A::VERIFY],
        (ObjectClass::PUBLIC_KEY, KeyType::ML_KEM) => &[A::ENCAPSULATE],
        (ObjectClass::PUBLIC_KEY, KeyType::EC) => &[A::VERIFY],
        _ => &[],
    };
    natural.iter().copied().collect()
}
