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

/// Attributes that a template may have, those of templates inside it included; so an object has no
/// more either.
pub const MAXIMUM_ATTRIBUTES: usize = 256;

/// Templates that may lie in one another. PKCS#11 has one inside another and nothing deeper.
pub const MAXIMUM_TEMPLATE_DEPTH: u8 = 3;

/// Mechanisms that one attribute may list.
pub const MAXIMUM_MECHANISMS: usize = 256;

/// Policies that one request may name.
pub const MAXIMUM_POLICIES: usize = 256;

/// Pieces that a key derivation by SP 800-108 may be fed.
pub const MAXIMUM_PRF_PARTS: usize = 64;

/// Bytes of all parameters together that a mechanism may have which feeds them to its function
/// again and again.
pub const MAXIMUM_FED_BYTES: usize = 64 * 1024;

/// Iterations, times the blocks that they are done for, of a key's derivation from a password.
pub const MAXIMUM_PASSWORD_WORK: u64 = 10_000_000;
