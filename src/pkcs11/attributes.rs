//! `CK_ATTRIBUTE` arrays: templates read, and values handed over.

#![allow(unsafe_code, reason = "C passes memory as pointers")]

use std::{marker::PhantomData, mem::size_of, ptr};

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
use zeroize::Zeroizing;

use super::{
    bounds::{Bound, MOST_ATTRIBUTES},
    memory::{Input, value},
    reach::{self, PAGE},
};
use crate::model::{
    Status,
    cryptoki::{
        Attribute, AttributeKind, AttributeRead, AttributeType, AttributeValue, MechanismType,
        Template,
    },
};

/// A template of the caller. `CKA_WRAP_TEMPLATE` and its kind hold templates, which hold none.
///
/// # Safety
/// `attributes` is null or points to `count` attributes, the values of which are null or
/// readable for their lengths.
///
/// # Errors
/// Null with a count, more attributes or bytes than any template has, or a value that is not of
/// its attribute's kind.
pub(super) unsafe fn template(
    attributes: *const CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<Template, Status> {
    let mut left = Left { attributes: MOST_ATTRIBUTES, bytes: Bound::Template.most() };
    let count = checked_count(attributes, count, left.attributes)?;
    // SAFETY: passed on.
    unsafe { left.template(attributes, count, true) }
}

/// What a template may still hold, with the templates inside it.
struct Left {
    attributes: usize,
    bytes: usize,
}

impl Left {
    unsafe fn template(
        &mut self,
        attributes: *const CK_ATTRIBUTE,
        count: usize,
        may_nest: bool,
    ) -> Result<Template, Status> {
        self.attributes = self.attributes.checked_sub(count).ok_or(Bound::Template.beyond())?;
        let mut template = Template::default();
        template.0.try_reserve_exact(count).map_err(|_| Status::HostMemory)?;
        for at in 0..count {
            // SAFETY: inside the array of the contract.
            let attribute = unsafe { value(attributes.add(at)) }?;
            let kind = AttributeType(attribute.type_);
            // SAFETY: passed on.
            let value = unsafe { self.value(kind, attribute, may_nest) }?;
            template.0.push(Attribute { kind, value });
        }
        Ok(template)
    }

    unsafe fn value(
        &mut self,
        kind: AttributeType,
        attribute: CK_ATTRIBUTE,
        may_nest: bool,
    ) -> Result<AttributeValue, Status> {
        let invalid = Bound::Template.beyond();
        if kind.kind() == AttributeKind::Template {
            if !may_nest || !attribute.ulValueLen.is_multiple_of(width::<CK_ATTRIBUTE>()) {
                return Err(invalid);
            }
            let count = attribute.ulValueLen / width::<CK_ATTRIBUTE>();
            let nested: *const CK_ATTRIBUTE = attribute.pValue.cast();
            let count = checked_count(nested, count, self.attributes).map_err(|_| invalid)?;
            // SAFETY: the contract of an attribute that holds attributes.
            let nested = unsafe { self.template(nested, count, false) }?;
            return Ok(AttributeValue::Template(nested));
        }
        if !has_width(kind, attribute.ulValueLen) {
            return Err(invalid);
        }
        // SAFETY: passed on.
        let bytes =
            unsafe { Input::new(attribute.pValue.cast(), attribute.ulValueLen, Bound::Template) };
        let bytes = bytes.map_err(|_| invalid)?;
        self.bytes = self.bytes.checked_sub(bytes.length()).ok_or(invalid)?;
        let bytes = bytes.copied().map_err(|status| match status {
            Status::HostMemory => status,
            _ => invalid,
        })?;
        from_bytes(kind, bytes)
    }
}

/// Whether a value of an attribute's kind can have this length in bytes.
fn has_width(kind: AttributeType, length: CK_ULONG) -> bool {
    match kind.kind() {
        AttributeKind::Boolean => length == 1,
        AttributeKind::Number => length == width::<CK_ULONG>(),
        AttributeKind::Date => length == 0 || length == 8,
        AttributeKind::Mechanisms => length.is_multiple_of(width::<CK_ULONG>()),
        AttributeKind::Bytes | AttributeKind::Template => true,
    }
}

/// A value as C lays it out.
fn from_bytes(kind: AttributeType, bytes: Zeroizing<Vec<u8>>) -> Result<AttributeValue, Status> {
    let number = |bytes: &[u8]| bytes.try_into().map(CK_ULONG::from_ne_bytes).ok();
    match kind.kind() {
        AttributeKind::Boolean => match bytes[..] {
            [0] => Ok(AttributeValue::Boolean(false)),
            [1] => Ok(AttributeValue::Boolean(true)),
            _ => Err(Status::AttributeValueInvalid),
        },
        AttributeKind::Number => {
            let number = number(&bytes).ok_or(Status::AttributeValueInvalid)?;
            Ok(AttributeValue::Number(number))
        }
        AttributeKind::Mechanisms => {
            let parts = bytes.chunks(size_of::<CK_ULONG>());
            let mechanisms = parts.map(|part| number(part).map(MechanismType)).collect();
            let mechanisms: Option<Vec<_>> = mechanisms;
            mechanisms.map(AttributeValue::Mechanisms).ok_or(Status::AttributeValueInvalid)
        }
        AttributeKind::Date | AttributeKind::Bytes | AttributeKind::Template => {
            Ok(AttributeValue::Bytes(bytes))
        }
    }
}

/// The attributes that a caller wants to read, with its room for them.
pub(super) struct Wanted<'a> {
    attributes: *mut CK_ATTRIBUTE,
    count: usize,
    caller: PhantomData<&'a mut [CK_ATTRIBUTE]>,
}

impl Wanted<'_> {
    /// # Safety
    /// `attributes` is null or points to `count` attributes that may be written, the values of
    /// which are null or have room for their lengths.
    ///
    /// # Errors
    /// Null with a count.
    pub(super) unsafe fn new(
        attributes: *mut CK_ATTRIBUTE,
        count: CK_ULONG,
    ) -> Result<Self, Status> {
        let count = checked_count(attributes, count, MOST_ATTRIBUTES)?;
        Ok(Self { attributes, count, caller: PhantomData })
    }

    /// The types asked for.
    pub(super) fn types(&self) -> Vec<AttributeType> {
        (0..self.count).map(|at| AttributeType(self.attribute(at).type_)).collect()
    }

    /// Whether only lengths are asked for.
    pub(super) fn is_question(&self) -> bool {
        (0..self.count).all(|at| self.attribute(at).pValue.is_null())
    }

    /// Hands over what was read, in the order asked for: every attribute that can be read is,
    /// whatever becomes of the others (PKCS#11 v3.1, `C_GetAttributeValue`).
    ///
    /// # Errors
    /// The last problem that one of the attributes had.
    pub(super) fn give(&self, read: &[AttributeRead]) -> Result<(), Status> {
        let mut outcome = Ok(());
        for at in 0..self.count {
            let given = match read.get(at) {
                Some(AttributeRead::Value(value)) => self.give_one(at, value),
                Some(AttributeRead::Refused(status)) => Err(*status),
                None => Err(Status::DeviceError),
            };
            if let Err(status) = given {
                self.set_length(at, CK_UNAVAILABLE_INFORMATION);
                outcome = Err(status);
            }
        }
        outcome
    }

    fn give_one(&self, at: usize, value: &AttributeValue) -> Result<(), Status> {
        let attribute = self.attribute(at);
        if let AttributeValue::Template(template) = value {
            return self.give_nested(at, template);
        }
        let bytes = to_bytes(value);
        let length = CK_ULONG::try_from(bytes.len()).map_err(|_| Status::HostMemory)?;
        if !attribute.pValue.is_null() {
            if attribute.ulValueLen < length {
                return Err(Status::BufferTooSmall);
            }
            // SAFETY: by the contract of `new` there is room for `ulValueLen` bytes.
            unsafe {
                ptr::copy_nonoverlapping(bytes.as_ptr(), attribute.pValue.cast(), bytes.len());
            };
        }
        self.set_length(at, length);
        Ok(())
    }

    /// An attribute that holds attributes: first their number is asked for, then their types and
    /// lengths, then their values.
    fn give_nested(&self, at: usize, template: &Template) -> Result<(), Status> {
        let attribute = self.attribute(at);
        let count = CK_ULONG::try_from(template.0.len()).map_err(|_| Status::HostMemory)?;
        let length = count * width::<CK_ATTRIBUTE>();
        if !attribute.pValue.is_null() {
            if attribute.ulValueLen < length {
                return Err(Status::BufferTooSmall);
            }
            // SAFETY: by the contract of `new`, for an attribute that holds attributes.
            let nested = unsafe { Wanted::new(attribute.pValue.cast(), count) }?;
            for (at, attribute) in template.0.iter().enumerate() {
                nested.set_type(at, attribute.kind);
                nested.give_one(at, &attribute.value)?;
            }
        }
        self.set_length(at, length);
        Ok(())
    }

    fn attribute(&self, at: usize) -> CK_ATTRIBUTE {
        // SAFETY: by the contract of `new`, for an index below the count.
        unsafe { self.attributes.add(at).read_unaligned() }
    }

    fn set_length(&self, at: usize, length: CK_ULONG) {
        let attribute = CK_ATTRIBUTE { ulValueLen: length, ..self.attribute(at) };
        // SAFETY: by the contract of `new`, for an index below the count.
        unsafe { self.attributes.add(at).write_unaligned(attribute) };
    }

    fn set_type(&self, at: usize, kind: AttributeType) {
        let attribute = CK_ATTRIBUTE { type_: kind.0, ..self.attribute(at) };
        // SAFETY: by the contract of `new`, for an index below the count.
        unsafe { self.attributes.add(at).write_unaligned(attribute) };
    }
}

/// A value as C lays it out; one that holds attributes is not laid out.
fn to_bytes(value: &AttributeValue) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match value {
        AttributeValue::Boolean(value) => vec![u8::from(*value)],
        AttributeValue::Number(value) => value.to_ne_bytes().to_vec(),
        AttributeValue::Bytes(bytes) => return bytes.clone(),
        AttributeValue::Mechanisms(mechanisms) => {
            mechanisms.iter().flat_map(|mechanism| mechanism.0.to_ne_bytes()).collect()
        }
        AttributeValue::Template(_) => Vec::new(),
    })
}

fn checked_count(
    attributes: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    most: usize,
) -> Result<usize, Status> {
    let count = usize::try_from(count).map_err(|_| Status::ArgumentsBad)?;
    if count > most || (attributes.is_null() && count > 0) {
        return Err(Status::ArgumentsBad);
    }
    let bytes = count * size_of::<CK_ATTRIBUTE>();
    if bytes > PAGE && !reach::is_readable(attributes.cast(), bytes) {
        return Err(Status::ArgumentsBad);
    }
    Ok(count)
}

fn width<T>() -> CK_ULONG {
    CK_ULONG::try_from(size_of::<T>()).unwrap_or(CK_ULONG::MAX)
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use super::*;

    fn attribute<T>(kind: AttributeType, values: &mut [T]) -> CK_ATTRIBUTE {
        let length = CK_ULONG::try_from(size_of_val(values)).unwrap();
        let value: *mut c_void = values.as_mut_ptr().cast();
        CK_ATTRIBUTE { type_: kind.0, pValue: value, ulValueLen: length }
    }

    fn read(attributes: &[CK_ATTRIBUTE]) -> Result<Template, Status> {
        unsafe { template(attributes.as_ptr(), attributes.len().try_into().unwrap()) }
    }

    #[test]
    fn a_template_is_read_by_its_attributes_kinds() {
        let (mut class, mut label, mut token) = ([3_u64], *b"key", [1_u8]);
        let mut inner = [attribute(AttributeType::TOKEN, &mut token)];
        let outer = [
            attribute(AttributeType::CLASS, &mut class),
            attribute(AttributeType::LABEL, &mut label),
            attribute(AttributeType::WRAP_TEMPLATE, &mut inner),
        ];
        let expected = Template::default()
            .with(AttributeType::CLASS, 3)
            .with(AttributeType::LABEL, AttributeValue::bytes(*b"key"))
            .with(
                AttributeType::WRAP_TEMPLATE,
                AttributeValue::Template(Template::default().with(AttributeType::TOKEN, true)),
            );
        assert_eq!(read(&outer), Ok(expected));
    }

    #[test]
    fn values_of_a_wrong_kind_are_refused() {
        let invalid = Err(Status::AttributeValueInvalid);
        assert_eq!(read(&[attribute(AttributeType::TOKEN, &mut [2_u8])]), invalid);
        assert_eq!(read(&[attribute(AttributeType::CLASS, &mut [0_u8; 4])]), invalid);
        assert_eq!(read(&[attribute(AttributeType::START_DATE, &mut [0_u8; 7])]), invalid);
        assert_eq!(read(&[attribute(AttributeType::ALLOWED_MECHANISMS, &mut [0_u8; 9])]), invalid);
        let mut inner = [attribute(AttributeType::WRAP_TEMPLATE, &mut [0_u8; 0])];
        assert_eq!(read(&[attribute(AttributeType::WRAP_TEMPLATE, &mut inner)]), invalid);
        assert_eq!(unsafe { template(ptr::null(), 1) }, Err(Status::ArgumentsBad));
    }

    #[test]
    fn no_more_attributes_and_bytes_are_read_than_a_template_has() {
        let mut token = [1_u8];
        let one = attribute(AttributeType::TOKEN, &mut token);
        assert_eq!(read(&[one; MOST_ATTRIBUTES]).map(|template| template.0.len()), Ok(256));
        assert_eq!(read(&[one; MOST_ATTRIBUTES + 1]), Err(Status::ArgumentsBad));
        let nest = |count: usize| {
            let mut inner = vec![one; count];
            read(&[one, attribute(AttributeType::WRAP_TEMPLATE, &mut inner), one])
        };
        assert!(nest(MOST_ATTRIBUTES - 3).is_ok());
        // Those that stand beside it count as well, before and behind it.
        for count in [MOST_ATTRIBUTES - 2, MOST_ATTRIBUTES, 4096] {
            assert_eq!(nest(count), Err(Status::AttributeValueInvalid), "{count}");
        }
        let mut value = vec![0_u8; Bound::Template.most()];
        let whole = attribute(AttributeType::VALUE, &mut value);
        assert!(read(&[whole]).is_ok());
        assert_eq!(read(&[whole, one]), Err(Status::AttributeValueInvalid));
        for length in [Bound::Template.most() + 1, 1 << 32, 1 << 47, usize::MAX] {
            for kind in [AttributeType::VALUE, AttributeType::TOKEN, AttributeType::WRAP_TEMPLATE] {
                let length: CK_ULONG = length.try_into().unwrap();
                let huge = CK_ATTRIBUTE { ulValueLen: length, ..attribute(kind, &mut token) };
                assert_eq!(read(&[huge]), Err(Status::AttributeValueInvalid), "{length:#x}");
            }
        }
    }

    #[test]
    fn what_can_be_read_is_given_beside_what_cannot() {
        let (mut label, mut value, mut id) = ([0_u8; 8], [0_u8; 8], [0_u8; 1]);
        let mut attributes = [
            attribute(AttributeType::LABEL, &mut label),
            attribute(AttributeType::VALUE, &mut value),
            attribute(AttributeType::ID, &mut id),
        ];
        let wanted = unsafe { Wanted::new(attributes.as_mut_ptr(), 3) }.unwrap();
        let outcome = wanted.give(&[
            AttributeRead::Value(AttributeValue::bytes(*b"name")),
            AttributeRead::Refused(Status::AttributeSensitive),
            AttributeRead::Value(AttributeValue::bytes(*b"too long")),
        ]);
        assert_eq!(outcome, Err(Status::BufferTooSmall));
        assert_eq!(attributes.map(|attribute| attribute.ulValueLen), [4, u64::MAX, u64::MAX]);
        assert_eq!(&label, b"name\0\0\0\0");
        assert_eq!(value, [0; 8]);
    }
}
