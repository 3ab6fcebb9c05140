//! The appliance's local socket, which only its owner can open: whole values, one a frame.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::frames::{frame_buffer, read_frame, write_frame};
use crate::wire::{decode, encode};

/// Where the socket of the appliance with this data directory is.
pub fn local_socket(data: &Path) -> PathBuf {
    data.join("lunash.sock")
}

/// Sends one value.
///
/// # Errors
/// The stream failed, or the value does not fit into a frame (`io::ErrorKind::InvalidData`).
pub async fn send<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> io::Result<()> {
    let value = encode(value).map_err(invalid)?;
    // Room for all of it from the start: a growing buffer would leave copies of a password.
    let mut frame = Zeroizing::new(frame_buffer());
    frame.reserve_exact(value.len());
    frame.extend_from_slice(&value);
    write_frame(stream, &mut frame).await
}

/// Receives one value; `None` when the other end has closed the stream between two values.
///
/// # Errors
/// The stream failed or ended inside a value, or the bytes are not a `T`
/// (`io::ErrorKind::InvalidData`).
pub async fn receive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<T>> {
    let mut frame = Zeroizing::new(Vec::new());
    if !read_frame(stream, &mut frame).await? {
        return Ok(None);
    }
    decode(&frame).map(Some).map_err(invalid)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::model::{AdminReply, AdminRequest, Password, Status};

    #[tokio::test]
    async fn values_cross_and_the_end_is_seen() {
        let (mut near, mut far) = tokio::io::duplex(64);
        let request = AdminRequest::Login { password: Password::new("hsmpassword".to_owned()) };
        send(&mut near, &request).await.unwrap();
        send(&mut near, &AdminRequest::Ping).await.unwrap();
        drop(near);
        assert_eq!(receive(&mut far).await.unwrap(), Some(request));
        assert_eq!(receive(&mut far).await.unwrap(), Some(AdminRequest::Ping));
        assert_eq!(receive::<AdminRequest>(&mut far).await.unwrap(), None);
    }

    #[tokio::test]
    async fn cut_and_malformed_values_are_errors() {
        let (mut near, mut far) = tokio::io::duplex(64);
        near.write_all(&[0, 0, 0, 1, 0xff]).await.unwrap();
        let error = receive::<AdminReply>(&mut far).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        send(&mut near, &AdminReply::Failed(Status::PinLocked)).await.unwrap();
        near.write_all(&[0, 0, 0, 9, 1]).await.unwrap();
        drop(near);
        assert!(receive::<AdminReply>(&mut far).await.unwrap().is_some());
        let error = receive::<AdminReply>(&mut far).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
