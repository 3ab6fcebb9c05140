//! The HSM's rules, through its public functions and over its SQLite store.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../hsm_support/mod.rs"]
mod hsm_support;

mod administration;
mod applications;
mod clients;
mod domains;
mod earlier;
mod ended;
mod full_disk;
mod hsm_domains;
mod imports;
mod lockout;
mod moving;
mod ntls;
mod officer;
mod partitions;
mod policies;
mod resetting;
mod role_keys;
mod roles;
mod transfer;
