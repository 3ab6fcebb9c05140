//! Uses of keys, recorded where the HSM SO wants that.

use std::{collections::HashSet, sync::Mutex};

use super::Caller;
use crate::{
    hsm::{object::Object, wait},
    model::{
        AuditAct, RecordedUses, Status,
        cryptoki::{ObjectClass, ObjectHandle, Operation},
    },
};

/// The keys that an application has used since its login, and for what.
#[derive(Default)]
pub(super) struct FirstUses(Mutex<HashSet<(ObjectHandle, AuditAct)>>);

/// Uses that are remembered.
const MOST_USES: usize = 16_384;

impl FirstUses {
    /// Whether this is the first use.
    fn note(&self, key: ObjectHandle, act: AuditAct) -> bool {
        let mut uses = wait(&self.0);
        // Those of keys that are long gone: what is forgotten is recorded once more.
        if uses.len() >= MOST_USES {
            uses.clear();
        }
        uses.insert((key, act))
    }

    /// Forgets them.
    pub(super) fn forget(&self) {
        wait(&self.0).clear();
    }
}

impl Caller<'_> {
    /// Records a use of a key, before its result is answered. Digests without keys are none.
    ///
    /// # Errors
    /// It has to be recorded and cannot be.
    pub(super) fn record_use(
        &self,
        operation: Operation,
        key: Option<&Object>,
        outcome: Status,
    ) -> Result<(), Status> {
        let (Some(act), Some(key)) = (act_of(operation), key) else { return Ok(()) };
        self.record_act(act, key, outcome)
    }

    /// Records that a key's value was digested.
    ///
    /// # Errors
    /// It has to be recorded and cannot be.
    pub(super) fn record_digest(&self, key: &Object, outcome: Status) -> Result<(), Status> {
        self.record_act(AuditAct::DigestKey, key, outcome)
    }

    /// Records an attempt that did not come to a key's use, and is answered by its refusal.
    pub(super) fn record_refusal(&self, operation: Operation, refusal: Status) -> Status {
        let events = self.known.events;
        let wanted = [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY]
            .iter()
            .any(|class| events.of(*class, refusal) != RecordedUses::None);
        let Some(act) = act_of(operation).filter(|_| wanted) else { return refusal };
        self.record_failure(act, refusal).err().unwrap_or(refusal)
    }

    fn record_act(&self, act: AuditAct, key: &Object, outcome: Status) -> Result<(), Status> {
        let recorded = match self.known.events.of(key.class(), outcome) {
            RecordedUses::None => false,
            RecordedUses::First => self.link.application().uses().note(key.handle(), act),
            RecordedUses::Every => true,
        };
        if recorded { self.record_outcome(act, key, outcome) } else { Ok(()) }
    }
}

/// What of an operation is in the log.
const fn act_of(operation: Operation) -> Option<AuditAct> {
    Some(match operation {
        Operation::Encrypt => AuditAct::Encrypt,
        Operation::Decrypt => AuditAct::Decrypt,
        Operation::Sign => AuditAct::Sign,
        Operation::Verify => AuditAct::Verify,
        Operation::SignRecover => AuditAct::SignRecover,
        Operation::VerifyRecover => AuditAct::VerifyRecover,
        Operation::Digest => return None,
    })
}
