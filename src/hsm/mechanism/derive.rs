//! Keys out of other keys.
//!
//! A derived key never is a piece of its base that could be searched: where PKCS#11 would let a
//! template cut a concatenation or an exclusive-or down to a few unknown bytes, we refuse, because
//! byte after byte of a sensitive key could be had that way (Clulow, "On the Security of
//! PKCS #11", 2003). `CKM_EXTRACT_KEY_FROM_KEY` has no other use and is not there.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    crypto::{BlockMode, CipherStream, Direction, HkdfScheme, hkdf, x963},
    model::{
        Status,
        cryptoki::{
            AttributeType as Type, AttributeValue as Value, HkdfSalt, KeyDerivation, KeyType,
            Mechanism, MechanismType, ObjectClass, Parameters, Template,
        },
    },
};

use super::{
    attributes::{self, asked_bytes, secret_kind},
    curve::Curve,
    fault, hashes, kbkdf,
    key::{Material, PreparedKey, Secret},
};

/// What a derivation gave, and which end counts if less of it is asked for.
pub(super) struct Derived {
    pub(super) value: Zeroizing<Vec<u8>>,
    pub(super) cut: Cut,
}

pub(super) enum Cut {
    /// The first bytes are taken.
    End,
    /// The last bytes are taken.
    Beginning,
    /// Less would be searchable.
    Never,
}

/// A new secret key (with `CKM_HKDF_DATA`, the value of a data object) from a base key and from the
/// keys that the parameters name, in their order.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`: it derives nothing so.
/// `CKR_KEY_TYPE_INCONSISTENT`: it takes no such base key. `CKR_TEMPLATE_INCOMPLETE`: a length is
/// missing. `CKR_TEMPLATE_INCONSISTENT`, `CKR_KEY_SIZE_RANGE`: there is no such key, or it would be
/// longer than what is derived, or a piece of its base.
pub fn derive(
    mechanism: &Mechanism,
    base: &PreparedKey,
    others: &[Arc<PreparedKey>],
    template: &Template,
) -> Result<Template, Status> {
    if !mechanism.parameters.are_fed_in_bounds() {
        return Err(Status::MechanismParamInvalid);
    }
    if mechanism.mechanism == MechanismType::HKDF_DATA {
        let bytes = template.number(Type::VALUE_LEN).ok_or(Status::TemplateIncomplete)?;
        let bytes = usize::try_from(bytes).map_err(|_| Status::KeySizeRange)?;
        let value = by_hkdf(&mechanism.parameters, base, others, Some(bytes))?.value;
        return Ok(Template::default()
            .with(Type::CLASS, ObjectClass::DATA.0)
            .with(Type::VALUE, Value::bytes(value.as_slice())));
    }
    let kind = secret_kind(template)?;
    let asked = asked_bytes(template, kind)?;
    let derived = match mechanism.mechanism {
        MechanismType::ECDH1_DERIVE => agree(&mechanism.parameters, base, asked)?,
        MechanismType::ECDH1_COFACTOR_DERIVE => match base.key_type() {
            // The cofactor of these curves is 1.
            KeyType::EC => agree(&mechanism.parameters, base, asked)?,
            _ => return Err(Status::KeyTypeInconsistent),
        },
        MechanismType::HKDF_DERIVE => by_hkdf(&mechanism.parameters, base, others, asked)?,
        MechanismType::SP800_108_COUNTER_KDF
        | MechanismType::SP800_108_FEEDBACK_KDF
        | MechanismType::SP800_108_DOUBLE_PIPELINE_KDF => {
            let bytes = asked.ok_or(Status::TemplateIncomplete)?;
            let value = kbkdf::derive(mechanism, base.secret()?, bytes)?;
            Derived { value, cut: Cut::Never }
        }
        MechanismType::AES_ECB_ENCRYPT_DATA | MechanismType::AES_CBC_ENCRYPT_DATA => {
            by_encryption(&mechanism.parameters, base.secret()?)?
        }
        MechanismType::CONCATENATE_BASE_AND_KEY
        | MechanismType::CONCATENATE_BASE_AND_DATA
        | MechanismType::CONCATENATE_DATA_AND_BASE
        | MechanismType::XOR_BASE_AND_DATA => combine(mechanism, base.secret()?, others)?,
        _ => return Err(Status::MechanismInvalid),
    };
    finish(kind, asked, &derived)
}

fn finish(kind: KeyType, asked: Option<usize>, derived: &Derived) -> Result<Template, Status> {
    let value = &derived.value;
    let bytes = asked.unwrap_or(value.len());
    let cut = value.len().checked_sub(bytes).ok_or(Status::KeySizeRange)?;
    let value = match derived.cut {
        _ if cut == 0 => &value[..],
        Cut::End => &value[..bytes],
        Cut::Beginning => &value[cut..],
        Cut::Never => return Err(Status::TemplateInconsistent),
    };
    attributes::secret(kind, value)
}

fn agree(
    parameters: &Parameters,
    base: &PreparedKey,
    asked: Option<usize>,
) -> Result<Derived, Status> {
    let Parameters::Ecdh { derivation, shared, public } = parameters else {
        return Err(Status::MechanismParamInvalid);
    };
    let curve = match &base.material {
        Material::EcPrivate(key) => Curve::Weierstrass(key.curve()),
        Material::MontgomeryPrivate(key) => Curve::Montgomery(key.curve()),
        _ => return Err(Status::KeyTypeInconsistent),
    };
    let point = curve.point(public).ok_or(Status::MechanismParamInvalid)?;
    let secret = match &base.material {
        Material::EcPrivate(key) => key.agree(point),
        Material::MontgomeryPrivate(key) => key.agree(point),
        _ => return Err(Status::KeyTypeInconsistent),
    }
    .map_err(fault::deriving)?;
    if *derivation == KeyDerivation::NULL {
        if !shared.is_empty() {
            return Err(Status::MechanismParamInvalid);
        }
        // Section 6.3.17: the truncation removes bytes from the leading end.
        return Ok(Derived { value: secret, cut: Cut::Beginning });
    }
    let hash = derivation.x963_hash().and_then(hashes::of_digest);
    let hash = hash.ok_or(Status::MechanismParamInvalid)?;
    let bytes = asked.ok_or(Status::TemplateIncomplete)?;
    let value = x963(hash, &secret, shared, bytes).map_err(fault::deriving)?;
    Ok(Derived { value, cut: Cut::Never })
}

fn by_hkdf(
    parameters: &Parameters,
    base: &PreparedKey,
    others: &[Arc<PreparedKey>],
    asked: Option<usize>,
) -> Result<Derived, Status> {
    let Parameters::Hkdf { extract, expand, hash, salt, info } = parameters else {
        return Err(Status::MechanismParamInvalid);
    };
    let hash = hashes::of_digest(*hash).ok_or(Status::MechanismParamInvalid)?;
    let salt = match salt {
        HkdfSalt::Null => &[],
        HkdfSalt::Data(salt) => &salt[..],
        HkdfSalt::Key(_) => others.first().ok_or(Status::MechanismParamInvalid)?.secret()?.value(),
    };
    let bytes = match (asked, expand) {
        (Some(bytes), _) => bytes,
        (None, false) => hash.bytes(),
        (None, true) => return Err(Status::TemplateIncomplete),
    };
    // RFC 5869 section 2.3.
    let greatest = if *expand { 255 * hash.bytes() } else { hash.bytes() };
    if !(1..=greatest).contains(&bytes) {
        return Err(Status::KeySizeRange);
    }
    let scheme =
        HkdfScheme { hash, extract: extract.then_some(salt), expand: expand.then_some(info) };
    let value = hkdf(&scheme, base.secret()?.value(), bytes).map_err(fault::deriving)?;
    Ok(Derived { value, cut: Cut::Never })
}

fn by_encryption(parameters: &Parameters, base: &Secret) -> Result<Derived, Status> {
    let (mode, data) = match parameters {
        Parameters::Data(data) => (BlockMode::Ecb, &data[..]),
        Parameters::CbcEncryptData { vector, data } => {
            (BlockMode::Cbc { vector: *vector }, &data[..])
        }
        _ => return Err(Status::MechanismParamInvalid),
    };
    if base.kind() != KeyType::AES {
        return Err(Status::KeyTypeInconsistent);
    }
    if data.is_empty() {
        return Err(Status::MechanismParamInvalid);
    }
    let cipher = base.cipher().map_err(fault::deriving)?;
    let value = CipherStream::run(cipher, mode, Direction::Encrypt, data);
    Ok(Derived { value: value.map_err(fault::deriving)?, cut: Cut::End })
}

fn combine(
    mechanism: &Mechanism,
    base: &Secret,
    others: &[Arc<PreparedKey>],
) -> Result<Derived, Status> {
    let base = base.value();
    let (first, second) = match (mechanism.mechanism, &mechanism.parameters) {
        (MechanismType::CONCATENATE_BASE_AND_KEY, Parameters::Key(_)) => {
            (base, others.first().ok_or(Status::MechanismParamInvalid)?.secret()?.value())
        }
        (MechanismType::CONCATENATE_BASE_AND_DATA, Parameters::Data(data)) => (base, &data[..]),
        (MechanismType::CONCATENATE_DATA_AND_BASE, Parameters::Data(data)) => (&data[..], base),
        (MechanismType::XOR_BASE_AND_DATA, Parameters::Data(data)) if data.len() >= base.len() => {
            let mixed = base.iter().zip(data.iter()).map(|(one, other)| one ^ other);
            return Ok(Derived { value: Zeroizing::new(mixed.collect()), cut: Cut::Never });
        }
        _ => return Err(Status::MechanismParamInvalid),
    };
    let mut value = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    value.extend_from_slice(first);
    value.extend_from_slice(second);
    Ok(Derived { value, cut: Cut::Never })
}
