//! Sealing at rest: values encrypted under a key kept beside the database, bound to their place.
//!
//! A sealed value is a version byte, a random nonce, the ciphertext and its tag. What is sealed now
//! is version 2 (XChaCha20-Poly1305): its nonces are long enough to be drawn at random for any number
//! of values under one key. Version 1 (AES-256-GCM, NIST SP 800-38D) still opens. The associated data
//! name the version, the store, the object and the field, so that a value moved to another row or
//! column does not open.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{StoreError, replace_file};
use crate::crypto::{AeadKey, Cipher, EXTENDED_NONCE_BYTES, ExtendedKey, Random};

/// The version of what is sealed now, and the one before it.
const VERSION: u8 = 2;
const FIRST_VERSION: u8 = 1;
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
pub struct Sealer {
    key: ExtendedKey,
    /// For values of the first version.
    first: AeadKey,
}

impl Sealer {
    /// A sealer under this key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { key: ExtendedKey::new(key), first: AeadKey::new(Cipher::Aes256Gcm, key) }
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
        let mut nonce = [0; EXTENDED_NONCE_BYTES];
        random.fill(&mut nonce)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        let from = sealed.len();
        sealed.extend_from_slice(value);
        let associated = seat.bytes(VERSION);
        self.key.seal(nonce, &associated, &mut sealed, from).map_err(|_| StoreError::Sealed)?;
        Ok(sealed)
    }

    /// Opens a value that was sealed for this place, in either version.
    ///
    /// # Errors
    /// The value was altered, belongs elsewhere, or was sealed under another key.
    pub fn open(&self, seat: Seat<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (version, rest) = sealed.split_first().ok_or(StoreError::Sealed)?;
        let associated = seat.bytes(*version);
        let (value, length) = match *version {
            VERSION => {
                let (nonce, ciphertext) = rest.split_first_chunk().ok_or(StoreError::Sealed)?;
                let mut value = Zeroizing::new(ciphertext.to_vec());
                let length = self.key.open(*nonce, &associated, &mut value);
                (value, length)
            }
            FIRST_VERSION => {
                let (nonce, ciphertext) = rest.split_first_chunk().ok_or(StoreError::Sealed)?;
                let mut value = Zeroizing::new(ciphertext.to_vec());
                let length = self.first.open(*nonce, &associated, &mut value);
                let length = length.map(|text| text.len());
                (value, length)
            }
            _ => return Err(StoreError::Sealed),
        };
        let mut value = value;
        value.truncate(length.map_err(|_| StoreError::Sealed)?);
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
    fn bytes(&self, version: u8) -> Vec<u8> {
        let mut bytes = format!("lunacm seal v{version}\0").into_bytes();
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
    use crate::crypto::{RandomError, SystemRandom};

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

    /// Gives these bytes, one after the other, and then fails.
    struct Given(Vec<u8>);

    impl Random for Given {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            let rest = (self.0.len() >= buffer.len())
                .then(|| self.0.split_off(buffer.len()))
                .ok_or(RandomError)?;
            buffer.copy_from_slice(&self.0);
            self.0 = rest;
            Ok(())
        }
    }

    #[test]
    fn the_nonce_is_the_random_sources() {
        let sealer = Sealer::new(&[1; 32]);
        let drawn: Vec<u8> = (0..48).collect();
        let mut random = Given(drawn.clone());
        let first = sealer.seal(SEAT, b"value", &mut random).unwrap();
        let second = sealer.seal(SEAT, b"value", &mut random).unwrap();
        assert_eq!((first[0], &first[1..25]), (2, &drawn[..24]));
        assert_eq!((second[0], &second[1..25]), (2, &drawn[24..]));
        assert_ne!(first[25..], second[25..], "the nonce is used");
        // Without randomness nothing is sealed.
        assert!(matches!(sealer.seal(SEAT, b"value", &mut random), Err(StoreError::Random(_))));
    }

    #[test]
    fn the_same_value_sealed_twice_differs() {
        let sealer = Sealer::new(&[1; 32]);
        let mut random = SystemRandom::new();
        let sealed: std::collections::HashSet<_> = (0..100)
            .map(|_| sealer.seal(SEAT, b"value", &mut random).unwrap()[1..].to_vec())
            .collect();
        assert_eq!(sealed.len(), 100);
    }

    #[test]
    fn the_first_version_still_opens() {
        let mut sealed = vec![1];
        sealed.extend_from_slice(&[9; 12]);
        sealed.extend_from_slice(b"value");
        let key = AeadKey::new(Cipher::Aes256Gcm, &[1; 32]);
        key.seal([9; 12], &SEAT.bytes(1), &mut sealed, 13).unwrap();
        let sealer = Sealer::new(&[1; 32]);
        assert_eq!(sealer.open(SEAT, &sealed).unwrap()[..], b"value"[..]);
        for version in [0, 2, 3] {
            sealed[0] = version;
            assert!(matches!(sealer.open(SEAT, &sealed), Err(StoreError::Sealed)), "{version}");
        }
        assert!(sealer.open(SEAT, &[]).is_err() && sealer.open(SEAT, &[2; 20]).is_err());
    }

    /// Only a file that is not there is made: any other reason may pass, and the key is still in
    /// the file then.
    #[test]
    fn a_key_file_that_cannot_be_read_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.key");
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = Sealer::from_file(&path, &mut SystemRandom::new()).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
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
