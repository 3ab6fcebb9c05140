//! What a file is that a user hands in, told from its first bytes.

use std::fmt;

/// What the content of a file looks like.
///
/// Only good for saying what a wrong file is: the parser of the expected kind decides whether a
/// file is really of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// No bytes, or nothing but white space.
    Empty,
    /// A client identity of this program, of any version.
    ClientIdentity,
    /// A partition identity of this program, of any version.
    PartitionIdentity,
    /// A client identity exported by Thales' client, which holds another kind of key.
    ThalesClientIdentity,
    /// A PEM certificate (RFC 7468, section 5).
    PemCertificate,
    /// A PEM private key (RFC 7468, sections 10 and 11, and the older labels).
    PemPrivateKey,
    /// A PEM public key (RFC 7468, section 13).
    PemPublicKey,
    /// PEM of another label.
    Pem,
    /// A DER structure (ITU-T X.690), such as a certificate that is not PEM.
    Der,
    /// An SQLite database, such as `token.db`.
    Database,
    /// Text without a known beginning.
    Text,
    /// Bytes that are not UTF-8 text.
    Binary,
}

impl FileKind {
    /// The kind of this content.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"SQLite format 3\0") {
            return Self::Database;
        }
        if bytes.starts_with(b"SafeNetStcClientIdentityPub") {
            return Self::ThalesClientIdentity;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::of_text(without_mark(text)),
            _ if bytes.starts_with(&[0x30, 0x81]) || bytes.starts_with(&[0x30, 0x82]) => Self::Der,
            _ => Self::Binary,
        }
    }

    fn of_text(text: &str) -> Self {
        let beginning = text.trim_start();
        if beginning.is_empty() {
            Self::Empty
        } else if beginning.starts_with(CLIENT_IDENTITY) {
            Self::ClientIdentity
        } else if beginning.starts_with(PARTITION_IDENTITY) {
            Self::PartitionIdentity
        } else {
            pem_kind(text).unwrap_or(Self::Text)
        }
    }
}

/// How the header line of a client identity file begins.
pub(super) const CLIENT_IDENTITY: &str = "lunacm STC client identity";

/// How the header line of a partition identity file begins.
pub(super) const PARTITION_IDENTITY: &str = "lunacm STC partition identity";

/// The text without the byte order mark that some editors put first.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// PEM may have explanatory text before its first block, so every line is looked at. A private
/// key anywhere decides, because such a file must not be handed around.
fn pem_kind(text: &str) -> Option<FileKind> {
    let mut labels = text.lines().filter_map(|line| {
        line.trim().strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
    });
    let first = match labels.next()? {
        label if label.ends_with("PRIVATE KEY") => return Some(FileKind::PemPrivateKey),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => FileKind::PemCertificate,
        label if label.ends_with("PUBLIC KEY") => FileKind::PemPublicKey,
        _ => FileKind::Pem,
    };
    let private = labels.any(|label| label.ends_with("PRIVATE KEY"));
    Some(if private { FileKind::PemPrivateKey } else { first })
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::ClientIdentity => "an STC client identity",
            Self::PartitionIdentity => "an STC partition identity (.pid)",
            Self::ThalesClientIdentity => "a client identity of Thales' own client",
            Self::PemCertificate => "a PEM certificate",
            Self::PemPrivateKey => "a PEM private key",
            Self::PemPublicKey => "a PEM public key",
            Self::Pem => "a PEM file that is neither a certificate nor a key",
            Self::Der => "a DER file",
            Self::Database => "an SQLite database",
            Self::Text => "a text of an unknown kind",
            Self::Binary => "binary data",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_tells_the_kind() {
        let kinds: &[(&[u8], FileKind)] = &[
            (b"", FileKind::Empty),
            (b"\xef\xbb\xbf\r\n \n", FileKind::Empty),
            (b"lunacm STC client identity, version 7", FileKind::ClientIdentity),
            (b"\xef\xbb\xbflunacm STC partition identity, version 1", FileKind::PartitionIdentity),
            (b"SafeNetStcClientIdentityPub\0\0\0\0\0\x01", FileKind::ThalesClientIdentity),
            (b"-----BEGIN CERTIFICATE-----\r\nMII", FileKind::PemCertificate),
            (b"subject=x\n-----BEGIN CERTIFICATE-----\nMII", FileKind::PemCertificate),
            (b"-----BEGIN EC PRIVATE KEY-----\n", FileKind::PemPrivateKey),
            (
                b"-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
                FileKind::PemPrivateKey,
            ),
            (b"-----BEGIN PUBLIC KEY-----\n", FileKind::PemPublicKey),
            (b"-----BEGIN X509 CRL-----\n", FileKind::Pem),
            (b"\x30\x82\x01\xf0\xff", FileKind::Der),
            (b"SQLite format 3\0\x10", FileKind::Database),
            (b"hello", FileKind::Text),
            (b"hel\0lo", FileKind::Binary),
            (b"\xff\xfe\x00", FileKind::Binary),
        ];
        for (bytes, kind) in kinds {
            assert_eq!(FileKind::of(bytes), *kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
