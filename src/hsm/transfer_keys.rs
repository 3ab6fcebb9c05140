//! The keys that objects are sealed under on their way from one partition to another.
//!
//! A key is made from two domains: the partition's, which its Crypto Officer and whoever typed it
//! may know, and the HSM's, which only the HSM SO has ever typed and no client sees. So what leaves
//! a partition opens in an HSM of the same domain and nowhere else, and what opens was sealed by
//! one.

use super::{Hsm, LinkSession, fault, partition::check_role, session::PartitionKey};
use crate::{
    crypto::{HashFunction, HkdfScheme, PasswordHash, PasswordKey, hkdf},
    model::{Reply, Role, SerialNumber, Status},
    store::{DomainRow, PartitionRow, Sealer},
};

/// What stands for the secret of the HSM's default domain, which is none.
const DEFAULT_HSM_DOMAIN: &[u8] = b"default hsm domain";

/// What the two values that a key is made for are told apart by.
const SEAL: &[u8] = b"lunacm transfer v2 seal";
const PROOF: &[u8] = b"lunacm transfer v2 proof";

/// What an HSM's domain makes of a salt.
pub(super) struct HsmShare {
    key: PasswordKey,
    is_secret: bool,
}

/// What a partition's domain and the HSM's make of a salt.
pub(super) struct TransferKey {
    /// Seals what leaves and opens what comes.
    pub(super) sealer: Sealer,
    /// Opens what left partitions of the domain before the HSM's domain took part.
    pub(super) earlier: Sealer,
    /// Whether neither domain is the default one, which everybody knows: what opens was sealed by
    /// an HSM.
    pub(super) is_secret: bool,
    /// To show that another HSM makes the same.
    proof: [u8; 32],
}

impl Hsm {
    /// The HSM's part of a key, at a password's price.
    pub(super) fn hsm_share(&self, salt: [u8; 16]) -> Result<HsmShare, Status> {
        let domain = self.hsm_domain()?;
        let is_secret = domain.is_some();
        let secret = domain.as_ref().map_or(DEFAULT_HSM_DOMAIN, |domain| domain.as_slice());
        let made = PasswordHash::create(self.cost, salt, secret);
        let (_, key) = made.ok_or(Status::DeviceError)?;
        Ok(HsmShare { key, is_secret })
    }

    /// The key that a domain makes with the HSM's part of it.
    pub(super) fn transfer_key(
        &self,
        (serial, domain): (SerialNumber, &DomainRow),
        key: &PartitionKey,
        (share, salt): (&HsmShare, [u8; 16]),
    ) -> Result<TransferKey, Status> {
        let (_, own) = self.domain_key(serial, domain, (key, salt))?;
        let is_secret = share.is_secret && domain.sealed.is_some();
        let secret = zeroize::Zeroizing::new([*share.key.expose(), *own.expose()].concat());
        let derive = |info| {
            let scheme =
                HkdfScheme { hash: HashFunction::Sha256, extract: Some(&salt), expand: Some(info) };
            let made = hkdf(&scheme, &secret, 32).map_err(|error| {
                tracing::error!(%error, "no key for a transfer");
                Status::DeviceError
            })?;
            <[u8; 32]>::try_from(made.as_slice())
                .map(zeroize::Zeroizing::new)
                .map_err(|_| Status::DeviceError)
        };
        let (sealer, proof) = (Sealer::new(&*derive(SEAL)?), *derive(PROOF)?);
        Ok(TransferKey { sealer, earlier: Sealer::new(own.expose()), is_secret, proof })
    }

    /// What the HSM's domain, the primary domain and a salt make: equal where objects can go from
    /// one partition to the other.
    pub(super) fn transfer_proof(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        salt: [u8; 16],
    ) -> Result<Reply, Status> {
        check_role(session, partition, Role::CryptoOfficer)?;
        let keys = self.keys_of(session, partition)?;
        let domains = self.store.domains(partition.serial).map_err(fault)?;
        let primary = domains.iter().find(|domain| domain.primary).ok_or(Status::DeviceError)?;
        let share = self.hsm_share(salt)?;
        let of = (partition.serial, primary);
        let key = self.transfer_key(of, keys.domain()?, (&share, salt))?;
        Ok(Reply::DomainProof(key.proof))
    }
}
