//! Keys in DER: `SubjectPublicKeyInfo` (RFC 5280) and `PrivateKeyInfo` (RFC 5208; RFC 8410 for
//! Edwards and Montgomery curves, RFC 9935 and RFC 9881 for ML-KEM and ML-DSA).

use pkcs8::{
    AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef,
    der::{
        Decode, Encode, Reader, SliceReader,
        asn1::{AnyRef, BitStringRef, ContextSpecific, OctetStringRef},
    },
};
use zeroize::Zeroizing;

use crate::{
    crypto::{EcPrivateKey, MlDsaSet, MlKemSet, RsaComponents},
    model::{
        Status,
        cryptoki::{AttributeType as Type, KeyType, ObjectClass, Template},
    },
};

use super::{curve::Curve, prepare};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

static LATTICE: [(KeyType, u64, ObjectIdentifier); 6] = [
    (KeyType::ML_KEM, 1, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.1")),
    (KeyType::ML_KEM, 2, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.2")),
    (KeyType::ML_KEM, 3, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.3")),
    (KeyType::ML_DSA, 1, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17")),
    (KeyType::ML_DSA, 2, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18")),
    (KeyType::ML_DSA, 3, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19")),
];

/// `CKP_ML_KEM_...` of a parameter set.
pub(super) const fn kem_number(set: MlKemSet) -> u64 {
    match set {
        MlKemSet::MlKem512 => 1,
        MlKemSet::MlKem768 => 2,
        MlKemSet::MlKem1024 => 3,
    }
}

/// `CKP_ML_DSA_...` of a parameter set.
pub(super) const fn dsa_number(set: MlDsaSet) -> u64 {
    match set {
        MlDsaSet::MlDsa44 => 1,
        MlDsaSet::MlDsa65 => 2,
        MlDsaSet::MlDsa87 => 3,
    }
}

/// The public key's algorithm, as far as DER writes it down.
#[derive(Clone, Copy)]
pub(super) enum Algorithm {
    Rsa,
    Curve(Curve),
    Lattice(KeyType, u64),
}

/// `SubjectPublicKeyInfo`, which `CKA_PUBLIC_KEY_INFO` holds.
pub(super) fn public_key_info(algorithm: Algorithm, key: &[u8]) -> Result<Vec<u8>, Status> {
    let curve = match algorithm {
        Algorithm::Curve(curve) => Some(curve.identifier()?),
        _ => None,
    };
    let encode = || {
        let info = SubjectPublicKeyInfoRef {
            algorithm: identifier(algorithm, curve.as_ref())?,
            subject_public_key: BitStringRef::from_bytes(key).ok()?,
        };
        info.to_der().ok()
    };
    encode().ok_or(Status::FunctionFailed)
}

fn identifier(
    algorithm: Algorithm,
    curve: Option<&ObjectIdentifier>,
) -> Option<AlgorithmIdentifierRef<'_>> {
    Some(match algorithm {
        Algorithm::Rsa => AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) },
        Algorithm::Curve(Curve::Weierstrass(_)) => {
            AlgorithmIdentifierRef { oid: EC, parameters: Some(curve?.into()) }
        }
        Algorithm::Curve(_) => AlgorithmIdentifierRef { oid: *curve?, parameters: None },
        Algorithm::Lattice(kind, set) => {
            let known = LATTICE.iter().find(|known| (known.0, known.1) == (kind, set))?;
            AlgorithmIdentifierRef { oid: known.2, parameters: None }
        }
    })
}

/// `PrivateKeyInfo` of a private key's attributes.
///
/// # Errors
/// `CKR_KEY_NOT_WRAPPABLE`: we have no encoding of such a key.
pub(super) fn private_key_info(template: &Template) -> Result<Zeroizing<Vec<u8>>, Status> {
    let kind = KeyType(template.number(Type::KEY_TYPE).ok_or(Status::KeyNotWrappable)?);
    match kind {
        KeyType::RSA => {
            let key = prepare::rsa_components(template)?.to_der();
            private_info(Algorithm::Rsa, &key.map_err(|_| Status::KeyNotWrappable)?)
        }
        KeyType::EC => {
            let Curve::Weierstrass(curve) = named_curve(kind, template)? else {
                return Err(Status::KeyNotWrappable);
            };
            EcPrivateKey::new(curve, prepare::present(template, Type::VALUE)?)
                .and_then(|key| key.to_pkcs8())
                .map_err(|_| Status::KeyNotWrappable)
        }
        KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY => {
            let value = octets(prepare::present(template, Type::VALUE)?)?;
            private_info(Algorithm::Curve(named_curve(kind, template)?), &value)
        }
        KeyType::ML_KEM | KeyType::ML_DSA => {
            let set = template.number(Type::PARAMETER_SET).ok_or(Status::KeyNotWrappable)?;
            let value = match prepare::seed(template) {
                Some(seed) => tagged_seed(seed)?,
                None => octets(prepare::present(template, Type::VALUE)?)?,
            };
            private_info(Algorithm::Lattice(kind, set), &value)
        }
        _ => Err(Status::KeyNotWrappable),
    }
}

fn named_curve(kind: KeyType, template: &Template) -> Result<Curve, Status> {
    Curve::parse_for(kind, prepare::present(template, Type::EC_PARAMS)?)
}

fn octets(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    let encode = |bytes| OctetStringRef::new(bytes)?.to_der();
    encode(bytes).map(Zeroizing::new).map_err(|_| Status::KeyNotWrappable)
}

/// `seed [0] IMPLICIT OCTET STRING`.
fn tagged_seed(seed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    let mut encoded = octets(seed)?;
    encoded[0] = SEED_TAG;
    Ok(encoded)
}

/// Context-specific, primitive, number 0.
const SEED_TAG: u8 = 0x80;

fn private_info(algorithm: Algorithm, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    let curve = match algorithm {
        Algorithm::Curve(curve) => Some(curve.identifier()?),
        _ => None,
    };
    let encode = || {
        let key = OctetStringRef::new(key).ok()?;
        PrivateKeyInfoRef::new(identifier(algorithm, curve.as_ref())?, key).to_der().ok()
    };
    encode().map(Zeroizing::new).ok_or(Status::KeyNotWrappable)
}

/// The attributes of the private key in a `PrivateKeyInfo`: its kind and its values, as they stand
/// there.
///
/// # Errors
/// `CKR_WRAPPED_KEY_INVALID`: it is none, or of a kind that we do not have.
pub(super) fn parse_private_key_info(der: &[u8]) -> Result<Template, Status> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| Status::WrappedKeyInvalid)?;
    let key = info.private_key.as_bytes();
    let template = |kind: KeyType| {
        Template::default()
            .with(Type::CLASS, ObjectClass::PRIVATE_KEY.0)
            .with(Type::KEY_TYPE, kind.0)
    };
    let oid = info.algorithm.oid;
    if oid == RSA {
        let key = RsaComponents::from_der(key).map_err(|_| Status::WrappedKeyInvalid)?;
        return Ok(rsa_values(template(KeyType::RSA), &key));
    }
    if oid == EC {
        let name = info.algorithm.parameters_oid().map_err(|_| Status::WrappedKeyInvalid)?;
        let parameters = name.to_der().map_err(|_| Status::WrappedKeyInvalid)?;
        let Ok(Curve::Weierstrass(curve)) = Curve::parse(&parameters) else {
            return Err(Status::WrappedKeyInvalid);
        };
        let key = EcPrivateKey::from_pkcs8(curve, der).map_err(|_| Status::WrappedKeyInvalid)?;
        return Ok(template(KeyType::EC)
            .with(Type::EC_PARAMS, bytes(&parameters))
            .with(Type::VALUE, bytes(key.number())));
    }
    if let Some((kind, set, _)) = LATTICE.iter().find(|known| known.2 == oid) {
        let template = template(*kind).with(Type::PARAMETER_SET, *set);
        return lattice_values(template, key).ok_or(Status::WrappedKeyInvalid);
    }
    let parameters = oid.to_der().map_err(|_| Status::WrappedKeyInvalid)?;
    let curve = Curve::parse(&parameters).map_err(|_| Status::WrappedKeyInvalid)?;
    let value = <&OctetStringRef>::from_der(key).map_err(|_| Status::WrappedKeyInvalid)?;
    Ok(template(curve.key_type())
        .with(Type::EC_PARAMS, bytes(&parameters))
        .with(Type::VALUE, bytes(value.as_bytes())))
}

/// An RSA private key's numbers.
pub(super) fn rsa_values(template: Template, key: &RsaComponents) -> Template {
    let [p, q] = &key.primes;
    let [dp, dq, qi] = &key.remainders;
    template
        .with(Type::MODULUS, bytes(&key.modulus))
        .with(Type::PUBLIC_EXPONENT, bytes(&key.public_exponent))
        .with(Type::PRIVATE_EXPONENT, bytes(&key.private_exponent))
        .with(Type::PRIME_1, bytes(p))
        .with(Type::PRIME_2, bytes(q))
        .with(Type::EXPONENT_1, bytes(dp))
        .with(Type::EXPONENT_2, bytes(dq))
        .with(Type::COEFFICIENT, bytes(qi))
}

/// A seed, an expanded key, or both.
fn lattice_values(template: Template, key: &[u8]) -> Option<Template> {
    if key.first() == Some(&SEED_TAG) {
        let seed = ContextSpecific::<&OctetStringRef>::decode_implicit(
            &mut SliceReader::new(key).ok()?,
            pkcs8::der::TagNumber(0),
        );
        return Some(template.with(Type::SEED, bytes(seed.ok()??.value.as_bytes())));
    }
    if let Ok(expanded) = <&OctetStringRef>::from_der(key) {
        return Some(template.with(Type::VALUE, bytes(expanded.as_bytes())));
    }
    let mut reader = SliceReader::new(key).ok()?;
    let both = reader.sequence(|reader| {
        Ok::<_, pkcs8::der::Error>((
            <&OctetStringRef>::decode(reader)?,
            <&OctetStringRef>::decode(reader)?,
        ))
    });
    let (seed, expanded) = both.ok()?;
    reader.finish().ok()?;
    let template = template.with(Type::SEED, bytes(seed.as_bytes()));
    Some(template.with(Type::VALUE, bytes(expanded.as_bytes())))
}

fn bytes(value: &[u8]) -> crate::model::cryptoki::AttributeValue {
    crate::model::cryptoki::AttributeValue::bytes(value)
}
