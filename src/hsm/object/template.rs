//! From a caller's template to all attributes of a new object.

use std::collections::HashSet;

use super::{
    Origin,
    inheritance::Lineage,
    is_key,
    rules::{Rule, Subtype, is_usage, rule_of, rules, subtype_of},
};
use crate::model::{
    MAXIMUM_ATTRIBUTES, Status,
    cryptoki::{
        Attribute, AttributeKind, AttributeType as A, AttributeValue, KeyType, MechanismType,
        ObjectClass, Template,
    },
};

/// What is known of an object that is being made, besides its template.
#[derive(Clone, Copy)]
pub(in crate::hsm) struct Makings<'k> {
    /// How it comes to be.
    pub(in crate::hsm) origin: Origin,
    /// Whether the Partition SO makes it.
    pub(in crate::hsm) officer: bool,
    /// The mechanism that generates it.
    pub(in crate::hsm) generated_by: Option<MechanismType>,
    /// The keys that take part.
    pub(in crate::hsm) lineage: Lineage<'k>,
}

impl Makings<'_> {
    /// Of an object that anybody but the Partition SO makes of values he has.
    pub(in crate::hsm) const fn created() -> Self {
        let (origin, lineage) = (Origin::Created, Lineage::NONE);
        Self { origin, officer: false, generated_by: None, lineage }
    }
}

/// Checks a template and completes it by everything that does not depend on the key's value.
///
/// # Errors
/// As PKCS#11 v3.1 section 4.1.1 has them; `CKR_TEMPLATE_INCONSISTENT`: the template contradicts
/// what the keys that take part leave to the new one.
pub(in crate::hsm) fn complete(template: Template, how: Makings<'_>) -> Result<Template, Status> {
    check_form(&template)?;
    let subtype = subtype_of(&template)?;
    for attribute in &template.0 {
        let rule = rule_of(subtype, attribute.kind).ok_or(Status::AttributeTypeInvalid)?;
        let officers = rule.is_for_officer() && attribute.value == AttributeValue::Boolean(true);
        if rule.is_refused(how.origin) || (officers && !how.officer) {
            return Err(Status::AttributeReadOnly);
        }
    }
    check_needed(&template, subtype, how.origin)?;
    let mut template = how.lineage.inherit(template)?;
    // Who names one use has chosen a role: what is not named is no part of it.
    let chosen = template.0.iter().any(|attribute| is_usage(attribute.kind));
    for rule in rules(subtype).filter(|rule| template.get(rule.kind).is_none()).collect::<Vec<_>>()
    {
        let denied = is_usage(rule.kind) && (chosen || !how.lineage.permits(rule.kind));
        let preset = preset(rule, subtype, how.origin);
        if let Some(preset) = if denied { preset.map(|_| false.into()) } else { preset } {
            template.set(rule.kind, preset);
        }
    }
    if is_key(subtype.class) {
        compute(&mut template, how);
    }
    check_consistency(&template, subtype)?;
    Ok(template)
}

/// Each type once, each value of its attribute's kind.
///
/// # Errors
/// The template breaks this.
pub(in crate::hsm) fn check_form(template: &Template) -> Result<(), Status> {
    if template.count() > MAXIMUM_ATTRIBUTES {
        return Err(Status::TemplateInconsistent);
    }
    let mut kinds = HashSet::with_capacity(template.0.len());
    for attribute in &template.0 {
        if !kinds.insert(attribute.kind) {
            return Err(Status::TemplateInconsistent);
        }
        check_value(attribute)?;
    }
    Ok(())
}

fn check_value(attribute: &Attribute) -> Result<(), Status> {
    let fits = match (attribute.kind.kind(), &attribute.value) {
        (AttributeKind::Date, AttributeValue::Bytes(date)) => date.is_empty() || is_date(date),
        (AttributeKind::Bytes, AttributeValue::Bytes(_))
        | (AttributeKind::Boolean, AttributeValue::Boolean(_))
        | (AttributeKind::Number, AttributeValue::Number(_))
        | (AttributeKind::Mechanisms, AttributeValue::Mechanisms(_)) => true,
        (AttributeKind::Template, AttributeValue::Template(inner)) => {
            return check_form(inner);
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(Status::AttributeValueInvalid) }
}

/// Whether these are the year, the month and the day of a `CK_DATE`.
fn is_date(digits: &[u8]) -> bool {
    let form = time::macros::format_description!("[year][month][day]");
    digits.iter().all(u8::is_ascii_digit)
        && str::from_utf8(digits).is_ok_and(|digits| time::Date::parse(digits, form).is_ok())
}

fn check_needed(template: &Template, subtype: Subtype, origin: Origin) -> Result<(), Status> {
    let missing = |rule: &Rule| rule.is_needed(origin) && template.get(rule.kind).is_none();
    let lacks = |kind| template.bytes(kind).is_none_or(<[u8]>::is_empty);
    let lattice = subtype.class == ObjectClass::PRIVATE_KEY
        && matches!(KeyType(subtype.number), KeyType::ML_KEM | KeyType::ML_DSA);
    let bare = match subtype.class {
        // Section 4.6.3: what is only pointed at is known by its keys.
        ObjectClass::CERTIFICATE if lacks(A::URL) => lacks(A::VALUE),
        ObjectClass::CERTIFICATE => {
            lacks(A::HASH_OF_SUBJECT_PUBLIC_KEY) || lacks(A::HASH_OF_ISSUER_PUBLIC_KEY)
        }
        _ => lattice && origin == Origin::Created && lacks(A::VALUE) && lacks(A::SEED),
    };
    if bare || rules(subtype).any(missing) { Err(Status::TemplateIncomplete) } else { Ok(()) }
}

fn preset(rule: &Rule, subtype: Subtype, origin: Origin) -> Option<AttributeValue> {
    match rule.kind {
        A::PRIVATE => {
            let open = matches!(subtype.class, ObjectClass::PUBLIC_KEY | ObjectClass::CERTIFICATE);
            Some((!open).into())
        }
        // Section 5.18.4: an unwrapped key is extractable unless its template says otherwise.
        A::EXTRACTABLE if origin == Origin::Unwrapped => Some(true.into()),
        A::ENCRYPT | A::DECRYPT | A::SIGN | A::VERIFY | A::ENCAPSULATE | A::DECAPSULATE => {
            Some(is_natural(rule.kind, subtype).into())
        }
        _ => rule.preset(),
    }
}

/// Whether a key of this type is used so, unless its maker says otherwise. Keys wrap, unwrap and
/// derive only if their maker says so: each of these is a way out for other keys.
fn is_natural(usage: A, subtype: Subtype) -> bool {
    let signs = matches!(usage, A::SIGN | A::VERIFY);
    let encrypts = matches!(usage, A::ENCRYPT | A::DECRYPT);
    match KeyType(subtype.number) {
        KeyType::RSA | KeyType::AES => signs || encrypts,
        KeyType::EC_MONTGOMERY | KeyType::HKDF => false,
        KeyType::ML_KEM => matches!(usage, A::ENCAPSULATE | A::DECAPSULATE),
        KeyType::CHACHA20 => encrypts,
        // Curves and ML-DSA, and secrets for HMAC.
        _ => signs,
    }
}

/// The attributes that are the token's to say.
fn compute(template: &mut Template, how: Makings<'_>) {
    let generated = how.origin == Origin::Generated;
    template.set(A::LOCAL, generated);
    template.set(A::KEY_GEN_MECHANISM, how.generated_by.map_or(u64::MAX, |mechanism| mechanism.0));
    let (Some(sensitive), Some(extractable)) =
        (template.boolean(A::SENSITIVE), template.boolean(A::EXTRACTABLE))
    else {
        return;
    };
    let (always, never) = match how.origin {
        Origin::Generated => (true, true),
        Origin::Derived => (how.lineage.always_sensitive(), how.lineage.never_extractable()),
        Origin::Created | Origin::Unwrapped => (false, false),
    };
    template.set(A::ALWAYS_SENSITIVE, always && sensitive);
    template.set(A::NEVER_EXTRACTABLE, never && !extractable);
}

/// What contradicts itself, or our promise that no key of a token is at rest under anything but
/// a role's password.
pub(super) fn check_consistency(template: &Template, subtype: Subtype) -> Result<(), Status> {
    let secret = matches!(subtype.class, ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY);
    let stored_openly =
        template.boolean(A::TOKEN) == Some(true) && template.boolean(A::PRIVATE) != Some(true);
    // Section 4.9: what asks for a password each time needs a login.
    let authenticates = template.boolean(A::ALWAYS_AUTHENTICATE) == Some(true);
    let open = template.boolean(A::PRIVATE) != Some(true);
    if (secret && stored_openly) || (authenticates && open) {
        return Err(Status::TemplateInconsistent);
    }
    let date = |kind| template.bytes(kind).filter(|date| !date.is_empty());
    if let (Some(start), Some(end)) = (date(A::START_DATE), date(A::END_DATE))
        && start > end
    {
        return Err(Status::TemplateInconsistent);
    }
    Ok(())
}
