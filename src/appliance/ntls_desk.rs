//! The administrator's requests about NTLS and the services.

use std::{
    fs, io,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use super::desk::{Desk, read_regular};
use crate::{
    crypto::CertificateHash,
    hsm::{AdminSession, LinkClient, NtlsClient, NtlsFailure},
    model::{
        AdminReply, CertificateInfo, ClientHost, Label, LinkService, NtlsClientEntry, NtlsInfo,
        NtlsRefusal, NtlsReply, NtlsRequest, PartitionEntry, ServiceAction, Status,
    },
    wire::{Certificate, MAXIMUM_CERTIFICATE_BYTES},
};

impl Desk {
    /// Performs a request about NTLS.
    pub(super) fn ntls(&self, session: &AdminSession, request: NtlsRequest) -> NtlsReply {
        self.try_ntls(session, request).unwrap_or_else(|failure| match failure {
            NtlsFailure::Refused(refusal) => NtlsReply::Refused(refusal),
            NtlsFailure::Failed(status) => NtlsReply::Failed(status),
        })
    }

    fn try_ntls(
        &self,
        session: &AdminSession,
        request: NtlsRequest,
    ) -> Result<NtlsReply, NtlsFailure> {
        if changes_clients(&request) {
            self.hsm.check_client_change(session).map_err(NtlsFailure::Failed)?;
        }
        match request {
            NtlsRequest::Register { name, host } => {
                let certificate = self.client_certificate(&host)?;
                self.hsm.register_ntls_client(name, host, certificate)?;
            }
            NtlsRequest::Clients => return Ok(NtlsReply::Clients(self.ntls_entries()?)),
            NtlsRequest::Assign { client, partition } => {
                self.hsm.assign_partition(&client, &partition)?;
            }
            NtlsRequest::Revoke { client, partition } => {
                self.live.apply(&self.hsm.revoke_partition(&client, &partition)?);
            }
            NtlsRequest::Delete { client } => {
                self.live.apply(&self.hsm.delete_ntls_client(&client)?);
            }
            NtlsRequest::MapAddress { client, address } => {
                self.hsm.map_address(&client, Some(address))?;
            }
            NtlsRequest::UnmapAddress { client } => self.hsm.map_address(&client, None)?,
            NtlsRequest::Describe => {
                let info = self.ntls_info().map_err(NtlsFailure::Failed)?;
                return Ok(NtlsReply::Service(Box::new(info)));
            }
            NtlsRequest::ResetCounters => self.services.reset(),
            NtlsRequest::CheckAddresses(check) => {
                self.hsm.check_addresses(check).map_err(NtlsFailure::Failed)?;
            }
            NtlsRequest::ForceOfficer(force) => {
                self.hsm.force_officer(session, force).map_err(NtlsFailure::Failed)?;
            }
            NtlsRequest::Bind(address) => self.bind(address)?,
            NtlsRequest::KeepAlive(settings) => {
                self.hsm.set_keep_alive(settings).map_err(NtlsFailure::Failed)?;
                self.services.set_keep_alive(settings);
            }
        }
        Ok(NtlsReply::Done)
    }

    /// Does something with a service; whether it runs then.
    pub(super) fn control(&self, service: LinkService, action: ServiceAction) -> AdminReply {
        let ends = matches!(action, ServiceAction::Stop | ServiceAction::Restart);
        match action {
            ServiceAction::Status => {}
            ServiceAction::Start | ServiceAction::Restart => self.services.set(service, true),
            ServiceAction::Stop => self.services.set(service, false),
        }
        if ends {
            self.live.end_service(service);
        }
        AdminReply::Running(self.services.runs(service))
    }

    /// The certificate that a client's administrator has put into the file area.
    fn client_certificate(&self, host: &ClientHost) -> Result<Vec<u8>, NtlsFailure> {
        let file = format!("{host}.pem");
        let path = self.data.files().join(&file);
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                return NtlsRefusal::NoFile(file.clone()).into();
            }
            tracing::error!(%error, file, "a certificate cannot be read");
            NtlsFailure::Failed(Status::DeviceError)
        };
        let bad = |reason: String| NtlsRefusal::BadFile { file: file.clone(), reason };
        let bytes = read_regular(&path, MAXIMUM_CERTIFICATE_BYTES).map_err(failed)?;
        let bytes = bytes.ok_or_else(|| bad("it is no certificate file".to_owned()))?;
        let certificate = Certificate::parse(&bytes).map_err(|error| bad(error.to_string()))?;
        certificate.check_time(SystemTime::now()).map_err(|error| bad(error.to_string()))?;
        Ok(certificate.der().to_vec())
    }

    fn ntls_entries(&self) -> Result<Vec<NtlsClientEntry>, NtlsFailure> {
        let partitions = self.hsm.partitions().map_err(NtlsFailure::Failed)?;
        let clients = self.hsm.ntls_clients();
        Ok(clients.iter().map(|client| self.ntls_entry(client, &partitions)).collect())
    }

    fn ntls_entry(&self, client: &NtlsClient, partitions: &[PartitionEntry]) -> NtlsClientEntry {
        let own = |entry: &&PartitionEntry| client.partitions.contains(&entry.serial);
        let names: Vec<Label> = partitions.iter().filter(own).map(|own| own.name.clone()).collect();
        NtlsClientEntry {
            name: client.name.clone(),
            host: client.host.clone(),
            address: client.address,
            certificate: client.certificate.bytes(),
            partitions: names,
            links: self.live.count_of(LinkClient::Ntls(client.certificate)),
        }
    }

    fn ntls_info(&self) -> Result<NtlsInfo, Status> {
        let clients = self.hsm.ntls_clients();
        let links: Vec<u32> = clients
            .iter()
            .map(|client| self.live.count_of(LinkClient::Ntls(client.certificate)))
            .collect();
        let connected = links.iter().filter(|links| **links > 0).count();
        let (accepted, refused) = self.services.counted();
        Ok(NtlsInfo {
            running: self.services.runs(LinkService::Ntls),
            listening: self.address,
            bound: self.hsm.ntls_binding()?,
            address_check: self.hsm.address_check()?,
            officer_forced: self.hsm.officer_forced()?,
            connected_clients: u32::try_from(connected).unwrap_or(u32::MAX),
            links: links.iter().sum(),
            accepted,
            refused,
            keep_alive: self.services.keep_alive(),
            certificate: self.server_certificate()?,
        })
    }

    /// A binding to an address that the listener does not serve would only shut everybody out.
    fn bind(&self, address: Option<IpAddr>) -> Result<(), NtlsFailure> {
        let listening = self.address.ip();
        let elsewhere = |address: &IpAddr| *address != listening && !listening.is_unspecified();
        if let Some(address) = address.filter(elsewhere) {
            return Err(NtlsRefusal::NotListening(address).into());
        }
        self.hsm.bind_ntls(address).map_err(NtlsFailure::Failed)
    }

    fn server_certificate(&self) -> Result<CertificateInfo, Status> {
        let fault = |error: String| {
            tracing::error!(error, "the server's certificate cannot be read");
            Status::DeviceError
        };
        let bytes = fs::read(self.data.certificate()).map_err(|error| fault(error.to_string()))?;
        let certificate = Certificate::parse(&bytes).map_err(|error| fault(error.to_string()))?;
        let seconds =
            |moment: SystemTime| moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(CertificateInfo {
            hash: CertificateHash::of(certificate.der()).bytes(),
            valid_from: seconds(certificate.valid_from),
            valid_until: seconds(certificate.valid_until),
            serial: certificate.serial,
            subject: certificate.subject,
            issuer: certificate.issuer,
            names: certificate.names,
        })
    }
}

const fn changes_clients(request: &NtlsRequest) -> bool {
    match request {
        NtlsRequest::Register { .. }
        | NtlsRequest::Assign { .. }
        | NtlsRequest::Revoke { .. }
        | NtlsRequest::Delete { .. }
        | NtlsRequest::MapAddress { .. }
        | NtlsRequest::UnmapAddress { .. } => true,
        NtlsRequest::Clients
        | NtlsRequest::Describe
        | NtlsRequest::ResetCounters
        | NtlsRequest::CheckAddresses(_)
        | NtlsRequest::ForceOfficer(_)
        | NtlsRequest::Bind(_)
        | NtlsRequest::KeepAlive(_) => false,
    }
}
