//! What PKCS#11 itself permits, though it gives keys away. The preset `strict` knows none of it.
//!
//! `docs/mechanisms.md` has the same list under the same names.

use lunacm::model::cryptoki::AttributeType as A;

use crate::objects::Thing;

/// A conflict of PKCS#11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// A key has two roles that its maker or its officer gave it: it protects keys, or makes them,
    /// and does to data what opens or makes them just so.
    TwoRoles,
    /// A key that is extractable, and not only under trusted keys, leaves under a key that its
    /// wrapper has brought along.
    ForeignWrapping,
    /// A derivation or an agreement whose result is kept is done again for a result that can be
    /// read, or is read where it was made to be.
    ReadableTwin,
}

impl Exception {
    pub const ALL: [Self; 3] = [Self::TwoRoles, Self::ForeignWrapping, Self::ReadableTwin];

    /// The name in the documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoRoles => "two roles",
            Self::ForeignWrapping => "foreign wrapping",
            Self::ReadableTwin => "readable twin",
        }
    }
}

/// What a caller did to have the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'t> {
    /// Made something; nothing was read.
    Made,
    /// Read the value of an object.
    Read(&'t Thing),
    /// Worked on data with a key.
    Used(&'t Thing, A),
    /// Wrapped a key under one that callers have.
    Wrapped(&'t Thing),
}

/// The conflict that explains it.
pub fn explained(cause: Cause<'_>) -> Option<Exception> {
    match cause {
        Cause::Read(thing) => (!thing.need.unreadable).then_some(Exception::ReadableTwin),
        // To wrap, unwrap or derive is one role, which explains nothing by itself.
        Cause::Made | Cause::Used(_, A::WRAP | A::UNWRAP | A::DERIVE) => None,
        Cause::Used(thing, usage) => thing.roles.contains(&usage).then_some(Exception::TwoRoles),
        Cause::Wrapped(thing) => {
            let leaves = !thing.need.inside && !thing.need.trusted;
            leaves.then_some(Exception::ForeignWrapping)
        }
    }
}

#[test]
fn the_documents_name_the_same_conflicts() {
    let text = include_str!("../../docs/mechanisms.md");
    for exception in Exception::ALL {
        let row = format!("| {} |", exception.name());
        assert!(text.contains(&row), "docs/mechanisms.md has no row {row}");
    }
}
