//! Keys: generated, derived, encapsulated (PKCS#11 v3.1 section 5.18, 3.2 for encapsulation).

use std::sync::Arc;

use super::{Caller, making, objects::adopt, operations::check_context};
use crate::{
    hsm::{
        mechanism,
        object::{Bond, Lineage, Makings, Object, Origin, check_form, complete, permission},
    },
    model::{
        AuditAct, Policy, Status,
        cryptoki::{
            AttributeType as A, HkdfSalt, Mechanism, ObjectClass, ObjectHandle, Parameters,
            SessionId, Template,
        },
    },
};

impl Caller<'_> {
    pub(super) fn generate_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle, Status> {
        self.check_generation(session, mechanism)?;
        let template = making::secret(mechanism.mechanism, template)?;
        let mut key = complete(template, self.generated(mechanism))?;
        permission::check_making(self.role, &self.known.policies, &key)?;
        let is_wanted = || self.is_wanted();
        let values = mechanism::generate_key_while(mechanism, &key, &is_wanted)?;
        adopt(&mut key, values)?;
        Ok(self.keep(session, AuditAct::GenerateKey, vec![key])?[0])
    }

    pub(super) fn generate_pair(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        templates: (Template, Template),
    ) -> Result<(ObjectHandle, ObjectHandle), Status> {
        self.check_generation(session, mechanism)?;
        let (public, private) = making::pair(mechanism.mechanism, templates)?;
        let mut public = complete(public, self.generated(mechanism))?;
        let mut private = complete(private, self.generated(mechanism))?;
        for key in [&public, &private] {
            permission::check_making(self.role, &self.known.policies, key)?;
        }
        permission::check_purposes(&self.known.policies, &[&public, &private])?;
        let values = mechanism::generate_pair(mechanism, &public, &private)?;
        adopt(&mut public, values.0)?;
        adopt(&mut private, values.1)?;
        if self.known.policies.permits(Policy::PairwiseTests) {
            mechanism::check_pair(&public, &private)?;
        }
        let made = self.keep(session, AuditAct::GenerateKeyPair, vec![public, private])?;
        Ok((made[0], made[1]))
    }

    pub(super) fn derive_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        base: ObjectHandle,
        template: Template,
    ) -> Result<ObjectHandle, Status> {
        check_form(&template)?;
        let base = self.parent(session, (base, A::DERIVE), mechanism)?;
        let others = self.others(session, mechanism)?;
        let parents: Vec<&Object> =
            std::iter::once(&base).chain(&others).map(AsRef::as_ref).collect();
        let template = permission::with_demands(&base, A::DERIVE_TEMPLATE, template)?;
        let template = others.iter().try_fold(template, |template, other| {
            permission::with_demands(other, A::DERIVE_TEMPLATE, template)
        })?;
        let template = making::derived(mechanism.mechanism, template)?;
        // Data have no length of their own to ask for.
        let (template, length) = making::without_length_of_data(template);
        let lineage = self.lineage(mechanism, &parents);
        let mut key = complete(template, self.derived(lineage))?;
        permission::check_making(self.role, &self.known.policies, &key)?;
        let others: Vec<_> =
            others.iter().map(|other| other.prepared().cloned()).collect::<Result<_, _>>()?;
        let asked = match length {
            Some(length) => key.clone().with(A::VALUE_LEN, length),
            None => key.clone(),
        };
        let values = mechanism::derive(mechanism, base.prepared()?, &others, &asked)?;
        adopt(&mut key, values)?;
        lineage.check_length(&key)?;
        Ok(self.keep(session, AuditAct::DeriveKey, vec![key])?[0])
    }

    pub(super) fn encapsulate_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        public: ObjectHandle,
        template: Template,
    ) -> Result<(Vec<u8>, ObjectHandle), Status> {
        let public = self.parent(session, (public, A::ENCAPSULATE), mechanism)?;
        let parents = [&*public];
        let lineage = self.lineage(mechanism, &parents);
        let mut key = self.encapsulated(lineage, A::ENCAPSULATE_TEMPLATE, mechanism, template)?;
        let (ciphertext, values) = mechanism::encapsulate(mechanism, public.prepared()?, &key)?;
        adopt(&mut key, values)?;
        lineage.check_length(&key)?;
        Ok((ciphertext, self.keep(session, AuditAct::EncapsulateKey, vec![key])?[0]))
    }

    pub(super) fn decapsulate_key(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
        (private, ciphertext): (ObjectHandle, &[u8]),
        template: Template,
    ) -> Result<ObjectHandle, Status> {
        let private = self.parent(session, (private, A::DECAPSULATE), mechanism)?;
        let parents = [&*private];
        let lineage = self.lineage(mechanism, &parents);
        let mut key = self.encapsulated(lineage, A::DECAPSULATE_TEMPLATE, mechanism, template)?;
        let values = mechanism::decapsulate(mechanism, private.prepared()?, ciphertext, &key)?;
        adopt(&mut key, values)?;
        lineage.check_length(&key)?;
        Ok(self.keep(session, AuditAct::DecapsulateKey, vec![key])?[0])
    }

    /// The key that another one comes from, which may be used so now.
    pub(super) fn parent(
        &self,
        session: SessionId,
        (handle, usage): (ObjectHandle, A),
        mechanism: &Mechanism,
    ) -> Result<Arc<Object>, Status> {
        let session = self.session(session)?;
        permission::check_key_management(&self.known.policies)?;
        let missing = match usage {
            A::WRAP => Status::WrappingKeyHandleInvalid,
            A::UNWRAP => Status::UnwrappingKeyHandleInvalid,
            _ => Status::KeyHandleInvalid,
        };
        let key = self.key(handle, missing)?;
        permission::check_use(&key, usage, mechanism.mechanism, &self.known.policies)?;
        check_context(&session, &key)?;
        Ok(key)
    }

    fn encapsulated(
        &self,
        lineage: Lineage<'_>,
        demands: A,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<Template, Status> {
        let template = lineage.parents.iter().try_fold(template, |template, parent| {
            permission::with_demands(parent, demands, template)
        })?;
        let template = making::derived(mechanism.mechanism, template)?;
        let key = complete(template, self.derived(lineage))?;
        permission::check_making(self.role, &self.known.policies, &key)?;
        Ok(key)
    }

    /// Keys that a mechanism's parameters name. They take part as the base does.
    fn others(
        &self,
        session: SessionId,
        mechanism: &Mechanism,
    ) -> Result<Vec<Arc<Object>>, Status> {
        let handle = match &mechanism.parameters {
            Parameters::Key(handle) | Parameters::Hkdf { salt: HkdfSalt::Key(handle), .. } => {
                *handle
            }
            _ => return Ok(Vec::new()),
        };
        let key = self.parent(session, (handle, A::DERIVE), mechanism)?;
        if key.class() != ObjectClass::SECRET_KEY {
            return Err(Status::KeyTypeInconsistent);
        }
        Ok(vec![key])
    }

    fn check_generation(&self, session: SessionId, mechanism: &Mechanism) -> Result<(), Status> {
        self.session(session)?;
        permission::check_key_management(&self.known.policies)?;
        self.check_mechanism(mechanism)
    }

    fn generated(&self, mechanism: &Mechanism) -> Makings<'static> {
        Makings {
            origin: Origin::Generated,
            officer: self.is_officer(),
            generated_by: Some(mechanism.mechanism),
            lineage: Lineage::NONE,
        }
    }

    fn derived<'k>(&self, lineage: Lineage<'k>) -> Makings<'k> {
        let officer = self.is_officer();
        Makings { origin: Origin::Derived, officer, generated_by: None, lineage }
    }

    fn lineage<'k>(&self, mechanism: &Mechanism, parents: &'k [&'k Object]) -> Lineage<'k> {
        Lineage::new(Bond::of(mechanism.mechanism), parents, &self.known.policies)
    }
}
