//! Operations with keys, in one part and in several (PKCS#11 v3.1 sections 5.8 to 5.15).

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Caller, bytes, is_verification, sessions::Session};
use crate::{
    hsm::{
        mechanism::{self, PreparedKey},
        object::{Object, permission},
    },
    model::{
        Policy, Reply, Status,
        cryptoki::{AttributeType as A, Mechanism, ObjectClass, ObjectHandle, Operation},
    },
};

/// An operation, how it is done, and with which key.
type What<'w> = (Operation, &'w Mechanism, Option<ObjectHandle>);

impl Caller<'_> {
    /// The way that every signature goes: nothing on it waits, and nothing touches the store.
    pub(super) fn perform_operation(
        &self,
        session: &Session,
        what: What<'_>,
        (data, signature): (&[u8], &[u8]),
    ) -> Result<Reply, Status> {
        let (operation, mechanism, _) = what;
        let object = self.key_of(session, what)?;
        let perform = || {
            let key = object.as_deref().map(Object::prepared).transpose()?;
            let key: Option<&PreparedKey> = key.map(AsRef::as_ref);
            self.with_nonce((operation, mechanism), data, |mechanism, data| {
                mechanism::perform(operation, mechanism, key, data, signature)
            })
        };
        let done = perform();
        self.record_use(operation, object.as_deref(), outcome(&done))?;
        let output = done?;
        Ok(if is_verification(operation) { Reply::Done } else { bytes(output) })
    }

    pub(super) fn begin(&self, session: &Session, what: What<'_>) -> Result<Reply, Status> {
        let (operation, mechanism, _) = what;
        if session.is_active(operation) {
            return Err(Status::OperationActive);
        }
        let object = self.key_of(session, what)?;
        let key = object.as_deref().map(Object::prepared).transpose()?.cloned();
        let open = mechanism::nonce(mechanism).is_some_and(<[u8]>::is_empty);
        let running = match operation {
            Operation::Encrypt => match self.nonce_of_encryption(mechanism)? {
                Some(drawn) => mechanism::begin_before_nonce(&drawn.mechanism, key, drawn.nonce)?,
                None => mechanism::begin(operation, mechanism, key)?,
            },
            Operation::Decrypt if open => mechanism::begin_with_sent_nonce(mechanism, key)?,
            _ => mechanism::begin(operation, mechanism, key)?,
        };
        let uses_key = object.is_some();
        session.start(operation, (running, object))?;
        // One that was being begun while its role logged out is not left to whoever comes next.
        if uses_key && let Err(ended) = self.check_still() {
            session.cancel(operation).ok();
            return Err(ended);
        }
        Ok(Reply::Done)
    }

    /// Does something with data under the nonce that a caller left to us: of an encryption it goes
    /// behind what comes of it, of a decryption it stands behind the data.
    fn with_nonce(
        &self,
        (operation, mechanism): (Operation, &Mechanism),
        data: &[u8],
        act: impl FnOnce(&Mechanism, &[u8]) -> Result<Zeroizing<Vec<u8>>, Status>,
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        match operation {
            Operation::Encrypt => match self.nonce_of_encryption(mechanism)? {
                Some(drawn) => {
                    let mut output = act(&drawn.mechanism, data)?;
                    output.extend_from_slice(&drawn.nonce);
                    Ok(output)
                }
                None => act(mechanism, data),
            },
            Operation::Decrypt => match mechanism::with_sent_nonce(mechanism, data)? {
                Some((mechanism, data)) => act(&mechanism, data),
                None => act(mechanism, data),
            },
            Operation::Sign
            | Operation::Verify
            | Operation::Digest
            | Operation::SignRecover
            | Operation::VerifyRecover => act(mechanism, data),
        }
    }

    /// Goes on with an operation in parts. Its key counts as used with the first part.
    pub(super) fn part<T>(
        &self,
        session: &Session,
        operation: Operation,
        step: impl FnOnce() -> Result<T, Status>,
    ) -> Result<T, Status> {
        if self.known.events.is_none() {
            return step();
        }
        let key = session.take_unrecorded(operation);
        let done = step();
        self.record_use(operation, key.as_deref(), outcome(&done))?;
        done
    }

    /// `C_DigestKey`: of secret keys, where the partition's policy permits it.
    pub(super) fn update_with_key(
        &self,
        session: &Session,
        handle: ObjectHandle,
    ) -> Result<Reply, Status> {
        let key = self.key(handle, Status::KeyHandleInvalid)?;
        let permitted = self.known.policies.permits(Policy::DigestKey);
        let value = key.attributes().bytes(A::VALUE);
        let done = match value {
            Some(value) if permitted && key.class() == ObjectClass::SECRET_KEY => {
                session.update_with_key(value).map(bytes)
            }
            _ => Err(Status::KeyIndigestible),
        };
        self.record_digest(&key, outcome(&done))?;
        done
    }

    /// The key of an operation, which may be used for it now. Who may not is recorded.
    fn key_of(&self, session: &Session, what: What<'_>) -> Result<Option<Arc<Object>>, Status> {
        self.permitted_key(session, what).map_err(|refusal| self.record_refusal(what.0, refusal))
    }

    fn permitted_key(
        &self,
        session: &Session,
        (operation, mechanism, handle): What<'_>,
    ) -> Result<Option<Arc<Object>>, Status> {
        let Some(usage) = permission::usage(operation) else {
            self.check_mechanism(mechanism)?;
            return if handle.is_some() { Err(Status::ArgumentsBad) } else { Ok(None) };
        };
        let key = self.key(handle.ok_or(Status::KeyHandleInvalid)?, Status::KeyHandleInvalid)?;
        permission::check_use(&key, usage, mechanism.mechanism, &self.known.policies)?;
        check_context(session, &key)?;
        Ok(Some(key))
    }
}

/// What came of something.
fn outcome<T>(done: &Result<T, Status>) -> Status {
    done.as_ref().err().copied().unwrap_or(Status::Ok)
}

/// A key that asks for its user's password at each use has been given it.
pub(super) fn check_context(session: &Session, key: &Object) -> Result<(), Status> {
    if key.is(A::ALWAYS_AUTHENTICATE) && !session.take_context() {
        return Err(Status::UserNotLoggedIn);
    }
    Ok(())
}
