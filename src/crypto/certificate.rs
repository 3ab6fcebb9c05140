//! The hash by which certificates are compared.

use std::fmt;

use super::Digest;

/// The SHA-256 hash of a certificate's DER encoding, shown as `D9:9E:25:..`, as OpenSSL shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateHash([u8; 32]);

impl CertificateHash {
    /// The hash of the certificate with this DER encoding.
    pub fn of(der: &[u8]) -> Self {
        let hash = Digest::Sha256.start().update(der).finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&hash);
        Self(bytes)
    }

    /// The hash's bytes.
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for CertificateHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let separator = if at > 0 { ":" } else { "" };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_in_pairs() {
        // FIPS 180-4's example: the hash of "abc".
        let shown = CertificateHash::of(b"abc").to_string();
        assert!(shown.starts_with("BA:78:16:BF:8F:01:CF:EA"), "{shown}");
        assert_eq!(shown.len(), 95);
    }
}
