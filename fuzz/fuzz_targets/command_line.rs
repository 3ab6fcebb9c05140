//! Lines that are typed: whatever they are, they are answered, and no password behind its option
//! is shown.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use lunacm::{
    command::{lunacm as client, lunash as appliance},
    shell::{Console, Failure, Matching, Outcome, Program, Results, Source, Style, run},
};

/// What is typed behind the last word of a line.
const SECRET: &str = "geheim-77";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for matching in [Matching::Exact, Matching::Beginnings] {
        let client = Client::shown(&text, matching);
        let appliance = Appliance::shown(&text, matching);
        // One outcome a line at least: nothing is passed over in silence.
        assert!(client.len() + appliance.len() > 0 || text.trim().is_empty() || skipped(&text));
    }
    let line = text.lines().next().unwrap_or_default();
    // Within quotes it would be a part of any value.
    if !line.contains('"') {
        let line = format!("{line} -password {SECRET}");
        assert!(!Client::shown(&line, Matching::Exact).contains(SECRET));
        assert!(!Appliance::shown(&line, Matching::Beginnings).contains(SECRET));
    }
});

/// Whether all lines are blank or comments.
fn skipped(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    text.lines()
        .map(str::trim_start)
        .all(|line| line.is_empty() || line.starts_with('#') || line.starts_with("//"))
}

/// A program that takes every line of another one's commands, and does nothing.
macro_rules! understanding {
    ($name:ident, $line:ty) => {
        struct $name(Style);

        impl $name {
            /// What a batch of this text shows.
            fn shown(text: &str, matching: Matching) -> String {
                let mut screen = Vec::new();
                let source = Source::batch(Cursor::new(text.to_owned()));
                run(&mut Self(Style { matching, ..STYLE }), source, &mut screen);
                String::from_utf8(screen).expect("a screen is text")
            }
        }

        impl Program for $name {
            type Line = $line;

            fn style(&self) -> &Style {
                &self.0
            }

            fn prompt(&self) -> String {
                ">".to_owned()
            }

            fn run(&mut self, _: $line, _: &mut dyn Console) -> Outcome {
                Ok(None)
            }
        }
    };
}

understanding!(Client, client::Line);
understanding!(Appliance, appliance::Line);

const STYLE: Style = Style {
    matching: Matching::Exact,
    indent: 0,
    success: Some("Command Result : No Error"),
    proceed: "Type 'proceed' to continue, or 'quit' to quit now ->",
    results: Results { unknown_command: "1", wrong_use: "7", cancelled: "b" },
    failure: closing,
    exits: true,
};

fn closing(_: &str, failure: &Failure) -> String {
    format!("{}\n{}", failure.cause, failure.remedy.as_deref().unwrap_or_default())
}
