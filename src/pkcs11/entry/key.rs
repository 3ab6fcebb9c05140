//! PKCS#11 v3.1 sections 5.18 and 5.19, and 3.2 for encapsulation: keys and random numbers.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG,
};

use crate::{
    model::{
        Request, Status,
        cryptoki::{CryptokiReply, CryptokiRequest, ObjectHandle},
    },
    pkcs11::{
        attributes::template,
        bounds::Bound,
        memory::{Input, Output, Place},
        parameters::mechanism,
        process,
    },
};

/// Random bytes that one request asks for.
const MOST_RANDOM: usize = 1024 * 1024;

c_functions! {
    /// `C_GenerateKey`.
    fn C_GenerateKey as GenerateKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let (place, mechanism) = (Place::new(key)?, mechanism(given)?);
        let template = template(attributes, count)?;
        let request = CryptokiRequest::GenerateKey { session: session.id(), mechanism, template };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_GenerateKeyPair`.
    fn C_GenerateKeyPair as GenerateKeyPair(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        public_attributes: *mut CK_ATTRIBUTE,
        public_count: CK_ULONG,
        private_attributes: *mut CK_ATTRIBUTE,
        private_count: CK_ULONG,
        public_key: *mut CK_OBJECT_HANDLE,
        private_key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let places = (Place::new(public_key)?, Place::new(private_key)?);
        let request = CryptokiRequest::GenerateKeyPair {
            session: session.id(),
            mechanism: mechanism(given)?,
            public: template(public_attributes, public_count)?,
            private: template(private_attributes, private_count)?,
        };
        let Some(CryptokiReply::KeyPair { public, private }) = session.ask(request)? else {
            return Err(Status::DeviceError);
        };
        places.0.put(public.0);
        places.1.put(private.0);
        Ok(())
    }

    /// `C_WrapKey`.
    fn C_WrapKey as WrapKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        wrapping_key: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE,
        wrapped_length: *mut CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let output = Output::new(wrapped, wrapped_length)?;
        // Wrapped again it is as good, so nothing is kept.
        let request = Request::Cryptoki(CryptokiRequest::WrapKey {
            session: session.id(),
            mechanism: mechanism(given)?,
            wrapping_key: ObjectHandle(wrapping_key),
            key: ObjectHandle(key),
        });
        output.give_again(&session.ask_bytes(&request)?)
    }

    /// `C_UnwrapKey`.
    fn C_UnwrapKey as UnwrapKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        unwrapping_key: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE,
        wrapped_length: CK_ULONG,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let place = Place::new(key)?;
        let request = CryptokiRequest::UnwrapKey {
            session: session.id(),
            mechanism: mechanism(given)?,
            unwrapping_key: ObjectHandle(unwrapping_key),
            wrapped: Input::new(wrapped, wrapped_length, Bound::WrappedKey)?.plain()?,
            template: template(attributes, count)?,
        };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_DeriveKey`. A derivation that yields no single key has no place for it, which is not
    /// offered.
    fn C_DeriveKey as DeriveKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        base_key: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let place = Place::new(key)?;
        let request = CryptokiRequest::DeriveKey {
            session: session.id(),
            mechanism: mechanism(given)?,
            base_key: ObjectHandle(base_key),
            template: template(attributes, count)?,
        };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_EncapsulateKey` (version 3.2). A call that only asks for the length makes no key: the
    /// longest ciphertext there is fits.
    fn C_EncapsulateKey as EncapsulateKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        public_key: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        ciphertext: *mut CK_BYTE,
        ciphertext_length: *mut CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let output = Output::new(ciphertext, ciphertext_length)?;
        let request = CryptokiRequest::EncapsulateKey {
            session: session.id(),
            mechanism: mechanism(given)?,
            public_key: ObjectHandle(public_key),
            template: template(attributes, count)?,
        };
        if !output.has_room(LONGEST_CIPHERTEXT) {
            output.tell(LONGEST_CIPHERTEXT);
            return if output.is_question() { Ok(()) } else { Err(Status::BufferTooSmall) };
        }
        let place = Place::new(key)?;
        let Some(CryptokiReply::Encapsulated { ciphertext, key }) = session.ask(request)? else {
            return Err(Status::DeviceError);
        };
        place.put(key.0);
        output.give_again(&ciphertext)
    }

    /// `C_DecapsulateKey` (version 3.2).
    fn C_DecapsulateKey as DecapsulateKey(
        session: CK_SESSION_HANDLE,
        given: *mut CK_MECHANISM,
        private_key: CK_OBJECT_HANDLE,
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
        ciphertext: *mut CK_BYTE,
        ciphertext_length: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) {
        let session = process::library()?.session(session)?;
        let place = Place::new(key)?;
        let request = CryptokiRequest::DecapsulateKey {
            session: session.id(),
            mechanism: mechanism(given)?,
            private_key: ObjectHandle(private_key),
            ciphertext: Input::new(ciphertext, ciphertext_length, Bound::WrappedKey)?.plain()?,
            template: template(attributes, count)?,
        };
        place.put(session.ask_object(request)?.0);
        Ok(())
    }

    /// `C_SeedRandom`. The appliance's random source takes no seeds.
    fn C_SeedRandom as SeedRandom(
        session: CK_SESSION_HANDLE,
        seed: *mut CK_BYTE,
        length: CK_ULONG,
    ) {
        process::library()?.session(session)?;
        Input::new(seed, length, Bound::Seed)?;
        Err(Status::RandomSeedNotSupported)
    }

    /// `C_GenerateRandom`.
    fn C_GenerateRandom as GenerateRandom(
        session: CK_SESSION_HANDLE,
        bytes: *mut CK_BYTE,
        length: CK_ULONG,
    ) {
        let session = process::library()?.session(session)?;
        let room = Input::new(bytes, length, Bound::Random)?;
        if !room.is_there() {
            return Err(Status::ArgumentsBad);
        }
        let wanted = room.length();
        let mut done = 0;
        while done < wanted {
            let count = (wanted - done).min(MOST_RANDOM);
            let request = u32::try_from(count).map_err(|_| Status::ArgumentsBad)?;
            let request = Request::Cryptoki(CryptokiRequest::Random { bytes: request });
            let random = session.ask_bytes(&request)?;
            if random.len() != count {
                return Err(Status::DeviceError);
            }
            let mut room = CK_ULONG::try_from(count).map_err(|_| Status::ArgumentsBad)?;
            Output::new(bytes.add(done), &raw mut room)?.give_again(&random)?;
            done += count;
        }
        Ok(())
    }
}

/// The ciphertext of ML-KEM-1024 (FIPS 203), or of any key agreement.
const LONGEST_CIPHERTEXT: usize = 1568;
