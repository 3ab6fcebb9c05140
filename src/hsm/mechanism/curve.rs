//! Curves as `CKA_EC_PARAMS` names them, and points as `CKA_EC_POINT` holds them.

use pkcs8::{
    ObjectIdentifier,
    der::{
        Decode, Encode,
        asn1::{BitStringRef, OctetStringRef, PrintableStringRef},
    },
};

use crate::{
    crypto::{EdwardsCurve, MontgomeryCurve, WeierstrassCurve},
    model::{Status, cryptoki::KeyType},
};

/// A curve of any form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    Weierstrass(WeierstrassCurve),
    Edwards(EdwardsCurve),
    Montgomery(MontgomeryCurve),
}

struct Name {
    curve: Curve,
    identifier: ObjectIdentifier,
    /// Names in a `PrintableString` (PKCS#11 v3.1 section 6.3.3 and what else is in use).
    names: &'static [&'static str],
}

const fn name(curve: Curve, identifier: &str, names: &'static [&'static str]) -> Name {
    Name { curve, identifier: ObjectIdentifier::new_unwrap(identifier), names }
}

static NAMES: [Name; 8] = [
    name(
        Curve::Weierstrass(WeierstrassCurve::P256),
        "1.2.840.10045.3.1.7",
        &["secp256r1", "prime256v1", "P-256"],
    ),
    name(Curve::Weierstrass(WeierstrassCurve::P384), "1.3.132.0.34", &["secp384r1", "P-384"]),
    name(Curve::Weierstrass(WeierstrassCurve::P521), "1.3.132.0.35", &["secp521r1", "P-521"]),
    name(Curve::Weierstrass(WeierstrassCurve::Secp256k1), "1.3.132.0.10", &["secp256k1"]),
    name(Curve::Edwards(EdwardsCurve::Ed25519), "1.3.101.112", &["edwards25519", "Ed25519"]),
    name(Curve::Edwards(EdwardsCurve::Ed448), "1.3.101.113", &["edwards448", "Ed448"]),
    name(Curve::Montgomery(MontgomeryCurve::X25519), "1.3.101.110", &["curve25519", "X25519"]),
    name(Curve::Montgomery(MontgomeryCurve::X448), "1.3.101.111", &["curve448", "X448"]),
];

impl Curve {
    /// The curve of `CKA_EC_PARAMS`: an object identifier or a name.
    pub(super) fn parse(parameters: &[u8]) -> Result<Self, Status> {
        let found = if let Ok(identifier) = ObjectIdentifier::from_der(parameters) {
            NAMES.iter().find(|known| known.identifier == identifier)
        } else if let Ok(text) = PrintableStringRef::from_der(parameters) {
            let text = text.as_str();
            NAMES.iter().find(|known| known.names.contains(&text))
        } else {
            // Explicit and implicit parameters among others.
            return Err(Status::DomainParamsInvalid);
        };
        found.map(|known| known.curve).ok_or(Status::CurveNotSupported)
    }

    /// The same, for keys of one kind.
    pub(super) fn parse_for(kind: KeyType, parameters: &[u8]) -> Result<Self, Status> {
        let curve = Self::parse(parameters)?;
        if curve.key_type() == kind { Ok(curve) } else { Err(Status::CurveNotSupported) }
    }

    pub(super) const fn key_type(self) -> KeyType {
        match self {
            Self::Weierstrass(_) => KeyType::EC,
            Self::Edwards(_) => KeyType::EC_EDWARDS,
            Self::Montgomery(_) => KeyType::EC_MONTGOMERY,
        }
    }

    pub(super) fn identifier(self) -> Result<ObjectIdentifier, Status> {
        let known = NAMES.iter().find(|known| known.curve == self);
        known.map(|known| known.identifier).ok_or(Status::CurveNotSupported)
    }

    /// `CKA_EC_PARAMS` of the curve: its object identifier.
    pub(super) fn parameters(self) -> Result<Vec<u8>, Status> {
        self.identifier()?.to_der().map_err(|_| Status::FunctionFailed)
    }

    /// The point in `CKA_EC_POINT` or in ECDH's parameters: as it is, or in an `OCTET STRING` or a
    /// `BIT STRING`. A length that fits the curve decides first, because a bare point may look
    /// like an encoded one.
    pub(super) fn point(self, encoded: &[u8]) -> Option<&[u8]> {
        if self.has_length(encoded) {
            return Some(encoded);
        }
        let point = match encoded.first() {
            Some(4) => <&OctetStringRef>::from_der(encoded).ok()?.as_bytes(),
            Some(3) => BitStringRef::from_der(encoded).ok()?.as_bytes()?,
            _ => return None,
        };
        self.has_length(point).then_some(point)
    }

    fn has_length(self, point: &[u8]) -> bool {
        match self {
            Self::Weierstrass(curve) => match point.first() {
                Some(4) => point.len() == 1 + 2 * curve.bytes(),
                Some(2 | 3) => point.len() == 1 + curve.bytes(),
                _ => false,
            },
            Self::Edwards(curve) => point.len() == curve.bytes(),
            Self::Montgomery(curve) => point.len() == curve.bytes(),
        }
    }
}

/// `CKA_EC_POINT` of a point. Version 3.1 has it bare on Edwards and Montgomery curves; the tools
/// in use read an `OCTET STRING` on every curve, and other tokens give one.
pub(super) fn encoded_point(point: &[u8]) -> Result<Vec<u8>, Status> {
    let encode = |point| OctetStringRef::new(point)?.to_der();
    encode(point).map_err(|_| Status::FunctionFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read() {
        for known in &NAMES {
            assert_eq!(Curve::parse(&known.curve.parameters().unwrap()), Ok(known.curve));
            for name in known.names {
                let text = PrintableStringRef::new(name).unwrap().to_der().unwrap();
                assert_eq!(Curve::parse(&text), Ok(known.curve));
            }
        }
        assert_eq!(Curve::parse(&[5, 0]), Err(Status::DomainParamsInvalid));
        assert_eq!(Curve::parse(&[]), Err(Status::DomainParamsInvalid));
        assert_eq!(Curve::parse(b"\x06\x05\x2b\x81\x04\x00\x21"), Err(Status::CurveNotSupported));
        let wrong = Curve::parse_for(KeyType::EC, b"\x06\x03\x2b\x65\x70");
        assert_eq!(wrong, Err(Status::CurveNotSupported));
    }

    #[test]
    fn points_are_read_in_each_encoding() {
        let curve = Curve::Edwards(EdwardsCurve::Ed25519);
        let mut point = [7; 32];
        // Looks like the beginning of an OCTET STRING.
        point[..2].copy_from_slice(&[4, 30]);
        assert_eq!(curve.point(&point), Some(&point[..]));
        assert_eq!(curve.point(&encoded_point(&point).unwrap()), Some(&point[..]));
        let bits = BitStringRef::from_bytes(&point).unwrap().to_der().unwrap();
        assert_eq!(curve.point(&bits), Some(&point[..]));
        for wrong in [&[][..], &[4], &[4, 200], &point[1..], &encoded_point(&[4; 31]).unwrap()] {
            assert_eq!(curve.point(wrong), None);
        }
    }
}
