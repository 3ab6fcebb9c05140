//! The administrator's requests about the audit log.

use super::Desk;
use crate::{
    hsm::AdminSession,
    model::{AdminReply, AdminRequest, Status},
};

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
            _ => return Err(Status::FunctionNotSupported),
        }
        Ok(AdminReply::Done)
    }
}
