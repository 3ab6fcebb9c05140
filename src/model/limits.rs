//! Sizes and counts that both sides of a link quote to their users.

/// Storage in bytes that one registered client identity takes on its partition (the founding
/// procedure's figure).
pub const CLIENT_IDENTITY_BYTES: u64 = 2392;

/// Storage in bytes that a partition's own administration takes on the HSM.
pub const PARTITION_OVERHEAD_BYTES: u64 = 9648;

/// Storage in bytes that an object takes besides its attributes: its row, its place in the index
/// and what seals it.
pub const OBJECT_OVERHEAD_BYTES: u64 = 96;

/// Sessions that one application may have open on a partition.
pub const MAXIMUM_SESSIONS: usize = 4096;

/// Storage in bytes of a partition created without a size.
pub const PARTITION_STORAGE_BYTES: u64 = 325_896;

/// Partitions one HSM may hold (Luna 7's largest licence).
pub const MAXIMUM_PARTITIONS: u32 = 100;

/// The least length in characters of a password, unless a partition's policy 25 permits less.
pub const MINIMUM_PASSWORD: usize = 8;

/// The least length in characters that a partition's policy 25 can permit.
pub const LEAST_PASSWORD: usize = 4;

/// The greatest length in characters of a role's password.
pub const MAXIMUM_PASSWORD: usize = 255;

/// The greatest length in characters of a cloning domain.
pub const MAXIMUM_DOMAIN: usize = 128;

/// Cloning domains one partition may have (firmware 7.8 and later).
pub const MAXIMUM_DOMAINS: usize = 3;
