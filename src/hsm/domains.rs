//! Cloning domains: objects go only to partitions that have theirs.

use super::{Hsm, LinkSession, fault, partition::check_role, session::PartitionKey};
use crate::{
    crypto::{PasswordHash, PasswordKey},
    model::{
        DomainEntry, Label, MAXIMUM_DOMAINS, Password, Policy, Reply, Role, SerialNumber, Status,
    },
    store::{DomainRow, PartitionRow},
};

/// The label of a first domain that was given none.
const FIRST_LABEL: &str = "domain1";

/// What stands for the secret of the default domain, which is none.
const DEFAULT_DOMAIN: &[u8] = b"default domain";

impl Hsm {
    /// The domain of a partition that is being initialized.
    pub(super) fn first_domain(
        &self,
        serial: SerialNumber,
        (domain, label): (Option<Password>, Option<Label>),
        key: &PartitionKey,
    ) -> Result<DomainRow, Status> {
        let label = match label {
            Some(label) => label,
            None => FIRST_LABEL.parse().map_err(|_| Status::DeviceError)?,
        };
        let sealed = self.sealed_domain(serial, domain, key)?;
        Ok(DomainRow { label, primary: true, sealed })
    }

    /// A partition's domains, brought under another key.
    pub(super) fn rewrapped_domains(
        &self,
        serial: SerialNumber,
        from: &PartitionKey,
        to: &PartitionKey,
    ) -> Result<Vec<DomainRow>, Status> {
        let mut domains = self.store.domains(serial).map_err(fault)?;
        for domain in &mut domains {
            if let Some(sealed) = &domain.sealed {
                let opened = Self::open_domain(serial, sealed, from)?;
                domain.sealed = Some(self.seal_domain(serial, &opened, to)?);
            }
        }
        Ok(domains)
    }

    pub(super) fn list_domains(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
    ) -> Result<Reply, Status> {
        check_role(session, partition, Role::PartitionSo)?;
        let domains = self.store.domains(partition.serial).map_err(fault)?;
        let entry = |domain: DomainRow| DomainEntry {
            label: domain.label,
            primary: domain.primary,
            default: domain.sealed.is_none(),
        };
        Ok(Reply::Domains(domains.into_iter().map(entry).collect()))
    }

    pub(super) fn add_domain(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        (label, domain, primary): (Label, Option<Password>, bool),
    ) -> Result<(), Status> {
        let serial = partition.serial;
        check_role(session, partition, Role::PartitionSo)?;
        let keys = self.keys_of(session, partition)?;
        if !self.policies(serial).permits(Policy::ExtendedDomainManagement) {
            return Err(Status::OperationNotAllowed);
        }
        let mut domains = self.store.domains(serial).map_err(fault)?;
        if domains.len() >= MAXIMUM_DOMAINS {
            return Err(Status::FunctionRejected);
        }
        if domains.iter().any(|known| known.label == label) {
            return Err(Status::AttributeValueInvalid);
        }
        let sealed = self.sealed_domain(serial, domain, keys.domain()?)?;
        if primary {
            for known in &mut domains {
                known.primary = false;
            }
        }
        tracing::info!(%serial, %label, primary, "domain added");
        domains.push(DomainRow { label, primary, sealed });
        self.store.set_domains(serial, &domains).map_err(fault)
    }

    pub(super) fn delete_domain(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        label: &Label,
    ) -> Result<(), Status> {
        check_role(session, partition, Role::PartitionSo)?;
        let mut domains = self.store.domains(partition.serial).map_err(fault)?;
        let at = domains.iter().position(|known| known.label == *label);
        let at = at.ok_or(Status::ObjectHandleInvalid)?;
        if domains.remove(at).primary {
            return Err(Status::FunctionRejected);
        }
        tracing::info!(serial = %partition.serial, %label, "domain deleted");
        self.store.set_domains(partition.serial, &domains).map_err(fault)
    }

    pub(super) fn rename_domain(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        (label, new): (&Label, Label),
    ) -> Result<(), Status> {
        check_role(session, partition, Role::PartitionSo)?;
        let mut domains = self.store.domains(partition.serial).map_err(fault)?;
        let at = domains.iter().position(|known| known.label == *label);
        let at = at.ok_or(Status::ObjectHandleInvalid)?;
        if domains.iter().enumerate().any(|(other, known)| other != at && known.label == new) {
            return Err(Status::AttributeValueInvalid);
        }
        if let Some(named) = domains.get_mut(at) {
            named.label = new;
        }
        self.store.set_domains(partition.serial, &domains).map_err(fault)
    }

    /// What the primary domain and a salt make: equal on partitions of one domain, and for anyone
    /// else a guess at a password's price.
    pub(super) fn domain_proof(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        salt: [u8; 16],
    ) -> Result<Reply, Status> {
        check_role(session, partition, Role::CryptoOfficer)?;
        let keys = self.keys_of(session, partition)?;
        let domains = self.store.domains(partition.serial).map_err(fault)?;
        let primary = domains.iter().find(|domain| domain.primary).ok_or(Status::DeviceError)?;
        let (proof, _) = self.domain_key(partition.serial, primary, (keys.domain()?, salt))?;
        Ok(Reply::DomainProof(proof.verifier))
    }

    /// What a domain and a salt make: a value to show, and a key to seal under.
    pub(super) fn domain_key(
        &self,
        serial: SerialNumber,
        domain: &DomainRow,
        (key, salt): (&PartitionKey, [u8; 16]),
    ) -> Result<(PasswordHash, PasswordKey), Status> {
        let made = match &domain.sealed {
            Some(sealed) => {
                let secret = Self::open_domain(serial, sealed, key)?;
                PasswordHash::create(self.cost, salt, &secret)
            }
            None => PasswordHash::create(self.cost, salt, DEFAULT_DOMAIN),
        };
        made.ok_or(Status::DeviceError)
    }

    fn sealed_domain(
        &self,
        serial: SerialNumber,
        domain: Option<Password>,
        key: &PartitionKey,
    ) -> Result<Option<Vec<u8>>, Status> {
        let seal = |domain: Password| {
            Self::check_domain(&domain)?;
            self.seal_domain(serial, domain.expose(), key)
        };
        domain.map(seal).transpose()
    }
}
