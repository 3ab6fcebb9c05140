//! Who asks, and what is open to him.

use std::sync::{Arc, PoisonError, RwLockReadGuard};

use crate::{
    hsm::{
        Hsm, KnownPartition, LinkClient, LinkSession,
        object::{Change, FIRST_SESSION_HANDLE, Object, Unlocked, is_private, permission},
        session::LoginMark,
    },
    model::{
        AuditAct, AuditEntry, AuditObject, HsmPolicySet, Role, Status,
        cryptoki::{AttributeType as A, ObjectHandle},
    },
};

/// Characters of an object's label in the audit log.
const LONGEST_LABEL: usize = 64;

/// One request's view of its partition. Taken once, so that all of a request sees the same.
pub(in crate::hsm) struct Caller<'h> {
    pub(super) hsm: &'h Hsm,
    pub(super) link: &'h LinkSession,
    pub(super) known: Arc<KnownPartition>,
    pub(super) role: Option<Role>,
    /// Whether the role has its initial password still.
    pub(super) must_change: bool,
    pub(super) unlocked: Option<Arc<Unlocked>>,
    /// The login that the request began under.
    login: Option<LoginMark>,
    hsm_policies: HsmPolicySet,
}

impl<'h> Caller<'h> {
    /// The application at the other end of a link.
    ///
    /// # Errors
    /// The partition has gone, or its client may not use it any more.
    pub(in crate::hsm) fn new(hsm: &'h Hsm, link: &'h LinkSession) -> Result<Self, Status> {
        let known = hsm.known(link.serial()).ok_or(Status::TokenNotPresent)?;
        if !hsm.permits(link) {
            return Err(Status::StcSessionInvalid);
        }
        let login = link.login(known.generation);
        let (role, must_change) = match login.as_ref() {
            Some(login) => (Some(login.role), login.must_change),
            None => (None, false),
        };
        let unlocked = login.as_ref().and_then(|login| login.unlocked.clone());
        let mark = login.as_ref().map(|login| login.mark.clone());
        drop(login);
        let hsm_policies = hsm.hsm_policies();
        Ok(Self { hsm, link, known, role, must_change, unlocked, login: mark, hsm_policies })
    }

    /// Whether what the request began under holds still: the client's right to the partition, the
    /// login, the partition's generation and the policies.
    ///
    /// # Errors
    /// It does not: nothing of the request may land.
    pub(super) fn check_still(&self) -> Result<(), Status> {
        let now = self.hsm.known(self.link.serial()).ok_or(Status::TokenNotPresent)?;
        if !self.hsm.permits(self.link) {
            return Err(Status::StcSessionInvalid);
        }
        if let Some(mark) = &self.login
            && !self.link.stands(now.generation, mark)
        {
            return Err(Status::UserNotLoggedIn);
        }
        if now.generation != self.known.generation {
            return Err(Status::ObjectHandleInvalid);
        }
        let policies = (now.policies, self.hsm.hsm_policies());
        if policies != (self.known.policies, self.hsm_policies) {
            return Err(Status::FunctionCanceled);
        }
        Ok(())
    }

    /// Holds off whoever ends a right to the partition, once more seen that it stands, while
    /// something is stored.
    fn landing(&self) -> Result<RwLockReadGuard<'_, ()>, Status> {
        let landing = self.known.landing.read().unwrap_or_else(PoisonError::into_inner);
        self.check_still()?;
        Ok(landing)
    }

    /// Whether what takes long is to be gone on with: somebody waits for it, who may have it.
    pub(super) fn is_wanted(&self) -> bool {
        self.link.is_wanted() && self.hsm.permits(self.link)
    }

    pub(super) fn is_officer(&self) -> bool {
        self.role == Some(Role::PartitionSo)
    }

    /// An object that the caller sees.
    ///
    /// # Errors
    /// There is none of this handle.
    pub(super) fn object(&self, handle: ObjectHandle) -> Result<Arc<Object>, Status> {
        let found = if handle.0 >= FIRST_SESSION_HANDLE {
            let own = self.link.application().objects().get(handle);
            // One that was being made while its role logged out is nobody's.
            own.filter(|object| self.sees_private() || !is_private(object.attributes()))
        } else {
            let vault = &self.known.vault;
            let private = match &self.unlocked {
                Some(open) => vault.private(self.hsm, open, |shelf| shelf.get(handle))?,
                None => None,
            };
            match private {
                Some(object) => Some(object),
                None => vault.public(self.hsm, |shelf| shelf.get(handle))?,
            }
        };
        found.ok_or(Status::ObjectHandleInvalid)
    }

    /// A key that the caller sees.
    ///
    /// # Errors
    /// There is none of this handle, which is said as `missing`.
    pub(super) fn key(&self, handle: ObjectHandle, missing: Status) -> Result<Arc<Object>, Status> {
        self.object(handle).map_err(|status| match status {
            Status::ObjectHandleInvalid => missing,
            other => other,
        })
    }

    /// Whether the caller sees private objects.
    pub(super) const fn sees_private(&self) -> bool {
        permission::sees_private(self.role)
    }

    /// Makes changes of token objects, with their record.
    pub(super) fn write(&self, act: AuditAct, changes: &[Change]) -> Result<(), Status> {
        self.write_beside(act, (changes, &[]))
    }

    /// Makes changes of token objects, with their record, which names `others` too.
    pub(super) fn write_beside(
        &self,
        act: AuditAct,
        (changes, others): (&[Change], &[Arc<Object>]),
    ) -> Result<(), Status> {
        let objects = changes.iter().map(Change::object).chain(others);
        let objects = objects.map(|object| audit_object(object)).collect();
        let entry = self.entry(act, objects, Status::Ok);
        self.check_audit_room()?;
        let record = self.hsm.record(Some(self.link.serial()), &entry)?;
        let _landing = self.landing()?;
        self.known.vault.write(self.hsm, self.unlocked.as_ref(), (changes, record))
    }

    /// Records what was done to session objects, or with token objects that did not change.
    pub(super) fn record(&self, act: AuditAct, objects: &[&Object]) -> Result<(), Status> {
        let durable = objects.iter().any(|object| object.is(A::TOKEN));
        let objects = objects.iter().copied().map(audit_object).collect();
        let entry = self.entry(act, objects, Status::Ok);
        let _landing = self.landing()?;
        self.append(&entry, durable)
    }

    /// Records what was tried in vain, or counts it.
    ///
    /// # Errors
    /// A wrong password could not be recorded. Counters bound these, and each has its record.
    pub(super) fn record_failure(&self, act: AuditAct, status: Status) -> Result<(), Status> {
        let entry = self.entry(act, Vec::new(), status);
        if status == Status::PinIncorrect {
            return self.hsm.append(Some(self.link.serial()), &entry, true);
        }
        self.hsm.sum_up(self.link, &entry, true);
        Ok(())
    }

    /// Records what came of a key's use. It does not wait for the disk.
    pub(super) fn record_outcome(
        &self,
        act: AuditAct,
        key: &Object,
        outcome: Status,
    ) -> Result<(), Status> {
        self.append(&self.entry(act, vec![audit_object(key)], outcome), false)
    }

    /// Appends a record. What is done without a login is summed up: nothing else bounds it.
    fn append(&self, entry: &AuditEntry, durable: bool) -> Result<(), Status> {
        if self.role.is_none() {
            self.hsm.sum_up(self.link, entry, durable);
            return Ok(());
        }
        self.check_audit_room()?;
        self.hsm.append(Some(self.link.serial()), entry, durable)
    }

    /// Whether the log has room. The administrator is who makes some.
    fn check_audit_room(&self) -> Result<(), Status> {
        match self.link.client() {
            LinkClient::Administrator => Ok(()),
            LinkClient::Stc(_) | LinkClient::Ntls(_) => self.hsm.check_audit_room(self.role),
        }
    }

    fn entry(&self, act: AuditAct, objects: Vec<AuditObject>, outcome: Status) -> AuditEntry {
        AuditEntry { objects, ..self.hsm.link_entry(self.link, (act, self.role), outcome) }
    }
}

fn audit_object(object: &Object) -> AuditObject {
    // A label may be as long as a message; the log remembers its beginning.
    let label = object.label().chars().take(LONGEST_LABEL).collect();
    AuditObject { ouid: object.ouid(), class: object.class(), label }
}
