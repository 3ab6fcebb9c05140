//! The administrator's requests about the audit log.

use std::net::IpAddr;

use super::Desk;
use crate::{
    hsm::AdminSession,
    model::{AdminReply, AdminRequest, Status, SyslogRequest, SyslogTarget, is_host_name},
    net::SyslogLink,
};

/// The length in bytes that a socket's path stays below (`sun_path` in `unix(7)`).
const LONGEST_PATH: usize = 108;

impl Desk {
    /// Performs a request about the audit log; another one is not known.
    pub(super) fn audit(
        &self,
        session: &AdminSession,
        request: AdminRequest,
    ) -> Result<AdminReply, Status> {
        match request {
            AdminRequest::Audit(query) => {
                return self.hsm.read_audit(session, &query).map(AdminReply::Audit);
            }
            AdminRequest::AuditArchive { file, query } => {
                return self.audit.read(session, (&file, &query)).map(AdminReply::Audit);
            }
            AdminRequest::AuditConfig => {
                return self.hsm.audit_config().map(AdminReply::AuditConfig);
            }
            AdminRequest::ConfigureAudit { partition, events } => {
                self.hsm.configure_audit(session, partition.as_ref(), events)?;
            }
            AdminRequest::CheckAudit => return self.audit.check().map(AdminReply::AuditCheck),
            AdminRequest::AuditStatus => {
                return Ok(AdminReply::AuditStatus(Box::new(self.audit.status()?)));
            }
            AdminRequest::KeepAudit(setting) => self.hsm.keep_audit(session, setting)?,
            AdminRequest::ArchiveAudit => {
                let name = self.audit.archive(Some(session))?;
                return Ok(name.map_or(AdminReply::Done, AdminReply::File));
            }
            AdminRequest::ClearAudit { records } => self.audit.clear(session, records)?,
            AdminRequest::Syslog(SyslogRequest::List) => {
                return Ok(AdminReply::Syslog(self.syslog.states()));
            }
            AdminRequest::Syslog(request) => {
                if matches!(&request, SyslogRequest::Add(target) if !is_sound(target)) {
                    return Err(Status::ArgumentsBad);
                }
                self.syslog.take(self.hsm.change_syslog(session, request)?)?;
            }
            _ => return Err(Status::FunctionNotSupported),
        }
        Ok(AdminReply::Done)
    }
}

/// Whether a server could be reached.
fn is_sound(target: &SyslogTarget) -> bool {
    let is_host = |host: &str| host.parse::<IpAddr>().is_ok() || is_host_name(host);
    match target {
        SyslogTarget::Socket { path } => {
            path.starts_with('/') && !path.contains('\0') && path.len() < LONGEST_PATH
        }
        SyslogTarget::Tls { host, port, name, roots } => {
            is_host(host) && *port > 0 && is_host(name) && SyslogLink::has_roots(roots)
        }
    }
}
