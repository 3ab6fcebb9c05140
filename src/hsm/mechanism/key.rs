//! Keys, parsed once and used many times.

use std::{fmt, sync::OnceLock};

use zeroize::Zeroizing;

use crate::{
    crypto::{
        CipherKey, EcPrivateKey, EcPublicKey, EdwardsPrivateKey, EdwardsPublicKey, HashFunction,
        MacKey, MlDsaPrivateKey, MlDsaPublicKey, MlKemPrivateKey, MlKemPublicKey, MontgomeryCurve,
        MontgomeryPrivateKey, PrimitiveError, RsaPrivateKey, RsaPublicKey,
    },
    model::{
        Status,
        cryptoki::{KeyType, ObjectClass},
    },
};

use super::fault;

/// A key that is ready for use: its numbers are parsed and checked, tables and schedules are
/// made. It may be shared among threads and holds no lock during an operation.
pub struct PreparedKey {
    pub(super) material: Material,
}

/// What a key is made of.
pub(super) enum Material {
    RsaPublic(RsaPublicKey),
    RsaPrivate(Box<RsaPrivateKey>),
    EcPublic(EcPublicKey),
    EcPrivate(EcPrivateKey),
    EdwardsPublic(EdwardsPublicKey),
    EdwardsPrivate(EdwardsPrivateKey),
    MontgomeryPublic(MontgomeryCurve),
    MontgomeryPrivate(MontgomeryPrivateKey),
    KemPublic(MlKemPublicKey),
    KemPrivate(MlKemPrivateKey),
    DsaPublic(MlDsaPublicKey),
    DsaPrivate(MlDsaPrivateKey),
    Secret(Box<Secret>),
}

impl PreparedKey {
    /// `CKA_CLASS`.
    pub const fn class(&self) -> ObjectClass {
        match self.material {
            Material::RsaPublic(_)
            | Material::EcPublic(_)
            | Material::EdwardsPublic(_)
            | Material::MontgomeryPublic(_)
            | Material::KemPublic(_)
            | Material::DsaPublic(_) => ObjectClass::PUBLIC_KEY,
            Material::RsaPrivate(_)
            | Material::EcPrivate(_)
            | Material::EdwardsPrivate(_)
            | Material::MontgomeryPrivate(_)
            | Material::KemPrivate(_)
            | Material::DsaPrivate(_) => ObjectClass::PRIVATE_KEY,
            Material::Secret(_) => ObjectClass::SECRET_KEY,
        }
    }

    /// `CKA_KEY_TYPE`.
    pub const fn key_type(&self) -> KeyType {
        match &self.material {
            Material::RsaPublic(_) | Material::RsaPrivate(_) => KeyType::RSA,
            Material::EcPublic(_) | Material::EcPrivate(_) => KeyType::EC,
            Material::EdwardsPublic(_) | Material::EdwardsPrivate(_) => KeyType::EC_EDWARDS,
            Material::MontgomeryPublic(_) | Material::MontgomeryPrivate(_) => {
                KeyType::EC_MONTGOMERY
            }
            Material::KemPublic(_) | Material::KemPrivate(_) => KeyType::ML_KEM,
            Material::DsaPublic(_) | Material::DsaPrivate(_) => KeyType::ML_DSA,
            Material::Secret(secret) => secret.kind,
        }
    }

    pub(super) fn secret(&self) -> Result<&Secret, Status> {
        match &self.material {
            Material::Secret(secret) => Ok(secret),
            _ => Err(Status::KeyTypeInconsistent),
        }
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedKey({} {})", self.class(), self.key_type())
    }
}

/// A secret key.
pub(super) struct Secret {
    kind: KeyType,
    value: Zeroizing<Vec<u8>>,
    cipher: Option<CipherKey>,
    /// For the first hash that a code was asked for: keys are hardly ever used with two.
    hmac: OnceLock<(HashFunction, MacKey)>,
    cmac: OnceLock<MacKey>,
}

impl Secret {
    pub(super) fn new(kind: KeyType, value: &[u8]) -> Result<Self, Status> {
        let cipher = match kind {
            KeyType::AES => Some(CipherKey::aes(value).map_err(fault::preparing)?),
            KeyType::CHACHA20 => Some(CipherKey::chacha20(value).map_err(fault::preparing)?),
            _ => None,
        };
        let value = Zeroizing::new(value.to_vec());
        Ok(Self { kind, value, cipher, hmac: OnceLock::new(), cmac: OnceLock::new() })
    }

    pub(super) const fn kind(&self) -> KeyType {
        self.kind
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    pub(super) fn cipher(&self) -> Result<&CipherKey, PrimitiveError> {
        self.cipher.as_ref().ok_or(PrimitiveError::Key)
    }

    /// Does something with the key for HMAC.
    pub(super) fn hmac<T>(
        &self,
        hash: HashFunction,
        with: impl FnOnce(&MacKey) -> Result<T, PrimitiveError>,
    ) -> Result<T, PrimitiveError> {
        if self.hmac.get().is_none() {
            let _ = self.hmac.set((hash, MacKey::hmac(hash, &self.value)?));
        }
        match self.hmac.get() {
            Some((prepared, key)) if *prepared == hash => with(key),
            _ => with(&MacKey::hmac(hash, &self.value)?),
        }
    }

    /// Does something with the key for CMAC.
    pub(super) fn cmac<T>(
        &self,
        with: impl FnOnce(&MacKey) -> Result<T, PrimitiveError>,
    ) -> Result<T, PrimitiveError> {
        if self.kind != KeyType::AES {
            return Err(PrimitiveError::Key);
        }
        if self.cmac.get().is_none() {
            let _ = self.cmac.set(MacKey::cmac(&self.value)?);
        }
        with(self.cmac.get().ok_or(PrimitiveError::Library)?)
    }
}
