//! PKCS#11 v3.1 section 5.5: slots and tokens.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_BBOOL, CK_FLAGS, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_SESSION_HANDLE, CK_SLOT_ID,
    CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_UTF8CHAR, CKF_DONT_BLOCK,
};

use crate::{
    model::{Password, Status},
    pkcs11::{
        bounds::Bound,
        memory::{Input, Output, Place},
        process, token,
    },
};

c_functions! {
    /// `C_GetSlotList`. To ask for the number of slots is to have them looked at anew.
    fn C_GetSlotList as GetSlotList(
        present: CK_BBOOL,
        slots: *mut CK_SLOT_ID,
        count: *mut CK_ULONG,
    ) {
        let library = process::library()?;
        let output = Output::new(slots, count)?;
        let slots = library.slots(output.is_question())?;
        let wanted = slots.iter().filter(|slot| present == 0 || slot.was_present());
        let numbers: Vec<CK_SLOT_ID> = wanted.map(|slot| slot.number.into()).collect();
        output.give_again(&numbers)
    }

    /// `C_GetSlotInfo`.
    fn C_GetSlotInfo as GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) {
        let library = process::library()?;
        let place = Place::new(info)?;
        place.put(token::slot_information(&*library.slot(slot)?));
        Ok(())
    }

    /// `C_GetTokenInfo`.
    fn C_GetTokenInfo as GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) {
        let library = process::library()?;
        let place = Place::new(info)?;
        place.put(token::information(&library, &*library.slot(slot)?)?);
        Ok(())
    }

    /// `C_GetMechanismList`.
    fn C_GetMechanismList as GetMechanismList(
        slot: CK_SLOT_ID,
        mechanisms: *mut CK_MECHANISM_TYPE,
        count: *mut CK_ULONG,
    ) {
        let library = process::library()?;
        let output = Output::new(mechanisms, count)?;
        let mechanisms = library.slot(slot)?.mechanisms(output.is_question())?;
        let mechanisms: Vec<_> = mechanisms.iter().map(|info| info.mechanism.0).collect();
        output.give_again(&mechanisms)
    }

    /// `C_GetMechanismInfo`.
    fn C_GetMechanismInfo as GetMechanismInfo(
        slot: CK_SLOT_ID,
        mechanism: CK_MECHANISM_TYPE,
        info: *mut CK_MECHANISM_INFO,
    ) {
        let library = process::library()?;
        let place = Place::new(info)?;
        let mechanisms = library.slot(slot)?.mechanisms(false)?;
        let found = mechanisms.iter().find(|info| info.mechanism.0 == mechanism);
        let found = found.ok_or(Status::MechanismInvalid)?;
        place.put(CK_MECHANISM_INFO {
            ulMinKeySize: found.smallest_key,
            ulMaxKeySize: found.greatest_key,
            flags: found.flags.0 | token::performed_by_device(found.flags),
        });
        Ok(())
    }

    /// `C_WaitForSlotEvent`.
    fn C_WaitForSlotEvent as WaitForSlotEvent(
        flags: CK_FLAGS,
        slot: *mut CK_SLOT_ID,
        reserved: *mut c_void,
    ) {
        let library = process::library()?;
        let place = Place::new(slot)?;
        if !reserved.is_null() {
            return Err(Status::ArgumentsBad);
        }
        place.put(library.slot_event(flags & CKF_DONT_BLOCK == 0)?.into());
        Ok(())
    }

    /// `C_InitToken`: initializes the partition with the Partition SO's password, or again.
    fn C_InitToken as InitToken(
        slot: CK_SLOT_ID,
        pin: *mut CK_UTF8CHAR,
        pin_length: CK_ULONG,
        label: *mut CK_UTF8CHAR,
    ) {
        let library = process::library()?;
        let password = password(pin, pin_length)?;
        let label = Input::new(label, token::LABEL_BYTES, Bound::TokenLabel)?;
        if label.is_absent() {
            return Err(Status::ArgumentsBad);
        }
        token::initialize(&library, &*library.slot(slot)?, password, &label.plain()?)
    }

    /// `C_InitPIN`: makes the Crypto Officer.
    fn C_InitPIN as InitPin(
        session: CK_SESSION_HANDLE,
        pin: *mut CK_UTF8CHAR,
        pin_length: CK_ULONG,
    ) {
        let library = process::library()?;
        let password = password(pin, pin_length)?;
        library.session(session)?.initialize_user(password)
    }

    /// `C_SetPIN`.
    fn C_SetPIN as SetPin(
        session: CK_SESSION_HANDLE,
        old: *mut CK_UTF8CHAR,
        old_length: CK_ULONG,
        new: *mut CK_UTF8CHAR,
        new_length: CK_ULONG,
    ) {
        let library = process::library()?;
        let (old, new) = (password(old, old_length)?, password(new, new_length)?);
        library.session(session)?.change_password(old, new)
    }
}

/// A PIN of the caller. There is no other way to log in, so one has to be there.
///
/// # Safety
/// `pin` is null or readable for its length.
///
/// # Errors
/// None is given, it is longer than any, or it is no text, which no password is.
pub(super) unsafe fn password(
    pin: *const CK_UTF8CHAR,
    length: CK_ULONG,
) -> Result<Password, Status> {
    // SAFETY: passed on.
    let pin = unsafe { Input::new(pin, length, Bound::Pin) }?;
    if pin.is_absent() {
        return Err(Status::ArgumentsBad);
    }
    let text = String::from_utf8(pin.plain()?).map_err(|_| Status::PinIncorrect)?;
    Ok(Password::new(text))
}
