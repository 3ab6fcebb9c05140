//! ECDSA and ECDH on curves in Weierstrass form.

use std::sync::OnceLock;

use aws_lc_rs::{
    agreement,
    digest::{self, MAX_OUTPUT_LEN},
    encoding::AsBigEndian,
    signature::{EcdsaKeyPair, KeyPair, ParsedPublicKey},
};
use openssl::{
    bn::{BigNum, BigNumContext},
    derive::Deriver,
    ec::{EcKey, EcPoint, PointConversionForm},
    ecdsa::EcdsaSig,
    pkey::{PKey, Private},
};
use zeroize::Zeroizing;

use super::{PrimitiveError, WeierstrassCurve};

/// A private key for ECDSA and ECDH, prepared.
pub struct EcPrivateKey {
    curve: WeierstrassCurve,
    signer: EcdsaKeyPair,
    scalar: Zeroizing<Vec<u8>>,
    /// Made at the first agreement: most keys only sign.
    agreement: OnceLock<Option<agreement::PrivateKey>>,
}

impl EcPrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The library failed.
    pub fn generate(curve: WeierstrassCurve) -> Result<Self, PrimitiveError> {
        let signer = EcdsaKeyPair::generate(curve.signing())?;
        let scalar = Zeroizing::new(signer.private_key().as_be_bytes()?.as_ref().to_vec());
        Ok(Self { curve, signer, scalar, agreement: OnceLock::new() })
    }

    /// The key of this number, most significant byte first.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: the number is zero, or not below the group's order.
    pub fn new(curve: WeierstrassCurve, number: &[u8]) -> Result<Self, PrimitiveError> {
        let scalar = padded(number, curve.bytes()).ok_or(PrimitiveError::Key)?;
        // RFC 5915's ECPrivateKey without its optional parts; AWS-LC computes the public key.
        let bytes = u8::try_from(scalar.len()).map_err(|_| PrimitiveError::Key)?;
        let mut der = Zeroizing::new(vec![0x30, bytes + 5, 2, 1, 1, 4, bytes]);
        der.extend_from_slice(&scalar);
        let signer = EcdsaKeyPair::from_private_key_der(curve.signing(), &der)?;
        Ok(Self { curve, signer, scalar, agreement: OnceLock::new() })
    }

    /// The key in a DER `PrivateKeyInfo` (RFC 5208, RFC 5915).
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: it is none of the curve.
    pub fn from_pkcs8(curve: WeierstrassCurve, der: &[u8]) -> Result<Self, PrimitiveError> {
        let signer = EcdsaKeyPair::from_pkcs8(curve.signing(), der)?;
        let scalar = Zeroizing::new(signer.private_key().as_be_bytes()?.as_ref().to_vec());
        Ok(Self { curve, signer, scalar, agreement: OnceLock::new() })
    }

    /// The key as a DER `PrivateKeyInfo`.
    ///
    /// # Errors
    /// The library failed.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        Ok(Zeroizing::new(self.signer.to_pkcs8v1()?.as_ref().to_vec()))
    }

    /// The curve.
    pub const fn curve(&self) -> WeierstrassCurve {
        self.curve
    }

    /// The private number, in the curve's length.
    pub fn number(&self) -> &[u8] {
        &self.scalar
    }

    /// The public point, uncompressed (SEC 1 section 2.3.3).
    pub fn public_point(&self) -> &[u8] {
        self.signer.public_key().as_ref()
    }

    /// Signs a hash, of which the leftmost bits of the order's length count. The signature is both
    /// numbers, each in the curve's length.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign(&self, hash: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        match fitted(self.curve, hash) {
            Some(digest) => Ok(self.signer.sign_digest(&digest)?.as_ref().to_vec()),
            None => self.sign_long(hash),
        }
    }

    /// The x coordinate that this key and that public point share.
    ///
    /// # Errors
    /// [`PrimitiveError::Data`]: the point is none of the curve.
    pub fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let point = uncompressed(self.curve, point)?;
        let own = self.agreement.get_or_init(|| {
            agreement::PrivateKey::from_private_key(self.curve.agreement()?, &self.scalar).ok()
        });
        let Some(own) = own else { return self.agree_by_openssl(&point) };
        let other = agreement::UnparsedPublicKey::new(own.algorithm(), &point);
        agreement::agree(own, other, PrimitiveError::Data, |secret| {
            Ok(Zeroizing::new(secret.to_vec()))
        })
    }

    /// A hash longer than AWS-LC's longest, on the one curve whose order is longer still.
    fn sign_long(&self, hash: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        let hash = &hash[..hash.len().min(self.curve.bytes())];
        let signature = EcdsaSig::sign(hash, &*self.openssl()?)?;
        let bytes = i32::try_from(self.curve.bytes()).map_err(|_| PrimitiveError::Library)?;
        let mut numbers = signature.r().to_vec_padded(bytes)?;
        numbers.extend_from_slice(&signature.s().to_vec_padded(bytes)?);
        Ok(numbers)
    }

    fn agree_by_openssl(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let own = PKey::from_ec_key(self.openssl()?)?;
        let mut context = BigNumContext::new()?;
        let group = self.curve.group()?;
        let point =
            EcPoint::from_bytes(&group, point, &mut context).map_err(|_| PrimitiveError::Data)?;
        let other = EcKey::from_public_key(&group, &point).map_err(|_| PrimitiveError::Data)?;
        let other = PKey::from_ec_key(other)?;
        let mut deriver = Deriver::new(&own)?;
        deriver.set_peer(&other).map_err(|_| PrimitiveError::Data)?;
        Ok(Zeroizing::new(deriver.derive_to_vec()?))
    }

    fn openssl(&self) -> Result<EcKey<Private>, PrimitiveError> {
        let group = self.curve.group()?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, self.public_point(), &mut context)?;
        let number = BigNum::from_slice(&self.scalar)?;
        Ok(EcKey::from_private_components(&group, &number, &point)?)
    }
}

/// A public key for ECDSA, prepared.
pub struct EcPublicKey {
    curve: WeierstrassCurve,
    point: Vec<u8>,
    verifier: ParsedPublicKey,
}

impl EcPublicKey {
    /// The key of this point, compressed or not (SEC 1 section 2.3.3).
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: it is none of the curve.
    pub fn new(curve: WeierstrassCurve, point: &[u8]) -> Result<Self, PrimitiveError> {
        let point = uncompressed(curve, point).map_err(|_| PrimitiveError::Key)?;
        let verifier = ParsedPublicKey::new(curve.verification(), &point)?;
        Ok(Self { curve, point, verifier })
    }

    /// The curve.
    pub const fn curve(&self) -> WeierstrassCurve {
        self.curve
    }

    /// The point, uncompressed.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// Verifies a signature of a hash, of which the leftmost bits of the order's length count.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    pub fn verify(&self, hash: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
        if signature.len() != 2 * self.curve.bytes() {
            return Err(PrimitiveError::SignatureLength);
        }
        match fitted(self.curve, hash) {
            Some(digest) => self
                .verifier
                .verify_digest_sig(&digest, signature)
                .map_err(|_| PrimitiveError::Signature),
            None => self.verify_long(hash, signature),
        }
    }

    fn verify_long(&self, hash: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
        let hash = &hash[..hash.len().min(self.curve.bytes())];
        let group = self.curve.group()?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, &self.point, &mut context)?;
        let key = EcKey::from_public_key(&group, &point)?;
        let (r, s) = signature.split_at(self.curve.bytes());
        let signature =
            EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
        match signature.verify(hash, &key) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(PrimitiveError::Signature),
        }
    }
}

/// The hash, cut or extended on the left to the length that AWS-LC takes for the curve: the number
/// that it stands for remains the same. None if the order has more bits than are left.
fn fitted(curve: WeierstrassCurve, hash: &[u8]) -> Option<digest::Digest> {
    let algorithm = curve.digest();
    let length = algorithm.output_len();
    if hash.len() > length && curve.bytes() > length {
        return None;
    }
    let mut fitted = [0; MAX_OUTPUT_LEN];
    let used = hash.len().min(length);
    fitted[length - used..length].copy_from_slice(&hash[..used]);
    digest::Digest::import_less_safe(&fitted[..length], algorithm).ok()
}

/// The number in so many bytes; none if it does not fit.
fn padded(number: &[u8], bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
    let leading = number.len().saturating_sub(bytes);
    if number[..leading].iter().any(|byte| *byte != 0) {
        return None;
    }
    let number = &number[leading..];
    let mut padded = Zeroizing::new(vec![0; bytes]);
    padded[bytes - number.len()..].copy_from_slice(number);
    Some(padded)
}

/// The point uncompressed, and on the curve if it was compressed.
fn uncompressed(curve: WeierstrassCurve, point: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
    match point.first() {
        Some(4) if point.len() == 1 + 2 * curve.bytes() => Ok(point.to_vec()),
        Some(2 | 3) if point.len() == 1 + curve.bytes() => {
            let group = curve.group()?;
            let mut context = BigNumContext::new()?;
            let point = EcPoint::from_bytes(&group, point, &mut context)
                .map_err(|_| PrimitiveError::Data)?;
            Ok(point.to_bytes(&group, PointConversionForm::UNCOMPRESSED, &mut context)?)
        }
        _ => Err(PrimitiveError::Data),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn openssl_takes_every_signature(hash in prop::collection::vec(any::<u8>(), 1..80)) {
            for curve in WeierstrassCurve::ALL {
                let key = EcPrivateKey::generate(curve).unwrap();
                let signature = key.sign(&hash).unwrap();
                prop_assert_eq!(signature.len(), 2 * curve.bytes());
                let public = EcPublicKey::new(curve, key.public_point()).unwrap();
                prop_assert_eq!(public.verify(&hash, &signature), Ok(()));
                // OpenSSL's own reading of the same bytes.
                let (r, s) = signature.split_at(curve.bytes());
                let (r, s) = (BigNum::from_slice(r).unwrap(), BigNum::from_slice(s).unwrap());
                let other = EcdsaSig::from_private_components(r, s).unwrap();
                prop_assert!(other.verify(&hash, &key.openssl().unwrap()).unwrap());
                let mut wrong = signature.clone();
                wrong[curve.bytes()] ^= 1;
                prop_assert_eq!(public.verify(&hash, &wrong), Err(PrimitiveError::Signature));
                let short = public.verify(&hash, &signature[1..]);
                prop_assert_eq!(short, Err(PrimitiveError::SignatureLength));
            }
        }
    }

    #[test]
    fn both_libraries_agree_on_secrets() {
        for curve in WeierstrassCurve::ALL {
            let [one, other] = [(); 2].map(|()| EcPrivateKey::generate(curve).unwrap());
            let secret = one.agree(other.public_point()).unwrap();
            assert_eq!(secret, other.agree(one.public_point()).unwrap());
            assert_eq!(secret, one.agree_by_openssl(other.public_point()).unwrap());
            assert_eq!(secret.len(), curve.bytes());
        }
    }

    #[test]
    fn keys_and_points_are_checked() {
        for curve in WeierstrassCurve::ALL {
            let key = EcPrivateKey::generate(curve).unwrap();
            let again = EcPrivateKey::new(curve, key.number()).unwrap();
            assert_eq!(again.public_point(), key.public_point());
            for number in [&[][..], &[0], &[0xff; 66], &[1; 80]] {
                assert!(EcPrivateKey::new(curve, number).is_err(), "{curve:?} {number:?}");
            }
            let point = key.public_point();
            let mut compressed = vec![2 + point[2 * curve.bytes()] % 2];
            compressed.extend_from_slice(&point[1..=curve.bytes()]);
            assert_eq!(EcPublicKey::new(curve, &compressed).unwrap().point(), point);
            let mut wrong = point.to_vec();
            wrong[5] ^= 1;
            assert_eq!(EcPublicKey::new(curve, &wrong).err(), Some(PrimitiveError::Key));
            assert_eq!(key.agree(&wrong), Err(PrimitiveError::Data));
            assert_eq!(key.agree(&[0]), Err(PrimitiveError::Data));
        }
    }
}
