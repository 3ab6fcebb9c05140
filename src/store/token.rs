//! The client's soft token: `token.db`, with its key beside it.
//!
//! Looking at a token that is not there makes nothing. Several processes may use one token; each
//! operation is one transaction.

use std::{
    fmt, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Sealer, Seat, StoreError, open_database, schema::TOKEN};
use crate::{
    crypto::{KeyPair, PublicKey, Random},
    model::{ClientLabel, Label, SerialNumber},
};

/// The soft token in a directory, initialized or not.
pub struct ClientToken {
    directory: PathBuf,
    open: Option<(Connection, Sealer)>,
}

/// What an initialized token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDescription {
    /// The label.
    pub label: Label,
    /// The serial number, new with each initialization.
    pub serial: SerialNumber,
}

/// The client identity on a token.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The label.
    pub label: ClientLabel,
    /// The static key pair.
    pub keys: KeyPair,
}

/// A partition that a client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPartition {
    /// The serial number.
    pub serial: SerialNumber,
    /// The client's label for it.
    pub label: Option<Label>,
    /// The partition's public identity.
    pub key: PublicKey,
}

impl ClientToken {
    /// The token in this directory.
    ///
    /// # Errors
    /// A token is there and cannot be opened.
    pub fn open(directory: &Path, random: &mut dyn Random) -> Result<Self, StoreError> {
        let path = directory.join("token.db");
        let open = if path.exists() { Some(open_database(&path, TOKEN, random)?) } else { None };
        Ok(Self { directory: directory.to_owned(), open })
    }

    /// What the token is; none before its initialization.
    ///
    /// # Errors
    /// The token cannot be read.
    pub fn description(&self) -> Result<Option<TokenDescription>, StoreError> {
        let Some((connection, _)) = &self.open else { return Ok(None) };
        let row = connection.query_row(DESCRIPTION, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((label, serial)) = row.optional()? else { return Ok(None) };
        let label: String = label;
        let label = label.parse().map_err(|_| StoreError::Row("token label"))?;
        Ok(Some(TokenDescription { label, serial: SerialNumber::new(serial) }))
    }

    /// Initializes the token: what was on it is erased.
    ///
    /// # Errors
    /// The token cannot be written; nothing has changed.
    pub fn initialize(&mut self, label: &Label, random: &mut dyn Random) -> Result<(), StoreError> {
        if self.open.is_none() {
            let at = |error: io::Error| StoreError::Io { path: self.directory.clone(), error };
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(&self.directory).map_err(at)?;
            self.open = Some(open_database(&self.directory.join("token.db"), TOKEN, random)?);
        }
        let mut number = [0; 8];
        random.fill(&mut number)?;
        // Fifteen digits, to be told from partitions.
        let serial = 100_000_000_000_000 + u64::from_be_bytes(number) % 900_000_000_000_000;
        let Some((connection, _)) = &mut self.open else { return Err(StoreError::Row("token")) };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(ERASE)?;
        transaction.execute(INITIALIZE, params![label.as_str(), serial])?;
        Ok(transaction.commit()?)
    }

    /// The client identity.
    ///
    /// # Errors
    /// The token cannot be read, or the identity does not open.
    pub fn identity(&self) -> Result<Option<ClientIdentity>, StoreError> {
        let Some((connection, sealer)) = &self.open else { return Ok(None) };
        let row =
            connection.query_row(IDENTITY, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let Some((label, public, sealed)) = row.optional()? else { return Ok(None) };
        let (label, public, sealed): (String, PublicKey, Vec<u8>) = (label, public, sealed);
        let secret = sealer.open(seat(&label), &sealed)?;
        let keys =
            KeyPair::from_secret(secret.as_slice().try_into().map_err(|_| StoreError::Sealed)?);
        if *keys.public() != public {
            return Err(StoreError::Sealed);
        }
        let label = label.parse().map_err(|_| StoreError::Row("client identity"))?;
        Ok(Some(ClientIdentity { label, keys }))
    }

    /// Puts a client identity on an initialized token, in place of the one before.
    ///
    /// # Errors
    /// The token cannot be written; nothing has changed.
    pub fn create_identity(
        &self,
        identity: &ClientIdentity,
        random: &mut dyn Random,
    ) -> Result<(), StoreError> {
        let (connection, sealer) = self.initialized()?;
        let ClientIdentity { label, keys } = identity;
        let secret = keys.expose_secret();
        let sealed = sealer.seal(seat(label.as_str()), secret.as_ref(), random)?;
        connection.execute(SET_IDENTITY, params![label.as_str(), keys.public(), sealed])?;
        Ok(())
    }

    /// Deletes the client identity.
    ///
    /// # Errors
    /// The token cannot be written.
    pub fn delete_identity(&self) -> Result<(), StoreError> {
        self.initialized()?.0.execute(DELETE_IDENTITY, [])?;
        Ok(())
    }

    /// The registered partitions, in the order of registration.
    ///
    /// # Errors
    /// The token cannot be read.
    pub fn partitions(&self) -> Result<Vec<RegisteredPartition>, StoreError> {
        let Some((connection, _)) = &self.open else { return Ok(Vec::new()) };
        let mut statement = connection.prepare(PARTITIONS)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (serial, label, key): (u64, Option<String>, PublicKey) = row?;
            let label = label.map(|label| label.parse()).transpose();
            let label = label.map_err(|_| StoreError::Row("registered partition"))?;
            Ok(RegisteredPartition { serial: SerialNumber::new(serial), label, key })
        })
        .collect()
    }

    /// Registers a partition; `false` if one of this serial number is registered.
    ///
    /// # Errors
    /// The token cannot be written.
    pub fn register_partition(&self, partition: &RegisteredPartition) -> Result<bool, StoreError> {
        let RegisteredPartition { serial, label, key } = partition;
        let values = params![serial.value(), label.as_ref().map(Label::as_str), key];
        Ok(self.initialized()?.0.execute(ADD_PARTITION, values)? > 0)
    }

    /// Removes a partition; `false` if none of this serial number is registered.
    ///
    /// # Errors
    /// The token cannot be written.
    pub fn deregister_partition(&self, serial: SerialNumber) -> Result<bool, StoreError> {
        Ok(self.initialized()?.0.execute(DELETE_PARTITION, [serial.value()])? > 0)
    }

    fn initialized(&self) -> Result<&(Connection, Sealer), StoreError> {
        self.open.as_ref().ok_or(StoreError::Row("token that was never initialized"))
    }
}

impl fmt::Debug for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientToken({})", self.directory.display())
    }
}

/// The identity's seat names its label: a private key does not open under another name.
const fn seat(label: &str) -> Seat<'_> {
    Seat { store: "token", object: label, field: "identity" }
}

const DESCRIPTION: &str = "SELECT label, serial FROM token";
const ERASE: &str = "DELETE FROM token; DELETE FROM identity; DELETE FROM partition;";
const INITIALIZE: &str = "INSERT INTO token (id, label, serial) VALUES (1, ?1, ?2)";
const IDENTITY: &str = "SELECT label, public, sealed FROM identity";
const SET_IDENTITY: &str =
    "INSERT OR REPLACE INTO identity (id, label, public, sealed) VALUES (1, ?1, ?2, ?3)";
const DELETE_IDENTITY: &str = "DELETE FROM identity";
const PARTITIONS: &str = "SELECT serial, label, key FROM partition ORDER BY id";
const ADD_PARTITION: &str =
    "INSERT OR IGNORE INTO partition (serial, label, key) VALUES (?1, ?2, ?3)";
const DELETE_PARTITION: &str = "DELETE FROM partition WHERE serial = ?1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRandom;

    fn random() -> SystemRandom {
        SystemRandom::new()
    }

    #[test]
    fn looking_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("token");
        let token = ClientToken::open(&inside, &mut random()).unwrap();
        assert_eq!(token.description().unwrap(), None);
        assert!(token.identity().unwrap().is_none() && token.partitions().unwrap().is_empty());
        assert!(!inside.exists());
    }

    #[test]
    fn what_is_kept_is_there_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut token = ClientToken::open(directory.path(), &mut random()).unwrap();
        token.initialize(&"one".parse().unwrap(), &mut random()).unwrap();
        let keys = KeyPair::generate(&mut random()).unwrap();
        let identity = ClientIdentity { label: "client1".parse().unwrap(), keys };
        token.create_identity(&identity, &mut random()).unwrap();
        let partition = RegisteredPartition {
            serial: SerialNumber::new(1_000_000_000_001),
            label: Some("par0".parse().unwrap()),
            key: [7; 32],
        };
        assert!(token.register_partition(&partition).unwrap());
        assert!(!token.register_partition(&partition).unwrap());

        let mut again = ClientToken::open(directory.path(), &mut random()).unwrap();
        let there = again.identity().unwrap().unwrap();
        assert_eq!(there.label, identity.label);
        assert_eq!(there.keys.public(), identity.keys.public());
        assert_eq!(again.partitions().unwrap(), std::slice::from_ref(&partition));
        let first = again.description().unwrap().unwrap();

        again.initialize(&"two".parse().unwrap(), &mut random()).unwrap();
        let second = token.description().unwrap().unwrap();
        assert_eq!(second.label.as_str(), "two");
        assert_ne!(second.serial, first.serial);
        assert!(token.identity().unwrap().is_none() && token.partitions().unwrap().is_empty());
    }

    #[test]
    fn a_renamed_identity_does_not_open() {
        let directory = tempfile::tempdir().unwrap();
        let mut token = ClientToken::open(directory.path(), &mut random()).unwrap();
        token.initialize(&"one".parse().unwrap(), &mut random()).unwrap();
        let keys = KeyPair::generate(&mut random()).unwrap();
        let identity = ClientIdentity { label: "client1".parse().unwrap(), keys };
        token.create_identity(&identity, &mut random()).unwrap();
        let (connection, _) = token.open.as_ref().unwrap();
        connection.execute("UPDATE identity SET label = 'client2'", []).unwrap();
        assert!(matches!(token.identity(), Err(StoreError::Sealed)));
    }
}
