//! Clients known by their certificates, and the partitions they were given.
//!
//! The appliance's administrator decides: as in Luna, no role of the HSM is asked, unless it is
//! set that the HSM SO has to be logged in (`sysconf forceSOLogin`).

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
};

use super::{AdminSession, Effect, Hsm, LinkClient, fault, integrity::no_setting, wait};
use crate::{
    crypto::CertificateHash,
    model::{ClientHost, ClientLabel, KeepAlive, Label, NtlsRefusal, SerialNumber, Status},
    store::{NtlsClientRow, StoreError},
};

/// The name of the setting that makes clients connect from their registered addresses.
const ADDRESS_CHECK: &str = "ntls address check";

/// The name of the setting that holds the only address at which NTLS is served.
const BINDING: &str = "ntls binding";

/// The name of the setting that has clients changed by the HSM SO only.
const FORCE_OFFICER: &str = "force officer";

/// The name of the setting that holds idle time, interval and probes of TCP's keep-alive.
const KEEP_ALIVE: &str = "ntls keep alive";

/// A registered NTLS client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlsClient {
    /// Its name.
    pub name: ClientLabel,
    /// Its host.
    pub host: ClientHost,
    /// The address recorded for it.
    pub address: Option<IpAddr>,
    /// The hash of its certificate.
    pub certificate: CertificateHash,
    /// Its partitions.
    pub partitions: Vec<SerialNumber>,
}

impl From<NtlsClientRow> for NtlsClient {
    fn from(row: NtlsClientRow) -> Self {
        let NtlsClientRow { name, host, address, certificate, partitions } = row;
        Self { name, host, address, certificate: CertificateHash::of(&certificate), partitions }
    }
}

/// Why something about NTLS was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NtlsFailure {
    /// A rule is against it.
    Refused(NtlsRefusal),
    /// It failed.
    Failed(Status),
}

impl From<NtlsRefusal> for NtlsFailure {
    fn from(refusal: NtlsRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for NtlsFailure {
    fn from(error: StoreError) -> Self {
        Self::Failed(fault(error))
    }
}

impl Hsm {
    /// The NTLS clients, in the order of registration. Answers from memory.
    pub fn ntls_clients(&self) -> Arc<Vec<NtlsClient>> {
        self.ntls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client that has this certificate. Answers from memory.
    pub fn ntls_client(&self, certificate: CertificateHash) -> Option<NtlsClient> {
        self.ntls_clients().iter().find(|client| client.certificate == certificate).cloned()
    }

    /// Registers a client with this certificate, in DER.
    ///
    /// # Errors
    /// A client has the name, the host or the certificate already.
    pub fn register_ntls_client(
        &self,
        name: ClientLabel,
        host: ClientHost,
        certificate: Vec<u8>,
    ) -> Result<(), NtlsFailure> {
        let _turn = wait(&self.turn);
        let hash = CertificateHash::of(&certificate);
        for client in self.ntls_clients().iter() {
            if client.name == name {
                return Err(NtlsRefusal::NameTaken.into());
            }
            if client.host == host {
                return Err(NtlsRefusal::HostTaken(host).into());
            }
            if client.certificate == hash {
                return Err(NtlsRefusal::CertificateTaken(client.name.clone()).into());
            }
        }
        let (address, partitions) = (None, Vec::new());
        let row = NtlsClientRow { name, host, address, certificate, partitions };
        if !self.store.register_ntls_client(&row)? {
            return Err(NtlsRefusal::NameTaken.into());
        }
        self.load_ntls()?;
        tracing::info!(client = %row.name, host = %row.host, "NTLS client registered");
        Ok(())
    }

    /// Removes a client; its links end.
    ///
    /// # Errors
    /// There is no such client.
    pub fn delete_ntls_client(&self, name: &ClientLabel) -> Result<Vec<Effect>, NtlsFailure> {
        let _turn = wait(&self.turn);
        let client = self.named_ntls_client(name)?;
        if !self.store.delete_ntls_client(name)? {
            return Err(NtlsRefusal::NoClient.into());
        }
        self.load_ntls()?;
        self.finish_begun(&client.partitions);
        tracing::info!(client = %name, "NTLS client deleted");
        let link = LinkClient::Ntls(client.certificate);
        let end = |serial: &SerialNumber| Effect::EndLinks { serial: *serial, client: Some(link) };
        Ok(client.partitions.iter().map(end).collect())
    }

    /// Lets a client use a partition.
    ///
    /// # Errors
    /// There is no such client or partition, or the client has it already.
    pub fn assign_partition(
        &self,
        client: &ClientLabel,
        partition: &Label,
    ) -> Result<(), NtlsFailure> {
        let _turn = wait(&self.turn);
        let known = self.named_ntls_client(client)?;
        let serial = self.named_partition(partition)?;
        let assigned = known.partitions.contains(&serial);
        if assigned || !self.store.assign_partition(client, serial)? {
            return Err(NtlsRefusal::Assigned.into());
        }
        self.load_ntls()?;
        tracing::info!(%client, %serial, "partition assigned");
        Ok(())
    }

    /// Takes a partition from a client; the links between them end.
    ///
    /// # Errors
    /// There is no such client or partition, or the client does not have it.
    pub fn revoke_partition(
        &self,
        client: &ClientLabel,
        partition: &Label,
    ) -> Result<Vec<Effect>, NtlsFailure> {
        let _turn = wait(&self.turn);
        let known = self.named_ntls_client(client)?;
        let serial = self.named_partition(partition)?;
        if !self.store.revoke_partition(client, serial)? {
            return Err(NtlsRefusal::NotAssigned.into());
        }
        self.load_ntls()?;
        self.finish_begun(&[serial]);
        tracing::info!(%client, %serial, "partition revoked");
        Ok(vec![Effect::EndLinks { serial, client: Some(LinkClient::Ntls(known.certificate)) }])
    }

    /// Records the address that a client connects from, or forgets it.
    ///
    /// # Errors
    /// There is no such client, or an address is recorded (or none, when one is to be forgotten).
    pub fn map_address(
        &self,
        client: &ClientLabel,
        address: Option<IpAddr>,
    ) -> Result<(), NtlsFailure> {
        let _turn = wait(&self.turn);
        match (self.named_ntls_client(client)?.address, address) {
            (Some(present), Some(_)) => return Err(NtlsRefusal::Mapped(present).into()),
            (None, None) => return Err(NtlsRefusal::NotMapped.into()),
            _ => {}
        }
        if !self.store.map_address(client, address)? {
            return Err(NtlsRefusal::NoClient.into());
        }
        Ok(self.load_ntls()?)
    }

    /// Whether clients may be changed at this session.
    ///
    /// # Errors
    /// The HSM SO has to be logged in and is not.
    pub fn check_client_change(&self, session: &AdminSession) -> Result<(), Status> {
        if self.officer_forced()? { self.check_officer(session) } else { Ok(()) }
    }

    /// Whether clients are changed only while the HSM SO is logged in.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn officer_forced(&self) -> Result<bool, Status> {
        let value = self.store.setting(FORCE_OFFICER).map_err(fault)?;
        Ok(value.is_some_and(|value| value == "1"))
    }

    /// Sets whether clients are changed only while the HSM SO is logged in.
    ///
    /// # Errors
    /// The HSM SO is not logged in.
    pub fn force_officer(&self, session: &AdminSession, force: bool) -> Result<(), Status> {
        self.check_officer(session)?;
        self.store.set_setting(FORCE_OFFICER, if force { "1" } else { "0" }).map_err(fault)
    }

    /// Whether clients have to connect from their registered addresses.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn address_check(&self) -> Result<bool, Status> {
        let value = self.store.setting(ADDRESS_CHECK).map_err(fault)?;
        Ok(value.is_some_and(|value| value == "1"))
    }

    /// Sets whether clients have to connect from their registered addresses.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn check_addresses(&self, check: bool) -> Result<(), Status> {
        self.store.set_setting(ADDRESS_CHECK, if check { "1" } else { "0" }).map_err(fault)
    }

    /// The only address at which NTLS is served; none if it is served at every one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn ntls_binding(&self) -> Result<Option<IpAddr>, Status> {
        let value = self.store.setting(BINDING).map_err(fault)?.unwrap_or_default();
        Ok(value.parse().ok())
    }

    /// Sets the only address at which NTLS is served.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn bind_ntls(&self, address: Option<IpAddr>) -> Result<(), Status> {
        let value = address.map(|address| address.to_string()).unwrap_or_default();
        self.store.set_setting(BINDING, &value).map_err(fault)
    }

    /// How NTLS links find out that their clients are gone.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn keep_alive(&self) -> Result<KeepAlive, Status> {
        let value = self.store.setting(KEEP_ALIVE).or_else(no_setting).map_err(fault)?;
        let value = value.unwrap_or_default();
        let mut values = value.split(' ').map_while(|number| number.parse().ok());
        let (idle, interval, probes) = (values.next(), values.next(), values.next());
        let (Some(idle), Some(interval), Some(probes)) = (idle, interval, probes) else {
            return Ok(KeepAlive::DEFAULT);
        };
        Ok(KeepAlive { idle, interval, probes })
    }

    /// Sets how NTLS links find out that their clients are gone.
    ///
    /// # Errors
    /// A value is beyond its limits, or the store cannot be written.
    pub fn set_keep_alive(&self, settings: KeepAlive) -> Result<(), Status> {
        if !settings.is_permitted() {
            return Err(Status::ArgumentsBad);
        }
        let KeepAlive { idle, interval, probes } = settings;
        self.store.set_setting(KEEP_ALIVE, &format!("{idle} {interval} {probes}")).map_err(fault)
    }

    /// The end of every NTLS link to a partition.
    pub(super) fn end_ntls_links(&self, serial: SerialNumber) -> Vec<Effect> {
        let clients = self.ntls_clients();
        let assigned = clients.iter().filter(|client| client.partitions.contains(&serial));
        let link = |client: &NtlsClient| LinkClient::Ntls(client.certificate);
        assigned.map(|client| Effect::EndLinks { serial, client: Some(link(client)) }).collect()
    }

    /// Whether a client with this certificate may use the partition. Answers from memory.
    pub(super) fn is_assigned(&self, serial: SerialNumber, certificate: CertificateHash) -> bool {
        let all = self.ntls.read().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .any(|client| client.certificate == certificate && client.partitions.contains(&serial))
    }

    /// Brings what is known of NTLS clients up to what is stored.
    pub(super) fn load_ntls(&self) -> Result<(), StoreError> {
        // The lock is held over the read: the last to load has seen the last change.
        let mut all = self.ntls.write().unwrap_or_else(PoisonError::into_inner);
        let clients = self.store.ntls_clients()?;
        *all = Arc::new(clients.into_iter().map(NtlsClient::from).collect());
        drop(all);
        self.forget_shared_logins();
        self.settle_all();
        Ok(())
    }

    /// Waits for what a client had begun on partitions that it may not use any more.
    fn finish_begun(&self, serials: &[SerialNumber]) {
        for known in serials.iter().filter_map(|serial| self.known(*serial)) {
            drop(wait(&known.turn));
        }
    }

    fn named_ntls_client(&self, name: &ClientLabel) -> Result<NtlsClient, NtlsFailure> {
        let clients = self.ntls_clients();
        let found = clients.iter().find(|client| client.name == *name);
        found.cloned().ok_or_else(|| NtlsRefusal::NoClient.into())
    }

    fn named_partition(&self, name: &Label) -> Result<SerialNumber, NtlsFailure> {
        let partitions = self.store.partitions()?;
        let found = partitions.iter().find(|partition| partition.name == *name);
        found.map(|partition| partition.serial).ok_or_else(|| NtlsRefusal::NoPartition.into())
    }
}
