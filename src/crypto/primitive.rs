//! What can go wrong in a primitive.

/// Why a primitive gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrimitiveError {
    /// The bytes are no key of this kind, or its parts contradict each other.
    #[error("the bytes are no key of this kind")]
    Key,
    /// The key is too short or too long.
    #[error("the key has a size that is not supported")]
    KeySize,
    /// The data are too short or too long for the key.
    #[error("the data have a length that the key does not take")]
    DataLength,
    /// The data are of a wrong form, or do not authenticate.
    #[error("the data are not what they should be")]
    Data,
    /// The signature or tag has a wrong length.
    #[error("the signature has a wrong length")]
    SignatureLength,
    /// The signature or tag is not of these data.
    #[error("the signature is not of these data")]
    Signature,
    /// The parameters contradict each other, or the library does not take them.
    #[error("the parameters are not supported")]
    Parameters,
    /// The library failed.
    #[error("the cryptographic library failed")]
    Library,
    /// Nobody waits for the result any more.
    #[error("nobody waits for it any more")]
    Abandoned,
}

impl From<aws_lc_rs::error::Unspecified> for PrimitiveError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Library
    }
}

impl From<aws_lc_rs::error::KeyRejected> for PrimitiveError {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Self::Key
    }
}

impl From<openssl::error::ErrorStack> for PrimitiveError {
    fn from(_: openssl::error::ErrorStack) -> Self {
        Self::Library
    }
}
