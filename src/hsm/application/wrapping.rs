//! Keys that leave and come back wrapped (PKCS#11 v3.1 sections 5.18.3 and 5.18.4).

use super::{Caller, objects::adopt};
use crate::{
    hsm::{
        mechanism,
        object::{Bond, Lineage, Makings, Origin, check_form, class_of, complete, permission},
    },
    model::{
        AuditAct, Status,
        cryptoki::{
            AttributeType as A, Mechanism, MechanismType, ObjectHandle, SessionId, Template,
        },
    },
};

impl Caller<'_> {
    pub(super) fn wrap_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        (wrapping, key): (ObjectHandle, ObjectHandle),
    ) -> Result<Vec<u8>, Status> {
        let wrapping = self.parent(session, (wrapping, A::WRAP), mechanism)?;
        let key = self.key(key, Status::KeyHandleInvalid)?;
        permission::check_wrapping((&wrapping, &key), self.role, &self.known.policies)?;
        let drawn = self.nonce_of_wrap(mechanism)?;
        let mechanism = drawn.as_ref().map_or(mechanism, |drawn| &drawn.mechanism);
        let mut wrapped = mechanism::wrap(mechanism, wrapping.prepared()?, key.attributes())?;
        if let Some(drawn) = &drawn {
            wrapped.extend_from_slice(&drawn.nonce);
        }
        self.record(AuditAct::WrapKey, &[&key, &wrapping])?;
        Ok(wrapped)
    }

    pub(super) fn unwrap_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        (unwrapping, wrapped): (ObjectHandle, &[u8]),
        template: Template,
    ) -> Result<ObjectHandle, Status> {
        let unwrapping = self.parent(session, (unwrapping, A::UNWRAP), mechanism)?;
        permission::check_padding(&unwrapping, mechanism.mechanism, &self.known.policies)?;
        check_form(&template)?;
        let template = permission::with_demands(&unwrapping, A::UNWRAP_TEMPLATE, template)?;
        let parents = [&*unwrapping];
        let how = Makings {
            origin: Origin::Unwrapped,
            officer: self.is_officer(),
            generated_by: None,
            lineage: Lineage::new(Bond::Unwrapped, &parents, &self.known.policies),
        };
        let mut key = complete(template, how)?;
        permission::check_unwrapping(&self.known.policies, class_of(&key))?;
        permission::check_making(self.role, &self.known.policies, &key)?;
        let sent = mechanism::with_sent_nonce(mechanism, wrapped)?;
        let (mechanism, wrapped) = match &sent {
            Some((mechanism, wrapped)) => (mechanism, *wrapped),
            None => (mechanism, wrapped),
        };
        let values = mechanism::unwrap(mechanism, unwrapping.prepared()?, wrapped, &key)
            .map_err(|status| refusal(mechanism.mechanism, status))?;
        adopt(&mut key, values)?;
        Ok(self.keep(session, AuditAct::UnwrapKey, vec![key])?[0])
    }
}

/// What is said of a value that is no such key. Nothing authenticates it under CBC: what is wrong
/// with it would say what it is.
fn refusal(mechanism: MechanismType, status: Status) -> Status {
    let told = matches!(status, Status::WrappedKeyLenRange | Status::TemplateInconsistent);
    if mechanism == MechanismType::AES_CBC_PAD && told { Status::WrappedKeyInvalid } else { status }
}
