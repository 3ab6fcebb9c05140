//! The length before everything that crosses a socket.

/// The size in bytes of a frame's length field.
pub const FRAME_HEADER_BYTES: usize = 4;

/// The greatest size in bytes of a frame's content: one record of 64 KiB of payload with its
/// header and tag fits.
pub const MAXIMUM_FRAME_BYTES: usize = 64 * 1024 + 256;

/// The length field of a frame with this much content: 32 bits, big-endian.
///
/// # Errors
/// The content is empty or larger than [`MAXIMUM_FRAME_BYTES`].
pub fn frame_header(content: usize) -> Result<[u8; FRAME_HEADER_BYTES], FrameError> {
    if content == 0 || content > MAXIMUM_FRAME_BYTES {
        return Err(FrameError(content));
    }
    u32::try_from(content).map(u32::to_be_bytes).map_err(|_| FrameError(content))
}

/// The size in bytes of the content behind this length field, which is checked before any
/// memory is set aside for it.
///
/// # Errors
/// The length is zero or larger than [`MAXIMUM_FRAME_BYTES`].
pub fn frame_length(header: [u8; FRAME_HEADER_BYTES]) -> Result<usize, FrameError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length == 0 || length > MAXIMUM_FRAME_BYTES {
        return Err(FrameError(length));
    }
    Ok(length)
}

/// A frame of an impossible size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes: not between 1 and {MAXIMUM_FRAME_BYTES}")]
pub struct FrameError(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_hold_both_ways() {
        assert_eq!(frame_length(frame_header(1).unwrap()), Ok(1));
        assert_eq!(
            frame_length(frame_header(MAXIMUM_FRAME_BYTES).unwrap()),
            Ok(MAXIMUM_FRAME_BYTES)
        );
        assert_eq!(frame_header(0), Err(FrameError(0)));
        assert!(frame_header(MAXIMUM_FRAME_BYTES + 1).is_err());
        assert!(frame_length([0xff; 4]).is_err());
    }
}
