//! Policy templates: the policies of a partition or an HSM as a text file, to make others like it.
//!
//! ```text
//! # Policy template FW Version 7.7.0
//! # Field format - Policy ID:Policy Description:Policy Value:Off to On Destructive:On to Off Destructive
//! # Partition Policies
//! 0:"Allow private key cloning":1:1:0
//! ```
//!
//! Luna's form. Blank lines and lines that begin with `#` say nothing. The two flags at the end
//! may be missing; where they are there they have to be this software's, because a template
//! cannot change what a change of a policy costs.

use std::fmt::Write;

use crate::model::{Destructive, HsmPolicy, HsmPolicySet, Policy, PolicySet, PolicyValue};

/// The greatest size in bytes of a policy template.
pub const MAXIMUM_TEMPLATE_BYTES: usize = 64 * 1024;

/// The text of a template with these policies of a partition, as far as `capabilities` permit them
/// to differ.
pub fn template_text(firmware: &str, capabilities: &PolicySet, policies: &PolicySet) -> String {
    let lines = Policy::ALL.iter().filter(|policy| capabilities.permits(**policy)).map(|policy| {
        (policy.number(), policy.text(), policies.get(*policy), flags(policy.destructive()))
    });
    text(firmware, "Partition", lines)
}

/// The text of a template with these policies of an HSM.
pub fn hsm_template_text(firmware: &str, policies: &HsmPolicySet) -> String {
    let capabilities = HsmPolicySet::factory();
    let lines =
        HsmPolicy::ALL.iter().filter(|policy| capabilities.permits(**policy)).map(|policy| {
            (policy.number(), policy.text(), policies.get(*policy), flags(policy.destructive()))
        });
    text(firmware, "HSM", lines)
}

/// Reads a template of partition policies.
///
/// # Errors
/// The first line that is not of a template.
pub fn parse_template(bytes: &[u8]) -> Result<Vec<PolicyValue>, TemplateError> {
    parse(bytes, |number| Policy::of(number).map(Policy::destructive))
}

/// Reads a template of HSM policies.
///
/// # Errors
/// The first line that is not of a template.
pub fn parse_hsm_template(bytes: &[u8]) -> Result<Vec<PolicyValue>, TemplateError> {
    parse(bytes, |number| HsmPolicy::of(number).map(HsmPolicy::destructive))
}

/// Number, text, value and flags of a policy.
type Line = (u8, &'static str, u8, Flags);

/// Whether turning a policy on erases, and whether turning it off does.
type Flags = (&'static str, &'static str);

fn text(firmware: &str, whose: &str, lines: impl Iterator<Item = Line>) -> String {
    let mut text = format!(
        "# Policy template FW Version {firmware}\n\
         # Field format - Policy ID:Policy Description:Policy Value:Off to On Destructive:On to Off Destructive\n\
         # {whose} Policies\n"
    );
    for (number, name, value, (rising, falling)) in lines {
        let _ = writeln!(text, "{number}:\"{name}\":{value}:{rising}:{falling}");
    }
    text
}

fn parse(
    bytes: &[u8],
    destructive: fn(u8) -> Option<Destructive>,
) -> Result<Vec<PolicyValue>, TemplateError> {
    if bytes.len() > MAXIMUM_TEMPLATE_BYTES {
        return Err(TemplateError { line: 0, reason: TemplateFault::TooLarge });
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| TemplateError { line: 0, reason: TemplateFault::NotText })?;
    let mut values: Vec<PolicyValue> = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |reason| TemplateError { line: at + 1, reason };
        let value = parse_line(line, destructive).map_err(fault)?;
        if values.iter().any(|known| known.number == value.number) {
            return Err(fault(TemplateFault::Twice(value.number)));
        }
        values.push(value);
    }
    if values.is_empty() {
        return Err(TemplateError { line: 0, reason: TemplateFault::Empty });
    }
    Ok(values)
}

fn parse_line(
    line: &str,
    destructive: fn(u8) -> Option<Destructive>,
) -> Result<PolicyValue, TemplateFault> {
    let (number, rest) = line.split_once(':').ok_or(TemplateFault::Form)?;
    let number = number.trim().parse().map_err(|_| TemplateFault::Form)?;
    let destructive = destructive(number).ok_or(TemplateFault::Unknown(number))?;
    // The description is free text between quotes, and may hold colons.
    let (_, fields) = rest.rsplit_once("\":").ok_or(TemplateFault::Form)?;
    let mut fields = fields.split(':').map(str::trim);
    let value = fields.next().and_then(|value| value.parse().ok()).ok_or(TemplateFault::Form)?;
    let (rising, falling) = flags(destructive);
    for (own, given) in [rising, falling].iter().zip(&mut fields) {
        match given {
            "0" | "1" if *own == given => {}
            "0" | "1" => return Err(TemplateFault::Destructive(number)),
            _ => return Err(TemplateFault::Form),
        }
    }
    if fields.next().is_some() {
        return Err(TemplateFault::Form);
    }
    Ok(PolicyValue { number, value })
}

const fn flags(destructive: Destructive) -> Flags {
    match destructive {
        Destructive::No => ("0", "0"),
        Destructive::OffToOn => ("1", "0"),
        Destructive::OnToOff => ("0", "1"),
        Destructive::Both => ("1", "1"),
    }
}

/// Why a file is not a policy template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if *.line == 0 { String::new() } else { format!("line {line}: ") })]
pub struct TemplateError {
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub reason: TemplateFault,
}

/// What is wrong with a policy template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// Larger than [`MAXIMUM_TEMPLATE_BYTES`].
    #[error("the file is larger than any policy template")]
    TooLarge,
    /// Bytes that are not text.
    #[error("the file is not a text")]
    NotText,
    /// No policy in it.
    #[error("the file holds no policy")]
    Empty,
    /// Not `number:"description":value`.
    #[error("a policy is written as number:\"description\":value")]
    Form,
    /// No policy of this number.
    #[error("there is no policy {0}")]
    Unknown(u8),
    /// A policy that has a line already.
    #[error("policy {0} is there twice")]
    Twice(u8),
    /// Flags that differ from this software's.
    #[error("a template cannot change whether a change of policy {0} is destructive")]
    Destructive(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, TemplateFault) {
        let error = parse_template(text.as_bytes()).unwrap_err();
        (error.line, error.reason)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = template_text("7.7.0", &PolicySet::factory(), &PolicySet::defaults());
        let values = parse_template(text.as_bytes()).unwrap();
        assert_eq!(PolicySet::factory().with(&values), {
            PolicySet::defaults().within(&PolicySet::factory())
        });
        assert!(text.contains("\n0:\"Allow private key cloning\":1:1:0\n"));
        assert!(!text.contains("Allow activation"));
    }

    #[test]
    fn templates_of_an_hsm_are_read_back_and_no_partition_s() {
        let text = hsm_template_text("7.7.0", &HsmPolicySet::defaults());
        let values = parse_hsm_template(text.as_bytes()).unwrap();
        assert_eq!(HsmPolicySet::factory().with(&values), HsmPolicySet::defaults());
        assert!(text.contains("# HSM Policies\n") && text.contains("\n15:"), "{text}");
        assert_eq!(parse_hsm_template(b"37:\"x\":1").unwrap_err().line, 1);
    }

    #[test]
    fn short_and_spaced_lines_are_taken() {
        let values = parse_template(b"\n# comment\r\n 20 :\"a: b\": 5 \r\n1:\"x\":0:1:0").unwrap();
        assert_eq!(values.len(), 2);
        assert_eq!(values[0], PolicyValue { number: 20, value: 5 });
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        assert_eq!(fault(""), (0, TemplateFault::Empty));
        assert_eq!(fault("# x\nfive"), (2, TemplateFault::Form));
        assert_eq!(fault("0:\"x\":2000"), (1, TemplateFault::Form));
        assert_eq!(fault("0:\"x\":1:1:0:0"), (1, TemplateFault::Form));
        assert_eq!(fault("99:\"x\":1"), (1, TemplateFault::Unknown(99)));
        assert_eq!(fault("0:\"x\":1\n0:\"x\":1"), (2, TemplateFault::Twice(0)));
        assert_eq!(fault("0:\"x\":1:0:0"), (1, TemplateFault::Destructive(0)));
        assert!(parse_template(&[0xff]).is_err());
    }
}
