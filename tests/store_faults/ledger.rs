//! All that an appliance has, as whoever may ask sees it, without what is drawn at random.

use std::fmt::Write;

use lunacm::{
    hsm::{AdminSession, Hsm, LinkSession},
    model::{
        ObjectEntry, PartitionEntry, Reply, Request, Role,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest,
            Mechanism, MechanismType as M, ObjectHandle, Operation,
        },
    },
};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    hsm_support::{PO, SO, client_key, login, password},
    operations::{INITIAL, NEW},
    scene::{CO, CU, S, open, session},
};

/// What an appliance has.
#[derive(Debug)]
pub struct Ledger {
    pub state: String,
    /// Attempts to log in that are left: the HSM SO's first.
    pub attempts: Vec<u8>,
    /// How many audit records there have been.
    pub records: u64,
    /// What is broken.
    broken: Vec<String>,
}

impl Ledger {
    pub fn is_sound(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether a counter has fallen in another that what was asked for does not set to zero: the right
    /// password does, whatever follows.
    pub fn has_fallen(&self, now: &Self, asked: &Self) -> bool {
        let counters = self.attempts.iter().zip(&now.attempts).zip(&asked.attempts);
        counters.into_iter().any(|((before, now), asked)| now > before && now != asked)
    }

    /// What another has differently.
    pub fn difference(&self, other: &Self) -> String {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (self.state.lines().collect(), other.state.lines().collect());
        let mut shown = format!(
            "attempts {:?} {:?}, records {} {}",
            self.attempts, other.attempts, self.records, other.records
        );
        for line in ours.iter().filter(|line| !theirs.contains(line)) {
            write!(shown, "\n    - {line}").unwrap();
        }
        for line in theirs.iter().filter(|line| !ours.contains(line)) {
            write!(shown, "\n    + {line}").unwrap();
        }
        shown
    }
}

/// What the appliance in a directory has, which nobody needs any more afterwards.
pub fn ledger(directory: &TempDir) -> Ledger {
    let mut ledger =
        Ledger { state: String::new(), attempts: Vec::new(), records: 0, broken: Vec::new() };
    match open(directory.path()) {
        Ok(hsm) => fill(&hsm, &mut ledger),
        Err(error) => ledger.broken.push(error.to_string()),
    }
    ledger
}

fn fill(hsm: &Hsm, ledger: &mut Ledger) {
    match hsm.check_audit() {
        Ok(check) if check.broken.is_none() => {}
        other => ledger.broken.push(format!("{other:?}")),
    }
    match hsm.check_rows() {
        Ok(rows) if rows.is_empty() => {}
        other => ledger.broken.push(format!("{other:?}")),
    }
    let (start, last) = hsm.audit_range().unwrap();
    ledger.records = last;
    let nobody = AdminSession::new();
    let mut info = hsm.describe(&nobody).unwrap();
    // Serial numbers are drawn at random.
    info.partitions.sort_by_key(|entry| entry.name.to_string());
    ledger.attempts.push(info.attempts_left.unwrap_or(0));
    for entry in &info.partitions {
        ledger.attempts.extend(entry.roles.iter().map(|role| role.attempts_left));
    }
    let Ledger { state, .. } = ledger;
    writeln!(state, "hsm {:?}, {} used, log from {start}", info.label, info.used_storage).unwrap();
    writeln!(state, "policies {:?}", hsm.hsm_policies()).unwrap();
    let settings = (hsm.officer_forced(), hsm.address_check(), hsm.ntls_binding());
    let mut config = hsm.audit_config().unwrap();
    config.partitions.sort_by_key(|(name, _)| name.to_string());
    writeln!(state, "{settings:?} {:?} {config:?}", hsm.audit_settings()).unwrap();
    for client in hsm.ntls_clients().iter() {
        writeln!(state, "{client:?}").unwrap();
    }
    let officer = [SO, NEW].into_iter().find(|text| hsm.login(&nobody, &password(text)).is_ok());
    writeln!(state, "HSM SO {officer:?}").unwrap();
    for entry in &info.partitions {
        partition(hsm, entry, state);
    }
}

fn partition(hsm: &Hsm, entry: &PartitionEntry, state: &mut String) {
    let PartitionEntry { name, label, total_storage, objects, clients, .. } = entry;
    writeln!(state, "{name}: {label:?} {total_storage} bytes {objects} objects {clients} clients")
        .unwrap();
    for role in entry.roles.iter().filter(|role| role.initialized) {
        let candidates: &[&str] = match role.role {
            Role::HsmSecurityOfficer | Role::PartitionSo => &[PO, NEW],
            Role::CryptoOfficer => &[CO, NEW, INITIAL],
            Role::LimitedCryptoOfficer => &[INITIAL],
            Role::CryptoUser => &[CU, NEW, INITIAL],
        };
        let link = LinkSession::new(entry.serial, client_key(1));
        let enters = |text: &&&str| hsm.perform(&link, login(role.role, text)).0 == Reply::Done;
        let password = candidates.iter().find(enters);
        let changed = role.password_to_be_changed;
        writeln!(state, "{name}: {:?} {password:?} to be changed: {changed}", role.role).unwrap();
        if password.is_none() || changed {
            continue;
        }
        match role.role {
            Role::PartitionSo => officer(hsm, &link, (&name.to_string(), state)),
            Role::CryptoOfficer => content(hsm, &link, (&name.to_string(), state)),
            Role::HsmSecurityOfficer | Role::LimitedCryptoOfficer | Role::CryptoUser => {}
        }
    }
}

fn officer(hsm: &Hsm, link: &LinkSession, (name, state): (&str, &mut String)) {
    let asked = [Request::Clients, Request::Policies, Request::Domains, Request::StcSettings];
    for request in asked {
        let what = format!("{request:?}");
        writeln!(state, "{name}: {what} {:?}", hsm.perform(link, request).0).unwrap();
    }
}

fn content(hsm: &Hsm, link: &LinkSession, (name, state): (&str, &mut String)) {
    session(hsm, link);
    let Reply::Objects(objects) = hsm.perform(link, Request::Contents).0 else {
        writeln!(state, "{name}: no objects are shown").unwrap();
        return;
    };
    let mut lines: Vec<_> = objects.iter().map(|entry| object(hsm, link, entry)).collect();
    lines.sort_unstable();
    for line in lines {
        writeln!(state, "{name}: {line}").unwrap();
    }
}

/// An object without its handle: one that failed to be made may have used one up.
fn object(hsm: &Hsm, link: &LinkSession, entry: &ObjectEntry) -> String {
    let object = ObjectHandle(u64::from(entry.handle));
    let mut line = format!("{} {}", entry.label, entry.class);
    for kind in [A::APPLICATION, A::VALUE] {
        let request = CryptokiRequest::GetAttributes { session: S, object, types: vec![kind] };
        let read = hsm.perform(link, Request::Cryptoki(request)).0;
        write!(line, " {kind:?} {}", shown(read)).unwrap();
    }
    let sign = CryptokiRequest::Perform {
        session: S,
        operation: Operation::Sign,
        mechanism: Mechanism::plain(M::ECDSA_SHA256),
        key: Some(object),
        data: Zeroizing::new(b"data".to_vec()),
        signature: Vec::new(),
    };
    let signed = hsm.perform(link, Request::Cryptoki(sign)).0;
    let signs = matches!(signed, Reply::Cryptoki(CryptokiReply::Bytes(_)));
    write!(line, " signs: {signs}").unwrap();
    line
}

/// What an attribute is: values are not shown by their own `Debug`.
fn shown(read: Reply) -> String {
    let Reply::Cryptoki(CryptokiReply::Attributes(mut read)) = read else {
        return format!("{read:?}");
    };
    match read.remove(0) {
        AttributeRead::Value(AttributeValue::Bytes(bytes)) => {
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => format!("{other:?}"),
    }
}
