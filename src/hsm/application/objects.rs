//! Objects: created, copied, changed, destroyed and looked at (PKCS#11 v3.1 section 5.7).

use std::sync::Arc;

use super::Caller;
use crate::{
    hsm::object::{
        Change, Lineage, Makings, Object, Origin, changed, charge, complete, copied, permission,
        read, to_bytes,
    },
    hsm::{Hsm, KnownPartition, fault, mechanism, object::Unlocked},
    model::{
        AuditAct, MAXIMUM_ATTRIBUTES, ObjectEntry, Status,
        cryptoki::{
            AttributeRead, AttributeType as A, AttributeValue, ObjectHandle, SessionId, Template,
        },
    },
    wire::MAXIMUM_MESSAGE_BYTES,
};

impl Caller<'_> {
    pub(super) fn create_object(
        &self,
        session: SessionId,
        template: Template,
    ) -> Result<ObjectHandle, Status> {
        let how = Makings {
            origin: Origin::Created,
            officer: self.is_officer(),
            generated_by: None,
            lineage: Lineage::NONE,
        };
        let mut attributes = complete(template, how)?;
        let values = mechanism::complete_imported(&attributes)?;
        adopt(&mut attributes, values)?;
        self.keep(session, AuditAct::CreateObject, vec![attributes]).map(|made| made[0])
    }

    pub(super) fn copy_object(
        &self,
        session: SessionId,
        handle: ObjectHandle,
        template: &Template,
    ) -> Result<ObjectHandle, Status> {
        self.session(session)?;
        let object = self.object(handle)?;
        permission::check_managing(self.role, &self.known.policies, &object)?;
        permission::check_copy(&self.known.policies, &object, template)?;
        let attributes = copied(&object, template, self.is_officer())?;
        self.keep(session, AuditAct::CopyObject, vec![attributes]).map(|made| made[0])
    }

    pub(super) fn set_attributes(
        &self,
        session: SessionId,
        handle: ObjectHandle,
        template: &Template,
    ) -> Result<(), Status> {
        let _turn = self.known.vault.turn();
        let object = self.object(handle)?;
        self.writing_session(session, object.is(A::TOKEN))?;
        permission::check_managing(self.role, &self.known.policies, &object)?;
        permission::check_change(self.role, &self.known.policies, &object, template)?;
        let attributes = changed(&object, template, self.is_officer())?;
        permission::check_key_policies(&self.known.policies, &attributes)?;
        let object = Arc::new(object.with_attributes(attributes));
        if object.is(A::TOKEN) {
            return self.write(AuditAct::ModifyObject, &[Change::Replace(object)]);
        }
        self.check_still()?;
        self.link.application().objects().replace(object.clone())?;
        self.record(AuditAct::ModifyObject, &[&object])
    }

    pub(super) fn destroy_object(
        &self,
        session: SessionId,
        handle: ObjectHandle,
    ) -> Result<(), Status> {
        let _turn = self.known.vault.turn();
        let object = self.object(handle)?;
        self.writing_session(session, object.is(A::TOKEN))?;
        permission::check_managing(self.role, &self.known.policies, &object)?;
        if !object.is(A::DESTROYABLE) {
            return Err(Status::ActionProhibited);
        }
        if object.is(A::TOKEN) {
            return self.write(AuditAct::DestroyObject, &[Change::Remove(object)]);
        }
        let gone = self.link.application().objects().remove(handle);
        gone.ok_or(Status::ObjectHandleInvalid)?;
        self.record(AuditAct::DestroyObject, &[&object])
    }

    pub(super) fn object_size(&self, handle: ObjectHandle) -> Result<u64, Status> {
        Ok(charge(to_bytes(self.object(handle)?.attributes())?.len()))
    }

    pub(super) fn attributes(
        &self,
        handle: ObjectHandle,
        types: &[A],
    ) -> Result<Vec<AttributeRead>, Status> {
        if types.len() > MAXIMUM_ATTRIBUTES {
            return Err(Status::ArgumentsBad);
        }
        let object = self.object(handle)?;
        let mut left = MAXIMUM_MESSAGE_BYTES;
        let read = types.iter().map(|kind| {
            let read = read(&object, *kind);
            if let AttributeRead::Value(AttributeValue::Bytes(bytes)) = &read {
                left = left.checked_sub(bytes.len()).ok_or(Status::DeviceMemory)?;
            }
            Ok(read)
        });
        read.collect()
    }

    /// Keeps new objects where their `CKA_TOKEN` says: all of them or none.
    pub(super) fn keep(
        &self,
        session: SessionId,
        act: AuditAct,
        mut made: Vec<Template>,
    ) -> Result<Vec<ObjectHandle>, Status> {
        let is_token = |attributes: &Template| attributes.boolean(A::TOKEN) == Some(true);
        let session = self.writing_session(session, made.iter().any(is_token))?;
        for attributes in &mut made {
            permission::check_making(self.role, &self.known.policies, attributes)?;
            let ouid = crate::hsm::object::unique_id(self.hsm.fill().map_err(fault)?);
            attributes.set(A::UNIQUE_ID, AttributeValue::bytes(ouid));
        }
        let (mut tokens, mut handles, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for attributes in made {
            if is_token(&attributes) {
                let object = Arc::new(Object::new(self.known.vault.next_handle()?, attributes));
                handles.push(object.handle());
                tokens.push(Change::Add(object));
            } else {
                let object = self.link.application().objects().add(session.id, attributes)?;
                handles.push(object.handle());
                others.push(object);
            }
        }
        let kept = if tokens.is_empty() {
            let others: Vec<&Object> = others.iter().map(AsRef::as_ref).collect();
            self.record(act, &others)
        } else {
            self.write_beside(act, (&tokens, &others))
        };
        if kept.is_err() {
            for object in &others {
                self.link.application().objects().remove(object.handle());
            }
        }
        kept.map(|()| handles)
    }

    /// The token objects that the caller sees, as `partition contents` lists them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(in crate::hsm) fn contents(&self) -> Result<Vec<ObjectEntry>, Status> {
        let unlocked = self.unlocked.as_deref();
        entries(self.hsm, &self.known, unlocked)
    }
}

/// Objects as `partition contents` lists them.
fn entries(
    hsm: &Hsm,
    known: &KnownPartition,
    unlocked: Option<&Unlocked>,
) -> Result<Vec<ObjectEntry>, Status> {
    let entry = |object: &Arc<Object>| ObjectEntry {
        label: object.label(),
        handle: u32::try_from(object.handle().0).unwrap_or(u32::MAX),
        class: u32::try_from(object.class().0).unwrap_or(u32::MAX),
        ouid: object.ouid(),
    };
    let list = |shelf: &crate::hsm::object::Shelf| shelf.all().map(entry).collect::<Vec<_>>();
    let mut entries = known.vault.public(hsm, list)?;
    if let Some(open) = unlocked {
        entries.extend(known.vault.private(hsm, open, list)?);
    }
    entries.sort_by_key(|entry| entry.handle);
    Ok(entries)
}

/// Takes over what follows from an object's value. What its maker has said of that has to be
/// right; an empty check value means that none is wanted (section 4.10.2).
pub(super) fn adopt(attributes: &mut Template, values: Template) -> Result<(), Status> {
    for value in values.0 {
        let said = match value.kind {
            A::CHECK_VALUE | A::PUBLIC_KEY_INFO => attributes.bytes(value.kind),
            _ => None,
        };
        match said {
            Some([]) if value.kind == A::CHECK_VALUE => {}
            Some(said) if !said.is_empty() && value.value != AttributeValue::bytes(said) => {
                return Err(Status::AttributeValueInvalid);
            }
            _ => attributes.set(value.kind, value.value),
        }
    }
    Ok(())
}
