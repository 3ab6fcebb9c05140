//! The mechanisms on keys alone: each of the table in one part and in parts, published vectors,
//! and what has to be refused.

#![allow(clippy::unwrap_used, reason = "a test")]

mod arbitrary;
mod derivation;
mod every;
mod import;
mod refusals;
mod rejection;
mod support;
mod wrapping;
mod wycheproof_keys;
mod wycheproof_secrets;
mod wycheproof_signatures;
