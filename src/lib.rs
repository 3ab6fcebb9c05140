//! An open Luna-style HSM client, secure channel and network HSM.
//!
//! The map, in the order of dependencies: a module names only modules above it, and
//! modules of one rank do not see each other (`tests/layering.rs` holds this).
//!
//! | rank | module | its one job |
//! |---|---|---|
//! | 0 | [`model`] | the words of the domain: slot, partition, role, request, status |
//! | 0 | [`hardening`] | what a process denies itself and others |
//! | 0 | [`shell`] | any command shell: words, parsing, help, terminal, scripts |
//! | 1 | [`wire`] | values to bytes and back, identity files |
//! | 1 | [`crypto`] | primitives: AEAD, hash, key agreement, password hash, randomness |
//! | 2 | [`channel`] | the Secure Trusted Channel engine: bytes in, bytes out |
//! | 2 | [`store`] | the client's token and the appliance's partitions at rest |
//! | 3 | [`hsm`] | a partition's rules: roles, login counters, clients, storage |
//! | 3 | [`net`] | sockets: drives the channel |
//! | 4 | [`client`] | what a client machine knows and asks |
//! | 4 | [`appliance`] | what the appliance is: registry, dispatch, administration |
//! | 5 | [`command`] | the commands of `lunacm`, `lunash` and `vtl` |
//! | 5 | [`pkcs11`] | the PKCS#11 module: C functions to requests |
//! | 6 | [`embedded`] | an appliance and its first client in one process |

pub mod hardening;
pub mod model;
pub mod shell;

pub mod crypto;
pub mod wire;

pub mod channel;
pub mod store;

pub mod hsm;
pub mod net;

pub mod appliance;
pub mod client;

pub mod command;
pub mod pkcs11;

pub mod embedded;
