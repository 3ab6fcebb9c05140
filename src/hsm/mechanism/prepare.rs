//! Keys out of their attributes.

use zeroize::Zeroizing;

use crate::{
    crypto::{
        EcPrivateKey, EcPublicKey, EdwardsPrivateKey, EdwardsPublicKey, MlDsaPrivateKey,
        MlDsaPublicKey, MlDsaSet, MlKemPrivateKey, MlKemPublicKey, MlKemSet, MontgomeryPrivateKey,
        RsaComponents, RsaPrivateKey, RsaPublicKey,
    },
    model::{
        Status,
        cryptoki::{AttributeType as Type, KeyType, ObjectClass, Template},
    },
};

use super::{
    curve::Curve,
    fault, hashes,
    key::{Material, PreparedKey, Secret},
    table::GREATEST_SECRET_BYTES,
};

/// The public exponent of a private key that does not name its own.
const USUAL_EXPONENT: [u8; 3] = [1, 0, 1];

impl PreparedKey {
    /// The key of these attributes; `CKA_CLASS` and `CKA_KEY_TYPE` are among them.
    ///
    /// # Errors
    /// `CKR_TEMPLATE_INCOMPLETE`: an attribute is missing. `CKR_ATTRIBUTE_VALUE_INVALID`,
    /// `CKR_KEY_SIZE_RANGE`, `CKR_CURVE_NOT_SUPPORTED`, `CKR_DOMAIN_PARAMS_INVALID` and
    /// `CKR_PARAMETER_SET_NOT_SUPPORTED`: an attribute's value is none for such a key, or
    /// contradicts another's. `CKR_KEY_TYPE_INCONSISTENT`: we have no such keys.
    pub fn from_template(template: &Template) -> Result<Self, Status> {
        let class = template.number(Type::CLASS).ok_or(Status::TemplateIncomplete)?;
        let kind = template.number(Type::KEY_TYPE).ok_or(Status::TemplateIncomplete)?;
        let material = match (ObjectClass(class), KeyType(kind)) {
            (ObjectClass::PUBLIC_KEY, kind) => public(kind, template)?,
            (ObjectClass::PRIVATE_KEY, kind) => private(kind, template)?,
            (ObjectClass::SECRET_KEY, kind) => {
                let value = present(template, Type::VALUE)?;
                check_secret(kind, value.len())?;
                Material::Secret(Box::new(Secret::new(kind, value)?))
            }
            _ => return Err(Status::KeyTypeInconsistent),
        };
        Ok(Self { material })
    }
}

fn public(kind: KeyType, template: &Template) -> Result<Material, Status> {
    let key = match kind {
        KeyType::RSA => {
            let modulus = present(template, Type::MODULUS)?;
            let exponent = present(template, Type::PUBLIC_EXPONENT)?;
            Material::RsaPublic(RsaPublicKey::new(modulus, exponent).map_err(fault::preparing)?)
        }
        KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY => {
            let curve = Curve::parse_for(kind, present(template, Type::EC_PARAMS)?)?;
            let point = curve.point(present(template, Type::EC_POINT)?);
            let point = point.ok_or(Status::AttributeValueInvalid)?;
            match curve {
                Curve::Weierstrass(curve) => {
                    Material::EcPublic(EcPublicKey::new(curve, point).map_err(fault::preparing)?)
                }
                Curve::Edwards(curve) => Material::EdwardsPublic(
                    EdwardsPublicKey::new(curve, point).map_err(fault::preparing)?,
                ),
                Curve::Montgomery(curve) => Material::MontgomeryPublic(curve),
            }
        }
        KeyType::ML_KEM => {
            let value = present(template, Type::VALUE)?;
            let key = MlKemPublicKey::new(kem_set(template)?, value).map_err(fault::preparing)?;
            Material::KemPublic(key)
        }
        KeyType::ML_DSA => {
            let value = present(template, Type::VALUE)?;
            let key = MlDsaPublicKey::new(dsa_set(template)?, value).map_err(fault::preparing)?;
            Material::DsaPublic(key)
        }
        _ => return Err(Status::KeyTypeInconsistent),
    };
    Ok(key)
}

fn private(kind: KeyType, template: &Template) -> Result<Material, Status> {
    let key = match kind {
        KeyType::RSA => {
            let key = RsaPrivateKey::new(&rsa_components(template)?).map_err(fault::preparing)?;
            Material::RsaPrivate(Box::new(key))
        }
        KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY => {
            let value = present(template, Type::VALUE)?;
            match Curve::parse_for(kind, present(template, Type::EC_PARAMS)?)? {
                Curve::Weierstrass(curve) => {
                    Material::EcPrivate(EcPrivateKey::new(curve, value).map_err(fault::preparing)?)
                }
                Curve::Edwards(curve) => Material::EdwardsPrivate(
                    EdwardsPrivateKey::new(curve, value).map_err(fault::preparing)?,
                ),
                Curve::Montgomery(curve) => Material::MontgomeryPrivate(
                    MontgomeryPrivateKey::new(curve, value).map_err(fault::preparing)?,
                ),
            }
        }
        KeyType::ML_KEM => Material::KemPrivate(kem_private(template)?),
        KeyType::ML_DSA => Material::DsaPrivate(dsa_private(template)?),
        _ => return Err(Status::KeyTypeInconsistent),
    };
    Ok(key)
}

/// The numbers of an RSA private key, as far as the template has them.
pub(super) fn rsa_components(template: &Template) -> Result<RsaComponents, Status> {
    let secret = |kind| Zeroizing::new(template.bytes(kind).unwrap_or_default().to_vec());
    let exponent = template.bytes(Type::PUBLIC_EXPONENT).filter(|bytes| !bytes.is_empty());
    Ok(RsaComponents {
        modulus: present(template, Type::MODULUS)?.to_vec(),
        public_exponent: exponent.unwrap_or(&USUAL_EXPONENT).to_vec(),
        private_exponent: Zeroizing::new(present(template, Type::PRIVATE_EXPONENT)?.to_vec()),
        primes: [Type::PRIME_1, Type::PRIME_2].map(secret),
        remainders: [Type::EXPONENT_1, Type::EXPONENT_2, Type::COEFFICIENT].map(secret),
    })
}

fn kem_private(template: &Template) -> Result<MlKemPrivateKey, Status> {
    let set = kem_set(template)?;
    let value = template.bytes(Type::VALUE).filter(|value| !value.is_empty());
    let Some(seed) = seed(template) else {
        let value = value.ok_or(Status::TemplateIncomplete)?;
        return MlKemPrivateKey::from_expanded(set, value).map_err(fault::preparing);
    };
    let key = MlKemPrivateKey::from_seed(set, seed).map_err(fault::preparing)?;
    agree(value, key.expanded())?;
    Ok(key)
}

fn dsa_private(template: &Template) -> Result<MlDsaPrivateKey, Status> {
    let set = dsa_set(template)?;
    let value = template.bytes(Type::VALUE).filter(|value| !value.is_empty());
    let Some(seed) = seed(template) else {
        let value = value.ok_or(Status::TemplateIncomplete)?;
        return MlDsaPrivateKey::from_expanded(set, value).map_err(fault::preparing);
    };
    let key = MlDsaPrivateKey::from_seed(set, seed).map_err(fault::preparing)?;
    agree(value, key.expanded())?;
    Ok(key)
}

/// A seed, if there is one.
pub(super) fn seed(template: &Template) -> Option<&[u8]> {
    template.bytes(Type::SEED).filter(|seed| !seed.is_empty())
}

fn agree(value: Option<&[u8]>, expanded: &[u8]) -> Result<(), Status> {
    match value {
        Some(value) if value != expanded => Err(Status::AttributeValueInvalid),
        _ => Ok(()),
    }
}

/// `CKP_ML_KEM_...` of version 3.2.
pub(super) fn kem_set(template: &Template) -> Result<MlKemSet, Status> {
    match template.number(Type::PARAMETER_SET) {
        Some(1) => Ok(MlKemSet::MlKem512),
        Some(2) => Ok(MlKemSet::MlKem768),
        Some(3) => Ok(MlKemSet::MlKem1024),
        Some(_) => Err(Status::ParameterSetNotSupported),
        None => Err(Status::TemplateIncomplete),
    }
}

/// `CKP_ML_DSA_...` of version 3.2.
pub(super) fn dsa_set(template: &Template) -> Result<MlDsaSet, Status> {
    match template.number(Type::PARAMETER_SET) {
        Some(1) => Ok(MlDsaSet::MlDsa44),
        Some(2) => Ok(MlDsaSet::MlDsa65),
        Some(3) => Ok(MlDsaSet::MlDsa87),
        Some(_) => Err(Status::ParameterSetNotSupported),
        None => Err(Status::TemplateIncomplete),
    }
}

/// Whether a secret key of this kind may have so many bytes.
pub(super) fn check_secret(kind: KeyType, bytes: usize) -> Result<(), Status> {
    let right = match kind {
        KeyType::AES => [16, 24, 32].contains(&bytes),
        KeyType::CHACHA20 => bytes == 32,
        KeyType::GENERIC_SECRET | KeyType::HKDF => (1..=GREATEST_SECRET_BYTES).contains(&bytes),
        kind if hashes::of_hmac_key(kind).is_some() => (1..=GREATEST_SECRET_BYTES).contains(&bytes),
        _ => return Err(Status::KeyTypeInconsistent),
    };
    if right { Ok(()) } else { Err(Status::KeySizeRange) }
}

/// The bytes of an attribute that has to be there.
pub(super) fn present(template: &Template, kind: Type) -> Result<&[u8], Status> {
    match template.bytes(kind) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        Some(_) => Err(Status::AttributeValueInvalid),
        None => Err(Status::TemplateIncomplete),
    }
}
