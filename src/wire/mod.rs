//! Values to bytes and back, with explicit limits.
//!
//! Requests and replies are encoded with postcard (its wire format is specified and stable);
//! frames put a length before them; identity files are text.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod audit_archive;
mod backup;
mod certificate;
mod file_kind;
mod frame;
mod identity;
mod message;
mod policy_template;
mod syslog;

pub use audit_archive::{ARCHIVE_TITLE, ArchivedRecord, MAXIMUM_ARCHIVE_LINE};
pub use backup::{Backup, BackupError, BackupObject, MAXIMUM_BACKUP_BYTES};
pub use certificate::{Certificate, CertificateFileError, MAXIMUM_CERTIFICATE_BYTES};
pub use file_kind::FileKind;
pub use frame::{FRAME_HEADER_BYTES, FrameError, MAXIMUM_FRAME_BYTES, frame_header, frame_length};
pub use identity::{
    ClientIdentityFile, IdentityFileError, IdentityKind, MAXIMUM_IDENTITY_FILE_BYTES,
    PartitionIdentityFile,
};
pub use message::{MAXIMUM_MESSAGE_BYTES, MalformedMessage, decode, encode};
pub use policy_template::{
    MAXIMUM_TEMPLATE_BYTES, TemplateError, TemplateFault, hsm_template_text, parse_hsm_template,
    parse_template, template_text,
};
pub use syslog::syslog_message;
