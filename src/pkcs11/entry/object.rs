//! PKCS#11 v3.1 section 5.7: objects.

use cryptoki_sys::{CK_ATTRIBUTE, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use crate::{
    model::{
        Status,
        cryptoki::{CryptokiReply, CryptokiRequest, ObjectHandle},
    },
    pkcs11::{
        attributes::{Wanted, template},
        memory::{Output, Place},
        process,
    },
};

/// Objects that one call of `C_FindObjects` hands over at most, whatever room there is.
const MOST_FOUND: usize = 65_536;

c_functions! {
    /// `C_CreateObject`.
    fn C_CreateObject as CreateObject(
        session: CK_SESSION_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        object: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let (place, template) = (Place::new(object)?, template(attributes, count)?);
        let request = CryptokiRequest::CreateObject { session: session.id(), template };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_CopyObject`.
    fn C_CopyObject as CopyObject(
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        copy: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let (place, template) = (Place::new(copy)?, template(attributes, count)?);
        let (id, object) = (session.id(), ObjectHandle(object));
        let request = CryptokiRequest::CopyObject { session: id, object, template };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_DestroyObject`.
    fn C_DestroyObject as DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) {
        let session = process::library()?.session(session)?;
        let (id, object) = (session.id(), ObjectHandle(object));
        session.changing(object, || {
            session.ask_nothing(CryptokiRequest::DestroyObject { session: id, object })
        })
    }

    /// `C_GetObjectSize`.
    fn C_GetObjectSize as GetObjectSize(
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        size: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let place = Place::new(size)?;
        let (id, object) = (session.id(), ObjectHandle(object));
        match session.ask(CryptokiRequest::ObjectSize { session: id, object })? {
            Some(CryptokiReply::Size(size)) => place.put(size),
            _ => return Err(Status::DeviceError),
        }
        Ok(())
    }

    /// `C_GetAttributeValue`.
    fn C_GetAttributeValue as GetAttributeValue(
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let wanted = Wanted::new(attributes, count)?;
        let question = wanted.is_question();
        wanted.give(&session.attributes(ObjectHandle(object), wanted.types(), question)?)
    }

    /// `C_SetAttributeValue`.
    fn C_SetAttributeValue as SetAttributeValue(
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let template = template(attributes, count)?;
        let (id, object) = (session.id(), ObjectHandle(object));
        session.changing(object, || {
            session.ask_nothing(CryptokiRequest::SetAttributes { session: id, object, template })
        })
    }

    /// `C_FindObjectsInit`.
    fn C_FindObjectsInit as FindObjectsInit(
        session: CK_SESSION_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        session.begin_search(template(attributes, count)?)
    }

    /// `C_FindObjects`.
    fn C_FindObjects as FindObjects(
        session: CK_SESSION_HANDLE,
        objects: *mut CK_OBJECT_HANDLE,
        most: CK_ULONG,
        count: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let place = Place::new(count)?;
        if objects.is_null() && most > 0 {
            return Err(Status::ArgumentsBad);
        }
        let most = usize::try_from(most).unwrap_or(MOST_FOUND).min(MOST_FOUND);
        let found = session.go_on_searching(most)?;
        let found: Vec<_> = found.iter().map(|object| object.0).collect();
        let mut room = CK_ULONG::try_from(most).map_err(|_| Status::ArgumentsBad)?;
        if !objects.is_null() {
            Output::new(objects, &raw mut room)?.give_again(&found)?;
        }
        place.put(CK_ULONG::try_from(found.len()).map_err(|_| Status::HostMemory)?);
        Ok(())
    }

    /// `C_FindObjectsFinal`.
    fn C_FindObjectsFinal as FindObjectsFinal(session: CK_SESSION_HANDLE) {
        process::library()?.session(session)?.end_search()
    }
}
