//! Operations: encryption, signatures, digests and their kind, in one part and in parts.
//!
//! An operation stays here as long as the rules allow. In one part it is one request. Of a
//! signature in parts, and its kind, the parts are gathered, and it is one request too if they
//! are few. Whether the partition will accept a key for a mechanism is asked once for each.
//!
//! An answer for which the caller's room is too small is kept, so that nothing is done twice
//! (PKCS#11 v3.1 section 5.2).

use std::mem;

use super::{
    hashing,
    memory::{Fit, Input, Output},
    session::Session,
    slot::Era,
};
use crate::{
    crypto::Hashing,
    model::{
        Request, Status,
        cryptoki::{CryptokiRequest, Mechanism, ObjectHandle, Operation},
    },
};

pub(super) use super::memory::Bytes;

/// Parts are gathered up to so many bytes.
const GATHERED: usize = 64 * 1024;

/// What a piece of ciphertext may be longer than its plaintext, or the reverse: a block that was
/// held back, and one of padding.
const BLOCKS: usize = 32;

/// The operations of a session, at most one of each kind.
#[derive(Default)]
pub(super) struct Operations(Vec<Active>);

/// An operation under way.
pub(super) struct Active {
    pub(super) operation: Operation,
    pub(super) mechanism: Mechanism,
    pub(super) key: Option<ObjectHandle>,
    /// The signature, where it was given before the data (version 3.2).
    pub(super) signature: Option<Vec<u8>>,
    pub(super) stage: Stage,
    /// What an answer that is kept is true for.
    pub(super) era: Option<Era>,
}

/// How far an operation is.
pub(super) enum Stage {
    /// Initialized; the partition knows nothing of it.
    Ready,
    /// Done in one part, and the caller does not have the answer yet. The same data, told by their
    /// digest, get it.
    Answered { data: Bytes, answer: Bytes },
    /// In parts, held here.
    Gathering(Bytes),
    /// A digest in parts, made here.
    Hashing(Box<Hashing>),
    /// In parts, on the partition.
    Running,
    /// A part is done, and the caller does not have its answer yet; as above.
    Updated { data: Bytes, answer: Bytes },
    /// The last part is done, and the caller does not have its answer yet.
    Ended(Bytes),
}

impl Operations {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets answers that the callers do not have yet. What is done again asks the partition anew;
    /// the rest is over.
    pub(super) fn forget_kept(&mut self) {
        let kept = |active: &Active| {
            let is_kept = matches!(active.stage, Stage::Updated { .. } | Stage::Ended(_));
            active.key.is_some() && is_kept
        };
        self.0.retain(|active| !kept(active));
        for active in self.0.iter_mut().filter(|active| active.key.is_some()) {
            if matches!(active.stage, Stage::Answered { .. }) {
                active.stage = Stage::Ready;
            }
        }
    }

    fn has(&self, operation: Operation) -> bool {
        self.0.iter().any(|active| active.operation == operation)
    }

    /// Takes an operation out, to be put back if it goes on.
    pub(super) fn take(&mut self, operation: Operation) -> Result<Active, Status> {
        let at = self.0.iter().position(|active| active.operation == operation);
        at.map(|at| self.0.swap_remove(at)).ok_or(Status::OperationNotInitialized)
    }
}

impl Session {
    /// Initializes an operation; without a mechanism one under way is ended (version 3.0).
    ///
    /// # Errors
    /// One is under way, or the partition does not accept the mechanism or the key.
    pub(super) fn begin(
        &self,
        operation: Operation,
        mechanism: Option<Mechanism>,
        key: Option<ObjectHandle>,
    ) -> Result<(), Status> {
        self.begin_with_signature(operation, mechanism, (key, None))
    }

    /// As [`Self::begin`], with the signature that is to be verified.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(super) fn begin_with_signature(
        &self,
        operation: Operation,
        mechanism: Option<Mechanism>,
        (key, signature): (Option<ObjectHandle>, Option<Vec<u8>>),
    ) -> Result<(), Status> {
        let mut state = self.state();
        let Some(mechanism) = mechanism else {
            self.cancel_in(&mut state, operation);
            return Ok(());
        };
        if state.operations.has(operation) {
            return Err(Status::OperationActive);
        }
        self.check_acceptance(operation, &mechanism, key)?;
        let stage = Stage::Ready;
        state.operations.0.push(Active { operation, mechanism, key, signature, stage, era: None });
        Ok(())
    }

    /// Gives an operation up, if it is under way.
    pub(super) fn cancel(&self, operation: Operation) {
        self.cancel_in(&mut self.state(), operation);
    }

    /// Performs an operation in one part.
    ///
    /// # Errors
    /// None is initialized, it is in parts, it failed, or the room is too small. All but the
    /// last end it.
    pub(super) fn in_one_part(
        &self,
        operation: Operation,
        data: &Input,
        output: &Output,
    ) -> Result<(), Status> {
        let mut state = self.state();
        let mut active = state.operations.take(operation)?;
        if output.is_question()
            && data.is_absent()
            && matches!(active.stage, Stage::Ready)
            && let Some(bound) = self.bound(&active)
        {
            output.tell(bound);
            state.operations.0.push(active);
            return Ok(());
        }
        let may_give = self.may_give(&active);
        let answer = match mem::replace(&mut active.stage, Stage::Ready) {
            Stage::Answered { data: before, answer }
                if may_give && before == hashing::fingerprint(data)? =>
            {
                answer
            }
            Stage::Ready | Stage::Answered { .. } => self.perform(&mut active, data)?,
            stage => return self.out_of_order(operation, &stage),
        };
        let fit = output.give(&answer);
        if fit != Fit::Given {
            self.keep(&mut active, may_give);
            active.stage = Stage::Answered { data: hashing::fingerprint(data)?, answer };
            state.operations.0.push(active);
        }
        fit.status()
    }

    /// Verifies a signature in one part; whatever comes of it, the operation is over.
    ///
    /// # Errors
    /// The signature is not one of the data; or as [`Self::in_one_part`].
    pub(super) fn verify(&self, data: &Input, signature: Option<Vec<u8>>) -> Result<(), Status> {
        let mut state = self.state();
        let mut active = state.operations.take(Operation::Verify)?;
        if !matches!(active.stage, Stage::Ready) {
            return self.out_of_order(Operation::Verify, &active.stage);
        }
        active.set_signature(signature)?;
        self.perform(&mut active, data).map(|_| ())
    }

    /// Takes the next part of an operation that gives nothing before its end.
    ///
    /// # Errors
    /// None is initialized, or it failed, which ends it.
    pub(super) fn take_part(&self, operation: Operation, data: &Input) -> Result<(), Status> {
        let mut state = self.state();
        let mut active = state.operations.take(operation)?;
        match &mut active.stage {
            stage @ Stage::Ready if data.length() <= GATHERED => {
                *stage = Stage::Gathering(data.copied()?);
            }
            Stage::Gathering(parts) if data.length() <= GATHERED.saturating_sub(parts.len()) => {
                data.append_to(parts)?;
            }
            Stage::Hashing(hashing) => hashing::take(hashing, data)?,
            Stage::Ready | Stage::Gathering(_) | Stage::Running => {
                self.leave_gathering(&mut active)?;
                match &mut active.stage {
                    Stage::Hashing(hashing) => hashing::take(hashing, data)?,
                    _ => self.update(&active, data).map(|_| ())?,
                }
            }
            stage @ (Stage::Answered { .. } | Stage::Updated { .. } | Stage::Ended(_)) => {
                return self.out_of_order(operation, stage);
            }
        }
        state.operations.0.push(active);
        Ok(())
    }

    /// Digests a key's value as the next part: the partition does, which takes over what was
    /// gathered. Behind more than that no key can come.
    ///
    /// # Errors
    /// As [`Self::take_part`].
    pub(super) fn take_key(&self, key: ObjectHandle) -> Result<(), Status> {
        let mut state = self.state();
        let mut active = state.operations.take(Operation::Digest)?;
        if matches!(active.stage, Stage::Hashing(_)) {
            return Err(Status::KeyIndigestible);
        }
        self.run(&mut active)?;
        let request = CryptokiRequest::UpdateWithKey { session: self.id(), key };
        self.give_up_after(&active, self.ask_bytes(&Request::Cryptoki(request)))?;
        state.operations.0.push(active);
        Ok(())
    }

    /// Performs the next part of an operation that gives something for each, and says what it
    /// gave once the caller has it.
    ///
    /// # Errors
    /// As [`Self::in_one_part`].
    pub(super) fn give_part(
        &self,
        operation: Operation,
        data: &Input,
        output: &Output,
    ) -> Result<Option<Bytes>, Status> {
        let mut state = self.state();
        let mut active = state.operations.take(operation)?;
        let may_give = self.may_give(&active);
        let answer = match mem::replace(&mut active.stage, Stage::Running) {
            Stage::Updated { data: before, answer }
                if may_give && before == hashing::fingerprint(data)? =>
            {
                answer
            }
            stage @ (Stage::Ready | Stage::Running) if output.is_question() => {
                // An upper bound will do, and nothing is done for it.
                output.tell(data.length().saturating_add(BLOCKS));
                active.stage = stage;
                state.operations.0.push(active);
                return Ok(None);
            }
            stage @ (Stage::Ready | Stage::Running) => {
                active.stage = stage;
                self.run(&mut active)?;
                self.update(&active, data)?
            }
            stage => return self.out_of_order(operation, &stage),
        };
        let fit = output.give(&answer);
        let given = if fit == Fit::Given {
            Some(answer)
        } else {
            self.keep(&mut active, may_give);
            active.stage = Stage::Updated { data: hashing::fingerprint(data)?, answer };
            None
        };
        state.operations.0.push(active);
        fit.status().map(|()| given)
    }

    /// Performs the next part of two operations: of an encryption and one that takes the same
    /// data, or of a decryption and one that takes what it gives.
    ///
    /// # Errors
    /// As [`Self::in_one_part`] for the first, and [`Self::take_part`] for the second, which takes
    /// its part once the caller has the first one's.
    pub(super) fn in_two(
        &self,
        data: &Input,
        output: &Output,
        (first, second): (Operation, Operation),
    ) -> Result<(), Status> {
        if !self.state().operations.has(second) {
            return Err(Status::OperationNotInitialized);
        }
        // Output may lie over the data.
        let plain = data.copied()?;
        match self.give_part(first, data, output)? {
            Some(_) if first == Operation::Encrypt => self.take_part(second, &Input::of(&plain)),
            Some(given) => self.take_part(second, &Input::of(&given)),
            None => Ok(()),
        }
    }

    /// Ends an operation in parts and hands over what it gives.
    ///
    /// # Errors
    /// As [`Self::in_one_part`].
    pub(super) fn end(&self, operation: Operation, output: &Output) -> Result<(), Status> {
        let mut state = self.state();
        let mut active = state.operations.take(operation)?;
        let may_give = self.may_give(&active);
        let answer = match mem::replace(&mut active.stage, Stage::Running) {
            // Asked for in one part before, with too little room.
            Stage::Answered { answer, .. } | Stage::Ended(answer) if may_give => answer,
            stage @ (Stage::Answered { .. } | Stage::Ended(_)) => {
                return self.out_of_order(operation, &stage);
            }
            stage @ (Stage::Ready | Stage::Gathering(_) | Stage::Hashing(_) | Stage::Running) => {
                active.stage = stage;
                self.finish(&mut active)?
            }
            stage @ Stage::Updated { .. } => return self.out_of_order(operation, &stage),
        };
        let fit = output.give(&answer);
        if fit != Fit::Given {
            self.keep(&mut active, may_give);
            active.stage = Stage::Ended(answer);
            state.operations.0.push(active);
        }
        fit.status()
    }

    /// Whether an answer that is kept may be given out: the login under which it was made lasts, and
    /// the key is as it was. Without a key it is nobody's secret.
    fn may_give(&self, active: &Active) -> bool {
        let is_kept = match &active.stage {
            Stage::Answered { .. } | Stage::Updated { .. } | Stage::Ended(_) => true,
            Stage::Ready | Stage::Gathering(_) | Stage::Hashing(_) | Stage::Running => false,
        };
        is_kept
            && (active.key.is_none() || active.era.is_some() && active.era == self.era(active.key))
    }

    /// Notes what an answer that is kept from now on is true for; one that was kept before stays
    /// true for the same.
    fn keep(&self, active: &mut Active, was_kept: bool) {
        if !was_kept && active.key.is_some() {
            active.era = self.era(active.key);
        }
    }

    /// Ends a verification in parts; whatever comes of it, the operation is over.
    ///
    /// # Errors
    /// The signature is not one of the data; or none is initialized.
    pub(super) fn end_verification(&self, signature: Option<Vec<u8>>) -> Result<(), Status> {
        let mut active = self.state().operations.take(Operation::Verify)?;
        active.set_signature(signature)?;
        self.finish(&mut active).map(|_| ())
    }
}

impl Active {
    /// The signature comes with the initialization or with the end, not with both.
    fn set_signature(&mut self, signature: Option<Vec<u8>>) -> Result<(), Status> {
        if self.signature.is_some() == signature.is_some() {
            return Err(Status::OperationNotInitialized);
        }
        self.signature = self.signature.take().or(signature);
        Ok(())
    }
}

impl Fit {
    const fn status(self) -> Result<(), Status> {
        match self {
            Self::Given | Self::Told => Ok(()),
            Self::TooSmall => Err(Status::BufferTooSmall),
        }
    }
}
