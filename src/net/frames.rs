//! Frames over any byte stream.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::{FRAME_HEADER_BYTES, FrameError, frame_header, frame_length};

/// Reads one frame's content into `content`, which is cleared first. `Ok(false)` at the end of
/// the stream between two frames.
///
/// Not safe to cancel between its awaits: a caller that stops waiting gives the stream up.
///
/// # Errors
/// The stream failed or ended inside a frame, or the length is out of bounds
/// (`io::ErrorKind::InvalidData`).
pub async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    content: &mut Vec<u8>,
) -> io::Result<bool> {
    let mut header = [0; FRAME_HEADER_BYTES];
    let mut filled = 0;
    while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest).await? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    let length = frame_length(header).map_err(invalid)?;
    content.clear();
    content.resize(length, 0);
    stream.read_exact(content).await?;
    Ok(true)
}

/// Puts the length before `content`, which starts with [`FRAME_HEADER_BYTES`] of room for it, and
/// writes both at once.
///
/// # Errors
/// The stream failed, or the content is empty or too large.
pub async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    content: &mut [u8],
) -> io::Result<()> {
    let Some((header, rest)) = content.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else {
        return Err(invalid(FrameError(0)));
    };
    *header = frame_header(rest.len()).map_err(invalid)?;
    stream.write_all(content).await
}

/// A buffer with room for the length field, ready for [`write_frame`].
pub fn frame_buffer() -> Vec<u8> {
    vec![0; FRAME_HEADER_BYTES]
}

fn invalid(error: FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_cross_a_stream() {
        let (mut near, mut far) = tokio::io::duplex(16);
        let sender = tokio::spawn(async move {
            let mut frame = frame_buffer();
            frame.extend_from_slice(&[7; 100]);
            write_frame(&mut near, &mut frame).await.unwrap();
            near.write_all(&[0, 0]).await.unwrap();
        });
        let mut content = Vec::new();
        assert!(read_frame(&mut far, &mut content).await.unwrap());
        assert_eq!(content, [7; 100]);
        let cut = read_frame(&mut far, &mut content).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        sender.await.unwrap();
    }

    #[tokio::test]
    async fn an_end_between_frames_is_no_error() {
        let mut content = Vec::new();
        assert!(!read_frame(&mut &b""[..], &mut content).await.unwrap());
    }

    #[tokio::test]
    async fn a_monstrous_length_is_refused_unread() {
        let mut content = Vec::new();
        let error = read_frame(&mut &[0xff; 8][..], &mut content).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(content.capacity() == 0);
    }
}
