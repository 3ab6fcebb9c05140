//! The attributes that follow from a key's value: what generation, derivation, unwrapping and
//! import give an object.

use crate::{
    crypto::{
        BlockMode, CipherKey, CipherStream, Direction, HashFunction, MlKemPrivateKey,
        RsaComponents, RsaPublicKey,
    },
    model::{
        Status,
        cryptoki::{
            AttributeType as Type, AttributeValue as Value, KeyType, ObjectClass, Template,
        },
    },
};

use super::{
    curve::{Curve, encoded_point},
    encoding::{self, Algorithm, public_key_info},
    fault, prepare,
};

/// The length in bytes of `CKA_CHECK_VALUE`.
const CHECK_VALUE_BYTES: usize = 3;

pub(super) fn of_kind(class: ObjectClass, kind: KeyType) -> Template {
    Template::default().with(Type::CLASS, class.0).with(Type::KEY_TYPE, kind.0)
}

/// Refuses a template that names another class or kind than the object will have.
pub(super) fn expect(template: &Template, class: ObjectClass, kind: KeyType) -> Result<(), Status> {
    let differs = |attribute, number| template.number(attribute).is_some_and(|own| own != number);
    if differs(Type::CLASS, class.0) || differs(Type::KEY_TYPE, kind.0) {
        return Err(Status::TemplateInconsistent);
    }
    Ok(())
}

pub(super) fn rsa_public(modulus: &[u8], exponent: &[u8]) -> Result<Template, Status> {
    let key = RsaPublicKey::new(modulus, exponent).map_err(fault::preparing)?;
    let bits = u64::try_from(key.modulus_bits()).map_err(|_| Status::FunctionFailed)?;
    let der = key.to_der().map_err(fault::preparing)?;
    Ok(of_kind(ObjectClass::PUBLIC_KEY, KeyType::RSA)
        .with(Type::MODULUS, Value::bytes(modulus))
        .with(Type::PUBLIC_EXPONENT, Value::bytes(exponent))
        .with(Type::MODULUS_BITS, bits)
        .with(Type::PUBLIC_KEY_INFO, Value::bytes(public_key_info(Algorithm::Rsa, &der)?)))
}

/// Of a private key that [`RsaComponents::complete`] gave.
pub(super) fn rsa_private(key: &RsaComponents) -> Result<Template, Status> {
    let public = RsaPublicKey::new(&key.modulus, &key.public_exponent).map_err(fault::preparing)?;
    let der = public.to_der().map_err(fault::preparing)?;
    let values = encoding::rsa_values(of_kind(ObjectClass::PRIVATE_KEY, KeyType::RSA), key);
    Ok(values.with(Type::PUBLIC_KEY_INFO, Value::bytes(public_key_info(Algorithm::Rsa, &der)?)))
}

pub(super) fn curve_public(curve: Curve, point: &[u8]) -> Result<Template, Status> {
    let info = public_key_info(Algorithm::Curve(curve), point)?;
    Ok(of_kind(ObjectClass::PUBLIC_KEY, curve.key_type())
        .with(Type::EC_PARAMS, Value::bytes(curve.parameters()?))
        .with(Type::EC_POINT, Value::bytes(encoded_point(point)?))
        .with(Type::PUBLIC_KEY_INFO, Value::bytes(info)))
}

pub(super) fn curve_private(curve: Curve, value: &[u8], point: &[u8]) -> Result<Template, Status> {
    let info = public_key_info(Algorithm::Curve(curve), point)?;
    Ok(of_kind(ObjectClass::PRIVATE_KEY, curve.key_type())
        .with(Type::EC_PARAMS, Value::bytes(curve.parameters()?))
        .with(Type::VALUE, Value::bytes(value))
        .with(Type::PUBLIC_KEY_INFO, Value::bytes(info)))
}

pub(super) fn lattice_public(kind: KeyType, set: u64, public: &[u8]) -> Result<Template, Status> {
    let info = public_key_info(Algorithm::Lattice(kind, set), public)?;
    Ok(of_kind(ObjectClass::PUBLIC_KEY, kind)
        .with(Type::PARAMETER_SET, set)
        .with(Type::VALUE, Value::bytes(public))
        .with(Type::PUBLIC_KEY_INFO, Value::bytes(info)))
}

pub(super) fn kem_private(key: &MlKemPrivateKey, seed: Option<&[u8]>) -> Result<Template, Status> {
    let set = encoding::kem_number(key.set());
    lattice_private(KeyType::ML_KEM, set, (key.expanded(), seed), key.public())
}

pub(super) fn dsa_private(
    key: &crate::crypto::MlDsaPrivateKey,
    seed: Option<&[u8]>,
) -> Result<Template, Status> {
    let set = encoding::dsa_number(key.set());
    lattice_private(KeyType::ML_DSA, set, (key.expanded(), seed), key.public())
}

fn lattice_private(
    kind: KeyType,
    set: u64,
    (expanded, seed): (&[u8], Option<&[u8]>),
    public: &[u8],
) -> Result<Template, Status> {
    let info = public_key_info(Algorithm::Lattice(kind, set), public)?;
    let template = of_kind(ObjectClass::PRIVATE_KEY, kind)
        .with(Type::PARAMETER_SET, set)
        .with(Type::VALUE, Value::bytes(expanded))
        .with(Type::PUBLIC_KEY_INFO, Value::bytes(info));
    Ok(match seed {
        Some(seed) => template.with(Type::SEED, Value::bytes(seed)),
        None => template,
    })
}

pub(super) fn secret(kind: KeyType, value: &[u8]) -> Result<Template, Status> {
    prepare::check_secret(kind, value.len())?;
    let bytes = u64::try_from(value.len()).map_err(|_| Status::KeySizeRange)?;
    Ok(of_kind(ObjectClass::SECRET_KEY, kind)
        .with(Type::VALUE, Value::bytes(value))
        .with(Type::VALUE_LEN, bytes)
        .with(Type::CHECK_VALUE, Value::bytes(check_value(kind, value)?)))
}

/// The first bytes of a block of zeros under a block cipher's key; of SHA-1 for everything else
/// (section 4.10.2; the same over a certificate, section 4.6.2).
pub(super) fn check_value(kind: KeyType, value: &[u8]) -> Result<Vec<u8>, Status> {
    let mut check = if kind == KeyType::AES {
        let key = CipherKey::aes(value).map_err(fault::preparing)?;
        let block = CipherStream::run(&key, BlockMode::Ecb, Direction::Encrypt, &[0; 16]);
        block.map_err(fault::preparing)?.to_vec()
    } else {
        HashFunction::Sha1.hash(value).map_err(fault::preparing)?.as_ref().to_vec()
    };
    check.truncate(CHECK_VALUE_BYTES);
    Ok(check)
}

/// The kind of secret key that a template asks for; a generic secret if it names none.
pub(super) fn secret_kind(template: &Template) -> Result<KeyType, Status> {
    let kind = KeyType(template.number(Type::KEY_TYPE).unwrap_or(KeyType::GENERIC_SECRET.0));
    expect(template, ObjectClass::SECRET_KEY, kind)?;
    Ok(kind)
}

/// The length in bytes that a template asks of a secret key, or that its kind alone permits.
pub(super) fn asked_bytes(template: &Template, kind: KeyType) -> Result<Option<usize>, Status> {
    let asked = match template.number(Type::VALUE_LEN) {
        Some(bytes) => Some(usize::try_from(bytes).map_err(|_| Status::KeySizeRange)?),
        None if kind == KeyType::CHACHA20 => Some(32),
        None => None,
    };
    if let Some(bytes) = asked {
        prepare::check_secret(kind, bytes)?;
    }
    Ok(asked)
}
