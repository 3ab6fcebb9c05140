//! A key of a token, as it signs certificates.

use cryptoki::{
    mechanism::{
        Mechanism,
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use openssl::{bn::BigNum, ecdsa::EcdsaSig, rsa::Rsa};
use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};

use crate::{command::module::told, model::Status, shell::Failure};

/// The hash of a certificate's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A private key, with what has to be known of its public half.
pub(super) struct TokenKey<'s> {
    session: &'s Session,
    private: ObjectHandle,
    public: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl<'s> TokenKey<'s> {
    /// The private key, whose public half is this object.
    ///
    /// # Errors
    /// The objects are no such keys, or of a kind that certificates have no signatures of here.
    pub(super) fn new(
        session: &'s Session,
        (public, private): (ObjectHandle, ObjectHandle),
        hash: Hash,
    ) -> Result<Self, Failure> {
        let kinds = [AttributeType::Class, AttributeType::KeyType];
        let described = session.get_attributes(public, &kinds).map_err(|error| told(&error))?;
        if !described.contains(&Attribute::Class(ObjectClass::PUBLIC_KEY)) {
            return Err(unfit("the object of -publichandle is not a public key"));
        }
        let kind = described.into_iter().find_map(|attribute| match attribute {
            Attribute::KeyType(kind) => Some(kind),
            _ => None,
        });
        let (public, algorithm) = match kind {
            Some(KeyType::RSA) => (rsa_public(session, public)?, rsa_algorithm(hash)),
            Some(KeyType::EC) => ec_public(session, public)?,
            Some(KeyType::EC_EDWARDS) => (point(session, public)?, &rcgen::PKCS_ED25519),
            _ => return Err(unfit("certificates are signed with RSA, ECDSA or Ed25519 keys")),
        };
        Ok(Self { session, private, public, algorithm })
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let refused = |_| rcgen::Error::RemoteKeyError;
        let ecdsa = |mechanism| {
            let hash = self.session.sign(&mechanism, self.private, message);
            hash.map_err(refused).and_then(|raw| der(&raw).ok_or(rcgen::Error::RemoteKeyError))
        };
        let plain =
            |mechanism| self.session.sign(&mechanism, self.private, message).map_err(refused);
        if self.algorithm == &rcgen::PKCS_ECDSA_P256_SHA256 {
            ecdsa(Mechanism::EcdsaSha256)
        } else if self.algorithm == &rcgen::PKCS_ECDSA_P384_SHA384 {
            ecdsa(Mechanism::EcdsaSha384)
        } else if self.algorithm == &rcgen::PKCS_ED25519 {
            plain(Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)))
        } else if self.algorithm == &rcgen::PKCS_RSA_SHA384 {
            plain(Mechanism::Sha384RsaPkcs)
        } else if self.algorithm == &rcgen::PKCS_RSA_SHA512 {
            plain(Mechanism::Sha512RsaPkcs)
        } else {
            plain(Mechanism::Sha256RsaPkcs)
        }
    }
}

impl PublicKeyData for TokenKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for TokenKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signature(message)
    }
}

fn rsa_algorithm(hash: Hash) -> &'static SignatureAlgorithm {
    match hash {
        Hash::Sha256 => &rcgen::PKCS_RSA_SHA256,
        Hash::Sha384 => &rcgen::PKCS_RSA_SHA384,
        Hash::Sha512 => &rcgen::PKCS_RSA_SHA512,
    }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_public(session: &Session, object: ObjectHandle) -> Result<Vec<u8>, Failure> {
    let kinds = [AttributeType::Modulus, AttributeType::PublicExponent];
    let read = session.get_attributes(object, &kinds).map_err(|error| told(&error))?;
    let number = |wanted: AttributeType| {
        read.iter().find(|one| one.attribute_type() == wanted).and_then(|one| match one {
            Attribute::Modulus(bytes) | Attribute::PublicExponent(bytes) => {
                BigNum::from_slice(bytes).ok()
            }
            _ => None,
        })
    };
    let pair = number(AttributeType::Modulus).zip(number(AttributeType::PublicExponent));
    let key = pair.and_then(|(modulus, exponent)| {
        Rsa::from_public_components(modulus, exponent).ok()?.public_key_to_der_pkcs1().ok()
    });
    key.ok_or_else(|| unfit("the public key has no modulus or exponent"))
}

fn ec_public(
    session: &Session,
    object: ObjectHandle,
) -> Result<(Vec<u8>, &'static SignatureAlgorithm), Failure> {
    let point = point(session, object)?;
    // An uncompressed point (SEC 1 section 2.3.3): 4, x, y.
    match point.len() {
        65 => Ok((point, &rcgen::PKCS_ECDSA_P256_SHA256)),
        97 => Ok((point, &rcgen::PKCS_ECDSA_P384_SHA384)),
        _ => Err(unfit("certificates are made for EC keys on P-256 and P-384")),
    }
}

/// The public point without its DER header, which some modules leave out.
fn point(session: &Session, object: ObjectHandle) -> Result<Vec<u8>, Failure> {
    let read = session.get_attributes(object, &[AttributeType::EcPoint]);
    let read = read.map_err(|error| told(&error))?;
    let Some(Attribute::EcPoint(point)) = read.first() else {
        return Err(unfit("the public key has no point"));
    };
    Ok(match point.as_slice() {
        [4, length, rest @ ..] if usize::from(*length) == rest.len() => rest.to_vec(),
        [4, 0x81, length, rest @ ..] if usize::from(*length) == rest.len() => rest.to_vec(),
        whole => whole.to_vec(),
    })
}

/// `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) of PKCS#11's two numbers of equal length.
fn der(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    let number = |bytes| BigNum::from_slice(bytes).ok();
    EcdsaSig::from_private_components(number(r)?, number(s)?).ok()?.to_der().ok()
}

fn unfit(cause: &str) -> Failure {
    Failure::new(cause, Status::KeyTypeInconsistent.to_string())
        .remedy("See cmu list -display=handle,class,keytype,label.")
}
