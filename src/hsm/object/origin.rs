//! How objects come to be.

/// How an object comes to be; what has to be given, and what may not, depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hsm) enum Origin {
    /// `C_CreateObject`.
    Created,
    /// `C_GenerateKey` and `C_GenerateKeyPair`.
    Generated,
    /// `C_UnwrapKey`.
    Unwrapped,
    /// `C_DeriveKey`, and version 3.2's encapsulation; keys are agreed upon, not given.
    Derived,
}
