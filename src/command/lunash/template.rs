//! Policy templates in the administrator's file area.

use super::{Appliance, failure};
use crate::{
    model::{AdminReply, AdminRequest, PolicyValue, Status},
    shell::Failure,
    wire::TemplateError,
};

/// Reads a template by this parser.
pub fn read(
    appliance: &mut Appliance,
    file: &str,
    parse: fn(&[u8]) -> Result<Vec<PolicyValue>, TemplateError>,
) -> Result<Vec<PolicyValue>, Failure> {
    let content = match appliance.reply(&AdminRequest::ReadFile { name: file.to_owned() })? {
        AdminReply::Content(content) => content,
        AdminReply::Failed(Status::ObjectHandleInvalid) => {
            return Err(failure::unknown("file", "my file list"));
        }
        AdminReply::Failed(Status::ArgumentsBad) => return Err(unusable(file)),
        AdminReply::Failed(status) => return Err(failure::refused(status)),
        _ => return Err(failure::unexpected_reply()),
    };
    parse(&content).map_err(|error| {
        failure::bad_arguments(format!("the file {file} is no such template: {error}"))
            .remedy("Make one with -exporttemplate of showPolicies, and edit values only.")
    })
}

/// Writes a template, over what was there.
pub fn write(appliance: &mut Appliance, file: &str, text: &str) -> Result<(), Failure> {
    let request =
        AdminRequest::WriteFile { name: file.to_owned(), content: text.as_bytes().to_vec() };
    match appliance.order_of(&request)? {
        Ok(()) => Ok(()),
        Err(Status::ArgumentsBad) => Err(unusable(file)),
        Err(status) => Err(failure::refused(status)),
    }
}

fn unusable(file: &str) -> Failure {
    failure::bad_arguments(format!("'{file}' is not the name of a file of yours"))
        .remedy("Give a name without any folder; see 'my file list'.")
}
