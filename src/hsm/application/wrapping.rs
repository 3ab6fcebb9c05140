//! Keys that leave and come back wrapped (PKCS#11 v3.1 sections 5.18.3 and 5.18.4).

use super::{Caller, objects::adopt};
use crate::{
    hsm::{
        mechanism,
        object::{Makings, Origin, class_of, complete, permission},
    },
    model::{
        AuditAct, Status,
        cryptoki::{AttributeType as A, Mechanism, ObjectHandle, SessionId, Template},
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
        let wrapped = mechanism::wrap(mechanism, wrapping.prepared()?, key.attributes())?;
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
        let template = permission::with_demands(&unwrapping, A::UNWRAP_TEMPLATE, template)?;
        let how = Makings {
            origin: Origin::Unwrapped,
            officer: self.is_officer(),
            generated_by: None,
            base: (false, false),
        };
        let mut key = complete(template, how)?;
        permission::check_unwrapping(&self.known.policies, class_of(&key))?;
        permission::check_making(self.role, &self.known.policies, &key)?;
        let values = mechanism::unwrap(mechanism, unwrapping.prepared()?, wrapped, &key)?;
        let asked = key.number(A::VALUE_LEN);
        adopt(&mut key, values)?;
        if asked.is_some() && asked != key.number(A::VALUE_LEN) {
            return Err(Status::TemplateInconsistent);
        }
        Ok(self.keep(session, AuditAct::UnwrapKey, vec![key])?[0])
    }
}
