//! What an application does on its partition: sessions, objects, keys, operations
//! (PKCS#11 v3.1 section 5).
//!
//! A link is one application's: its session objects are the link's, and its login too unless links
//! share one. Nothing on the
//! way of an operation touches the store, and no lock is held while a key works.

mod caller;
mod find;
mod keys;
mod making;
mod nonces;
mod objects;
mod operations;
mod session_objects;
mod sessions;
mod transfer;
mod uses;
mod wrapping;

pub(super) use caller::Caller;
pub(super) use sessions::Application;

use super::{
    Hsm, LinkSession, fault, mechanism,
    object::{is_narrow, permission},
};
use crate::model::{
    AuditAct, Reply, Status,
    cryptoki::{CryptokiReply, CryptokiRequest, Mechanism, Operation},
};
use zeroize::Zeroizing;

/// Data up to this size are worked on within a hundred microseconds.
const QUICK_BYTES: usize = 64 << 10;

/// Random bytes that one request may ask for.
const MOST_RANDOM: u32 = 1 << 20;

impl Hsm {
    /// Whether a request is answered so fast that waiting for a thread of its own would take
    /// longer: it touches no store and no private key of a slow kind.
    pub fn is_quick(request: &CryptokiRequest) -> bool {
        match request {
            CryptokiRequest::Perform { operation, mechanism, data, .. } => {
                let bytes = data.len().saturating_add(mechanism.parameters.bytes());
                bytes <= QUICK_BYTES && !permission::is_heavy(*operation, mechanism)
            }
            CryptokiRequest::Update { data, .. } => data.len() <= QUICK_BYTES,
            CryptokiRequest::FindObjects { template, .. } => is_narrow(template),
            CryptokiRequest::Finish { operation, .. } => {
                !matches!(operation, Operation::Sign | Operation::Decrypt)
            }
            CryptokiRequest::Random { bytes } => *bytes <= 1 << 16,
            CryptokiRequest::OpenSession { .. }
            | CryptokiRequest::Begin { .. }
            | CryptokiRequest::ObjectSize { .. }
            | CryptokiRequest::GetAttributes { .. }
            | CryptokiRequest::UpdateWithKey { .. }
            | CryptokiRequest::Cancel { .. }
            | CryptokiRequest::Mechanisms => true,
            _ => false,
        }
    }

    /// Performs a request about objects and keys.
    pub(super) fn cryptoki(&self, link: &LinkSession, request: CryptokiRequest) -> Reply {
        let act = act_of(&request);
        let done = Caller::new(self, link).and_then(|caller| {
            let done = caller.perform(request);
            if let (Some(act), Err(status)) = (act, &done)
                && is_worth_a_record(*status)
            {
                caller.record_failure(act, *status)?;
            }
            done
        });
        done.unwrap_or_else(Reply::Failed)
    }
}

impl Caller<'_> {
    fn perform(&self, request: CryptokiRequest) -> Result<Reply, Status> {
        if self.must_change && !permitted_before_change(&request) {
            return Err(Status::PinExpired);
        }
        let reply = match request {
            CryptokiRequest::Perform { session, operation, mechanism, key, data, signature } => {
                let session = self.session(session)?;
                let what = (operation, &mechanism, key);
                return self.perform_operation(&session, what, (&data, &signature));
            }
            CryptokiRequest::OpenSession { session, read_write } => {
                self.open_session(session, read_write)?;
                return Ok(Reply::Done);
            }
            CryptokiRequest::CloseSession { session } => {
                self.close_session(session)?;
                return Ok(Reply::Done);
            }
            CryptokiRequest::CloseAllSessions => {
                self.close_all_sessions();
                return Ok(Reply::Done);
            }
            CryptokiRequest::LoginContext { session, password } => {
                return self.log_in_context(session, &password);
            }
            CryptokiRequest::CreateObject { session, template } => {
                CryptokiReply::Object(self.create_object(session, template)?)
            }
            CryptokiRequest::CopyObject { session, object, template } => {
                CryptokiReply::Object(self.copy_object(session, object, &template)?)
            }
            CryptokiRequest::DestroyObject { session, object } => {
                self.destroy_object(session, object)?;
                return Ok(Reply::Done);
            }
            CryptokiRequest::ObjectSize { session, object } => {
                self.session(session)?;
                CryptokiReply::Size(self.object_size(object)?)
            }
            CryptokiRequest::GetAttributes { session, object, types } => {
                self.session(session)?;
                CryptokiReply::Attributes(self.attributes(object, &types)?)
            }
            CryptokiRequest::SetAttributes { session, object, template } => {
                self.set_attributes(session, object, &template)?;
                return Ok(Reply::Done);
            }
            CryptokiRequest::FindObjects { session, template, after, limit } => {
                self.session(session)?;
                self.find(template, after, limit)?
            }
            CryptokiRequest::Random { bytes } => CryptokiReply::Bytes(self.random(bytes)?),
            CryptokiRequest::Mechanisms => CryptokiReply::Mechanisms(self.mechanisms()),
            other => return self.perform_with_keys(other),
        };
        Ok(Reply::Cryptoki(reply))
    }

    /// What makes, moves and uses keys, besides the operation in one part.
    fn perform_with_keys(&self, request: CryptokiRequest) -> Result<Reply, Status> {
        let reply = match request {
            CryptokiRequest::GenerateKey { session, mechanism, template } => {
                CryptokiReply::Object(self.generate_key(session, &mechanism, template)?)
            }
            CryptokiRequest::GenerateKeyPair { session, mechanism, public, private } => {
                let templates = (public, private);
                let (public, private) = self.generate_pair(session, &mechanism, templates)?;
                CryptokiReply::KeyPair { public, private }
            }
            CryptokiRequest::WrapKey { session, mechanism, wrapping_key, key } => {
                let wrapped = self.wrap_key(session, &mechanism, (wrapping_key, key))?;
                CryptokiReply::Bytes(Zeroizing::new(wrapped))
            }
            CryptokiRequest::UnwrapKey {
                session,
                mechanism,
                unwrapping_key,
                wrapped,
                template,
            } => {
                let key = (unwrapping_key, wrapped.as_slice());
                CryptokiReply::Object(self.unwrap_key(session, &mechanism, key, template)?)
            }
            CryptokiRequest::DeriveKey { session, mechanism, base_key, template } => {
                CryptokiReply::Object(self.derive_key(session, &mechanism, base_key, template)?)
            }
            CryptokiRequest::EncapsulateKey { session, mechanism, public_key, template } => {
                let (ciphertext, key) =
                    self.encapsulate_key(session, &mechanism, public_key, template)?;
                CryptokiReply::Encapsulated { ciphertext, key }
            }
            CryptokiRequest::DecapsulateKey {
                session,
                mechanism,
                private_key,
                ciphertext,
                template,
            } => {
                let key = (private_key, ciphertext.as_slice());
                CryptokiReply::Object(self.decapsulate_key(session, &mechanism, key, template)?)
            }
            other => return self.perform_in_parts(other),
        };
        Ok(Reply::Cryptoki(reply))
    }

    fn perform_in_parts(&self, request: CryptokiRequest) -> Result<Reply, Status> {
        match request {
            CryptokiRequest::Begin { session, operation, mechanism, key } => {
                let session = self.session(session)?;
                self.begin(&session, (operation, &mechanism, key))
            }
            CryptokiRequest::Update { session, operation, data } => {
                let session = self.session(session)?;
                self.part(&session, operation, || session.update(operation, &data)).map(bytes)
            }
            CryptokiRequest::UpdateWithKey { session, key } => {
                let session = self.session(session)?;
                self.update_with_key(&session, key)
            }
            CryptokiRequest::Finish { session, operation, signature } => {
                let session = self.session(session)?;
                let finish = || session.finish(operation, &signature);
                let output = self.part(&session, operation, finish)?;
                Ok(if is_verification(operation) { Reply::Done } else { bytes(output) })
            }
            CryptokiRequest::Cancel { session, operation } => {
                self.session(session)?.cancel(operation)?;
                Ok(Reply::Done)
            }
            _ => Err(Status::FunctionNotSupported),
        }
    }

    fn random(&self, bytes: u32) -> Result<Zeroizing<Vec<u8>>, Status> {
        if bytes > MOST_RANDOM {
            return Err(Status::ArgumentsBad);
        }
        let mut random = Zeroizing::new(vec![0; usize::try_from(bytes).unwrap_or_default()]);
        let mut source = self.hsm.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        source.fill(&mut random).map_err(fault)?;
        Ok(random)
    }

    fn mechanisms(&self) -> Vec<crate::model::cryptoki::MechanismInfo> {
        let permitted = |info: &&crate::model::cryptoki::MechanismInfo| {
            permission::is_permitted(&self.known.policies, info.mechanism)
        };
        mechanism::info().iter().filter(permitted).copied().collect()
    }

    /// A mechanism that is known and that policy permits.
    fn check_mechanism(&self, mechanism: &Mechanism) -> Result<(), Status> {
        let permitted = permission::is_permitted(&self.known.policies, mechanism.mechanism);
        if permitted { Ok(()) } else { Err(Status::MechanismInvalid) }
    }
}

const fn bytes(output: Zeroizing<Vec<u8>>) -> Reply {
    Reply::Cryptoki(CryptokiReply::Bytes(output))
}

const fn is_verification(operation: Operation) -> bool {
    matches!(operation, Operation::Verify)
}

/// What a role with an initial password may ask.
const fn permitted_before_change(request: &CryptokiRequest) -> bool {
    matches!(
        request,
        CryptokiRequest::OpenSession { .. }
            | CryptokiRequest::CloseSession { .. }
            | CryptokiRequest::CloseAllSessions
            | CryptokiRequest::Random { .. }
            | CryptokiRequest::Mechanisms
    )
}

/// What a request is in the audit log. Uses of keys record themselves, if they are to be recorded.
const fn act_of(request: &CryptokiRequest) -> Option<AuditAct> {
    Some(match request {
        CryptokiRequest::LoginContext { .. } => AuditAct::Login,
        CryptokiRequest::CreateObject { .. } => AuditAct::CreateObject,
        CryptokiRequest::CopyObject { .. } => AuditAct::CopyObject,
        CryptokiRequest::DestroyObject { .. } => AuditAct::DestroyObject,
        CryptokiRequest::SetAttributes { .. } => AuditAct::ModifyObject,
        CryptokiRequest::GenerateKey { .. } => AuditAct::GenerateKey,
        CryptokiRequest::GenerateKeyPair { .. } => AuditAct::GenerateKeyPair,
        CryptokiRequest::WrapKey { .. } => AuditAct::WrapKey,
        CryptokiRequest::UnwrapKey { .. } => AuditAct::UnwrapKey,
        CryptokiRequest::DeriveKey { .. } => AuditAct::DeriveKey,
        CryptokiRequest::EncapsulateKey { .. } => AuditAct::EncapsulateKey,
        CryptokiRequest::DecapsulateKey { .. } => AuditAct::DecapsulateKey,
        _ => return None,
    })
}

/// Whether a failure is somebody's who tried what he may not; such failures are summed up. Slips of
/// the pen are not recorded: they say nothing.
const fn is_worth_a_record(status: Status) -> bool {
    matches!(
        status,
        Status::UserNotLoggedIn
            | Status::ActionProhibited
            | Status::AttributeReadOnly
            | Status::KeyUnextractable
            | Status::KeyNotWrappable
            | Status::KeyFunctionNotPermitted
            | Status::FunctionRejected
            | Status::PinIncorrect
            | Status::PinLocked
            | Status::WrappedKeyInvalid
            | Status::DeviceMemory
            | Status::DeviceError
    )
}
