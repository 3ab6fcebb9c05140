//! The administrator's requests, from decoded to answered.

use std::{
    fs,
    io::{self, Read},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use super::{
    audit, audit_files::AuditFiles, certificate, data::DataDirectory, links::LiveLinks,
    services::Services, syslog::Syslog,
};
use crate::{
    crypto::KnownAnswer,
    hsm::{AdminSession, Effect, Hsm, LoginFailure, mechanism},
    model::{
        AdminReply, AdminRequest, AuditAct, FileEntry, HsmInfo, HsmPolicySet, Label,
        PartitionEntry, PrimitiveTest, SelfTestReport, SerialNumber, Status,
    },
    net::ServerIdentity,
    store::replace_file,
    wire::PartitionIdentityFile,
};

/// The greatest size in bytes of a file that `lunash` reads.
const LARGEST_FILE: u64 = 64 * 1024;

/// Performs what the appliance's administrator asks. Blocking: password hashes and disk writes.
#[derive(Debug)]
pub struct Desk {
    pub(super) hsm: Arc<Hsm>,
    pub(super) live: Arc<LiveLinks>,
    pub(super) services: Arc<Services>,
    pub(super) data: Arc<DataDirectory>,
    pub(super) identity: Arc<ServerIdentity>,
    /// Where the appliance listens.
    pub(super) address: SocketAddr,
    pub(super) audit: Arc<AuditFiles>,
    pub(super) syslog: Arc<Syslog>,
}

impl Desk {
    /// Performs one request of the administrator at this session.
    pub fn perform(&self, session: &AdminSession, request: AdminRequest) -> AdminReply {
        let act = audit::act_of(&request);
        let subject = act.and_then(|_| audit::subject(&self.hsm, &request));
        let reply = self.try_perform(session, request).unwrap_or_else(AdminReply::Failed);
        let Some(act) = act else { return reply };
        let outcome = audit::outcome(&reply);
        if outcome == Status::Ok && audit::records_itself(act) {
            return reply;
        }
        let recorded = self.hsm.record_administration(session, (subject, act), outcome);
        let Err(status) = recorded else { return reply };
        // A login that is not recorded does not stand.
        if matches!((act, &reply), (AuditAct::Login, AdminReply::Done)) {
            self.hsm.logout(session).ok();
        }
        AdminReply::Failed(status)
    }

    fn try_perform(
        &self,
        session: &AdminSession,
        request: AdminRequest,
    ) -> Result<AdminReply, Status> {
        match request {
            AdminRequest::Ping => {}
            AdminRequest::InitializeHsm { label, password, domain, policies } => {
                let secrets = (password, domain);
                let effects = self.hsm.initialize_with(session, &label, secrets, &policies)?;
                self.live.apply(&effects);
            }
            AdminRequest::Login { password } => {
                return self.password_reply(self.hsm.login(session, &password));
            }
            AdminRequest::Logout => self.hsm.logout(session)?,
            AdminRequest::DescribeHsm => {
                return Ok(AdminReply::Hsm(Box::new(self.describe(session)?)));
            }
            AdminRequest::CreatePartition { name, size } => {
                return self.hsm.create_partition(session, &name, size).map(AdminReply::Created);
            }
            AdminRequest::Partitions => return self.partitions().map(AdminReply::Partitions),
            AdminRequest::DeletePartition { name } => {
                let effects = self.hsm.delete_partition(session, &name)?;
                self.live.apply(&effects);
            }
            AdminRequest::ExportIdentity { name } => {
                return self.export_identity(&name).map(AdminReply::File);
            }
            AdminRequest::Files => return self.files().map(AdminReply::Files).map_err(disk),
            AdminRequest::DeleteFile { name } => self.delete_file(&name)?,
            AdminRequest::ReadFile { name } => {
                return self.read_file(&name).map(AdminReply::Content);
            }
            AdminRequest::WriteFile { name, content } => {
                let path = self.file(&name)?;
                replace_file(&path, &content, 0o644).map_err(disk)?;
            }
            AdminRequest::RegenerateCertificate => {
                certificate::regenerate(&self.data, self.address.ip(), &self.identity).map_err(
                    |error| {
                        tracing::error!(%error, "no new certificate");
                        Status::DeviceError
                    },
                )?;
            }
            AdminRequest::Ntls(request) => {
                return Ok(AdminReply::Ntls(self.ntls(session, request)));
            }
            AdminRequest::Service { service, action } => return Ok(self.control(service, action)),
            AdminRequest::SelfTest => return Ok(AdminReply::SelfTested(self_test())),
            request => return self.administer(session, request),
        }
        Ok(AdminReply::Done)
    }

    /// Performs what was left out above: changes of policies, passwords, names and sizes.
    fn administer(
        &self,
        session: &AdminSession,
        request: AdminRequest,
    ) -> Result<AdminReply, Status> {
        match request {
            AdminRequest::HsmPolicies => {
                let (capabilities, policies) = (HsmPolicySet::factory(), self.hsm.hsm_policies());
                return Ok(AdminReply::HsmPolicies { capabilities, policies });
            }
            AdminRequest::ChangeHsmPolicies { changes, erase } => {
                self.live.apply(&self.hsm.change_hsm_policies(session, &changes, erase)?);
            }
            AdminRequest::ChangeHsmPassword { old, new } => {
                let outcome = self.hsm.change_officer_password(session, &old, &new);
                return self.password_reply(outcome);
            }
            AdminRequest::Zeroize { factory_reset } => {
                self.live.apply(&self.hsm.zeroize(session, factory_reset)?);
            }
            AdminRequest::RenamePartition { name, new } => {
                self.hsm.rename_partition(session, &name, &new)?;
            }
            AdminRequest::ResizePartition { name, size } => {
                self.hsm.resize_partition(session, &name, size)?;
            }
            AdminRequest::PartitionPolicies { name } => {
                let (capabilities, policies) = self.hsm.partition_policies(&name)?;
                return Ok(AdminReply::Policies { capabilities, policies });
            }
            AdminRequest::ChangePartitionPolicies { name, password, changes, erase } => {
                let change = (changes.as_slice(), erase);
                self.applied(self.hsm.change_partition_policies(&name, &password, change))?;
            }
            AdminRequest::CheckRows => return self.hsm.check_rows().map(AdminReply::Damages),
            request => return self.at_partition(session, request),
        }
        Ok(AdminReply::Done)
    }

    /// Performs what is done at a partition with the passwords of its roles.
    fn at_partition(
        &self,
        session: &AdminSession,
        request: AdminRequest,
    ) -> Result<AdminReply, Status> {
        match request {
            AdminRequest::InitializePartition { name, wanted } => {
                self.live.apply(&self.hsm.initialize_partition_here(session, &name, wanted)?);
            }
            AdminRequest::CreateCryptoOfficer { name, officer, password } => {
                self.applied(self.hsm.create_crypto_officer(&name, &officer, &password))?;
            }
            AdminRequest::ChangeRolePassword { name, role, old, new } => {
                self.applied(self.hsm.change_role_password(&name, role, (&old, &new)))?;
            }
            AdminRequest::ClearPartition { name, password } => {
                self.applied(self.hsm.clear_partition(&name, &password))?;
            }
            AdminRequest::PartitionContents { name, password } => {
                return self.hsm.partition_contents(&name, &password).map(AdminReply::Objects);
            }
            request => return self.audit(session, request),
        }
        Ok(AdminReply::Done)
    }

    /// Does to live links what goes with an outcome.
    fn applied(&self, (outcome, effects): (Result<(), Status>, Vec<Effect>)) -> Result<(), Status> {
        self.live.apply(&effects);
        outcome
    }

    fn password_reply(&self, outcome: Result<(), LoginFailure>) -> Result<AdminReply, Status> {
        let Err(failure) = outcome else { return Ok(AdminReply::Done) };
        self.live.apply(&failure.effects);
        match failure.attempts_left {
            Some(attempts_left) => Ok(AdminReply::WrongPassword { attempts_left }),
            None => Err(failure.status),
        }
    }

    fn describe(&self, session: &AdminSession) -> Result<HsmInfo, Status> {
        let mut info = self.hsm.describe(session)?;
        env!("CARGO_PKG_VERSION").clone_into(&mut info.software);
        info.host = self.data.host();
        self.count_links(&mut info.partitions);
        Ok(info)
    }

    fn partitions(&self) -> Result<Vec<PartitionEntry>, Status> {
        let mut partitions = self.hsm.partitions()?;
        self.count_links(&mut partitions);
        Ok(partitions)
    }

    fn count_links(&self, partitions: &mut [PartitionEntry]) {
        for partition in partitions {
            partition.links = self.live.count(partition.serial);
        }
    }

    fn export_identity(&self, name: &Label) -> Result<String, Status> {
        let partitions = self.hsm.partitions()?;
        let partition = partitions
            .into_iter()
            .find(|partition| partition.name == *name)
            .ok_or(Status::ObjectHandleInvalid)?;
        let file = file_name(partition.serial);
        let text = PartitionIdentityFile {
            serial: partition.serial,
            label: partition.label,
            key: partition.key,
        }
        .to_text();
        replace_file(&self.data.files().join(&file), text.as_bytes(), 0o644).map_err(disk)?;
        Ok(file)
    }

    fn files(&self) -> io::Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.data.files())? {
            let entry = entry?;
            let facts = entry.metadata()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if facts.is_file() && !name.starts_with('.') {
                let modified = facts.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                files.push(FileEntry { name, size: facts.len(), modified: modified.as_secs() });
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }

    fn delete_file(&self, name: &str) -> Result<(), Status> {
        fs::remove_file(self.file(name)?).map_err(missing)
    }

    fn read_file(&self, name: &str) -> Result<Vec<u8>, Status> {
        let content = read_regular(&self.file(name)?, LARGEST_FILE).map_err(missing)?;
        content.ok_or(Status::ArgumentsBad)
    }

    /// A place in the file area, and nowhere else.
    fn file(&self, name: &str) -> Result<PathBuf, Status> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(only)), None) if only == name => {
                Ok(self.data.files().join(name))
            }
            _ => Err(Status::ArgumentsBad),
        }
    }
}

/// The content of a regular file of at most `limit` bytes; `None` if it is larger or something
/// else. A link is something else: the administrator's programs put files here, not ways out.
pub(super) fn read_regular(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut options = fs::OpenOptions::new();
    let opened = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    let fits = u64::try_from(content.len()).is_ok_and(|length| length <= limit);
    Ok(Some(content).filter(|_| fits))
}

/// The name of an exported partition identity: the serial number with Luna's ending.
/// Tests every primitive again; the appliance began with that.
fn self_test() -> SelfTestReport {
    let rows = mechanism::known_answers();
    let test = |row: &KnownAnswer| PrimitiveTest { name: row.name.to_owned(), passed: row.holds() };
    SelfTestReport { primitives: rows.iter().map(test).collect() }
}

fn file_name(serial: SerialNumber) -> String {
    format!("{serial}.pid")
}

fn missing(error: io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound => Status::ObjectHandleInvalid,
        _ => disk(error),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn disk(error: io::Error) -> Status {
    tracing::error!(%error, "the file area cannot be used");
    Status::DeviceError
}
