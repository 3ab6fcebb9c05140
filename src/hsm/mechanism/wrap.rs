//! Keys under other keys.

use zeroize::Zeroizing;

use crate::{
    crypto::PrimitiveError,
    model::{
        Status,
        cryptoki::{
            AttributeType as Type, KeyType, Mechanism, MechanismFlags, ObjectClass, Template,
        },
    },
};

use super::{
    attributes::{self, asked_bytes, expect},
    complete::complete_imported,
    encoding::{parse_private_key_info, private_key_info},
    fault,
    key::{Material, PreparedKey},
    operation::{decrypt_by_secret, encrypt_by_secret},
    prepare,
    scheme::Scheme,
    table,
};

/// A key with these attributes, wrapped: a secret key as its value, a private key as its
/// `PrivateKeyInfo`.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it wraps nothing so.
/// `CKR_WRAPPING_KEY_TYPE_INCONSISTENT`: it takes no such wrapping key.
/// `CKR_KEY_NOT_WRAPPABLE`: it cannot wrap this key.
pub fn wrap(
    mechanism: &Mechanism,
    wrapping: &PreparedKey,
    key: &Template,
) -> Result<Vec<u8>, Status> {
    let scheme = scheme(mechanism, MechanismFlags::WRAP)?;
    let class = ObjectClass(key.number(Type::CLASS).ok_or(Status::KeyNotWrappable)?);
    let value = match class {
        ObjectClass::SECRET_KEY => Zeroizing::new(prepare::present(key, Type::VALUE)?.to_vec()),
        ObjectClass::PRIVATE_KEY => private_key_info(key)?,
        _ => return Err(Status::KeyNotWrappable),
    };
    let wrapped = match (&scheme, &wrapping.material) {
        (Scheme::RsaPkcs(None), Material::RsaPublic(wrapping)) => wrapping.encrypt_pkcs1(&value),
        (Scheme::RsaOaep(scheme), Material::RsaPublic(wrapping)) => {
            wrapping.encrypt_oaep(*scheme, &value)
        }
        (Scheme::RsaPkcs(_) | Scheme::RsaOaep(_), _) => Err(PrimitiveError::Key),
        (_, Material::Secret(wrapping)) if wraps(&scheme, wrapping.kind()) => {
            encrypt_by_secret(&scheme, wrapping, &value).map(|wrapped| wrapped.to_vec())
        }
        _ => Err(PrimitiveError::Key),
    };
    wrapped.map_err(|fault| match fault {
        PrimitiveError::Key => Status::WrappingKeyTypeInconsistent,
        other => fault::wrapping(other),
    })
}

/// The attributes of a wrapped key, to be added to the template, which says its class and kind.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it unwraps nothing so.
/// `CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT`: it takes no such key. `CKR_WRAPPED_KEY_LEN_RANGE`,
/// `CKR_WRAPPED_KEY_INVALID`: no such key was wrapped so. `CKR_TEMPLATE_INCOMPLETE`,
/// `CKR_TEMPLATE_INCONSISTENT`: class or kind are missing, or not those of the wrapped key.
pub fn unwrap(
    mechanism: &Mechanism,
    unwrapping: &PreparedKey,
    wrapped: &[u8],
    template: &Template,
) -> Result<Template, Status> {
    let scheme = scheme(mechanism, MechanismFlags::UNWRAP)?;
    let class = ObjectClass(template.number(Type::CLASS).ok_or(Status::TemplateIncomplete)?);
    if !matches!(class, ObjectClass::SECRET_KEY | ObjectClass::PRIVATE_KEY) {
        return Err(Status::TemplateInconsistent);
    }
    let kind = KeyType(template.number(Type::KEY_TYPE).ok_or(Status::TemplateIncomplete)?);
    let value = match (&scheme, &unwrapping.material) {
        (Scheme::RsaPkcs(None), Material::RsaPrivate(key)) => key.decrypt_pkcs1(wrapped),
        (Scheme::RsaOaep(scheme), Material::RsaPrivate(key)) => key.decrypt_oaep(*scheme, wrapped),
        (Scheme::RsaPkcs(_) | Scheme::RsaOaep(_), _) => Err(PrimitiveError::Parameters),
        (_, Material::Secret(key)) if wraps(&scheme, key.kind()) => {
            decrypt_by_secret(&scheme, key, wrapped)
        }
        _ => return Err(Status::UnwrappingKeyTypeInconsistent),
    };
    let value = match (value, &scheme) {
        (Err(PrimitiveError::Parameters), Scheme::RsaPkcs(_) | Scheme::RsaOaep(_)) => {
            return Err(Status::UnwrappingKeyTypeInconsistent);
        }
        (value, _) => value.map_err(fault::unwrapping)?,
    };
    match class {
        ObjectClass::SECRET_KEY => {
            prepare::check_secret(kind, value.len()).map_err(|status| match status {
                Status::KeySizeRange => Status::WrappedKeyLenRange,
                other => other,
            })?;
            if asked_bytes(template, kind)?.is_some_and(|asked| asked != value.len()) {
                return Err(Status::TemplateInconsistent);
            }
            attributes::secret(kind, &value)
        }
        ObjectClass::PRIVATE_KEY => {
            let key = parse_private_key_info(&value)?;
            let own = KeyType(key.number(Type::KEY_TYPE).ok_or(Status::WrappedKeyInvalid)?);
            expect(template, class, own)?;
            complete_imported(&key).map_err(|_| Status::WrappedKeyInvalid)
        }
        _ => Err(Status::TemplateInconsistent),
    }
}

fn scheme(mechanism: &Mechanism, flag: MechanismFlags) -> Result<Scheme<'_>, Status> {
    let entry = table::find(mechanism.mechanism).ok_or(Status::MechanismInvalid)?;
    if !entry.flags.contains(flag) {
        return Err(Status::MechanismInvalid);
    }
    Scheme::of(mechanism)
}

fn wraps(scheme: &Scheme<'_>, kind: KeyType) -> bool {
    match scheme {
        Scheme::ChaCha(_) => kind == KeyType::CHACHA20,
        Scheme::Block(_) | Scheme::Gcm(_) | Scheme::Ccm { .. } | Scheme::KeyWrap { .. } => {
            kind == KeyType::AES
        }
        _ => false,
    }
}
