//! The home that programs work in.

use crate::{client::home::Home, shell::Failure};

/// The home of this user, as the environment names it.
///
/// # Errors
/// There is none.
pub fn home() -> Result<Home, Failure> {
    Home::locate().map_err(|error| {
        Failure::new(error.to_string(), "").code(Failure::UNUSABLE).remedy(error.remedy())
    })
}
