//! Modes without authentication, in any number of parts.

use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use super::{
    BLOCK_BYTES, CipherKey, Kind, PrimitiveError,
    fetched::{Mode, cipher},
};

/// A mode of AES without authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockMode {
    /// Electronic codebook: whole blocks.
    Ecb,
    /// Cipher block chaining: whole blocks.
    Cbc {
        /// The initialization vector.
        vector: [u8; BLOCK_BYTES],
    },
    /// Cipher block chaining with the padding of PKCS#7.
    CbcPadded {
        /// The initialization vector.
        vector: [u8; BLOCK_BYTES],
    },
    /// Counter mode.
    Counter {
        /// The first counter block.
        block: [u8; BLOCK_BYTES],
        /// How many bits at the block's end count, at most 128.
        bits: u32,
    },
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Text to ciphertext.
    Encrypt,
    /// Ciphertext to text.
    Decrypt,
}

/// An encryption or decryption in parts.
pub struct CipherStream {
    context: CipherCtx,
    direction: Direction,
    whole_blocks: bool,
    taken: u64,
    /// How many bytes may come before the counter would wrap.
    limit: Option<u128>,
}

impl CipherStream {
    /// Starts one.
    ///
    /// # Errors
    /// [`PrimitiveError::KeySize`]: it is no key for AES. [`PrimitiveError::Parameters`]: more bits
    /// count than a block has, or none.
    pub fn new(
        key: &CipherKey,
        mode: BlockMode,
        direction: Direction,
    ) -> Result<Self, PrimitiveError> {
        if key.kind == Kind::ChaCha20 {
            return Err(PrimitiveError::KeySize);
        }
        let (name, vector) = match &mode {
            BlockMode::Ecb => (Mode::Ecb, None),
            BlockMode::Cbc { vector } | BlockMode::CbcPadded { vector } => {
                (Mode::Cbc, Some(&vector[..]))
            }
            BlockMode::Counter { block, .. } => (Mode::Counter, Some(&block[..])),
        };
        let limit = match mode {
            BlockMode::Counter { block, bits } => counter_limit(block, bits)?,
            _ => None,
        };
        let mut context = CipherCtx::new()?;
        let cipher = Some(cipher(key.kind, name)?);
        match direction {
            Direction::Encrypt => context.encrypt_init(cipher, Some(&key.bytes), vector)?,
            Direction::Decrypt => context.decrypt_init(cipher, Some(&key.bytes), vector)?,
        }
        context.set_padding(matches!(mode, BlockMode::CbcPadded { .. }));
        let whole_blocks = match mode {
            BlockMode::Ecb | BlockMode::Cbc { .. } => true,
            BlockMode::CbcPadded { .. } => direction == Direction::Decrypt,
            BlockMode::Counter { .. } => false,
        };
        Ok(Self { context, direction, whole_blocks, taken: 0, limit })
    }

    /// Takes the next part and appends what is ready.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the counter would wrap.
    pub fn update(&mut self, data: &[u8], output: &mut Vec<u8>) -> Result<(), PrimitiveError> {
        self.taken = self.taken.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if self.limit.is_some_and(|limit| u128::from(self.taken) > limit) {
            return Err(PrimitiveError::DataLength);
        }
        // OpenSSL counts in C's int.
        for part in data.chunks(1 << 30) {
            self.context.cipher_update_vec(part, output)?;
        }
        Ok(())
    }

    /// Ends the operation and appends what is left.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the data do not fill their last block.
    /// [`PrimitiveError::Data`]: the padding is wrong.
    pub fn finish(mut self, output: &mut Vec<u8>) -> Result<(), PrimitiveError> {
        let blocks = u64::try_from(BLOCK_BYTES).unwrap_or(1);
        if self.whole_blocks && !self.taken.is_multiple_of(blocks) {
            return Err(PrimitiveError::DataLength);
        }
        let failure = match self.direction {
            Direction::Encrypt => PrimitiveError::Library,
            Direction::Decrypt => PrimitiveError::Data,
        };
        self.context.cipher_final_vec(output).map(drop).map_err(|_| failure)
    }

    /// The whole operation in one part.
    ///
    /// # Errors
    /// As those of the parts.
    pub fn run(
        key: &CipherKey,
        mode: BlockMode,
        direction: Direction,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let mut stream = Self::new(key, mode, direction)?;
        // Grown once: what a vector leaves behind when it grows would not be erased.
        let mut output = Zeroizing::new(Vec::with_capacity(data.len() + 2 * BLOCK_BYTES));
        stream.update(data, &mut output)?;
        stream.finish(&mut output)?;
        Ok(output)
    }
}

/// How many bytes a counter that starts so has blocks for; none if it has the whole block.
fn counter_limit(block: [u8; BLOCK_BYTES], bits: u32) -> Result<Option<u128>, PrimitiveError> {
    match bits {
        1..128 => {
            let used = u128::from_be_bytes(block) & ((1 << bits) - 1);
            Ok(((1_u128 << bits) - used).checked_mul(16))
        }
        128 => Ok(None),
        _ => Err(PrimitiveError::Parameters),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODES: [BlockMode; 4] = [
        BlockMode::Ecb,
        BlockMode::Cbc { vector: [3; 16] },
        BlockMode::CbcPadded { vector: [4; 16] },
        BlockMode::Counter { block: [0xff; 16], bits: 128 },
    ];

    proptest! {
        #[test]
        fn parts_give_what_the_whole_gives(
            data in prop::collection::vec(any::<u8>(), 0..200),
            split: prop::sample::Index,
            size in prop::sample::select(vec![16, 24, 32]),
        ) {
            let key = CipherKey::aes(&vec![7; size]).unwrap();
            for mode in MODES {
                let data = match mode {
                    BlockMode::Ecb | BlockMode::Cbc { .. } => &data[..data.len() / 16 * 16],
                    _ => &data[..],
                };
                let whole = CipherStream::run(&key, mode, Direction::Encrypt, data).unwrap();
                let (first, second) = data.split_at(split.index(data.len() + 1));
                let mut stream = CipherStream::new(&key, mode, Direction::Encrypt).unwrap();
                let mut parts = Vec::new();
                stream.update(first, &mut parts).unwrap();
                stream.update(second, &mut parts).unwrap();
                stream.finish(&mut parts).unwrap();
                prop_assert_eq!(&parts, &*whole);
                let text = CipherStream::run(&key, mode, Direction::Decrypt, &parts).unwrap();
                prop_assert_eq!(&**text, data);
            }
        }
    }

    #[test]
    fn lengths_and_paddings_are_checked() {
        let key = CipherKey::aes(&[1; 16]).unwrap();
        for mode in &MODES[..2] {
            let refused = CipherStream::run(&key, *mode, Direction::Encrypt, &[0; 17]);
            assert_eq!(refused.err(), Some(PrimitiveError::DataLength));
        }
        let refused = CipherStream::run(&key, MODES[2], Direction::Decrypt, &[0; 15]);
        assert_eq!(refused.err(), Some(PrimitiveError::DataLength));
        let refused = CipherStream::run(&key, MODES[2], Direction::Decrypt, &[0; 16]);
        assert_eq!(refused.err(), Some(PrimitiveError::Data));
    }

    #[test]
    fn a_counter_does_not_wrap() {
        let key = CipherKey::aes(&[1; 16]).unwrap();
        let mut block = [9; 16];
        block[15] = 0xfe;
        let mode = BlockMode::Counter { block, bits: 8 };
        assert!(CipherStream::run(&key, mode, Direction::Encrypt, &[0; 32]).is_ok());
        let refused = CipherStream::run(&key, mode, Direction::Encrypt, &[0; 33]);
        assert_eq!(refused.err(), Some(PrimitiveError::DataLength));
        for bits in [0, 129] {
            let mode = BlockMode::Counter { block, bits };
            let refused = CipherStream::new(&key, mode, Direction::Encrypt);
            assert_eq!(refused.err(), Some(PrimitiveError::Parameters));
        }
    }
}
