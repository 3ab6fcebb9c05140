//! Operations in one part.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    crypto::{CipherStream, Direction, HashFunction, PrimitiveError, RsaPrivateKey, RsaPublicKey},
    model::{
        Status,
        cryptoki::{KeyType, Mechanism, MechanismFlags, MechanismType, Operation},
    },
};

use super::{
    fault, hashes,
    key::{Material, PreparedKey, Secret},
    scheme::Scheme,
    table,
};

/// An operation with its data in one part; a signature to recover data from is such data. A
/// verification gives nothing, and succeeds or fails;
/// `signature` is empty for everything else.
///
/// # Errors
/// What [`check`] refuses; and `CKR_DATA_LEN_RANGE`, `CKR_DATA_INVALID`,
/// `CKR_ENCRYPTED_DATA_LEN_RANGE`, `CKR_ENCRYPTED_DATA_INVALID`, `CKR_SIGNATURE_LEN_RANGE`,
/// `CKR_SIGNATURE_INVALID` or `CKR_FUNCTION_FAILED`.
pub fn perform(
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<&PreparedKey>,
    data: &[u8],
    signature: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Status> {
    let scheme = Scheme::of(mechanism)?;
    suits(operation, mechanism.mechanism, &scheme, key)?;
    let Some(key) = key else { return digest(&scheme, data) };
    let material = &key.material;
    match operation {
        Operation::Digest => Err(Status::KeyNotNeeded),
        Operation::Sign | Operation::SignRecover => sign(&scheme, material, data),
        Operation::Verify => verify(&scheme, material, data, signature).map(|()| nothing()),
        Operation::Encrypt => encrypt(&scheme, material, data),
        Operation::Decrypt => decrypt(&scheme, material, data),
        Operation::VerifyRecover => recover(&scheme, material, data),
    }
}

/// Whether an operation may begin: what `C_SignInit` and its kind refuse.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`: the mechanism is none for this operation.
/// `CKR_MECHANISM_PARAM_INVALID`: it does not take these parameters. `CKR_KEY_HANDLE_INVALID`: a
/// key is missing. `CKR_KEY_TYPE_INCONSISTENT`: the key is of another kind.
pub fn check(
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<&PreparedKey>,
) -> Result<(), Status> {
    suits(operation, mechanism.mechanism, &Scheme::of(mechanism)?, key)
}

fn suits(
    operation: Operation,
    mechanism: MechanismType,
    scheme: &Scheme<'_>,
    key: Option<&PreparedKey>,
) -> Result<(), Status> {
    let entry = table::find(mechanism).ok_or(Status::MechanismInvalid)?;
    if !entry.flags.contains(flag(operation)) {
        return Err(Status::MechanismInvalid);
    }
    match key {
        None if operation == Operation::Digest => Ok(()),
        None => Err(Status::KeyHandleInvalid),
        Some(_) if operation == Operation::Digest => Err(Status::KeyNotNeeded),
        Some(key) if takes(operation, scheme, &key.material) => Ok(()),
        Some(_) => Err(Status::KeyTypeInconsistent),
    }
}

const fn flag(operation: Operation) -> MechanismFlags {
    match operation {
        Operation::Encrypt => MechanismFlags::ENCRYPT,
        Operation::Decrypt => MechanismFlags::DECRYPT,
        Operation::Sign => MechanismFlags::SIGN,
        Operation::Verify => MechanismFlags::VERIFY,
        Operation::Digest => MechanismFlags::DIGEST,
        Operation::SignRecover => MechanismFlags::SIGN_RECOVER,
        Operation::VerifyRecover => MechanismFlags::VERIFY_RECOVER,
    }
}

fn takes(operation: Operation, scheme: &Scheme<'_>, key: &Material) -> bool {
    let private =
        matches!(operation, Operation::Sign | Operation::Decrypt | Operation::SignRecover);
    match (scheme, key) {
        (Scheme::RsaPkcs(_) | Scheme::RsaRaw | Scheme::RsaPss { .. } | Scheme::RsaOaep(_), key) => {
            match key {
                Material::RsaPrivate(_) => private,
                Material::RsaPublic(_) => !private,
                _ => false,
            }
        }
        (Scheme::Ecdsa(_), Material::EcPrivate(_))
        | (Scheme::Eddsa, Material::EdwardsPrivate(_))
        | (Scheme::MlDsa, Material::DsaPrivate(_)) => private,
        (Scheme::Ecdsa(_), Material::EcPublic(_))
        | (Scheme::Eddsa, Material::EdwardsPublic(_))
        | (Scheme::MlDsa, Material::DsaPublic(_)) => !private,
        (Scheme::Hmac { hash, .. }, Material::Secret(secret)) => {
            secret.kind() == KeyType::GENERIC_SECRET
                || hashes::of_hmac_key(secret.kind()) == Some(*hash)
        }
        (Scheme::ChaCha(_), Material::Secret(secret)) => secret.kind() == KeyType::CHACHA20,
        (
            Scheme::Cmac { .. }
            | Scheme::Gmac { .. }
            | Scheme::Block(_)
            | Scheme::Gcm(_)
            | Scheme::Ccm { .. }
            | Scheme::KeyWrap { .. },
            Material::Secret(secret),
        ) => secret.kind() == KeyType::AES,
        _ => false,
    }
}

impl Scheme<'_> {
    /// The hash that is made of the data first.
    pub(super) const fn hash_first(&self) -> Option<HashFunction> {
        match self {
            Self::RsaPkcs(hash) | Self::Ecdsa(hash) => *hash,
            Self::RsaPss { hashes: true, scheme } => Some(scheme.hash),
            _ => None,
        }
    }
}

fn digest(scheme: &Scheme<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    let Scheme::Digest(hash) = scheme else { return Err(Status::MechanismInvalid) };
    let value = hash.hash(data).map_err(fault::signing)?;
    Ok(Zeroizing::new(value.as_ref().to_vec()))
}

fn sign(scheme: &Scheme<'_>, key: &Material, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    if let Some(hash) = scheme.hash_first() {
        let value = hash.hash(data).map_err(fault::signing)?;
        return sign_prepared(scheme, key, value.as_ref());
    }
    sign_prepared(scheme, key, data)
}

/// Signs data, or their hash if the scheme makes one first.
pub(super) fn sign_prepared(
    scheme: &Scheme<'_>,
    key: &Material,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Status> {
    let signature = match (scheme, key) {
        (Scheme::Ecdsa(None), Material::EcPrivate(_)) if data.is_empty() => {
            Err(PrimitiveError::DataLength)
        }
        (Scheme::Ecdsa(_), Material::EcPrivate(key)) => key.sign(data),
        (Scheme::RsaPkcs(None), Material::RsaPrivate(key)) => key.sign_pkcs1_data(data),
        (Scheme::RsaPkcs(Some(hash)), Material::RsaPrivate(key)) => key.sign_pkcs1(*hash, data),
        (Scheme::RsaPss { scheme, .. }, Material::RsaPrivate(key)) => key.sign_pss(*scheme, data),
        (Scheme::RsaRaw, Material::RsaPrivate(key)) => return raw_private(key, data),
        (Scheme::Eddsa, Material::EdwardsPrivate(key)) => key.sign(data),
        (Scheme::MlDsa, Material::DsaPrivate(key)) => key.sign(data),
        (_, Material::Secret(secret)) => {
            return code(scheme, secret, data).map_err(fault::signing);
        }
        _ => Err(PrimitiveError::Key),
    };
    signature.map(Zeroizing::new).map_err(fault::signing)
}

fn verify(
    scheme: &Scheme<'_>,
    key: &Material,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Status> {
    if let Some(hash) = scheme.hash_first() {
        let value = hash.hash(data).map_err(fault::verifying)?;
        return verify_prepared(scheme, key, value.as_ref(), signature);
    }
    verify_prepared(scheme, key, data, signature)
}

/// Verifies a signature of data, or of their hash if the scheme makes one first.
pub(super) fn verify_prepared(
    scheme: &Scheme<'_>,
    key: &Material,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Status> {
    match (scheme, key) {
        (Scheme::Ecdsa(None), Material::EcPublic(_)) if data.is_empty() => {
            Err(PrimitiveError::DataLength)
        }
        (Scheme::Ecdsa(_), Material::EcPublic(key)) => key.verify(data, signature),
        (Scheme::RsaPkcs(None), Material::RsaPublic(key)) => key.verify_pkcs1_data(data, signature),
        (Scheme::RsaPkcs(Some(hash)), Material::RsaPublic(key)) => {
            key.verify_pkcs1(*hash, data, signature)
        }
        (Scheme::RsaPss { scheme, .. }, Material::RsaPublic(key)) => {
            key.verify_pss(*scheme, data, signature)
        }
        (Scheme::RsaRaw, Material::RsaPublic(key)) => verify_raw(key, data, signature),
        (Scheme::Eddsa, Material::EdwardsPublic(key)) => key.verify(data, signature),
        (Scheme::MlDsa, Material::DsaPublic(key)) => key.verify(data, signature),
        (_, Material::Secret(secret)) => {
            let code = code(scheme, secret, data).map_err(fault::verifying)?;
            return compare(&code, signature);
        }
        _ => Err(PrimitiveError::Key),
    }
    .map_err(fault::verifying)
}

/// Whether a MAC is the right one, in constant time.
pub(super) fn compare(code: &[u8], given: &[u8]) -> Result<(), Status> {
    if code.len() != given.len() {
        return Err(Status::SignatureLenRange);
    }
    if bool::from(code.ct_eq(given)) { Ok(()) } else { Err(Status::SignatureInvalid) }
}

fn code(
    scheme: &Scheme<'_>,
    secret: &Secret,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let (mut code, bytes) = match scheme {
        Scheme::Hmac { hash, bytes } => (secret.hmac(*hash, |key| key.code(&[data]))?, *bytes),
        Scheme::Cmac { bytes } => (secret.cmac(|key| key.code(&[data]))?, *bytes),
        Scheme::Gmac { vector } => {
            let scheme = super::running::gmac(vector, data);
            return Ok(Zeroizing::new(secret.cipher()?.seal(&scheme, &[])?));
        }
        _ => return Err(PrimitiveError::Key),
    };
    code.truncate(bytes);
    Ok(code)
}

fn encrypt(scheme: &Scheme<'_>, key: &Material, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    let ciphertext = match (scheme, key) {
        (Scheme::RsaPkcs(None), Material::RsaPublic(key)) => key.encrypt_pkcs1(data),
        (Scheme::RsaOaep(scheme), Material::RsaPublic(key)) => key.encrypt_oaep(*scheme, data),
        (Scheme::RsaRaw, Material::RsaPublic(key)) => {
            return key.raw(&padded(data, key.modulus_bytes())?).map_err(fault::encrypting);
        }
        (scheme, Material::Secret(secret)) => {
            return encrypt_by_secret(scheme, secret, data).map_err(fault::encrypting);
        }
        _ => Err(PrimitiveError::Key),
    };
    ciphertext.map(Zeroizing::new).map_err(fault::encrypting)
}

pub(super) fn encrypt_by_secret(
    scheme: &Scheme<'_>,
    secret: &Secret,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let cipher = secret.cipher()?;
    match scheme {
        Scheme::Gcm(scheme) | Scheme::ChaCha(scheme) => cipher.seal(scheme, data),
        Scheme::Ccm { scheme, data_bytes } => {
            declared(*data_bytes, data.len())?;
            cipher.seal_ccm(scheme, data)
        }
        Scheme::KeyWrap { initial, padding } => cipher.wrap(*initial, *padding, data),
        Scheme::Block(mode) => return CipherStream::run(cipher, *mode, Direction::Encrypt, data),
        _ => Err(PrimitiveError::Key),
    }
    .map(Zeroizing::new)
}

fn decrypt(scheme: &Scheme<'_>, key: &Material, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    match (scheme, key) {
        (Scheme::RsaPkcs(None), Material::RsaPrivate(key)) => key.decrypt_pkcs1(data),
        (Scheme::RsaOaep(scheme), Material::RsaPrivate(key)) => key.decrypt_oaep(*scheme, data),
        (Scheme::RsaRaw, Material::RsaPrivate(key)) => key.raw(data),
        (scheme, Material::Secret(secret)) => decrypt_by_secret(scheme, secret, data),
        _ => Err(PrimitiveError::Key),
    }
    .map_err(fault::decrypting)
}

pub(super) fn decrypt_by_secret(
    scheme: &Scheme<'_>,
    secret: &Secret,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let cipher = secret.cipher()?;
    match scheme {
        Scheme::Gcm(scheme) | Scheme::ChaCha(scheme) => cipher.open(scheme, data),
        Scheme::Ccm { scheme, data_bytes } => {
            let text = data.len().checked_sub(scheme.tag_bytes);
            declared(*data_bytes, text.ok_or(PrimitiveError::DataLength)?)?;
            cipher.open_ccm(scheme, data)
        }
        Scheme::KeyWrap { initial, padding } => cipher.unwrap(*initial, *padding, data),
        Scheme::Block(mode) => CipherStream::run(cipher, *mode, Direction::Decrypt, data),
        _ => Err(PrimitiveError::Key),
    }
}

/// CCM's parameters say how long the text is.
fn declared(declared: u64, bytes: usize) -> Result<(), PrimitiveError> {
    let right = usize::try_from(declared) == Ok(bytes);
    if right { Ok(()) } else { Err(PrimitiveError::DataLength) }
}

fn recover(
    scheme: &Scheme<'_>,
    key: &Material,
    signature: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Status> {
    match (scheme, key) {
        (Scheme::RsaPkcs(None), Material::RsaPublic(key)) => key.recover_pkcs1(signature),
        (Scheme::RsaRaw, Material::RsaPublic(key)) => {
            if signature.len() == key.modulus_bytes() {
                key.raw(signature).map_err(|_| PrimitiveError::Signature)
            } else {
                Err(PrimitiveError::SignatureLength)
            }
        }
        _ => Err(PrimitiveError::Key),
    }
    .map_err(fault::verifying)
}

fn raw_private(key: &RsaPrivateKey, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Status> {
    key.raw(&padded(data, key.modulus_bytes())?).map_err(fault::signing)
}

fn verify_raw(key: &RsaPublicKey, data: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
    let block = padded(data, key.modulus_bytes()).map_err(|_| PrimitiveError::DataLength)?;
    if signature.len() != key.modulus_bytes() {
        return Err(PrimitiveError::SignatureLength);
    }
    let signed = key.raw(signature).map_err(|_| PrimitiveError::Signature)?;
    if *signed == *block { Ok(()) } else { Err(PrimitiveError::Signature) }
}

/// Data with zeros before them, as raw RSA takes shorter ones (section 6.1.8).
fn padded(data: &[u8], bytes: usize) -> Result<Zeroizing<Vec<u8>>, Status> {
    let zeros = bytes.checked_sub(data.len()).ok_or(Status::DataLenRange)?;
    let mut block = Zeroizing::new(vec![0; bytes]);
    block[zeros..].copy_from_slice(data);
    Ok(block)
}

pub(super) fn nothing() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::new())
}
