//! Sealing at rest: values encrypted under a key kept beside the database, bound to their place.
//!
//! A sealed value is a version byte, a random nonce, the ciphertext and its tag
//! (AES-256-GCM, NIST SP 800-38D). The associated data name the store, the object and the field,
//! so that a value moved to another row or column does not open.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{StoreError, replace_file};
use crate::crypto::{AeadKey, Cipher, NONCE_BYTES, Random};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;

/// Where a sealed value belongs.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'s> {
    /// The kind of store, such as `appliance`.
    pub store: &'s str,
    /// The object, such as a partition's serial number.
    pub object: &'s str,
    /// The field of the object.
    pub field: &'s str,
}

/// Seals values and opens them again.
pub struct Sealer(AeadKey);

impl Sealer {
    /// A sealer under this key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(AeadKey::new(Cipher::Aes256Gcm, key))
    }

    /// A sealer under the key in a file (mode 0600), which is made if there is none.
    ///
    /// # Errors
    /// The file cannot be read or made, has another size, or others may read it.
    pub fn from_file(path: &Path, random: &mut dyn Random) -> Result<Self, StoreError> {
        let at = |error| StoreError::Io { path: path.to_owned(), error };
        let content = match fs::read(path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = Zeroizing::new([0; KEY_BYTES]);
                random.fill(key.as_mut())?;
                replace_file(path, key.as_ref(), 0o600).map_err(at)?;
                return Ok(Self::new(&key));
            }
            Err(error) => return Err(at(error)),
        };
        let fault = |fault| StoreError::KeyFile { path: path.to_owned(), fault };
        let mode = fs::metadata(path).map_err(at)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(fault("can be read by others\nTake their rights away: chmod 600."));
        }
        let key = content.as_slice().try_into();
        let key = key.map_err(|_| fault("does not hold 32 bytes\nPut the right file back."))?;
        Ok(Self::new(key))
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// No randomness.
    pub fn seal(
        &self,
        seat: Seat<'_>,
        value: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        let from = sealed.len();
        sealed.extend_from_slice(value);
        self.0.seal(nonce, &seat.bytes(), &mut sealed, from).map_err(|_| StoreError::Sealed)?;
        Ok(sealed)
    }

    /// Opens a value that was sealed for this place.
    ///
    /// # Errors
    /// The value was altered, belongs elsewhere, or was sealed under another key.
    pub fn open(&self, seat: Seat<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let Some(([VERSION], rest)) = sealed.split_first_chunk() else {
            return Err(StoreError::Sealed);
        };
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(StoreError::Sealed)?;
        let mut value = Zeroizing::new(ciphertext.to_vec());
        let opened = self.0.open(*nonce, &seat.bytes(), &mut value);
        let length = opened.map_err(|_| StoreError::Sealed)?.len();
        value.truncate(length);
        Ok(value)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Seat<'_> {
    /// The associated data; the lengths keep neighbouring names apart.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"lunacm seal v1\0".to_vec();
        for name in [self.store, self.object, self.field] {
            let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }
}

/// The key file that belongs to a database: the same name with the ending `key`.
pub(super) fn key_file(database: &Path) -> PathBuf {
    database.with_extension("key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRandom;

    const SEAT: Seat<'static> = Seat { store: "s", object: "o", field: "f" };

    #[test]
    fn a_value_opens_only_in_its_place() {
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal(SEAT, b"value", &mut SystemRandom::new()).unwrap();
        assert_eq!(sealer.open(SEAT, &sealed).unwrap()[..], b"value"[..]);
        for seat in [
            Seat { store: "so", object: "", ..SEAT },
            Seat { object: "of", field: "", ..SEAT },
            Seat { field: "g", ..SEAT },
        ] {
            assert!(sealer.open(seat, &sealed).is_err(), "{seat:?}");
        }
        assert!(Sealer::new(&[2; 32]).open(SEAT, &sealed).is_err());
    }

    #[test]
    fn the_key_file_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.key");
        Sealer::from_file(&path, &mut SystemRandom::new()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Sealer::from_file(&path, &mut SystemRandom::new()).unwrap_err();
        assert!(matches!(error, StoreError::KeyFile { .. }));
    }
}
