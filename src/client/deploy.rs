//! An NTLS connection in one step, where the appliance's data directory is at hand: both
//! administrators' parts, one behind the other.

use std::{io, path::PathBuf, time::SystemTime};

use super::{
    AdminError, AdminLink,
    certificate::ServerCertificate,
    home::{Home, HomeError},
    ntls_identity::{self, DEFAULT_DAYS, NtlsIdentityError},
    registration::{self, RegistrationError, pinned},
    servers::{self, Host, Server, ServersError},
};
use crate::{
    crypto::CertificateHash,
    model::{
        AdminReply, AdminRequest, ClientHost, ClientLabel, Label, NtlsClientEntry, NtlsInfo,
        NtlsRefusal, NtlsReply, NtlsRequest, Status,
    },
    store::replace_file,
    wire::Certificate,
};

/// What is to be connected.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The appliance's data directory on this machine.
    pub data: PathBuf,
    /// The name or address to register the appliance under.
    pub server: Host,
    /// The client's host, for its certificate.
    pub host: Host,
    /// The name to register the client under.
    pub client: ClientLabel,
    /// The partition to assign.
    pub partition: Label,
    /// Whether the client gets a new certificate.
    pub regenerate: bool,
    /// Whether registrations with other certificates are replaced.
    pub force: bool,
}

impl Deployment {
    /// Makes what is missing of certificates, registrations and assignment; a line for each step.
    ///
    /// # Errors
    /// The step that failed; those before it are done, and a repetition goes on from there.
    pub fn run(&self, home: &Home, now: SystemTime) -> Result<Vec<String>, DeployError> {
        let mut steps = Vec::new();
        let mut appliance = Appliance(AdminLink::open(&self.data)?);
        let info = appliance.describe()?;
        let certificate = self.client_certificate(home, now, &mut steps)?;
        let file = self.data.join("files").join(format!("{}.pem", self.client_host()?));
        let at = |error| DeployError::File { path: file.clone(), error };
        replace_file(&file, certificate.to_pem().as_bytes(), 0o644).map_err(at)?;
        steps.push(format!("Client certificate copied to: {}", file.display()));
        self.register_server(home, (&info, now), &mut steps)?;
        let hash = CertificateHash::of(certificate.der());
        let entry = self.register_client(&mut appliance, hash, &mut steps)?;
        if entry.is_some_and(|entry| entry.partitions.contains(&self.partition)) {
            steps.push(format!("Partition {} is assigned already.", self.partition));
        } else {
            let (client, partition) = (self.client.clone(), self.partition.clone());
            appliance.order(NtlsRequest::Assign { client, partition })?;
            steps.push(format!("Partition {} assigned to client {}.", self.partition, self.client));
        }
        Ok(steps)
    }

    fn client_host(&self) -> Result<ClientHost, DeployError> {
        let host = self.host.as_str().parse();
        host.map_err(|_| DeployError::ClientHost(self.host.clone()))
    }

    /// A certificate that is there is used, because other appliances may know it.
    fn client_certificate(
        &self,
        home: &Home,
        now: SystemTime,
        steps: &mut Vec<String>,
    ) -> Result<Certificate, DeployError> {
        let paths = home.open()?;
        let kept = if self.regenerate { None } else { ntls_identity::load(&paths)? };
        if kept.is_none() {
            let written = ntls_identity::create(home, &self.host, DEFAULT_DAYS, now)?;
            steps.push(format!("Client certificate made: {}", written.certificate.display()));
        }
        let credentials = ntls_identity::load(&home.paths()?)?.ok_or(DeployError::Certificate)?;
        let der = credentials.certificate().ok_or(DeployError::Certificate)?.clone().into_owned();
        Certificate::from_der(der).map_err(|_| DeployError::Certificate)
    }

    fn register_server(
        &self,
        home: &Home,
        (info, now): (&NtlsInfo, SystemTime),
        steps: &mut Vec<String>,
    ) -> Result<(), DeployError> {
        let file = self.data.join("files/server.pem");
        let port = info.listening.port();
        let given = ServerCertificate::read(&file).map_err(RegistrationError::from)?;
        if CertificateHash::of(given.der()).bytes() != info.certificate.hash {
            return Err(DeployError::OtherCertificate(file));
        }
        let Some(server) = self.registered_server(home)? else {
            registration::register(home, (&self.server, port), &file, now)?;
            steps.push(format!("Server {} registered, port {port}.", self.server));
            return Ok(());
        };
        if server.stc {
            return Err(DeployError::Stc(self.server.clone()));
        }
        let known = pinned(&home.paths()?, &server.name).ok();
        let same =
            known.is_some_and(|known| CertificateHash::of(&known).bytes() == info.certificate.hash);
        if same && server.port == port {
            steps.push(format!("Server {} is registered already.", self.server));
            return Ok(());
        }
        if !self.force {
            return Err(DeployError::OtherServer(self.server.clone()));
        }
        let place = (&self.server, (&self.server, Some(port)));
        registration::replace(home, place, &file, now)?;
        steps.push(format!("Server {} registered anew, port {port}.", self.server));
        Ok(())
    }

    fn registered_server(&self, home: &Home) -> Result<Option<Server>, DeployError> {
        let servers = servers::list(&home.configuration()?)?;
        Ok(servers.into_iter().find(|server| server.name == self.server))
    }

    /// The client's entry, if it was registered before with this certificate.
    fn register_client(
        &self,
        appliance: &mut Appliance,
        certificate: CertificateHash,
        steps: &mut Vec<String>,
    ) -> Result<Option<NtlsClientEntry>, DeployError> {
        let found = appliance.clients()?.into_iter().find(|entry| entry.name == self.client);
        if let Some(entry) = found {
            if entry.certificate == certificate.bytes() {
                steps.push(format!("Client {} is registered already.", self.client));
                return Ok(Some(entry));
            }
            if !self.force && !self.regenerate {
                return Err(DeployError::Refused(NtlsRefusal::NameTaken));
            }
            appliance.order(NtlsRequest::Delete { client: self.client.clone() })?;
        }
        let (name, host) = (self.client.clone(), self.client_host()?);
        appliance.order(NtlsRequest::Register { name, host })?;
        steps.push(format!("Client {} registered on the appliance.", self.client));
        Ok(None)
    }
}

/// The appliance, over its administrator's socket.
struct Appliance(AdminLink);

impl Appliance {
    fn ask(&mut self, request: NtlsRequest) -> Result<NtlsReply, DeployError> {
        match self.0.ask(&AdminRequest::Ntls(request))? {
            AdminReply::Ntls(NtlsReply::Refused(refusal)) => Err(DeployError::Refused(refusal)),
            AdminReply::Ntls(NtlsReply::Failed(status)) | AdminReply::Failed(status) => {
                Err(DeployError::Failed(status))
            }
            AdminReply::Ntls(reply) => Ok(reply),
            _ => Err(DeployError::Failed(Status::DeviceError)),
        }
    }

    fn order(&mut self, request: NtlsRequest) -> Result<(), DeployError> {
        match self.ask(request)? {
            NtlsReply::Done => Ok(()),
            _ => Err(DeployError::Failed(Status::DeviceError)),
        }
    }

    fn describe(&mut self) -> Result<NtlsInfo, DeployError> {
        match self.ask(NtlsRequest::Describe)? {
            NtlsReply::Service(info) => Ok(*info),
            _ => Err(DeployError::Failed(Status::DeviceError)),
        }
    }

    fn clients(&mut self) -> Result<Vec<NtlsClientEntry>, DeployError> {
        match self.ask(NtlsRequest::Clients)? {
            NtlsReply::Clients(clients) => Ok(clients),
            _ => Err(DeployError::Failed(Status::DeviceError)),
        }
    }
}

/// Why a connection was not made in one step.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The appliance cannot be asked.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The appliance refused.
    #[error("the appliance refused")]
    Refused(NtlsRefusal),
    /// The appliance failed.
    #[error("the appliance failed: {0}")]
    Failed(Status),
    /// The client's certificate cannot be made or read.
    #[error(transparent)]
    Identity(#[from] NtlsIdentityError),
    /// The client's certificate is not there after it was made.
    #[error("the client's certificate cannot be read")]
    Certificate,
    /// The certificate among the appliance's files is not the one that it shows.
    #[error("{} is not the certificate that the appliance shows", .0.display())]
    OtherCertificate(PathBuf),
    /// The appliance does not take this name.
    #[error("{0} cannot be the host of a client")]
    ClientHost(Host),
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The list of servers.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// The registration of the server.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The server is registered otherwise.
    #[error("the server {0} is registered with another certificate or port")]
    OtherServer(Host),
    /// The server is switched to STC.
    #[error("STC is enabled on {0}, and a client uses one kind of link to an appliance")]
    Stc(Host),
    /// The certificate cannot be put among the appliance's files.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl DeployError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Admin(AdminError::Untrusted(_)) => {
                "Nothing was sent. Run lunacm as the user that runs lunahsmd, on a directory that nobody else may write."
            }
            Self::Admin(_) => "Start lunahsmd on this directory, as the user that runs lunacm.",
            Self::OtherCertificate(_) => {
                "Give the one that it shows out: lunash sysconf regenCert."
            }
            Self::Refused(_) => "See lunash: client list, partition list.",
            Self::Failed(_) => "The appliance's log says more.",
            Self::Identity(error) => error.remedy(),
            Self::Certificate => "Use -regen for a new one.",
            Self::ClientHost(_) => "Use a host name or an IP address.",
            Self::Home(error) => error.remedy(),
            Self::Servers(error) => error.remedy(),
            Self::Registration(error) => error.remedy(),
            Self::OtherServer(_) => "Use -force to register it anew.",
            Self::Stc(_) => "Switch it back first: stc disable -id <server_ID>.",
            Self::File { .. } => "Run lunacm as the user that runs lunahsmd.",
        }
    }
}
