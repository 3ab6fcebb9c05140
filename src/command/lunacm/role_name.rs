//! Role names on the command line.

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
    error::ErrorKind,
};

use crate::model::Role;

/// Reads a partition role by its full or short name, in any case.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoleName;

impl TypedValueParser for RoleName {
    type Value = Role;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Role, Error> {
        value.to_str().and_then(Role::of_partition).ok_or_else(|| {
            let names: Vec<_> = Role::OF_PARTITION.iter().map(|role| role.name()).collect();
            let text = format!(
                "no role '{}' on a partition; the roles are {}\n",
                value.to_string_lossy(),
                names.join(", ")
            );
            Error::raw(ErrorKind::InvalidValue, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = Role::OF_PARTITION
            .into_iter()
            .map(|role| PossibleValue::new(role.abbreviation()).alias(role.name().to_lowercase()));
        Some(Box::new(names))
    }
}
