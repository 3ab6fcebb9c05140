//! Keys by encapsulation (version 3.2, section 5.18.8 and 5.18.9).

use crate::model::{
    Status,
    cryptoki::{Mechanism, MechanismType, Template},
};

use super::{
    attributes::{self, asked_bytes, secret_kind},
    fault,
    key::{Material, PreparedKey},
    scheme::is_none,
};

/// A ciphertext for a public key, and the attributes of the secret key in it.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it encapsulates nothing so.
/// `CKR_KEY_TYPE_INCONSISTENT`: it takes no such public key. `CKR_TEMPLATE_INCONSISTENT`,
/// `CKR_KEY_SIZE_RANGE`: there is no such secret key.
pub fn encapsulate(
    mechanism: &Mechanism,
    public: &PreparedKey,
    template: &Template,
) -> Result<(Vec<u8>, Template), Status> {
    check(mechanism)?;
    let Material::KemPublic(public) = &public.material else {
        return Err(Status::KeyTypeInconsistent);
    };
    let (ciphertext, secret) = public.encapsulate().map_err(fault::encrypting)?;
    Ok((ciphertext, secret_key(&secret, template)?))
}

/// The attributes of the secret key in a ciphertext.
///
/// # Errors
/// As those of [`encapsulate`], and `CKR_ENCRYPTED_DATA_LEN_RANGE`.
pub fn decapsulate(
    mechanism: &Mechanism,
    private: &PreparedKey,
    ciphertext: &[u8],
    template: &Template,
) -> Result<Template, Status> {
    check(mechanism)?;
    let Material::KemPrivate(private) = &private.material else {
        return Err(Status::KeyTypeInconsistent);
    };
    let secret = private.decapsulate(ciphertext).map_err(fault::decrypting)?;
    secret_key(&secret, template)
}

fn check(mechanism: &Mechanism) -> Result<(), Status> {
    if mechanism.mechanism != MechanismType::ML_KEM {
        return Err(Status::MechanismInvalid);
    }
    if is_none(&mechanism.parameters) { Ok(()) } else { Err(Status::MechanismParamInvalid) }
}

/// The first bytes of a shared secret, as many as the template asks for.
fn secret_key(secret: &[u8], template: &Template) -> Result<Template, Status> {
    let kind = secret_kind(template)?;
    let bytes = asked_bytes(template, kind)?.unwrap_or(secret.len());
    attributes::secret(kind, secret.get(..bytes).ok_or(Status::KeySizeRange)?)
}
