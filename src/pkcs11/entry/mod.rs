//! The C functions: pointers to values, calls, statuses to return values.
//!
//! Each function is declared once. It has two faces: the one in the function lists has a name of
//! this library, so that a host program with a function of the same name does not shadow it; the
//! exported one is for programs that link with the library.

#![allow(unsafe_code, reason = "C passes memory as pointers")]
#![allow(non_snake_case, clippy::similar_names, reason = "the specification gives the names")]
#![allow(clippy::too_many_arguments, reason = "the specification gives the arguments")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use cryptoki_sys::CK_RV;

use super::codes::Function;
use crate::model::Status;

/// Declares C functions. What stands in the body may read and write the caller's memory as far as
/// the arguments permit it.
macro_rules! c_functions {
    ($(
        $(#[$doc:meta])*
        fn $name:ident as $function:ident($($argument:ident: $type:ty),* $(,)?) $body:block
    )*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// The arguments are as the specification of the function wants them.
            pub(in crate::pkcs11) unsafe extern "C" fn $name(
                $($argument: $type),*
            ) -> cryptoki_sys::CK_RV {
                #[allow(unused_unsafe, reason = "some bodies touch no memory")]
                // SAFETY: the contract is the caller's.
                let body = || unsafe { $body };
                $crate::pkcs11::entry::answer($crate::pkcs11::codes::Function::$function, body)
            }
        )*

        mod exported {
            #[allow(clippy::wildcard_imports, reason = "the types of all functions above")]
            use super::*;

            $(
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($argument: $type),*) -> cryptoki_sys::CK_RV {
                    // SAFETY: the contract is the caller's.
                    unsafe { super::$name($($argument),*) }
                }
            )*
        }
    };
}

mod cancel;
pub(super) mod cipher;
pub(super) mod digest;
pub(super) mod general;
pub(super) mod key;
pub(super) mod object;
pub(super) mod session;
mod shapes;
pub(super) mod sign;
pub(super) mod token;
pub(super) mod unsupported;
pub(super) mod verify;

/// Runs the body of a C function: no panic leaves it, no cancellation ends it, and the status becomes a return value of
/// this function.
fn answer(function: Function, body: impl FnOnce() -> Result<(), Status>) -> CK_RV {
    let _uncancelled = cancel::Uncancelled::new();
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Status::GeneralError));
    let status = outcome.err().unwrap_or(Status::Ok);
    let code = function.code(status);
    tracing::trace!(?function, %status, code, "C function");
    code
}
