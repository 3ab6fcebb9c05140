//! Policy templates on disk.

use std::path::{Path, PathBuf};

use super::file::{self, FileError, PUBLIC};
use crate::{
    model::PolicyValue,
    shell::Foreign,
    wire::{MAXIMUM_TEMPLATE_BYTES, TemplateError, parse_template},
};

/// Reads a policy template.
///
/// # Errors
/// The file cannot be read, or is no policy template.
pub fn read(path: &Path) -> Result<Vec<PolicyValue>, PolicyFileError> {
    let limit = u64::try_from(MAXIMUM_TEMPLATE_BYTES).unwrap_or(u64::MAX);
    let bytes = file::read(path, limit)?;
    parse_template(&bytes)
        .map_err(|error| PolicyFileError::Content { path: path.to_owned(), error })
}

/// Writes a policy template at once, over what was there; missing directories are made.
///
/// # Errors
/// The file system refused.
pub fn write(path: &Path, text: &str) -> Result<(), FileError> {
    file::replace(path, text.as_bytes(), PUBLIC)
}

/// A policy template that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// The file system's part.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is no policy template.
    #[error("{}: {error}", Foreign(path.display()))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: TemplateError,
    },
}

impl PolicyFileError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Content { .. } => {
                "Make a template with partition showpolicies -exporttemplate, and edit values only."
            }
        }
    }
}
