//! Records of the audit log as syslog messages (RFC 5424).

use std::fmt::Write;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::model::{AuditAct, AuditActor, AuditRecord, Status};

/// The facility: local use 3, as Luna's audit log has it.
const FACILITY: u8 = 19;

/// The name of our structured data. The number is the one that RFC 5612 keeps for documentation:
/// this software has none of its own.
const STRUCTURE: &str = "lunacm@32473";

/// The longest value of a parameter in characters; labels and names are shorter.
const LONGEST_VALUE: usize = 256;

/// A record as a message, without its framing.
pub fn syslog_message(host: &str, process: u32, record: &AuditRecord) -> String {
    let AuditRecord { sequence, time, partition, entry } = record;
    let (act, outcome) = entry
        .as_ref()
        .map_or((None, Status::GeneralError), |entry| (Some(entry.act), entry.outcome));
    let priority = FACILITY * 8 + severity(act, outcome);
    let name = act.map_or("UNREADABLE", AuditAct::symbol);
    let host = header(host, 255);
    let mut out =
        format!("<{priority}>1 {} {host} lunahsmd {process} {name} [{STRUCTURE}", timestamp(*time));
    parameter(&mut out, "seq", &sequence.to_string());
    if let Some(partition) = partition {
        parameter(&mut out, "partition", &partition.to_string());
    }
    if let Some(entry) = entry {
        match &entry.actor {
            AuditActor::Client { label, key } => {
                parameter(&mut out, "client", label);
                parameter(&mut out, "clientKey", &digits(key));
            }
            other => parameter(&mut out, "client", &other.to_string()),
        }
        if let Some(source) = &entry.source {
            parameter(&mut out, "source", &source.to_string());
        }
        if let Some(role) = entry.role {
            parameter(&mut out, "role", &role.to_string());
        }
        for object in &entry.objects {
            parameter(&mut out, "object", &object.label);
        }
        if let Some(detail) = &entry.detail {
            parameter(&mut out, "detail", &detail.to_string());
        }
    }
    parameter(&mut out, "act", name);
    parameter(&mut out, "status", outcome.symbol());
    let _ = write!(out, "] {name} {}", outcome.symbol());
    out
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Alert for what is gone, warning for what was refused, notice for the rest.
fn severity(act: Option<AuditAct>, outcome: Status) -> u8 {
    match (act, outcome) {
        (Some(AuditAct::Zeroize), _) => 1,
        (_, Status::Ok) => 5,
        _ => 4,
    }
}

fn timestamp(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok();
    let moment = moment.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}

/// A word of the header: printable ASCII without spaces.
fn header(text: &str, longest: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// Adds a parameter. Quotes, backslashes and closing brackets have a backslash before them (section
/// 6.3.3); characters that do something to a terminal are shown by their number.
fn parameter(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, " {name}=\"");
    for letter in value.chars().take(LONGEST_VALUE) {
        match letter {
            '"' | '\\' | ']' => {
                out.push('\\');
                out.push(letter);
            }
            letter if is_shown(letter) => out.push(letter),
            hidden => {
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(hidden));
            }
        }
    }
    out.push('"');
}

fn is_shown(letter: char) -> bool {
    let directs = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    !letter.is_control() && !directs && !matches!(letter, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{AuditEntry, AuditObject, Role, SerialNumber, cryptoki::ObjectClass};

    fn record(label: &str) -> AuditRecord {
        let object =
            AuditObject { ouid: [0; 12], class: ObjectClass::SECRET_KEY, label: label.to_owned() };
        AuditRecord {
            sequence: 7,
            time: 1_772_447_400,
            partition: Some(SerialNumber::new(1_000_000_000_001)),
            entry: Some(AuditEntry {
                actor: AuditActor::Client { label: "client1".to_owned(), key: [0xab; 32] },
                role: Some(Role::CryptoOfficer),
                act: AuditAct::DestroyObject,
                objects: vec![object],
                outcome: Status::ActionProhibited,
                source: None,
                detail: None,
            }),
        }
    }

    #[test]
    fn a_record_is_one_line_with_everything_in_it() {
        let shown = syslog_message("hsm 1\n", 42, &record("a \"b\" \\ ]\u{1b}[2J\u{202e}ä"));
        let key = "ab".repeat(32);
        let wanted = format!(
            "<156>1 2026-03-02T10:30:00Z hsm1 lunahsmd 42 LUNA_DESTROY_OBJECT [lunacm@32473 \
             seq=\"7\" partition=\"1000000000001\" client=\"client1\" clientKey=\"{key}\" \
             role=\"Crypto Officer\" object=\"a \\\"b\\\" \\\\ \\]\\\\u{{1b}}[2J\\\\u{{202e}}ä\" \
             act=\"LUNA_DESTROY_OBJECT\" status=\"CKR_ACTION_PROHIBITED\"] \
             LUNA_DESTROY_OBJECT CKR_ACTION_PROHIBITED"
        );
        assert_eq!(shown, wanted);
        let unreadable = AuditRecord { entry: None, ..record("") };
        assert!(syslog_message("", 1, &unreadable).contains(" - lunahsmd 1 UNREADABLE ["));
    }

    proptest! {
        #[test]
        fn no_label_ends_the_structure(label: String) {
            let shown = syslog_message("hsm", 1, &record(&label));
            prop_assert!(!shown.chars().any(char::is_control));
            // Behind what is escaped, quotes come in pairs and one bracket closes.
            let mut bare = String::new();
            let mut letters = shown.chars();
            while let Some(letter) = letters.next() {
                if letter == '\\' {
                    letters.next();
                } else {
                    bare.push(letter);
                }
            }
            prop_assert_eq!(bare.matches('"').count() % 2, 0);
            prop_assert_eq!(bare.matches(']').count(), 1);
        }
    }
}
