//! Objects that come from another partition.
//!
//! Whoever can make up what comes in could make an object that no call makes. So it passes the
//! rules of `C_CreateObject` first; what that does not let a caller say (that a key was generated
//! here, that it has always been sensitive) is believed only of what an HSM has sealed. That a key
//! is trusted is for the Partition SO to say where it is used, and is never taken over.

use super::{
    Object, ouid_of,
    rules::{rule_of, rules, subtype_of},
    template::{check_consistency, check_form},
    unique_id,
};
use crate::model::{
    Status,
    cryptoki::{AttributeType as A, ObjectClass, Template},
};

/// What is the token's to say, and believed of what an HSM has sealed.
const HISTORY: [A; 4] = [A::LOCAL, A::KEY_GEN_MECHANISM, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE];

/// An object that has come, as it claims to be.
pub(in crate::hsm) struct Arrival {
    /// What a caller of `C_CreateObject` could say.
    pub(in crate::hsm) plain: Template,
    /// The rest.
    claimed: Template,
}

impl Arrival {
    /// Looks at what came.
    ///
    /// # Errors
    /// It is no token object with an identifier, or has an attribute that no such object has.
    pub(in crate::hsm) fn of(attributes: Template) -> Result<Self, Status> {
        check_form(&attributes)?;
        let subtype = subtype_of(&attributes)?;
        if attributes.boolean(A::TOKEN) != Some(true) {
            return Err(Status::TemplateInconsistent);
        }
        let identifier = attributes.bytes(A::UNIQUE_ID).ok_or(Status::TemplateIncomplete)?;
        if identifier != unique_id(ouid_of(&attributes)) {
            return Err(Status::AttributeValueInvalid);
        }
        let (mut plain, mut claimed) = (Template::default(), Template::default());
        for attribute in attributes.0 {
            let rule = rule_of(subtype, attribute.kind).ok_or(Status::AttributeTypeInvalid)?;
            if rule.is_refused(super::Origin::Created) {
                claimed.0.push(attribute);
            } else if attribute.kind != A::TRUSTED {
                plain.0.push(attribute);
            }
        }
        Ok(Self { plain, claimed })
    }

    /// The object: completed as a created one is, with what it claims besides if an HSM has sealed
    /// it.
    ///
    /// # Errors
    /// What it claims contradicts what it is.
    pub(in crate::hsm) fn complete(
        self,
        mut completed: Template,
        sealed_by_hsm: bool,
    ) -> Result<Template, Status> {
        for claim in self.claimed.0 {
            if claim.kind == A::UNIQUE_ID {
                completed.set(claim.kind, claim.value);
            } else if HISTORY.contains(&claim.kind) {
                if sealed_by_hsm {
                    completed.set(claim.kind, claim.value);
                }
            } else if completed.get(claim.kind).is_some_and(|known| *known != claim.value) {
                // A length that is not the value's.
                return Err(Status::AttributeValueInvalid);
            }
        }
        let is = |kind| completed.boolean(kind) == Some(true);
        if (is(A::ALWAYS_SENSITIVE) && !is(A::SENSITIVE))
            || (is(A::NEVER_EXTRACTABLE) && is(A::EXTRACTABLE))
        {
            return Err(Status::TemplateInconsistent);
        }
        check_consistency(&completed, subtype_of(&completed)?)?;
        Ok(completed)
    }
}

/// Whether what has come may take the place of an object that is here: every difference has to be
/// one that `C_SetAttributeValue` could make. So it is the same key, and as well kept.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_replacing(object: &Object, by: &Template) -> Result<(), Status> {
    if !object.is(A::MODIFIABLE) || !object.is(A::DESTROYABLE) {
        return Err(Status::ActionProhibited);
    }
    let subtype = subtype_of(object.attributes())?;
    if subtype_of(by)? != subtype {
        return Err(Status::TemplateInconsistent);
    }
    // What is believed of its past depends on who has sealed it, and trust does not come along.
    let stays = |kind: A| kind != A::TRUSTED && !HISTORY.contains(&kind);
    for rule in rules(subtype).filter(|rule| stays(rule.kind)) {
        let (from, to) = (object.attributes().get(rule.kind), by.get(rule.kind));
        let changes = to.is_some_and(|to| rule.permits_change(false, from, to));
        if from != to && !changes {
            return Err(Status::AttributeReadOnly);
        }
    }
    Ok(())
}

/// Whether an object may leave sealed under a domain that everybody knows: only what could be read
/// or wrapped here too.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_leaving_openly(object: &Object) -> Result<(), Status> {
    let secret = matches!(object.class(), ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY);
    if secret && !object.is(A::EXTRACTABLE) {
        return Err(Status::KeyUnextractable);
    }
    if object.is(A::WRAP_WITH_TRUSTED) {
        return Err(Status::KeyUnextractable);
    }
    Ok(())
}
