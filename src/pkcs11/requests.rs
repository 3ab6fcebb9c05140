//! What an operation asks of the partition, in one request or in several.

use std::mem;

use super::{
    hashing,
    memory::Input,
    operation::{Active, Bytes, Stage},
    session::{Session, State},
    slot::Use,
};
use crate::{
    crypto::HashFunction,
    model::{
        Request, Status,
        cryptoki::{CryptokiRequest, Mechanism, ObjectHandle, Operation},
    },
};

/// Data beyond this go to the partition in pieces of it.
const PIECE: usize = 1024 * 1024;

impl Session {
    /// Asks the partition, the first time, whether it accepts a key for a mechanism: what is
    /// wrong with either is an answer to the initialization.
    pub(super) fn check_acceptance(
        &self,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<(), Status> {
        if operation == Operation::Digest && hashing::function(mechanism).is_some() {
            return Ok(());
        }
        let usage = Use::new(operation, mechanism, key);
        if self.slot().has_accepted(self.connection(), &usage) {
            return Ok(());
        }
        let mechanism = mechanism.clone();
        let begin = CryptokiRequest::Begin { session: self.id(), operation, mechanism, key };
        match self.ask_nothing(begin) {
            Ok(()) => {
                self.ask_nothing(CryptokiRequest::Cancel { session: self.id(), operation })?;
                self.slot().note_accepted(self.connection(), usage);
                Ok(())
            }
            // A key that wants a login for each use gets it between this call and the next.
            Err(Status::UserNotLoggedIn) if self.role().is_some() => Ok(()),
            Err(status) => Err(status),
        }
    }

    /// Does it all at once.
    pub(super) fn perform(&self, active: &mut Active, data: &Input) -> Result<Bytes, Status> {
        if let Some(function) = active.hash_function() {
            return hashing::digest(function, data);
        }
        if data.length() > PIECE {
            return self.perform_in_pieces(active, data);
        }
        let operation = active.operation;
        let request = Request::Cryptoki(CryptokiRequest::Perform {
            session: self.id(),
            operation,
            mechanism: active.mechanism.clone(),
            key: active.key,
            data: data.copied()?,
            signature: active.signature.clone().unwrap_or_default(),
        });
        self.ask_result(operation, &request)
    }

    fn perform_in_pieces(&self, active: &mut Active, data: &Input) -> Result<Bytes, Status> {
        let mut answer = Bytes::default();
        if matches!(active.operation, Operation::Encrypt | Operation::Decrypt) {
            // What comes is about as long as what goes; if there is no memory nothing is begun.
            let length = data.length().saturating_add(PIECE);
            answer.try_reserve_exact(length).map_err(|_| Status::HostMemory)?;
        }
        self.run(active)?;
        for piece in data.pieces(PIECE) {
            Input::of(&self.update(active, &piece)?).append_to(&mut answer)?;
        }
        Input::of(&self.finish(active)?).append_to(&mut answer)?;
        Ok(answer)
    }

    /// Brings an operation in parts, of which too many were gathered, to where it goes on.
    pub(super) fn leave_gathering(&self, active: &mut Active) -> Result<(), Status> {
        match (active.hash_function(), &active.stage) {
            (Some(function), Stage::Ready) => {
                active.stage = Stage::Hashing(hashing::start(function, &Input::of(&[]))?);
                Ok(())
            }
            (Some(function), Stage::Gathering(parts)) => {
                active.stage = Stage::Hashing(hashing::start(function, &Input::of(parts))?);
                Ok(())
            }
            _ => self.run(active),
        }
    }

    /// Brings an operation in parts, with the parts that were gathered, to the partition.
    pub(super) fn run(&self, active: &mut Active) -> Result<(), Status> {
        let gathered = match mem::replace(&mut active.stage, Stage::Running) {
            Stage::Gathering(parts) => parts,
            Stage::Ready => Bytes::default(),
            stage => {
                active.stage = stage;
                return Ok(());
            }
        };
        self.ask_nothing(CryptokiRequest::Begin {
            session: self.id(),
            operation: active.operation,
            mechanism: active.mechanism.clone(),
            key: active.key,
        })?;
        if !gathered.is_empty() {
            self.update(active, &Input::of(&gathered))?;
        }
        Ok(())
    }

    /// The next part of a running operation, in as many requests as it takes.
    pub(super) fn update(&self, active: &Active, data: &Input) -> Result<Bytes, Status> {
        let mut answer = Bytes::default();
        for piece in data.pieces(PIECE) {
            let given = piece.copied().and_then(|data| {
                let (session, operation) = (self.id(), active.operation);
                let request = CryptokiRequest::Update { session, operation, data };
                self.ask_bytes(&Request::Cryptoki(request))
            });
            let given = self.give_up_after(active, given)?;
            if answer.is_empty() {
                answer = given;
            } else {
                self.give_up_after(active, Input::of(&given).append_to(&mut answer))?;
            }
        }
        Ok(answer)
    }

    pub(super) fn finish(&self, active: &mut Active) -> Result<Bytes, Status> {
        match mem::replace(&mut active.stage, Stage::Ready) {
            Stage::Running => {
                let signature = active.signature.take().unwrap_or_default();
                let (session, operation) = (self.id(), active.operation);
                let request = CryptokiRequest::Finish { session, operation, signature };
                self.ask_result(operation, &Request::Cryptoki(request))
            }
            Stage::Hashing(hashing) => hashing::finish(*hashing),
            Stage::Gathering(parts) => self.perform(active, &Input::of(&parts)),
            _ => self.perform(active, &Input::of(&[])),
        }
    }

    /// A part that failed ends the operation, on the partition too.
    pub(super) fn give_up_after<T>(
        &self,
        active: &Active,
        outcome: Result<T, Status>,
    ) -> Result<T, Status> {
        if outcome.is_err() {
            self.cancel_on_partition(active.operation);
        }
        outcome
    }

    /// A call that an operation is not ready for ends it, as every failure does.
    pub(super) fn out_of_order<T>(&self, operation: Operation, stage: &Stage) -> Result<T, Status> {
        if matches!(stage, Stage::Running | Stage::Updated { .. }) {
            self.cancel_on_partition(operation);
        }
        Err(Status::OperationNotInitialized)
    }

    pub(super) fn cancel_in(&self, state: &mut State, operation: Operation) {
        let cancelled = state.operations.take(operation);
        let runs = |active: Active| matches!(active.stage, Stage::Running | Stage::Updated { .. });
        if cancelled.is_ok_and(runs) {
            self.cancel_on_partition(operation);
        }
    }

    /// Whether there is still something to cancel does not matter.
    fn cancel_on_partition(&self, operation: Operation) {
        let request = CryptokiRequest::Cancel { session: self.id(), operation };
        if let Err(status) = self.ask_nothing(request) {
            tracing::debug!(%status, "nothing was cancelled");
        }
    }
}

impl Active {
    /// The hash function of a digest that is made here.
    fn hash_function(&self) -> Option<HashFunction> {
        if self.operation == Operation::Digest { hashing::function(&self.mechanism) } else { None }
    }
}
