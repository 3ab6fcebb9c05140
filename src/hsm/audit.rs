//! The audit log: who did what to which keys, roles and rules.
//!
//! A change of token objects and its record are one transaction. Other acts are recorded right
//! behind the act, before it is answered. Records are sealed under the HSM's key, because they
//! name objects that only a login shows.

use super::{AdminSession, Hsm, LinkClient, LinkSession, fault};
use crate::{
    model::{
        AuditAct, AuditActor, AuditCheck, AuditDetail, AuditEntry, AuditQuery, AuditRecord,
        AuditSource, Request, Role, SerialNumber, Status,
    },
    store::{AUDIT_ROW_BYTES, AuditRow, AuditWalk, NumberedAuditRow, Seat},
    wire::{decode, encode},
};

/// Every record is sealed for the log; its place in it is the chain's to hold.
const SEAT: Seat<'static> = Seat { store: "audit", object: "record", field: "entry" };

/// Records read from the store at a time.
const PAGE: u32 = 1000;

/// Records in one answer at most.
const MOST: usize = 5000;

impl Hsm {
    /// Records behind a number, oldest first. A whole log takes several of these.
    ///
    /// # Errors
    /// There is no such partition, or the store cannot be read.
    pub fn audit_records(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, Status> {
        self.found(query, |after, partition| {
            self.store.audit(after, partition, PAGE).map_err(fault)
        })
    }

    /// The records that match, of those that `pages` gives behind a number.
    pub(super) fn found(
        &self,
        query: &AuditQuery,
        mut pages: impl FnMut(u64, Option<SerialNumber>) -> Result<Vec<NumberedAuditRow>, Status>,
    ) -> Result<Vec<AuditRecord>, Status> {
        let named = |name| self.named(name).map(|partition| partition.serial);
        let partition = query.partition.as_ref().map(named).transpose()?;
        let limit = query.last.map_or(MOST, |last| usize::try_from(last).unwrap_or(MOST).min(MOST));
        let within = |row: &NumberedAuditRow| {
            query.from.is_none_or(|from| row.row.time >= from)
                && query.to.is_none_or(|to| row.row.time <= to)
        };
        let (mut found, mut after) = (std::collections::VecDeque::new(), query.after);
        loop {
            let page = pages(after, partition)?;
            let Some(end) = page.last() else { break };
            after = end.sequence;
            for row in page.into_iter().filter(within) {
                if found.len() == limit {
                    if query.last.is_none() {
                        return Ok(found.into());
                    }
                    found.pop_front();
                }
                found.push_back(self.opened(row));
            }
        }
        Ok(found.into())
    }

    /// As [`Self::audit_records`], for whoever may read the log: records name objects that only a
    /// login shows.
    ///
    /// # Errors
    /// As there, or the HSM SO is not logged in.
    pub fn read_audit(
        &self,
        session: &AdminSession,
        query: &AuditQuery,
    ) -> Result<Vec<AuditRecord>, Status> {
        self.check_auditor(session)?;
        self.audit_records(query)
    }

    /// Whether this session may read the log and manage it. An Auditor of its own would be asked
    /// for here.
    pub(super) fn check_auditor(&self, session: &AdminSession) -> Result<(), Status> {
        self.check_officer(session)
    }

    /// Walks the whole chain of records. What has left the log is the appliance's to look at.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn check_audit(&self) -> Result<AuditCheck, Status> {
        let AuditWalk { records, broken } = self.store.check_audit().map_err(fault)?;
        Ok(AuditCheck { records, broken, archives: Vec::new() })
    }

    /// A record to be, as the store takes it. A clock that has gone back since the last record is
    /// recorded first.
    pub(super) fn record(
        &self,
        partition: Option<SerialNumber>,
        entry: &AuditEntry,
    ) -> Result<AuditRow, Status> {
        let time = (self.now)();
        if let Some(seconds) = self.audit.went_back(time) {
            tracing::warn!(seconds, "the clock went back");
            let detail = Some(AuditDetail::ClockBack { seconds });
            let entry = appliance_entry(AuditAct::ClockBack, detail);
            let row = self.row(time, None, &entry)?;
            self.store.append_audit(row, true).map_err(fault)?;
        }
        self.row(time, partition, entry)
    }

    fn row(
        &self,
        time: u64,
        partition: Option<SerialNumber>,
        entry: &AuditEntry,
    ) -> Result<AuditRow, Status> {
        let bytes = encode(entry).map_err(|_| Status::GeneralError)?;
        let sealed = self.seal(&self.sealer, SEAT, &bytes).map_err(fault)?;
        let length = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        self.audit.grew(length.saturating_add(AUDIT_ROW_BYTES));
        Ok(AuditRow { time, partition, sealed })
    }

    /// Records an act that changes no token object.
    pub(super) fn append(
        &self,
        partition: Option<SerialNumber>,
        entry: &AuditEntry,
        durable: bool,
    ) -> Result<(), Status> {
        let record = self.record(partition, entry)?;
        self.store.append_audit(record, durable).map_err(fault)
    }

    /// Records what the appliance's administrator did, or tried, and to which partition.
    ///
    /// # Errors
    /// The record could not be written; the act has happened all the same.
    pub fn record_administration(
        &self,
        session: &AdminSession,
        (partition, act): (Option<SerialNumber>, AuditAct),
        outcome: Status,
    ) -> Result<(), Status> {
        let entry = self.administrator_entry(session, act, outcome);
        self.append(partition, &entry, true)
    }

    /// Records, before it is done, that a partition, or the HSM if none is named, is zeroized. It
    /// is done whether or not this can be written.
    pub(super) fn record_zeroization(
        &self,
        partition: Option<SerialNumber>,
        entry: AuditEntry,
        detail: AuditDetail,
    ) {
        let (act, outcome, detail) = (AuditAct::Zeroize, Status::Ok, Some(detail));
        let entry = AuditEntry { act, outcome, detail, ..entry };
        if let Err(status) = self.append(partition, &entry, true) {
            let actor = entry.actor.to_string();
            tracing::error!(?partition, actor, ?status, "a zeroization could not be recorded");
        }
    }

    /// What the administrator did, or tried.
    pub(super) fn administrator_entry(
        &self,
        session: &AdminSession,
        act: AuditAct,
        outcome: Status,
    ) -> AuditEntry {
        let actor = AuditActor::Administrator;
        let role = self.check_officer(session).is_ok().then_some(Role::HsmSecurityOfficer);
        let source = session.user().map(AuditSource::User);
        AuditEntry { actor, role, act, objects: Vec::new(), outcome, source, detail: None }
    }

    /// Records an act over a link. One that was done and cannot be recorded fails, so that
    /// somebody looks. Logouts change nothing at rest, and their records do not wait for the disk.
    /// Refusals are summed up, but for wrong passwords, which counters bound.
    pub(super) fn record_request(
        &self,
        session: &LinkSession,
        (act, role): (AuditAct, Option<Role>),
        outcome: Status,
    ) -> Result<(), Status> {
        if !matches!(outcome, Status::Ok | Status::PinIncorrect) {
            self.record_refusal(session, (act, role), outcome);
            return Ok(());
        }
        let entry = self.link_entry(session, (act, role), outcome);
        let passing = act == AuditAct::Logout && outcome == Status::Ok;
        self.append(Some(session.serial()), &entry, !passing)
    }

    /// What is recorded of a login, to be stored with it.
    pub(super) fn login_record(
        &self,
        session: &LinkSession,
        role: Role,
    ) -> Result<AuditRow, Status> {
        let entry = self.link_entry(session, (AuditAct::Login, Some(role)), Status::Ok);
        self.record(Some(session.serial()), &entry)
    }

    /// What a client did, or tried, over a link.
    pub(super) fn link_entry(
        &self,
        session: &LinkSession,
        (act, role): (AuditAct, Option<Role>),
        outcome: Status,
    ) -> AuditEntry {
        let actor = self.actor(session);
        let source = session.address().map(AuditSource::Address);
        AuditEntry { actor, role, act, objects: Vec::new(), outcome, source, detail: None }
    }

    /// Who is at the other end of a link.
    pub(super) fn actor(&self, session: &LinkSession) -> AuditActor {
        match session.client() {
            LinkClient::Stc(key) => {
                let known = self.known(session.serial());
                let client = known.as_ref().and_then(|known| {
                    known.clients.iter().find(|registered| registered.key == key)
                });
                let label = client.map(|client| client.label.to_string()).unwrap_or_default();
                AuditActor::Client { label, key }
            }
            LinkClient::Administrator => AuditActor::Administrator,
            LinkClient::Ntls(certificate) => {
                let label = self.ntls_client(certificate).map(|client| client.name.to_string());
                AuditActor::Client { label: label.unwrap_or_default(), key: certificate.bytes() }
            }
        }
    }

    fn opened(&self, row: NumberedAuditRow) -> AuditRecord {
        let NumberedAuditRow { sequence, row } = row;
        let bytes = self.sealer.open(SEAT, &row.sealed).ok();
        let entry = bytes.and_then(|bytes| entry_of(&bytes));
        AuditRecord { sequence, time: row.time, partition: row.partition, entry }
    }
}

/// What the appliance does of its own accord.
pub(super) const fn appliance_entry(act: AuditAct, detail: Option<AuditDetail>) -> AuditEntry {
    AuditEntry {
        actor: AuditActor::Appliance,
        role: None,
        act,
        objects: Vec::new(),
        outcome: Status::Ok,
        source: None,
        detail,
    }
}

/// What a record says. Those of earlier versions end before source and detail.
fn entry_of(bytes: &[u8]) -> Option<AuditEntry> {
    decode(bytes).ok().or_else(|| {
        let earlier = [bytes, &[0, 0]].concat();
        decode(&earlier).ok()
    })
}

/// What a request is in the log; none if it is not recorded.
pub(super) const fn act_of(request: &Request) -> Option<AuditAct> {
    Some(match request {
        Request::Initialize { .. } => AuditAct::Initialize,
        Request::Login { .. } => AuditAct::Login,
        Request::Logout => AuditAct::Logout,
        Request::CreateRole { .. } => AuditAct::CreateRole,
        Request::ChangePassword { .. } => AuditAct::ChangePassword,
        Request::RegisterClient { .. } => AuditAct::RegisterClient,
        Request::DeregisterClient { .. } | Request::DeregisterSelf => AuditAct::DeregisterClient,
        Request::ChangePolicies { .. } => AuditAct::ChangePolicy,
        // Activation registers a first client, and says so itself.
        Request::Activate { .. }
        | Request::Ping
        | Request::Describe
        | Request::DescribeRole { .. }
        | Request::Clients
        | Request::Identity
        | Request::Contents
        | Request::Policies
        | Request::Domains
        | Request::DomainProof { .. }
        | Request::TransferProof { .. }
        | Request::Assigned
        | Request::Open { .. }
        | Request::StcSettings
        | Request::JoinApplication(_)
        // These say themselves to which objects they did what.
        | Request::Clear
        | Request::ExportObject { .. }
        | Request::ImportObject { .. }
        | Request::Cryptoki(_) => return None,
        _ => AuditAct::Administer,
    })
}
