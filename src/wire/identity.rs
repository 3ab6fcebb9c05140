//! Public identities as text files, to be mailed between administrators.
//!
//! ```text
//! lunacm STC client identity, version 1
//! Label: client1
//! Algorithm: X25519
//! Public-Key: l6bkWi3CQwU4jPSHgZ9pOCMDmkqFQPUVYZYwPtPO2Hk=
//! End of lunacm STC client identity
//! ```
//!
//! A partition's file says `partition` for `client` and begins with `Serial-Number:`; its label
//! may be missing. The last line shows that nothing was cut off. Files come by mail: CRLF, a
//! missing final line end, blank lines at the end and a byte order mark are taken; nothing else
//! may differ, not even the order.

use std::{fmt, iter::Enumerate, str::Lines};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::file_kind::{CLIENT_IDENTITY, FileKind, PARTITION_IDENTITY, without_mark};
use crate::model::{ClientLabel, Label, SerialNumber};

/// The greatest size in bytes of an identity file.
pub const MAXIMUM_IDENTITY_FILE_BYTES: usize = 64 * 1024;

/// The public identity of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentityFile {
    /// The label that the client gave its identity.
    pub label: ClientLabel,
    /// The X25519 public key.
    pub key: [u8; 32],
}

impl ClientIdentityFile {
    /// The file's text.
    pub fn to_text(&self) -> String {
        format!(
            "{CLIENT_IDENTITY}, version {VERSION}\n{LABEL}: {}\n{}End of {CLIENT_IDENTITY}\n",
            self.label,
            key_lines(&self.key)
        )
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// The content is not exactly one client identity of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityFileError> {
        let mut lines = FileLines::begin(bytes, IdentityKind::Client)?;
        let label = lines.value(LABEL)?;
        let key = lines.key()?;
        lines.end()?;
        Ok(Self { label, key })
    }
}

/// The public identity of a partition: a `.pid` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionIdentityFile {
    /// The partition's serial number.
    pub serial: SerialNumber,
    /// The partition's label; none before its initialization.
    pub label: Option<Label>,
    /// The X25519 public key.
    pub key: [u8; 32],
}

impl PartitionIdentityFile {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let label = self.label.as_ref().map(|label| format!("{LABEL}: {label}\n"));
        format!(
            "{PARTITION_IDENTITY}, version {VERSION}\n{SERIAL}: {}\n{}{}End of {PARTITION_IDENTITY}\n",
            self.serial,
            label.unwrap_or_default(),
            key_lines(&self.key)
        )
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// The content is not exactly one partition identity of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityFileError> {
        let mut lines = FileLines::begin(bytes, IdentityKind::Partition)?;
        let serial = lines.value(SERIAL)?;
        let label = if lines.next_is(LABEL) { Some(lines.value(LABEL)?) } else { None };
        let key = lines.key()?;
        lines.end()?;
        Ok(Self { serial, label, key })
    }
}

/// The two kinds of identity files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// [`ClientIdentityFile`].
    Client,
    /// [`PartitionIdentityFile`].
    Partition,
}

impl IdentityKind {
    fn header(self) -> &'static str {
        match self {
            Self::Client => CLIENT_IDENTITY,
            Self::Partition => PARTITION_IDENTITY,
        }
    }

    fn file_kind(self) -> FileKind {
        match self {
            Self::Client => FileKind::ClientIdentity,
            Self::Partition => FileKind::PartitionIdentity,
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file_kind().fmt(f)
    }
}

/// Why bytes are not the expected identity file. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFileError {
    /// Larger than [`MAXIMUM_IDENTITY_FILE_BYTES`].
    #[error(
        "the file is larger than {} KiB, and {expected} has less than 1 KiB",
        MAXIMUM_IDENTITY_FILE_BYTES / 1024
    )]
    TooLarge {
        /// What was expected.
        expected: IdentityKind,
    },
    /// Something else than an identity file of the expected kind.
    #[error("the file is {found}; expected {expected}")]
    WrongKind {
        /// What the file is.
        found: FileKind,
        /// What was expected.
        expected: IdentityKind,
    },
    /// A version that this program does not know.
    #[error("the file is {kind} of version {version}; this program reads version {VERSION}")]
    UnknownVersion {
        /// What the file is.
        kind: IdentityKind,
        /// The version it names, at most 16 characters of it.
        version: String,
    },
    /// Another line than the one due here.
    #[error("line {line} does not begin with \"{due}\"")]
    UnexpectedLine {
        /// The line's number.
        line: usize,
        /// How the line has to begin.
        due: String,
    },
    /// A line whose value is not of its form.
    #[error("line {line}: the value of \"{name}\" is not valid")]
    InvalidValue {
        /// The line's number.
        line: usize,
        /// The name before the colon.
        name: &'static str,
    },
    /// The file ends before its closing line.
    #[error("the file is cut off: its last line, \"End of {}\", is missing", .0.header())]
    CutOff(IdentityKind),
}

impl IdentityFileError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::WrongKind { found: FileKind::PemPrivateKey, .. } => {
                "Keep the private key to yourself, and name the identity file instead."
            }
            Self::UnknownVersion { .. } => {
                "Upgrade this program, or ask the sender to export with this version."
            }
            Self::TooLarge { expected } | Self::WrongKind { expected, .. } => match expected {
                IdentityKind::Client => {
                    "Name the file that \"stc identitycreate\" or \"stc identityexport\" wrote."
                }
                IdentityKind::Partition => {
                    "Name the .pid file that \"stcconfig partitionidexport\" or the appliance's \
                     \"partition stcidentity export\" wrote."
                }
            },
            Self::UnexpectedLine { .. } | Self::InvalidValue { .. } | Self::CutOff(_) => {
                "Ask the sender to export it again, and to send it as an attachment."
            }
        }
    }
}

const VERSION: &str = "1";
const ALGORITHM: &str = "X25519";
const SERIAL: &str = "Serial-Number";
const LABEL: &str = "Label";
const ALGORITHM_NAME: &str = "Algorithm";
const KEY: &str = "Public-Key";

fn key_lines(key: &[u8; 32]) -> String {
    format!("{ALGORITHM_NAME}: {ALGORITHM}\n{KEY}: {}\n", BASE64_STANDARD.encode(key))
}

/// The lines of a file whose header was right.
struct FileLines<'t> {
    kind: IdentityKind,
    lines: std::iter::Peekable<Enumerate<Lines<'t>>>,
}

impl<'t> FileLines<'t> {
    fn begin(bytes: &'t [u8], kind: IdentityKind) -> Result<Self, IdentityFileError> {
        if bytes.len() > MAXIMUM_IDENTITY_FILE_BYTES {
            return Err(IdentityFileError::TooLarge { expected: kind });
        }
        let found = FileKind::of(bytes);
        let wrong = IdentityFileError::WrongKind { found, expected: kind };
        if found != kind.file_kind() {
            return Err(wrong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong)?;
        let mut lines = Self { kind, lines: without_mark(text).lines().enumerate().peekable() };
        let version: String = lines.after(&format!("{}, version ", kind.header()))?.1.to_owned();
        if version == VERSION {
            return Ok(lines);
        }
        let version = version.chars().take(16).collect();
        Err(IdentityFileError::UnknownVersion { kind, version })
    }

    /// The rest of the next line, which begins with `due`, and its number.
    fn after(&mut self, due: &str) -> Result<(usize, &'t str), IdentityFileError> {
        let (at, line) = self.lines.next().ok_or(IdentityFileError::CutOff(self.kind))?;
        let line_number = at + 1;
        let rest = line.strip_prefix(due).ok_or_else(|| IdentityFileError::UnexpectedLine {
            line: line_number,
            due: due.trim_end().to_owned(),
        })?;
        Ok((line_number, rest))
    }

    fn next_is(&mut self, name: &str) -> bool {
        self.lines.peek().is_some_and(|(_, line)| line.starts_with(name))
    }

    fn value<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, IdentityFileError> {
        let (line, value) = self.after(&format!("{name}: "))?;
        value.parse().map_err(|_| IdentityFileError::InvalidValue { line, name })
    }

    fn key(&mut self) -> Result<[u8; 32], IdentityFileError> {
        let (line, algorithm) = self.after(&format!("{ALGORITHM_NAME}: "))?;
        if algorithm != ALGORITHM {
            return Err(IdentityFileError::InvalidValue { line, name: ALGORITHM_NAME });
        }
        let (line, key) = self.after(&format!("{KEY}: "))?;
        let invalid = IdentityFileError::InvalidValue { line, name: KEY };
        let key = BASE64_STANDARD.decode(key).map_err(|_| invalid.clone())?;
        key.try_into().map_err(|_| invalid)
    }

    fn end(mut self) -> Result<(), IdentityFileError> {
        let due = format!("End of {}", self.kind.header());
        let (line, rest) = self.after(&due)?;
        let unexpected = |line| IdentityFileError::UnexpectedLine { line, due };
        if !rest.is_empty() {
            return Err(unexpected(line));
        }
        match self.lines.find(|(_, line)| !line.trim().is_empty()) {
            Some((at, _)) => Err(unexpected(at + 1)),
            None => Ok(()),
        }
    }
}
