//! Objects that come from elsewhere.

use crate::{
    crypto::{EcPublicKey, RsaPrivateKey},
    model::{
        Status,
        cryptoki::{
            AttributeType as Type, AttributeValue as Value, KeyType, ObjectClass, Template,
        },
    },
};

use super::{
    attributes,
    curve::Curve,
    encoding, fault,
    key::{Material, PreparedKey},
    prepare,
};

/// The attributes that follow from those of an object that is created from outside, to be set in
/// place of what the template says; none for what is neither a key nor a certificate. Missing parts
/// of an RSA key are computed, points are brought into one encoding, and parts that contradict
/// each other are refused.
///
/// # Errors
/// As those of [`PreparedKey::from_template`].
pub fn complete_imported(template: &Template) -> Result<Template, Status> {
    let class = template.number(Type::CLASS).ok_or(Status::TemplateIncomplete)?;
    match ObjectClass(class) {
        ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY => {
            complete_key(template)
        }
        ObjectClass::CERTIFICATE => match template.bytes(Type::VALUE) {
            Some(value) if !value.is_empty() => {
                // Over the whole certificate, as over any value that is no block cipher's key.
                let check = attributes::check_value(KeyType::GENERIC_SECRET, value)?;
                Ok(Template::default().with(Type::CHECK_VALUE, Value::bytes(check)))
            }
            _ => Ok(Template::default()),
        },
        _ => Ok(Template::default()),
    }
}

fn complete_key(template: &Template) -> Result<Template, Status> {
    let kind = KeyType(template.number(Type::KEY_TYPE).ok_or(Status::TemplateIncomplete)?);
    let class = template.number(Type::CLASS).map(ObjectClass);
    if kind == KeyType::RSA && class == Some(ObjectClass::PRIVATE_KEY) {
        // Completed before it is checked, because the check needs all parts.
        let key = prepare::rsa_components(template)?.complete().map_err(fault::preparing)?;
        RsaPrivateKey::new(&key).map_err(fault::preparing)?;
        return attributes::rsa_private(&key);
    }
    match PreparedKey::from_template(template)?.material {
        Material::RsaPublic(_) => attributes::rsa_public(
            prepare::present(template, Type::MODULUS)?,
            prepare::present(template, Type::PUBLIC_EXPONENT)?,
        ),
        Material::RsaPrivate(_) => Err(Status::FunctionFailed),
        Material::EcPublic(key) => {
            attributes::curve_public(Curve::Weierstrass(key.curve()), key.point())
        }
        Material::EcPrivate(key) => {
            let curve = Curve::Weierstrass(key.curve());
            check_point(template, curve, key.public_point())?;
            attributes::curve_private(curve, key.number(), key.public_point())
        }
        Material::EdwardsPublic(key) => {
            attributes::curve_public(Curve::Edwards(key.curve()), key.public())
        }
        Material::EdwardsPrivate(key) => {
            let curve = Curve::Edwards(key.curve());
            check_point(template, curve, key.public())?;
            attributes::curve_private(curve, key.seed(), key.public())
        }
        Material::MontgomeryPublic(curve) => {
            let curve = Curve::Montgomery(curve);
            let point = curve.point(prepare::present(template, Type::EC_POINT)?);
            attributes::curve_public(curve, point.ok_or(Status::AttributeValueInvalid)?)
        }
        Material::MontgomeryPrivate(key) => {
            let curve = Curve::Montgomery(key.curve());
            check_point(template, curve, key.public())?;
            attributes::curve_private(curve, key.secret(), key.public())
        }
        Material::KemPublic(key) => {
            let set = encoding::kem_number(key.set());
            attributes::lattice_public(KeyType::ML_KEM, set, key.public())
        }
        Material::KemPrivate(key) => attributes::kem_private(&key, prepare::seed(template)),
        Material::DsaPublic(key) => {
            let set = encoding::dsa_number(key.set());
            attributes::lattice_public(KeyType::ML_DSA, set, key.public())
        }
        Material::DsaPrivate(key) => attributes::dsa_private(&key, prepare::seed(template)),
        Material::Secret(secret) => attributes::secret(secret.kind(), secret.value()),
    }
}

/// The public half that an importer gives beside a private key has to be the key's.
fn check_point(template: &Template, curve: Curve, point: &[u8]) -> Result<(), Status> {
    let Some(given) = template.bytes(Type::EC_POINT).filter(|given| !given.is_empty()) else {
        return Ok(());
    };
    let given = curve.point(given).ok_or(Status::AttributeValueInvalid)?;
    let fits = match curve {
        // The given one may be a compressed one.
        Curve::Weierstrass(curve) => {
            EcPublicKey::new(curve, given).map_err(fault::preparing)?.point() == point
        }
        Curve::Edwards(_) | Curve::Montgomery(_) => given == point,
    };
    if fits { Ok(()) } else { Err(Status::AttributeValueInvalid) }
}
