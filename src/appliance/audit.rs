//! What of the administrator's requests the audit log hears.

use crate::{
    hsm::Hsm,
    model::{
        AdminReply, AdminRequest, AuditAct, Label, NtlsReply, NtlsRequest, SerialNumber,
        ServiceAction, Status, SyslogRequest,
    },
};

/// What a request is in the log; none if it only asks.
pub(super) const fn act_of(request: &AdminRequest) -> Option<AuditAct> {
    Some(match request {
        AdminRequest::InitializeHsm { .. } | AdminRequest::InitializePartition { .. } => {
            AuditAct::Initialize
        }
        AdminRequest::Login { .. } => AuditAct::Login,
        AdminRequest::Logout => AuditAct::Logout,
        AdminRequest::CreatePartition { .. } => AuditAct::CreatePartition,
        AdminRequest::DeletePartition { .. } => AuditAct::DeletePartition,
        AdminRequest::ChangeHsmPolicies { .. } | AdminRequest::ChangePartitionPolicies { .. } => {
            AuditAct::ChangePolicy
        }
        AdminRequest::ChangeHsmPassword { .. } | AdminRequest::ChangeRolePassword { .. } => {
            AuditAct::ChangePassword
        }
        AdminRequest::CreateCryptoOfficer { .. } => AuditAct::CreateRole,
        AdminRequest::ClearPartition { .. } => AuditAct::ClearPartition,
        AdminRequest::ConfigureAudit { .. }
        | AdminRequest::KeepAudit(_)
        | AdminRequest::Syslog(
            SyslogRequest::Add(_) | SyslogRequest::Delete(_) | SyslogRequest::Clear,
        ) => AuditAct::ConfigureAudit,
        AdminRequest::ArchiveAudit => AuditAct::ArchiveAudit,
        AdminRequest::ClearAudit { .. } => AuditAct::ClearAudit,
        AdminRequest::Ntls(request) => return act_of_ntls(request),
        AdminRequest::Ping
        | AdminRequest::DescribeHsm
        | AdminRequest::Partitions
        | AdminRequest::ExportIdentity { .. }
        | AdminRequest::Files
        | AdminRequest::DeleteFile { .. }
        | AdminRequest::ReadFile { .. }
        | AdminRequest::WriteFile { .. }
        | AdminRequest::Service { action: ServiceAction::Status, .. }
        | AdminRequest::HsmPolicies
        | AdminRequest::PartitionPolicies { .. }
        | AdminRequest::Audit(_)
        | AdminRequest::AuditArchive { .. }
        | AdminRequest::AuditStatus
        | AdminRequest::CheckAudit
        | AdminRequest::Syslog(SyslogRequest::List)
        | AdminRequest::AuditConfig
        | AdminRequest::CheckRows
        | AdminRequest::SelfTest => return None,
        _ => AuditAct::Administer,
    })
}

const fn act_of_ntls(request: &NtlsRequest) -> Option<AuditAct> {
    Some(match request {
        NtlsRequest::Register { .. } => AuditAct::RegisterClient,
        NtlsRequest::Delete { .. } => AuditAct::DeregisterClient,
        NtlsRequest::Clients | NtlsRequest::Describe => return None,
        _ => AuditAct::Administer,
    })
}

/// The partition that a request is about, as it is before the request is performed.
pub(super) fn subject(hsm: &Hsm, request: &AdminRequest) -> Option<SerialNumber> {
    let name: &Label = match request {
        AdminRequest::DeletePartition { name }
        | AdminRequest::RenamePartition { name, .. }
        | AdminRequest::ResizePartition { name, .. }
        | AdminRequest::ChangePartitionPolicies { name, .. }
        | AdminRequest::InitializePartition { name, .. }
        | AdminRequest::CreateCryptoOfficer { name, .. }
        | AdminRequest::ChangeRolePassword { name, .. }
        | AdminRequest::ClearPartition { name, .. }
        | AdminRequest::ConfigureAudit { partition: Some(name), .. } => name,
        AdminRequest::Ntls(
            NtlsRequest::Assign { partition, .. } | NtlsRequest::Revoke { partition, .. },
        ) => partition,
        _ => return None,
    };
    let partitions = hsm.partitions().ok()?;
    partitions.into_iter().find(|entry| entry.name == *name).map(|entry| entry.serial)
}

/// Whether an act that was done has recorded itself already, with what it did.
pub(super) const fn records_itself(act: AuditAct) -> bool {
    matches!(act, AuditAct::ArchiveAudit | AuditAct::ClearAudit)
}

/// What came of a request.
pub(super) const fn outcome(reply: &AdminReply) -> Status {
    match reply {
        AdminReply::Failed(status) | AdminReply::Ntls(NtlsReply::Failed(status)) => *status,
        AdminReply::WrongPassword { .. } => Status::PinIncorrect,
        AdminReply::Ntls(NtlsReply::Refused(_)) => Status::FunctionRejected,
        _ => Status::Ok,
    }
}
