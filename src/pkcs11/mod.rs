//! The PKCS#11 module: C functions to requests.
//!
//! A C function (`entry`) turns its pointers into values of `memory`, calls a plain function of
//! the parts below, and turns the status into a return value that the specification allows for it
//! (`codes`). Nothing below `entry` and the conversions knows a raw pointer. What the
//! specification has a library decide is decided here: handles, the order of calls, buffers that
//! are too small. What is about keys and objects is asked of the partition, over the link that
//! `lunacm` uses too. No thread lives here: the callers' threads do everything.
//!
//! Versions 2.40, 3.0 and 3.1 are complete but for the functions on messages; of 3.2 there are
//! encapsulation and verification with the signature first.

mod attributes;
mod bounds;
mod codes;
mod derivation;
mod entry;
mod fork;
mod hashing;
mod lengths;
mod library;
mod memory;
mod operation;
mod parameters;
mod process;
mod reach;
mod requests;
mod search;
mod session;
mod slot;
mod table;
mod token;

pub use table::{function_list, function_list_3_2};
