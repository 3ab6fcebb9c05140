//! Mechanisms: computation on prepared keys, without stores, sessions or policies.
//!
//! The table is empty: every mechanism is refused as one that is not known.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::model::{
    Status,
    cryptoki::{Mechanism, MechanismInfo, Operation, Template},
};

/// A key that is parsed and ready.
pub(super) enum PreparedKey {}

impl PreparedKey {
    /// The key of these attributes.
    ///
    /// # Errors
    /// No mechanism takes such a key.
    pub(super) const fn from_template(_: &Template) -> Result<Self, Status> {
        Err(Status::KeyTypeInconsistent)
    }
}

/// An operation in parts.
pub(super) trait Running {
    /// Takes the next part and gives what it makes.
    ///
    /// # Errors
    /// The operation has failed.
    fn update(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status>;

    /// Gives the rest, or checks the signature.
    ///
    /// # Errors
    /// The operation has failed.
    fn finish(self: Box<Self>, signature: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status>;
}

/// What is known of each mechanism.
pub(super) const fn info() -> &'static [MechanismInfo] {
    &[]
}

/// An operation in one part.
pub(super) const fn perform(
    _: Operation,
    _: &Mechanism,
    _: Option<&PreparedKey>,
    _: &[u8],
    _: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Status> {
    Err(Status::MechanismInvalid)
}

/// Begins an operation in parts.
pub(super) fn begin(
    _: Operation,
    _: &Mechanism,
    _: Option<Arc<PreparedKey>>,
) -> Result<Box<dyn Running + Send>, Status> {
    Err(Status::MechanismInvalid)
}

/// The values of a new secret key.
pub(super) const fn generate_key(_: &Mechanism, _: &Template) -> Result<Template, Status> {
    Err(Status::MechanismInvalid)
}

/// The values of a new pair.
pub(super) const fn generate_pair(
    _: &Mechanism,
    _: &Template,
    _: &Template,
) -> Result<(Template, Template), Status> {
    Err(Status::MechanismInvalid)
}

/// The values of a derived key.
pub(super) const fn derive(
    _: &Mechanism,
    _: &Template,
    _: &[&Template],
    _: &Template,
) -> Result<Template, Status> {
    Err(Status::MechanismInvalid)
}

/// A key, wrapped.
pub(super) const fn wrap(_: &Mechanism, _: &PreparedKey, _: &Template) -> Result<Vec<u8>, Status> {
    Err(Status::MechanismInvalid)
}

/// The values of a wrapped key.
pub(super) const fn unwrap(
    _: &Mechanism,
    _: &PreparedKey,
    _: &[u8],
    _: &Template,
) -> Result<Template, Status> {
    Err(Status::MechanismInvalid)
}

/// A ciphertext, and the values of the key in it.
pub(super) const fn encapsulate(
    _: &Mechanism,
    _: &PreparedKey,
    _: &Template,
) -> Result<(Vec<u8>, Template), Status> {
    Err(Status::MechanismInvalid)
}

/// The values of the key in a ciphertext.
pub(super) const fn decapsulate(
    _: &Mechanism,
    _: &PreparedKey,
    _: &[u8],
    _: &Template,
) -> Result<Template, Status> {
    Err(Status::MechanismInvalid)
}

/// What follows from the values of a key that was created.
pub(super) const fn complete_imported(_: &Template) -> Result<Template, Status> {
    Err(Status::MechanismInvalid)
}
