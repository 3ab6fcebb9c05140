//! Which keys a role's password opens.
//!
//! A partition has two keys. Its cloning domains are sealed under one, its private objects under
//! the other. The Partition SO opens the first alone: its password opens no user's key, unless HSM
//! policy 15 lets it reset the Crypto Officer's, for which it has to hold the second too. The
//! Crypto Officer opens both, since objects that leave are sealed for a domain; the roles below it
//! open the objects.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Hsm, LinkSession, fault, login::find, session::PartitionKey};
use crate::{
    crypto::PasswordKey,
    model::{HsmPolicy, Role, SerialNumber, Status},
    store::{DomainRow, PartitionRow, Rewrapped, RoleChanges, RoleRow, StoreError},
};

/// What a wrapped value says of the keys in it, in its first byte.
const HAS_DOMAIN: u8 = 1;
const HAS_OBJECTS: u8 = 2;

const KEY_BYTES: usize = 32;

/// The keys that a role's password opens.
#[derive(Clone, Default)]
pub(super) struct RoleKeys {
    /// The cloning domains are sealed under it.
    pub(super) domain: Option<PartitionKey>,
    /// Private objects are sealed under it.
    pub(super) objects: Option<PartitionKey>,
}

/// What a role's wrapped value may be.
enum Unwrapped {
    /// Of a partition from before there were two keys: one that does for both.
    Shared(PartitionKey),
    Parted(RoleKeys),
}

impl RoleKeys {
    /// Of a partition's two keys, those that a role has.
    pub(super) fn of(
        role: Role,
        (domain, objects): (&PartitionKey, Option<&PartitionKey>),
        escrow: bool,
    ) -> Self {
        let (has_domain, has_objects) = match role {
            Role::HsmSecurityOfficer => (false, false),
            Role::PartitionSo => (true, escrow),
            Role::CryptoOfficer => (true, true),
            Role::LimitedCryptoOfficer | Role::CryptoUser => (false, true),
        };
        Self {
            domain: has_domain.then(|| domain.clone()),
            objects: objects.filter(|_| has_objects).cloned(),
        }
    }

    /// The keys as they are wrapped: which there are, and the keys.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let parts = [(HAS_DOMAIN, &self.domain), (HAS_OBJECTS, &self.objects)];
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + 2 * KEY_BYTES));
        bytes.push(0);
        for (flag, key) in parts {
            if let Some(key) = key {
                bytes[0] |= flag;
                bytes.extend_from_slice(key.as_ref());
            }
        }
        bytes
    }

    pub(super) fn domain(&self) -> Result<&PartitionKey, Status> {
        self.domain.as_ref().ok_or(Status::UserNotLoggedIn)
    }

    pub(super) fn objects(&self) -> Result<&PartitionKey, Status> {
        self.objects.as_ref().ok_or(Status::UserNotLoggedIn)
    }
}

impl Unwrapped {
    fn parse(bytes: &[u8]) -> Option<Self> {
        if let Ok(key) = <&[u8; KEY_BYTES]>::try_from(bytes) {
            return Some(Self::Shared(Zeroizing::new(*key)));
        }
        let (flags, mut rest) = bytes.split_first()?;
        let mut take = |flag| {
            if flags & flag == 0 {
                return Some(None);
            }
            let (key, left) = rest.split_first_chunk::<KEY_BYTES>()?;
            rest = left;
            Some(Some(Zeroizing::new(*key)))
        };
        let keys = RoleKeys { domain: take(HAS_DOMAIN)?, objects: take(HAS_OBJECTS)? };
        (rest.is_empty() && flags & !(HAS_DOMAIN | HAS_OBJECTS) == 0).then_some(Self::Parted(keys))
    }
}

impl Hsm {
    /// The keys of the role that is logged in over a link, as they are stored now.
    pub(super) fn keys_of(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
    ) -> Result<RoleKeys, Status> {
        let (role, password_key) = self.password_key_of(session, partition)?;
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let row = find(&roles, role).ok_or(Status::UserNotLoggedIn)?;
        self.role_keys(partition.serial, (&roles, row), &password_key)
    }

    /// What the keys of the role that is logged in over a link are wrapped under.
    pub(super) fn password_key_of(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
    ) -> Result<(Role, Arc<PasswordKey>), Status> {
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let login = session.login(partition.generation);
        let login = login.as_ref().ok_or(Status::UserNotLoggedIn)?;
        let row = find(&roles, login.role).ok_or(Status::UserNotLoggedIn)?;
        // The password was changed over another link, whose key this is not.
        if row.credential.hash.salt != login.salt {
            return Err(Status::UserNotLoggedIn);
        }
        Ok((login.role, login.password_key.clone()))
    }

    /// What a role's password opens. A value of an earlier form, and one that holds what the role
    /// is to have no longer, is written anew.
    pub(super) fn role_keys(
        &self,
        serial: SerialNumber,
        (roles, row): (&[RoleRow], &RoleRow),
        password_key: &PasswordKey,
    ) -> Result<RoleKeys, Status> {
        let wrapped = &row.credential.wrapped_key;
        let bytes = Self::unwrap_keys(serial, row.role, password_key, wrapped)?;
        let unwrapped = Unwrapped::parse(&bytes).ok_or_else(|| fault(StoreError::Sealed))?;
        match unwrapped {
            Unwrapped::Shared(key) => self.part(serial, (roles, row), (&key, password_key)),
            Unwrapped::Parted(keys) => {
                let too_many = row.role == Role::PartitionSo && keys.objects.is_some();
                if !too_many || self.holds_escrow() {
                    return Ok(keys);
                }
                let keys = RoleKeys { objects: None, ..keys };
                let own = self.rewrapped(serial, row, (password_key, &keys))?;
                self.store_rewrapped(serial, &[own], None)?;
                Ok(keys)
            }
        }
    }

    /// Whether Partition SOs hold the key of their partition's objects: they may reset the Crypto
    /// Officer's password.
    pub(super) fn holds_escrow(&self) -> bool {
        self.hsm_policies().permits(HsmPolicy::ResetPartitionPin)
    }

    /// Gives a role of a partition from before there were two keys those that it is to have. The
    /// shared key stays the objects'. The first officer to come brings the domains under a new
    /// one, and leaves it for the other, who can open it with the shared key still.
    fn part(
        &self,
        serial: SerialNumber,
        (roles, row): (&[RoleRow], &RoleRow),
        (shared, password_key): (&PartitionKey, &PasswordKey),
    ) -> Result<RoleKeys, Status> {
        let other = match row.role {
            Role::PartitionSo => Some(Role::CryptoOfficer),
            Role::CryptoOfficer => Some(Role::PartitionSo),
            Role::HsmSecurityOfficer | Role::LimitedCryptoOfficer | Role::CryptoUser => None,
        };
        let waiting = other.and_then(|other| find(roles, other));
        let (mut rewrapped, mut domains) = (Vec::new(), None);
        let domain = match (&row.handover, waiting) {
            (Some(sealed), _) => Self::open_handover(serial, sealed, shared)?,
            // Without a Crypto Officer there are no objects: the key is the domains' alone.
            (None, None) => shared.clone(),
            (None, Some(waiting)) => {
                let domain = self.partition_key()?;
                domains = Some(self.rewrapped_domains(serial, shared, &domain)?);
                rewrapped.push(Rewrapped {
                    handover: Some(self.seal_handover(serial, &domain, shared)?),
                    ..Rewrapped::of(waiting)
                });
                domain
            }
        };
        let objects = Some(shared);
        let keys = RoleKeys::of(row.role, (&domain, objects), self.holds_escrow());
        rewrapped.push(self.rewrapped(serial, row, (password_key, &keys))?);
        self.store_rewrapped(serial, &rewrapped, domains.as_deref())?;
        tracing::info!(%serial, role = %row.role, "the role's keys were parted");
        Ok(keys)
    }

    /// A role's row with these keys.
    pub(super) fn rewrapped(
        &self,
        serial: SerialNumber,
        row: &RoleRow,
        (password_key, keys): (&PasswordKey, &RoleKeys),
    ) -> Result<Rewrapped, Status> {
        let wrapped_key = self.wrap(serial, row.role, password_key, keys)?;
        Ok(Rewrapped { wrapped_key, handover: None, ..Rewrapped::of(row) })
    }

    fn store_rewrapped(
        &self,
        serial: SerialNumber,
        rewrapped: &[Rewrapped],
        domains: Option<&[DomainRow]>,
    ) -> Result<(), Status> {
        let changes = RoleChanges { added: None, rewrapped, domains };
        let changed = self.store.change_roles(serial, &changes).map_err(fault)?;
        if changed { Ok(()) } else { Err(Status::UserNotLoggedIn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_nothing_else_is_keys() {
        let key = |byte| Some(Zeroizing::new([byte; KEY_BYTES]));
        for (domain, objects) in [(None, None), (key(1), None), (None, key(2)), (key(1), key(2))] {
            let bytes = RoleKeys { domain: domain.clone(), objects: objects.clone() }.to_bytes();
            let Some(Unwrapped::Parted(keys)) = Unwrapped::parse(&bytes) else {
                panic!("{}", bytes.len());
            };
            assert!(keys.domain == domain && keys.objects == objects);
            let longer = [bytes.as_slice(), &[0]].concat();
            assert!(Unwrapped::parse(&longer).is_none() && Unwrapped::parse(&[]).is_none());
        }
        assert!(matches!(Unwrapped::parse(&[4; KEY_BYTES]), Some(Unwrapped::Shared(_))));
        assert!(Unwrapped::parse(&[4]).is_none() && Unwrapped::parse(&[1; 32 + 2]).is_none());
    }

    #[test]
    fn each_role_has_its_own_keys_only() {
        let (domain, objects) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let has = |role, escrow| {
            let keys = RoleKeys::of(role, (&domain, Some(&objects)), escrow);
            (keys.domain.is_some(), keys.objects.is_some())
        };
        for escrow in [false, true] {
            assert_eq!(has(Role::PartitionSo, escrow), (true, escrow));
            assert_eq!(has(Role::CryptoOfficer, escrow), (true, true));
            assert_eq!(has(Role::LimitedCryptoOfficer, escrow), (false, true));
            assert_eq!(has(Role::CryptoUser, escrow), (false, true));
            assert_eq!(has(Role::HsmSecurityOfficer, escrow), (false, false));
        }
    }
}
