//! Which syslog servers get records of the audit log.

use super::{AdminSession, Hsm, audit::appliance_entry, fault, wait};
use crate::{
    model::{
        AuditAct, AuditDetail, AuditEntry, MOST_SYSLOG_SERVERS, Status, SyslogRequest,
        SyslogServer, SyslogTarget,
    },
    store::StoreError,
};

const SERVERS: &str = "syslog servers";

impl Hsm {
    /// The servers, in the order in which they were added.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn syslog_targets(&self) -> Result<Vec<SyslogTarget>, Status> {
        let Some(text) = self.store.setting(SERVERS).map_err(fault)? else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|_| fault(StoreError::Row("setting")))
    }

    /// Changes the servers, and returns them.
    ///
    /// # Errors
    /// The HSM SO is not logged in, there is no such server ([`Status::ObjectHandleInvalid`]), it is
    /// there already ([`Status::AttributeValueInvalid`]), there are too many
    /// ([`Status::DeviceMemory`]), or the store cannot be written.
    pub fn change_syslog(
        &self,
        session: &AdminSession,
        request: SyslogRequest,
    ) -> Result<Vec<SyslogTarget>, Status> {
        let _turn = wait(&self.turn);
        self.check_auditor(session)?;
        let mut targets = self.syslog_targets()?;
        match request {
            SyslogRequest::List => return Ok(targets),
            SyslogRequest::Add(target) => {
                let server = SyslogServer::from(&target);
                if targets.iter().any(|known| SyslogServer::from(known) == server) {
                    return Err(Status::AttributeValueInvalid);
                }
                if targets.len() >= MOST_SYSLOG_SERVERS {
                    return Err(Status::DeviceMemory);
                }
                targets.push(target);
            }
            SyslogRequest::Delete(name) => {
                let before = targets.len();
                targets.retain(|target| !is_named(target, &name));
                if targets.len() == before {
                    return Err(Status::ObjectHandleInvalid);
                }
            }
            SyslogRequest::Clear => targets.clear(),
        }
        let text = serde_json::to_string(&targets).map_err(|_| Status::GeneralError)?;
        self.store.set_setting(SERVERS, &text).map_err(fault)?;
        tracing::info!(servers = targets.len(), "syslog servers changed");
        Ok(targets)
    }

    /// Records that a server did not get some records.
    ///
    /// # Errors
    /// The record could not be written.
    pub fn record_syslog_loss(&self, records: u64, server: String) -> Result<(), Status> {
        let detail = Some(AuditDetail::Lost { records, server });
        let entry = appliance_entry(AuditAct::LoseSyslog, detail);
        self.append(None, &AuditEntry { outcome: Status::DeviceRemoved, ..entry }, true)
    }
}

/// Whether a name is a server's: a socket's path, a host, or a host with its port.
fn is_named(target: &SyslogTarget, name: &str) -> bool {
    let host = matches!(target, SyslogTarget::Tls { host, .. } if host == name);
    host || SyslogServer::from(target).to_string() == name
}
