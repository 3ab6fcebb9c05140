//! Large secrets, erased at the speed of memory.

use zeroize::Zeroizing;

/// Erases bytes, as dropping them does, but all at once: `zeroize` writes the elements of a vector
/// one by one, and its spare capacity in one go.
pub fn erase(mut bytes: Zeroizing<Vec<u8>>) {
    bytes.clear();
}
