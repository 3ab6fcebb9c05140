//! Mechanisms (PKCS#11 v3.1 section 6): computation on keys that somebody else fetched, unsealed
//! and found permitted. Nothing here knows sessions, handles, stores or policies.
//!
//! A [`PreparedKey`] is parsed once and then shared. [`perform`] does an operation in one part and
//! [`begin`] starts one in parts; every mechanism of [`info`] works both ways.

mod attributes;
mod complete;
mod curve;
mod derive;
mod encapsulate;
mod encoding;
mod fault;
mod generate;
mod hashes;
mod kbkdf;
mod key;
mod nonce;
mod operation;
mod pairwise;
mod prepare;
mod running;
mod scheme;
mod table;
mod wrap;

pub use complete::complete_imported;
pub use derive::derive;
pub use encapsulate::{decapsulate, encapsulate};
pub use generate::{generate_key, generate_key_while, generate_pair};
pub use key::PreparedKey;
pub use nonce::{
    begin_before_nonce, begin_with_sent_nonce, drawn_nonce_bytes, nonce, with_nonce,
    with_sent_nonce,
};
pub use operation::{check, perform};
pub use pairwise::check_pair;
pub use running::{Running, begin};
pub use table::{find, info};
pub use wrap::{unwrap, wrap};

use crate::crypto::{self, KnownAnswer};

/// What every primitive gives now, those that are put together here among them.
pub fn known_answers() -> Vec<KnownAnswer> {
    let mut rows = crypto::known_answers();
    rows.push(kbkdf::known_answer());
    rows
}
