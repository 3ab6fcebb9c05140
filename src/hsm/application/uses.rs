//! Uses of keys, recorded where the HSM SO wants that.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use super::Caller;
use crate::{
    hsm::{
        budget::{Account, Charge, USE_BYTES},
        object::Object,
        wait,
    },
    model::{
        AuditAct, RecordedUses, Status,
        cryptoki::{ObjectClass, ObjectHandle, Operation},
    },
};

/// The keys that an application has used since its login, and for what.
pub(super) struct FirstUses {
    /// What their memory is charged to.
    account: Arc<Account>,
    uses: Mutex<Uses>,
}

#[derive(Default)]
struct Uses {
    known: HashSet<(ObjectHandle, AuditAct)>,
    charge: Option<Charge>,
    /// As many as are charged.
    room: usize,
}

/// Uses that are remembered.
const MOST_USES: usize = 16_384;

/// Uses that memory is charged for at a time.
const STEP: usize = 64;

impl FirstUses {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, uses: Mutex::default() }
    }

    /// Whether this is the first use.
    fn note(&self, key: ObjectHandle, act: AuditAct) -> bool {
        let mut uses = wait(&self.uses);
        if uses.known.contains(&(key, act)) {
            return false;
        }
        // Those of keys that are long gone, or that there is no memory for: what is forgotten is
        // recorded once more.
        if uses.known.len() >= MOST_USES {
            *uses = Uses::default();
        }
        if !uses.make_room(&self.account) {
            *uses = Uses::default();
            if !uses.make_room(&self.account) {
                return true;
            }
        }
        uses.known.insert((key, act))
    }

    /// Forgets them.
    pub(super) fn forget(&self) {
        *wait(&self.uses) = Uses::default();
    }
}

impl Uses {
    /// Has memory for one more; false if there is none.
    fn make_room(&mut self, account: &Arc<Account>) -> bool {
        if self.known.len() < self.room {
            return true;
        }
        let room = self.room + STEP;
        let bytes = room * USE_BYTES;
        let taken = if let Some(charge) = &mut self.charge {
            charge.set(bytes)
        } else {
            self.charge = Charge::take(account, bytes);
            self.charge.is_some()
        };
        if taken {
            self.room = room;
        }
        taken
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::{
        LinkClient,
        budget::{Budget, MemoryLimits},
    };

    #[test]
    fn remembered_uses_are_charged_and_forgotten_where_there_is_no_memory() {
        let limit = 2 * STEP * USE_BYTES;
        let budget = Budget::new(MemoryLimits { all: limit, per_client: limit });
        let account = budget.account(LinkClient::Stc([1; 32]));
        let uses = FirstUses::new(account.clone());
        let key = |number: usize| ObjectHandle(u64::try_from(number).unwrap());
        for number in 0..2 * STEP {
            assert!(uses.note(key(number), AuditAct::Sign));
            assert!(!uses.note(key(number), AuditAct::Sign), "{number} is known");
        }
        assert_eq!(budget.taken(), limit);
        assert!(uses.note(key(9999), AuditAct::Sign), "one more makes room");
        assert!(uses.note(key(1), AuditAct::Sign), "what was forgotten is recorded once more");
        assert_eq!(budget.taken(), STEP * USE_BYTES);
        uses.forget();
        assert_eq!(budget.taken(), 0);
        let _all = Charge::take(&account, limit).unwrap();
        for _ in 0..2 {
            assert!(uses.note(key(1), AuditAct::Sign), "without memory every use is recorded");
        }
    }
}
