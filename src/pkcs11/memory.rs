//! Memory of the caller: the only place, with the conversions of attributes and parameters, that
//! reads it and writes it.

#![allow(unsafe_code, reason = "C passes memory as pointers")]

use std::{marker::PhantomData, ptr};

use cryptoki_sys::CK_ULONG;
use zeroize::Zeroizing;

use super::{
    bounds::Bound,
    reach::{self, PAGE},
};
use crate::model::Status;

/// Bytes that are erased when dropped.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// Bytes of the caller. Output may lie over them, so they are copied before anything is written.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pointer: *const u8,
    length: usize,
    caller: PhantomData<&'a [u8]>,
}

impl<'a> Input<'a> {
    /// Takes a pointer and a length that may be wrong; of a greater one than a page the ends are
    /// looked for before anything else is done.
    ///
    /// # Safety
    /// `pointer` is null, or no other thread writes to the `length` bytes there for the lifetime;
    /// if there are no more than a page of them, they are readable.
    ///
    /// # Errors
    /// Null with a length, no memory of such a length, or more than the bound.
    pub(super) unsafe fn new(
        pointer: *const u8,
        length: CK_ULONG,
        bound: Bound,
    ) -> Result<Self, Status> {
        let length = usize::try_from(length).map_err(|_| bound.beyond())?;
        if length > bound.most() {
            return Err(bound.beyond());
        }
        if pointer.is_null() && length > 0 {
            return Err(Status::ArgumentsBad);
        }
        if length > PAGE && !reach::has_ends(pointer, length) {
            return Err(Status::ArgumentsBad);
        }
        Ok(Self { pointer, length, caller: PhantomData })
    }

    /// Bytes of this library's own.
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { pointer: bytes.as_ptr(), length: bytes.len(), caller: PhantomData }
    }

    /// Whether the caller gave no bytes at all.
    pub(super) const fn is_absent(&self) -> bool {
        self.pointer.is_null()
    }

    /// How many bytes there are.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Whether every page of it is memory; within one page the length is taken at its word.
    pub(super) fn is_there(&self) -> bool {
        self.length <= PAGE || reach::is_readable(self.pointer, self.length)
    }

    /// The bytes, which are erased when dropped.
    ///
    /// # Errors
    /// They are not there, or there is no memory for them.
    pub(super) fn copied(&self) -> Result<Bytes, Status> {
        let mut copy = Bytes::default();
        self.append_to(&mut copy)?;
        Ok(copy)
    }

    /// The bytes, which are no secret.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub(super) fn plain(&self) -> Result<Vec<u8>, Status> {
        let mut copy = Vec::new();
        self.append_to(&mut copy)?;
        Ok(copy)
    }

    /// Appends the bytes.
    ///
    /// # Errors
    /// As [`Self::copied`].
    pub(super) fn append_to(&self, copy: &mut Vec<u8>) -> Result<(), Status> {
        if !self.is_there() {
            return Err(Status::ArgumentsBad);
        }
        copy.try_reserve_exact(self.length).map_err(|_| Status::HostMemory)?;
        if self.length > 0 {
            // SAFETY: the source is readable, by the contract of `new` or because it was looked
            // for; the copy has room.
            unsafe {
                ptr::copy_nonoverlapping(
                    self.pointer,
                    copy.as_mut_ptr().add(copy.len()),
                    self.length,
                );
                copy.set_len(copy.len() + self.length);
            }
        }
        Ok(())
    }

    /// The bytes in pieces of at most so many, each to be copied by itself.
    pub(super) fn pieces(self, most: usize) -> impl Iterator<Item = Self> {
        (0..self.length).step_by(most.max(1)).map(move |from| Self {
            pointer: self.pointer.wrapping_add(from),
            length: most.min(self.length - from),
            caller: PhantomData,
        })
    }
}

/// Room of the caller for an answer of unknown length (PKCS#11 v3.1 section 5.2).
pub(super) struct Output<'a, T = u8> {
    pointer: *mut T,
    length: *mut CK_ULONG,
    caller: PhantomData<&'a mut [T]>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The caller has it.
    Given,
    /// The caller asked for its length only, and has that.
    Told,
    /// The caller's room is too small; the length that it takes is told.
    TooSmall,
}

impl<T: Copy> Output<'_, T> {
    /// # Safety
    /// `length` is null or may be read and written; `pointer` is null or points to room for
    /// `*length` elements.
    ///
    /// # Errors
    /// No place for the length.
    pub(super) unsafe fn new(pointer: *mut T, length: *mut CK_ULONG) -> Result<Self, Status> {
        if length.is_null() {
            return Err(Status::ArgumentsBad);
        }
        Ok(Self { pointer, length, caller: PhantomData })
    }

    /// Whether the caller asks for the length only.
    pub(super) const fn is_question(&self) -> bool {
        self.pointer.is_null()
    }

    /// Whether the caller has room for so many elements.
    pub(super) fn has_room(&self, elements: usize) -> bool {
        // SAFETY: by the contract of `new`.
        let room = usize::try_from(unsafe { self.length.read_unaligned() }).unwrap_or(0);
        !self.is_question() && room >= elements
    }

    /// Hands the answer over as far as the caller's room permits.
    pub(super) fn give(&self, answer: &[T]) -> Fit {
        let has_room = self.has_room(answer.len());
        self.tell(answer.len());
        if self.is_question() {
            return Fit::Told;
        }
        if !has_room {
            return Fit::TooSmall;
        }
        // SAFETY: there is room for so many elements, and the answer is not the caller's memory.
        unsafe { ptr::copy_nonoverlapping(answer.as_ptr(), self.pointer, answer.len()) };
        Fit::Given
    }

    /// Hands over an answer that costs nothing to make again.
    ///
    /// # Errors
    /// The caller's room is too small.
    pub(super) fn give_again(&self, answer: &[T]) -> Result<(), Status> {
        match self.give(answer) {
            Fit::TooSmall => Err(Status::BufferTooSmall),
            Fit::Given | Fit::Told => Ok(()),
        }
    }

    /// Tells a length without an answer.
    pub(super) fn tell(&self, length: usize) {
        let length = CK_ULONG::try_from(length).unwrap_or(CK_ULONG::MAX);
        // SAFETY: by the contract of `new`.
        unsafe { self.length.write_unaligned(length) };
    }
}

/// Room for one value.
pub(super) struct Place<'a, T> {
    pointer: *mut T,
    caller: PhantomData<&'a mut T>,
}

impl<T: Copy> Place<'_, T> {
    /// # Safety
    /// `pointer` is null or points to room for a value.
    ///
    /// # Errors
    /// It is null.
    pub(super) unsafe fn new(pointer: *mut T) -> Result<Self, Status> {
        if pointer.is_null() {
            return Err(Status::ArgumentsBad);
        }
        Ok(Self { pointer, caller: PhantomData })
    }

    /// Puts the value there.
    pub(super) fn put(&self, value: T) {
        // SAFETY: by the contract of `new`; the caller's memory may lie anywhere.
        unsafe { self.pointer.write_unaligned(value) };
    }
}

/// A value that may not be aligned.
///
/// # Safety
/// `pointer` is null or points to a readable value of a type that any bytes are a value of.
///
/// # Errors
/// It is null.
pub(super) unsafe fn value<T: Copy>(pointer: *const T) -> Result<T, Status> {
    if pointer.is_null() {
        return Err(Status::ArgumentsBad);
    }
    // SAFETY: not null, and readable by the contract.
    Ok(unsafe { pointer.read_unaligned() })
}

/// A text of the width of a field, filled up with blanks; a longer one is cut (PKCS#11 has no
/// zero at the end).
pub(super) fn padded<const WIDTH: usize>(text: &str) -> [u8; WIDTH] {
    let mut field = [b' '; WIDTH];
    let mut end = text.len().min(WIDTH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (to, from) in field.iter_mut().zip(text.as_bytes().iter().take(end)) {
        *to = *from;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked() {
        let bytes = [1, 2, 3];
        let input = unsafe { Input::new(bytes.as_ptr(), 3, Bound::Pin) }.unwrap();
        assert_eq!((input.length(), input.plain()), (3, Ok(bytes.to_vec())));
        assert!(unsafe { Input::new(ptr::null(), 0, Bound::Pin) }.unwrap().is_absent());
        for bound in BOUNDS {
            let refused = |pointer, length| unsafe { Input::new(pointer, length, bound) }.err();
            assert_eq!(refused(ptr::null(), 1), Some(Status::ArgumentsBad));
            for length in [1 << 32, 1 << 40, 1 << 47, 1 << 62, i64::MAX.unsigned_abs(), 1 << 63] {
                assert_eq!(refused(bytes.as_ptr(), length), Some(bound.beyond()), "{length:#x}");
            }
            assert_eq!(refused(bytes.as_ptr(), CK_ULONG::MAX), Some(bound.beyond()));
            let most = CK_ULONG::try_from(bound.most()).unwrap();
            assert_eq!(refused(bytes.as_ptr(), most + 1), Some(bound.beyond()));
        }
    }

    const BOUNDS: [Bound; 11] = [
        Bound::Bulk,
        Bound::Pin,
        Bound::TokenLabel,
        Bound::Template,
        Bound::Signature,
        Bound::WrappedKey,
        Bound::Nonce,
        Bound::Associated,
        Bound::Detail,
        Bound::Seed,
        Bound::Random,
    ];

    #[test]
    fn pieces_are_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PAGE + 1).collect();
        let input = Input::of(&bytes);
        for most in [1, 7, PAGE, PAGE + 1, 4 * PAGE] {
            let mut whole = Vec::new();
            for piece in input.pieces(most) {
                assert!((1..=most).contains(&piece.length()));
                piece.append_to(&mut whole).unwrap();
            }
            assert_eq!(whole, bytes);
        }
        assert_eq!(Input::of(&[]).pieces(9).count(), 0);
    }

    #[test]
    fn answers_wait_for_room() {
        let mut room = [0_u8; 2];
        let mut length: CK_ULONG = 2;
        let output = unsafe { Output::new(room.as_mut_ptr(), &raw mut length) }.unwrap();
        assert_eq!(output.give(b"abc"), Fit::TooSmall);
        assert_eq!((room, length), ([0, 0], 3));
        length = 2;
        let output = unsafe { Output::new(room.as_mut_ptr(), &raw mut length) }.unwrap();
        assert_eq!(output.give(b"a"), Fit::Given);
        assert_eq!((room, length), ([b'a', 0], 1));
        let question = unsafe { Output::<u8>::new(ptr::null_mut(), &raw mut length) }.unwrap();
        assert_eq!(question.give(b"abcd"), Fit::Told);
        assert_eq!(length, 4);
    }

    #[test]
    fn fields_are_cut_between_characters() {
        assert_eq!(&padded::<4>("ab"), b"ab  ");
        assert_eq!(&padded::<3>("abcd"), b"abc");
        assert_eq!(&padded::<2>("aä"), b"a ");
    }
}
