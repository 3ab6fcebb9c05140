//! Objects: what attributes they have, who may see and change them, where they are kept.

mod arrival;
mod change;
mod handles;
mod index;
mod inheritance;
mod origin;
pub(super) mod permission;
mod read;
mod rules;
mod shelf;
mod template;
mod vault;

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

pub(super) use arrival::{Arrival, check_leaving_openly, check_replacing};
pub(super) use change::{changed, copied};
pub(super) use index::is_narrow;
pub(super) use inheritance::{Bond, Lineage};
pub(super) use origin::Origin;
pub(super) use read::{is_revealed, read};
pub(super) use rules::is_key;
pub(super) use shelf::Shelf;
pub(super) use template::{Makings, check_form, complete};
pub(super) use vault::{Change, FIRST_SESSION_HANDLE, Unlocked, Vault, is_private};

use super::mechanism::PreparedKey;
use crate::model::{
    MAXIMUM_ATTRIBUTES, OBJECT_OVERHEAD_BYTES, Status,
    cryptoki::{AttributeType, ObjectClass, ObjectHandle, Template},
};

/// An object in memory. It never changes: another version of it takes its place.
pub(super) struct Object {
    handle: ObjectHandle,
    attributes: Template,
    /// The key, parsed when it is first used.
    prepared: OnceLock<Result<Arc<PreparedKey>, Status>>,
}

impl Object {
    pub(super) const fn new(handle: ObjectHandle, attributes: Template) -> Self {
        Self { handle, attributes, prepared: OnceLock::new() }
    }

    /// This object with other attributes, none of them part of a key.
    pub(super) fn with_attributes(&self, attributes: Template) -> Self {
        Self { handle: self.handle, attributes, prepared: self.prepared.clone() }
    }

    pub(super) const fn handle(&self) -> ObjectHandle {
        self.handle
    }

    pub(super) const fn attributes(&self) -> &Template {
        &self.attributes
    }

    /// A Boolean that is false unless it is there and true.
    pub(super) fn is(&self, kind: AttributeType) -> bool {
        self.attributes.boolean(kind) == Some(true)
    }

    pub(super) fn class(&self) -> ObjectClass {
        class_of(&self.attributes)
    }

    /// The object identifier, of which `CKA_UNIQUE_ID` is the text.
    pub(super) fn ouid(&self) -> [u8; 12] {
        ouid_of(&self.attributes)
    }

    /// `CKA_LABEL` as text.
    pub(super) fn label(&self) -> String {
        label_of(&self.attributes)
    }

    /// The key, parsed once for all who use it.
    ///
    /// # Errors
    /// The object is no key that a mechanism could use.
    pub(super) fn prepared(&self) -> Result<&Arc<PreparedKey>, Status> {
        let prepare = || PreparedKey::from_template(&self.attributes).map(Arc::new);
        self.prepared.get_or_init(prepare).as_ref().map_err(|status| *status)
    }
}

/// `CKA_CLASS` of attributes that have one; every object has.
pub(super) fn class_of(attributes: &Template) -> ObjectClass {
    ObjectClass(attributes.number(AttributeType::CLASS).unwrap_or(u64::MAX))
}

/// The text of an object identifier, which is its `CKA_UNIQUE_ID`.
pub(super) fn unique_id(ouid: [u8; 12]) -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::with_capacity(24);
    for byte in ouid {
        let _ = write!(text, "{byte:02x}");
    }
    text.into_bytes()
}

/// The object identifier that `CKA_UNIQUE_ID` is the text of.
pub(super) fn ouid_of(attributes: &Template) -> [u8; 12] {
    let text = attributes.bytes(AttributeType::UNIQUE_ID).unwrap_or_default();
    let digits = str::from_utf8(text).unwrap_or_default();
    let number = u128::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes();
    let mut ouid = [0; 12];
    ouid.copy_from_slice(&number[4..]);
    ouid
}

/// `CKA_LABEL` as text.
pub(super) fn label_of(attributes: &Template) -> String {
    let label = attributes.bytes(AttributeType::LABEL).unwrap_or_default();
    String::from_utf8_lossy(label).into_owned()
}

/// Attributes as bytes, as they are sealed. What its maker named and what we added may be more
/// together than could be read again: such an object is not made.
pub(super) fn to_bytes(attributes: &Template) -> Result<Zeroizing<Vec<u8>>, Status> {
    if attributes.count() > MAXIMUM_ATTRIBUTES {
        return Err(Status::TemplateInconsistent);
    }
    crate::wire::encode(attributes).map_err(|_| Status::DeviceMemory)
}

/// What attributes that are so many bytes are charged.
pub(super) fn charge(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(OBJECT_OVERHEAD_BYTES)
}
