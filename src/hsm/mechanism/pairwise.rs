//! Whether the two keys of a new pair belong together: what one does, the other undoes (FIPS 140-3
//! implementation guidance 10.3.A). It is asked of the attributes that will be kept, before anybody
//! has a handle.

use crate::{
    crypto::{HashFunction, MontgomeryPrivateKey, PrimitiveError},
    model::{
        Status,
        cryptoki::{AttributeType as Type, KeyType, Template},
    },
};

use super::{
    curve::Curve,
    key::{Material, PreparedKey},
    prepare::present,
};

/// What is signed.
const TEXT: &[u8] = b"pairwise consistency";

/// Checks that two keys are one pair.
///
/// # Errors
/// `CKR_DEVICE_ERROR`: they are not, and nothing may be done with either.
pub fn check_pair(public: &Template, private: &Template) -> Result<(), Status> {
    let outcome = keys(public, private).and_then(|(key, other)| {
        let point = || montgomery_point(public);
        holds(&key.material, &other.material, point).map_err(|_| Status::DeviceError)
    });
    outcome.map_err(|status| {
        tracing::error!(%status, "a new pair of keys does not belong together: it is not kept");
        Status::DeviceError
    })
}

fn keys(public: &Template, private: &Template) -> Result<(PreparedKey, PreparedKey), Status> {
    Ok((PreparedKey::from_template(public)?, PreparedKey::from_template(private)?))
}

fn montgomery_point(public: &Template) -> Option<Vec<u8>> {
    let parameters = present(public, Type::EC_PARAMS).ok()?;
    let curve = Curve::parse_for(KeyType::EC_MONTGOMERY, parameters).ok()?;
    curve.point(present(public, Type::EC_POINT).ok()?).map(<[u8]>::to_vec)
}

fn holds(
    public: &Material,
    private: &Material,
    point: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<(), PrimitiveError> {
    let other = PrimitiveError::Key;
    match private {
        Material::RsaPrivate(private) => {
            let Material::RsaPublic(public) = public else { return Err(other) };
            let hash = HashFunction::Sha256;
            let value = hash.hash(TEXT)?;
            public.verify_pkcs1(hash, value.as_ref(), &private.sign_pkcs1(hash, value.as_ref())?)
        }
        Material::EcPrivate(private) => {
            let Material::EcPublic(public) = public else { return Err(other) };
            let value = HashFunction::Sha256.hash(TEXT)?;
            public.verify(value.as_ref(), &private.sign(value.as_ref())?)
        }
        Material::EdwardsPrivate(private) => {
            let Material::EdwardsPublic(public) = public else { return Err(other) };
            public.verify(TEXT, &private.sign(TEXT)?)
        }
        Material::DsaPrivate(private) => {
            let Material::DsaPublic(public) = public else { return Err(other) };
            public.verify(TEXT, &private.sign(TEXT)?)
        }
        Material::KemPrivate(private) => {
            let Material::KemPublic(public) = public else { return Err(other) };
            let (ciphertext, secret) = public.encapsulate()?;
            same(&private.decapsulate(&ciphertext)?, &secret)
        }
        Material::MontgomeryPrivate(private) => {
            let Material::MontgomeryPublic(curve) = public else { return Err(other) };
            let partner = MontgomeryPrivateKey::generate(*curve)?;
            let point = point().ok_or(other)?;
            same(&private.agree(partner.public())?, &partner.agree(&point)?)
        }
        Material::RsaPublic(_)
        | Material::EcPublic(_)
        | Material::EdwardsPublic(_)
        | Material::MontgomeryPublic(_)
        | Material::KemPublic(_)
        | Material::DsaPublic(_)
        | Material::Secret(_) => Err(other),
    }
}

fn same(one: &[u8], other: &[u8]) -> Result<(), PrimitiveError> {
    if one == other { Ok(()) } else { Err(PrimitiveError::Data) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::WeierstrassCurve,
        hsm::mechanism::generate_pair,
        model::cryptoki::{AttributeValue, Mechanism, MechanismType as M, ObjectClass, Parameters},
    };

    /// Every kind of pair, by its mechanism and what its public template names.
    fn kinds() -> Vec<(M, KeyType, Template)> {
        let named =
            |kind, bytes: &[u8]| Template::default().with(kind, AttributeValue::bytes(bytes));
        let curve = |oid: &[u8]| named(Type::EC_PARAMS, oid);
        let set = |number: u64| Template::default().with(Type::PARAMETER_SET, number);
        vec![
            (
                M::RSA_PKCS_KEY_PAIR_GEN,
                KeyType::RSA,
                Template::default().with(Type::MODULUS_BITS, 2048),
            ),
            (M::EC_KEY_PAIR_GEN, KeyType::EC, curve(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")),
            (M::EC_KEY_PAIR_GEN, KeyType::EC, curve(b"\x06\x05\x2b\x81\x04\x00\x22")),
            (M::EC_KEY_PAIR_GEN, KeyType::EC, curve(b"\x06\x05\x2b\x81\x04\x00\x23")),
            (M::EC_KEY_PAIR_GEN, KeyType::EC, curve(b"\x06\x05\x2b\x81\x04\x00\x0a")),
            (M::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS, curve(b"\x06\x03\x2b\x65\x70")),
            (M::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS, curve(b"\x06\x03\x2b\x65\x71")),
            (M::EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EC_MONTGOMERY, curve(b"\x06\x03\x2b\x65\x6e")),
            (M::EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EC_MONTGOMERY, curve(b"\x06\x03\x2b\x65\x6f")),
            (M::ML_KEM_KEY_PAIR_GEN, KeyType::ML_KEM, set(1)),
            (M::ML_KEM_KEY_PAIR_GEN, KeyType::ML_KEM, set(2)),
            (M::ML_KEM_KEY_PAIR_GEN, KeyType::ML_KEM, set(3)),
            (M::ML_DSA_KEY_PAIR_GEN, KeyType::ML_DSA, set(1)),
            (M::ML_DSA_KEY_PAIR_GEN, KeyType::ML_DSA, set(2)),
            (M::ML_DSA_KEY_PAIR_GEN, KeyType::ML_DSA, set(3)),
        ]
    }

    /// A new pair's whole templates.
    fn pair(mechanism: M, kind: KeyType, named: &Template) -> (Template, Template) {
        let mechanism = Mechanism { mechanism, parameters: Parameters::None };
        let of = |class: ObjectClass| {
            Template::default().with(Type::CLASS, class.0).with(Type::KEY_TYPE, kind.0)
        };
        let mut public = named.clone();
        public.0.extend(of(ObjectClass::PUBLIC_KEY).0);
        let mut private = of(ObjectClass::PRIVATE_KEY);
        let values = generate_pair(&mechanism, &public, &private).unwrap();
        for (whole, values) in [(&mut public, values.0), (&mut private, values.1)] {
            for attribute in values.0 {
                whole.set(attribute.kind, attribute.value);
            }
        }
        (public, private)
    }

    #[test]
    fn two_keys_of_one_pair_belong_together_and_no_others() {
        for (mechanism, kind, named) in kinds() {
            let (one, other) = (pair(mechanism, kind, &named), pair(mechanism, kind, &named));
            assert_eq!(check_pair(&one.0, &one.1), Ok(()), "{kind}");
            assert_eq!(check_pair(&one.0, &other.1), Err(Status::DeviceError), "{kind}");
            assert_eq!(check_pair(&other.0, &one.1), Err(Status::DeviceError), "{kind}");
            assert_eq!(check_pair(&one.1, &one.0), Err(Status::DeviceError), "{kind}");
        }
        assert_eq!(WeierstrassCurve::ALL.len(), 4, "each has a row above");
    }

    #[test]
    fn pairs_of_different_kinds_do_not_belong_together() {
        let pairs: Vec<_> =
            kinds().iter().map(|(mechanism, kind, named)| pair(*mechanism, *kind, named)).collect();
        for (at, (public, _)) in pairs.iter().enumerate() {
            let (_, private) = &pairs[(at + 1) % pairs.len()];
            assert_eq!(check_pair(public, private), Err(Status::DeviceError), "{at}");
        }
    }
}
