//! New keys.

use zeroize::Zeroizing;

use crate::{
    crypto::{
        EcPrivateKey, EdwardsPrivateKey, HashFunction, MlDsaPrivateKey, MlKemPrivateKey,
        MontgomeryPrivateKey, PasswordDerivation, Random, RsaComponents, SystemRandom, pbkdf2,
    },
    model::{
        MAXIMUM_PASSWORD_WORK, Status,
        cryptoki::{
            AttributeType as Type, KeyType, Mechanism, MechanismType, ObjectClass, Parameters,
            Template,
        },
    },
};

use super::{
    attributes::{self, asked_bytes, expect, secret_kind},
    curve::Curve,
    encoding, fault, hashes, prepare,
    scheme::is_none,
};

/// A pair's public exponent if its template names none.
const USUAL_EXPONENT: &[u8] = &[1, 0, 1];

/// A new secret key: the attributes that follow from its value, to be added to the template.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it generates no such key.
/// `CKR_TEMPLATE_INCOMPLETE`: the length is missing. `CKR_TEMPLATE_INCONSISTENT`: the template names
/// another class or kind. `CKR_KEY_SIZE_RANGE`: no such key has this length.
pub fn generate_key(mechanism: &Mechanism, template: &Template) -> Result<Template, Status> {
    generate_key_while(mechanism, template, &|| true)
}

/// As [`generate_key`], as long as somebody waits for the key.
///
/// # Errors
/// As those of [`generate_key`], and `CKR_FUNCTION_CANCELED`: nobody waits for it any more.
pub fn generate_key_while(
    mechanism: &Mechanism,
    template: &Template,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Template, Status> {
    let (kind, usual) = match mechanism.mechanism {
        MechanismType::PKCS5_PBKD2 => {
            return from_password(&mechanism.parameters, template, is_wanted);
        }
        MechanismType::AES_KEY_GEN => (KeyType::AES, None),
        MechanismType::CHACHA20_KEY_GEN => (KeyType::CHACHA20, None),
        MechanismType::GENERIC_SECRET_KEY_GEN => (generic_kind(template)?, None),
        MechanismType::HKDF_KEY_GEN => (KeyType::HKDF, None),
        other => {
            let kind = hashes::key_generated_by(other).ok_or(Status::MechanismInvalid)?;
            (kind, hashes::of_hmac_key(kind).map(HashFunction::bytes))
        }
    };
    if !is_none(&mechanism.parameters) {
        return Err(Status::MechanismParamInvalid);
    }
    expect(template, ObjectClass::SECRET_KEY, kind)?;
    let bytes = asked_bytes(template, kind)?.or(usual).ok_or(Status::TemplateIncomplete)?;
    let mut value = Zeroizing::new(vec![0; bytes]);
    SystemRandom::new().fill(&mut value).map_err(|_| Status::FunctionFailed)?;
    attributes::secret(kind, &value)
}

/// Generic secrets may say which HMAC or derivation they are for.
fn generic_kind(template: &Template) -> Result<KeyType, Status> {
    let kind = secret_kind(template)?;
    let generic = matches!(kind, KeyType::GENERIC_SECRET | KeyType::HKDF);
    if generic || hashes::of_hmac_key(kind).is_some() {
        Ok(kind)
    } else {
        Err(Status::TemplateInconsistent)
    }
}

fn from_password(
    parameters: &Parameters,
    template: &Template,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Template, Status> {
    let Parameters::Pbkdf2 { salt, iterations, prf, password } = parameters else {
        return Err(Status::MechanismParamInvalid);
    };
    let (hash, general) = hashes::of_hmac(*prf).ok_or(Status::MechanismParamInvalid)?;
    if general || !parameters.are_fed_in_bounds() {
        return Err(Status::MechanismParamInvalid);
    }
    let kind = secret_kind(template)?;
    let bytes = asked_bytes(template, kind)?.ok_or(Status::TemplateIncomplete)?;
    let blocks = u64::try_from(bytes.div_ceil(hash.bytes())).map_err(|_| Status::KeySizeRange)?;
    if iterations.0.saturating_mul(blocks) > MAXIMUM_PASSWORD_WORK {
        return Err(Status::MechanismParamInvalid);
    }
    let how = PasswordDerivation { hash, password, salt, iterations: iterations.0, bytes };
    let value = pbkdf2(&how, is_wanted).map_err(fault::deriving)?;
    attributes::secret(kind, &value)
}

/// A new key pair: the attributes that follow from its values, to be added to the templates.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it generates no such pair.
/// `CKR_TEMPLATE_INCOMPLETE`: size, curve or parameter set are missing.
/// `CKR_TEMPLATE_INCONSISTENT`: a template names another class or kind. `CKR_KEY_SIZE_RANGE`,
/// `CKR_CURVE_NOT_SUPPORTED`, `CKR_DOMAIN_PARAMS_INVALID`, `CKR_PARAMETER_SET_NOT_SUPPORTED`,
/// `CKR_ATTRIBUTE_VALUE_INVALID`: there is no such pair.
pub fn generate_pair(
    mechanism: &Mechanism,
    public: &Template,
    private: &Template,
) -> Result<(Template, Template), Status> {
    let kind = match mechanism.mechanism {
        MechanismType::RSA_PKCS_KEY_PAIR_GEN => KeyType::RSA,
        MechanismType::EC_KEY_PAIR_GEN => KeyType::EC,
        MechanismType::EC_EDWARDS_KEY_PAIR_GEN => KeyType::EC_EDWARDS,
        MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN => KeyType::EC_MONTGOMERY,
        MechanismType::ML_KEM_KEY_PAIR_GEN => KeyType::ML_KEM,
        MechanismType::ML_DSA_KEY_PAIR_GEN => KeyType::ML_DSA,
        _ => return Err(Status::MechanismInvalid),
    };
    if !is_none(&mechanism.parameters) {
        return Err(Status::MechanismParamInvalid);
    }
    expect(public, ObjectClass::PUBLIC_KEY, kind)?;
    expect(private, ObjectClass::PRIVATE_KEY, kind)?;
    match kind {
        KeyType::RSA => rsa_pair(public),
        KeyType::ML_KEM => kem_pair(public, private),
        KeyType::ML_DSA => dsa_pair(public, private),
        _ => {
            let given = [public, private].into_iter().find_map(|one| one.bytes(Type::EC_PARAMS));
            curve_pair(Curve::parse_for(kind, given.ok_or(Status::TemplateIncomplete)?)?)
        }
    }
}

fn rsa_pair(public: &Template) -> Result<(Template, Template), Status> {
    let bits = public.number(Type::MODULUS_BITS).ok_or(Status::TemplateIncomplete)?;
    let bits = u32::try_from(bits).map_err(|_| Status::KeySizeRange)?;
    let exponent = public.bytes(Type::PUBLIC_EXPONENT).filter(|bytes| !bytes.is_empty());
    let key = RsaComponents::generate(bits, exponent.unwrap_or(USUAL_EXPONENT));
    let key = key.map_err(fault::preparing)?;
    let public = attributes::rsa_public(&key.modulus, &key.public_exponent)?;
    Ok((public, attributes::rsa_private(&key)?))
}

fn curve_pair(curve: Curve) -> Result<(Template, Template), Status> {
    let pair = |value: &[u8], point: &[u8]| {
        Ok((
            attributes::curve_public(curve, point)?,
            attributes::curve_private(curve, value, point)?,
        ))
    };
    match curve {
        Curve::Weierstrass(curve) => {
            let key = EcPrivateKey::generate(curve).map_err(fault::preparing)?;
            pair(key.number(), key.public_point())
        }
        Curve::Edwards(curve) => {
            let key = EdwardsPrivateKey::generate(curve).map_err(fault::preparing)?;
            pair(key.seed(), key.public())
        }
        Curve::Montgomery(curve) => {
            let key = MontgomeryPrivateKey::generate(curve).map_err(fault::preparing)?;
            pair(key.secret(), key.public())
        }
    }
}

/// The template that names the parameter set: usually the public key's.
fn naming_set<'a>(public: &'a Template, private: &'a Template) -> &'a Template {
    if public.get(Type::PARAMETER_SET).is_some() { public } else { private }
}

fn kem_pair(public: &Template, private: &Template) -> Result<(Template, Template), Status> {
    let set = prepare::kem_set(naming_set(public, private))?;
    let seed = MlKemPrivateKey::random_seed().map_err(fault::preparing)?;
    let key = MlKemPrivateKey::from_seed(set, &seed).map_err(fault::preparing)?;
    let number = encoding::kem_number(set);
    let public = attributes::lattice_public(KeyType::ML_KEM, number, key.public())?;
    Ok((public, attributes::kem_private(&key, Some(&seed))?))
}

fn dsa_pair(public: &Template, private: &Template) -> Result<(Template, Template), Status> {
    let set = prepare::dsa_set(naming_set(public, private))?;
    let seed = MlDsaPrivateKey::random_seed().map_err(fault::preparing)?;
    let key = MlDsaPrivateKey::from_seed(set, &seed).map_err(fault::preparing)?;
    let number = encoding::dsa_number(set);
    let public = attributes::lattice_public(KeyType::ML_DSA, number, key.public())?;
    Ok((public, attributes::dsa_private(&key, Some(&seed))?))
}
