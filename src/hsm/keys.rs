//! What is sealed under which key.

use zeroize::Zeroizing;

use super::{Hsm, fault, role_keys::RoleKeys, session::PartitionKey};
use crate::{
    crypto::{KeyPair, PasswordHash, PasswordKey},
    model::{LEAST_PASSWORD, MAXIMUM_DOMAIN, Password, PasswordError, Role, SerialNumber, Status},
    store::{Credential, PartitionRow, Sealer, Seat, StoreError},
};

/// The store's name in sealed values.
const STORE: &str = "partition";

/// Where the HSM's domain is sealed.
const HSM_DOMAIN: Seat<'static> = Seat { store: "hsm", object: "hsm", field: "domain" };

impl Hsm {
    /// A partition identity, sealed under the HSM's key: it has to open without a login.
    pub(super) fn seal_identity(
        &self,
        serial: SerialNumber,
        identity: &KeyPair,
    ) -> Result<Vec<u8>, StoreError> {
        self.sealed(&self.sealer, serial, "identity", &*identity.expose_secret())
    }

    pub(super) fn open_identity(&self, partition: &PartitionRow) -> Result<KeyPair, StoreError> {
        let object = partition.serial.to_string();
        let seat = Seat { store: STORE, object: &object, field: "identity" };
        let secret = self.sealer.open(seat, &partition.sealed_identity)?;
        let secret = secret.as_slice().try_into().map_err(|_| StoreError::Sealed)?;
        let identity = KeyPair::from_secret(secret);
        if *identity.public() != partition.identity {
            return Err(StoreError::Sealed);
        }
        Ok(identity)
    }

    /// A new key for a partition's domains or its objects.
    pub(super) fn partition_key(&self) -> Result<PartitionKey, Status> {
        self.fill().map(Zeroizing::new).map_err(fault)
    }

    /// A credential for a new password, with a role's keys wrapped under it.
    pub(super) fn credential(
        &self,
        serial: SerialNumber,
        role: Role,
        password: &Password,
        keys: &RoleKeys,
    ) -> Result<(Credential, PasswordKey), Status> {
        let (hash, password_key) = self.hash(password, LEAST_PASSWORD)?;
        let wrapped_key = self.wrap(serial, role, &password_key, keys)?;
        Ok((Credential { hash, wrapped_key }, password_key))
    }

    /// The verifier of a new password of so many characters at least, and the key it opens.
    pub(super) fn hash(
        &self,
        password: &Password,
        least: usize,
    ) -> Result<(PasswordHash, PasswordKey), Status> {
        password.check_new(least).map_err(|error| match error {
            PasswordError::Length => Status::PinLenRange,
            PasswordError::LeadingSpace | PasswordError::Character => Status::PinInvalid,
        })?;
        let salt = self.fill().map_err(fault)?;
        PasswordHash::create(self.cost, salt, password.expose()).ok_or(Status::DeviceError)
    }

    /// Holds the rule for a domain that is being set: 1 to 128 characters.
    pub(super) fn check_domain(domain: &Password) -> Result<(), Status> {
        // What is not UTF-8 was never typed; the type holds text.
        let characters = str::from_utf8(domain.expose()).map_or(0, |text| text.chars().count());
        if (1..=MAXIMUM_DOMAIN).contains(&characters) { Ok(()) } else { Err(Status::PinLenRange) }
    }

    /// A role's keys, wrapped for it.
    pub(super) fn wrap(
        &self,
        serial: SerialNumber,
        role: Role,
        under: &PasswordKey,
        keys: &RoleKeys,
    ) -> Result<Vec<u8>, Status> {
        let value = keys.to_bytes();
        self.sealed(&Sealer::new(under.expose()), serial, role.abbreviation(), &value)
            .map_err(fault)
    }

    /// What was wrapped for a role, as it was written.
    pub(super) fn unwrap_keys(
        serial: SerialNumber,
        role: Role,
        under: &PasswordKey,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        let object = serial.to_string();
        let seat = Seat { store: STORE, object: &object, field: role.abbreviation() };
        Sealer::new(under.expose()).open(seat, wrapped).map_err(fault)
    }

    /// A domain key for an officer who can open it with a key of his own.
    pub(super) fn seal_handover(
        &self,
        serial: SerialNumber,
        domain: &PartitionKey,
        under: &PartitionKey,
    ) -> Result<Vec<u8>, Status> {
        self.sealed(&Sealer::new(under), serial, "handover", domain.as_ref()).map_err(fault)
    }

    pub(super) fn open_handover(
        serial: SerialNumber,
        sealed: &[u8],
        under: &PartitionKey,
    ) -> Result<PartitionKey, Status> {
        let object = serial.to_string();
        let seat = Seat { store: STORE, object: &object, field: "handover" };
        let key = Sealer::new(under).open(seat, sealed).map_err(fault)?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| fault(StoreError::Sealed))?;
        Ok(Zeroizing::new(*key))
    }

    /// A partition's cloning domain, sealed under the partition's domain key.
    pub(super) fn seal_domain(
        &self,
        serial: SerialNumber,
        domain: &[u8],
        key: &PartitionKey,
    ) -> Result<Vec<u8>, Status> {
        self.sealed(&Sealer::new(key), serial, "domain", domain).map_err(fault)
    }

    pub(super) fn open_domain(
        serial: SerialNumber,
        sealed: &[u8],
        key: &PartitionKey,
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        let object = serial.to_string();
        let seat = Seat { store: STORE, object: &object, field: "domain" };
        Sealer::new(key).open(seat, sealed).map_err(fault)
    }

    fn sealed(
        &self,
        sealer: &Sealer,
        serial: SerialNumber,
        field: &str,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let object = serial.to_string();
        let seat = Seat { store: STORE, object: &object, field };
        let mut random = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sealer.seal(seat, value, random.as_mut())
    }

    /// The HSM's domain, sealed under the HSM's key.
    pub(super) fn seal_hsm_domain(&self, domain: &Password) -> Result<Vec<u8>, Status> {
        Self::check_domain(domain)?;
        let seat = HSM_DOMAIN;
        let mut random = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.sealer.seal(seat, domain.expose(), random.as_mut()).map_err(fault)
    }

    /// The HSM's domain; none if it is the default domain.
    pub(super) fn hsm_domain(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Status> {
        let sealed = self.store.hsm().map_err(fault)?.domain;
        sealed.map(|sealed| self.sealer.open(HSM_DOMAIN, &sealed)).transpose().map_err(fault)
    }
}
