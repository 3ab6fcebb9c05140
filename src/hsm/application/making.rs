//! What a mechanism makes: the class and the type of key, whatever its template leaves out.

use crate::model::{
    Status,
    cryptoki::{AttributeType as A, KeyType, MechanismType as M, ObjectClass, Template},
};

/// The template of a key that a mechanism generates.
///
/// # Errors
/// The template says that it is something else, or the mechanism generates no secret keys.
pub(super) fn secret(mechanism: M, template: Template) -> Result<Template, Status> {
    let key_type = match mechanism {
        M::AES_KEY_GEN => KeyType::AES,
        M::CHACHA20_KEY_GEN => KeyType::CHACHA20,
        M::HKDF_KEY_GEN => KeyType::HKDF,
        M::SHA_1_KEY_GEN => KeyType::SHA_1_HMAC,
        M::SHA224_KEY_GEN => KeyType::SHA224_HMAC,
        M::SHA256_KEY_GEN => KeyType::SHA256_HMAC,
        M::SHA384_KEY_GEN => KeyType::SHA384_HMAC,
        M::SHA512_KEY_GEN => KeyType::SHA512_HMAC,
        // Any kind of secret: the template says which.
        M::GENERIC_SECRET_KEY_GEN | M::PKCS5_PBKD2 => {
            template.number(A::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType)
        }
        _ => return Err(Status::MechanismInvalid),
    };
    expect(template, ObjectClass::SECRET_KEY, key_type)
}

/// The templates of a pair that a mechanism generates, public key first.
///
/// # Errors
/// A template says that it is something else, or the mechanism generates no pairs.
pub(super) fn pair(
    mechanism: M,
    (public, private): (Template, Template),
) -> Result<(Template, Template), Status> {
    let key_type = match mechanism {
        M::RSA_PKCS_KEY_PAIR_GEN => KeyType::RSA,
        M::EC_KEY_PAIR_GEN => KeyType::EC,
        M::EC_EDWARDS_KEY_PAIR_GEN => KeyType::EC_EDWARDS,
        M::EC_MONTGOMERY_KEY_PAIR_GEN => KeyType::EC_MONTGOMERY,
        M::ML_KEM_KEY_PAIR_GEN => KeyType::ML_KEM,
        M::ML_DSA_KEY_PAIR_GEN => KeyType::ML_DSA,
        _ => return Err(Status::MechanismInvalid),
    };
    Ok((
        expect(public, ObjectClass::PUBLIC_KEY, key_type)?,
        expect(private, ObjectClass::PRIVATE_KEY, key_type)?,
    ))
}

/// The template of what a derivation makes: a generic secret, unless it says otherwise.
///
/// # Errors
/// The template says that it is neither a secret key nor what the mechanism makes.
pub(super) fn derived(mechanism: M, mut template: Template) -> Result<Template, Status> {
    if mechanism == M::HKDF_DATA {
        if template.get(A::VALUE).is_some() {
            return Err(Status::TemplateInconsistent);
        }
        return match template.number(A::CLASS).map(ObjectClass) {
            None | Some(ObjectClass::DATA) => Ok(template.with(A::CLASS, ObjectClass::DATA.0)),
            Some(_) => Err(Status::TemplateInconsistent),
        };
    }
    let key_type = template.number(A::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType);
    template = expect(template, ObjectClass::SECRET_KEY, key_type)?;
    Ok(template)
}

/// A template of data without the length that is asked for, and that length.
pub(super) fn without_length_of_data(mut template: Template) -> (Template, Option<u64>) {
    if template.number(A::CLASS) != Some(ObjectClass::DATA.0) {
        return (template, None);
    }
    let length = template.number(A::VALUE_LEN);
    template.0.retain(|attribute| attribute.kind != A::VALUE_LEN);
    (template, length)
}

fn expect(template: Template, class: ObjectClass, key_type: KeyType) -> Result<Template, Status> {
    let contradicts =
        |kind, wanted| template.get(kind).is_some() && template.number(kind) != Some(wanted);
    if contradicts(A::CLASS, class.0) || contradicts(A::KEY_TYPE, key_type.0) {
        return Err(Status::TemplateInconsistent);
    }
    let mut template = template;
    for (kind, number) in [(A::CLASS, class.0), (A::KEY_TYPE, key_type.0)] {
        if template.get(kind).is_none() {
            template.set(kind, number);
        }
    }
    Ok(template)
}
