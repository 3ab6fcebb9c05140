//! Other attributes for an object that is there, or for its copy.

use super::{
    Object,
    inheritance::check_copy,
    is_key,
    rules::{rule_of, subtype_of},
    template::{check_consistency, check_form},
};
use crate::model::{
    Status,
    cryptoki::{AttributeType as A, AttributeValue, Template},
};

/// What an object's attributes are after `C_SetAttributeValue`. All of the template holds, or
/// nothing of it.
///
/// # Errors
/// The object or an attribute does not change.
pub(in crate::hsm) fn changed(
    object: &Object,
    changes: &Template,
    officer: bool,
) -> Result<Template, Status> {
    if !object.is(A::MODIFIABLE) {
        return Err(Status::ActionProhibited);
    }
    merged(object, changes, (false, officer))
}

/// What a copy's attributes are (`C_CopyObject`); its identifier is the caller's to set.
///
/// # Errors
/// The object is not copied, or an attribute cannot be another one in the copy.
pub(in crate::hsm) fn copied(
    object: &Object,
    changes: &Template,
    officer: bool,
) -> Result<Template, Status> {
    if !object.is(A::COPYABLE) {
        return Err(Status::ActionProhibited);
    }
    let attributes = merged(object, changes, (true, officer))?;
    check_copy(object, &attributes)?;
    Ok(attributes)
}

fn merged(
    object: &Object,
    changes: &Template,
    (in_copy, officer): (bool, bool),
) -> Result<Template, Status> {
    check_form(changes)?;
    let mut attributes = object.attributes().clone();
    let subtype = subtype_of(&attributes)?;
    for change in &changes.0 {
        let rule = rule_of(subtype, change.kind).ok_or(Status::AttributeTypeInvalid)?;
        let officers = rule.is_for_officer() && change.value == AttributeValue::Boolean(true);
        let permitted = rule.permits_change(in_copy, attributes.get(change.kind), &change.value);
        if !permitted || (officers && !officer) {
            return Err(Status::AttributeReadOnly);
        }
        attributes.set(change.kind, change.value.clone());
    }
    // What was not sensitive for a moment has not always been; these two only ever fall.
    if is_key(subtype.class) {
        let (sensitive, extractable) =
            (attributes.boolean(A::SENSITIVE), attributes.boolean(A::EXTRACTABLE));
        if sensitive == Some(false) {
            attributes.set(A::ALWAYS_SENSITIVE, false);
        }
        if extractable == Some(true) {
            attributes.set(A::NEVER_EXTRACTABLE, false);
        }
    }
    check_consistency(&attributes, subtype)?;
    Ok(attributes)
}
