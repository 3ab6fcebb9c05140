//! Requests and replies as bytes.

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// The greatest size in bytes of an encoded request or reply.
pub const MAXIMUM_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Encodes a value; the buffer is erased when dropped, because requests carry passwords.
///
/// # Errors
/// The value is larger than [`MAXIMUM_MESSAGE_BYTES`].
pub fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, MalformedMessage> {
    let bytes = postcard::to_stdvec(value).map_err(|_| MalformedMessage)?;
    let bytes = Zeroizing::new(bytes);
    if bytes.len() > MAXIMUM_MESSAGE_BYTES {
        return Err(MalformedMessage);
    }
    Ok(bytes)
}

/// Decodes a value that takes up all of `bytes`.
///
/// # Errors
/// The bytes are too many, are cut short, have a rest, or break a rule of the value's type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MalformedMessage> {
    if bytes.len() > MAXIMUM_MESSAGE_BYTES {
        return Err(MalformedMessage);
    }
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(MalformedMessage),
    }
}

/// The bytes are not a value of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message is malformed or too large")]
pub struct MalformedMessage;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Password, Reply, Request, Role, Status};

    #[test]
    fn requests_survive_the_trip() {
        let request =
            Request::Login { role: Role::PartitionSo, password: Password::new("userpin1".into()) };
        let bytes = encode(&request).unwrap();
        assert_eq!(decode::<Request>(&bytes), Ok(request));
        assert_eq!(decode::<Request>(&bytes[..bytes.len() - 1]), Err(MalformedMessage));
        assert_eq!(decode::<Request>(&[&bytes[..], &[0]].concat()), Err(MalformedMessage));
    }

    #[test]
    fn a_status_is_its_number() {
        let bytes = encode(&Reply::Failed(Status::PinLocked)).unwrap();
        assert_eq!(bytes[..], [1, 0xa4, 0x01]);
    }

    #[test]
    fn an_unchecked_length_allocates_nothing() {
        // `Clients` with a claimed count of about 2^63 and no entries behind it.
        let claimed = [5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode::<Reply>(&claimed), Err(MalformedMessage));
    }
}
