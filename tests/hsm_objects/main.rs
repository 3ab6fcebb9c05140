//! Objects, sessions, keys and the audit log, through the HSM's public functions and over its
//! SQLite store.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../hsm_support/mod.rs"]
mod hsm_support;
mod support;
mod templates;

mod at_rest;
mod attribute_table;
mod attribute_text;
mod attributes;
mod audit;
mod audit_keeping;
mod audit_uses;
mod budget;
mod copying;
mod damage;
mod earlier;
mod erasure;
mod finding;
mod inheritance;
mod permission;
mod policies;
mod properties;
mod sessions;
mod storage;
mod strict;
mod wrapping;
