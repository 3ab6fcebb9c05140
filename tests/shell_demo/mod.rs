//! A small program with a shell, for the shell's tests.

use std::{fmt, io::Cursor};

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use lunacm::shell::{
    Console, Failure, Matching, Outcome, Program, Results, Secret, Source, Style, report, run,
};
use serde::Serialize;

/// The commands.
#[derive(Debug, Parser)]
#[command(name = "demo", rename_all = "lower")]
pub enum Line {
    /// Manages the client's token
    #[command(subcommand, visible_alias = "s")]
    Stc(Stc),
    /// Manages roles
    #[command(subcommand, visible_alias = "r")]
    Role(Role),
    /// Manages slots
    #[command(subcommand)]
    Slot(Slot),
}

/// The `stc` commands.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
pub enum Stc {
    /// Initializes the token
    #[command(visible_alias = "ti")]
    TokenInit(TokenInit),
    /// Lists the tokens
    #[command(visible_alias = "tl")]
    TokenList,
    /// The partition's identity
    #[command(subcommand)]
    Identity(Identity),
}

/// A third level.
#[derive(Debug, Subcommand)]
pub enum Identity {
    /// Shows the identity
    Show {
        /// The partition
        #[arg(long, visible_alias = "p", value_name = "partition")]
        partition: String,
    },
}

/// Options of `stc tokeninit`.
#[derive(Debug, Args)]
pub struct TokenInit {
    /// The token's label
    #[arg(long, visible_alias = "l", value_name = "label")]
    label: String,
    /// Does not ask
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// The `role` commands.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
pub enum Role {
    /// Logs a role in
    #[command(visible_alias = "logi")]
    Login {
        /// The role
        #[arg(long, visible_aliases = ["n", "role"], value_parser = roles())]
        name: String,
        /// The role's password
        #[arg(long, visible_alias = "p")]
        password: Option<Secret>,
    },
    /// Sets a password
    Init {
        /// The role
        #[arg(long, visible_alias = "n", value_parser = roles())]
        name: String,
    },
}

/// The `slot` commands.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
pub enum Slot {
    /// Sets the slot
    Set {
        /// The slot's number
        #[arg(long, value_name = "slot_id")]
        slot: u32,
        /// A file
        #[arg(long)]
        file: Option<std::path::PathBuf>,
    },
    /// Asks what to do
    Choose,
    /// Takes long
    Work,
    /// Lists many lines
    Many,
}

fn roles() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new([
        PossibleValue::new("po").alias("partition so"),
        PossibleValue::new("lco").alias("limited crypto officer"),
        PossibleValue::new("co").alias("crypto officer"),
    ])
}

/// The program; `slot set` 9 restarts it.
pub struct Demo {
    pub style: Style,
    pub restarted: bool,
}

/// A line of text and what it is about.
#[derive(Serialize)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "        {}", self.0)
    }
}

impl Demo {
    pub fn new() -> Self {
        Self { style: STYLE, restarted: false }
    }
}

pub const STYLE: Style = Style {
    matching: Matching::Exact,
    exits: true,
    indent: 8,
    success: Some("Command Result : No Error"),
    proceed: "\nType 'proceed' to continue, or 'quit' to quit now ->",
    results: Results {
        unknown_command: "0x1 (Unknown command)",
        wrong_use: "0x7 (CKR_ARGUMENTS_BAD)",
        cancelled: "0xb (User Cancelled Operation)",
    },
    failure: |_, failure| {
        let remedy = failure.remedy.as_ref().map(|text| format!("\n{text}")).unwrap_or_default();
        format!(
            "Error in execution: {}.{remedy}\n\nCommand Result : {}",
            failure.cause, failure.result
        )
    },
};

impl Program for Demo {
    type Line = Line;

    fn style(&self) -> &Style {
        &self.style
    }

    fn prompt(&self) -> String {
        "demo:>".to_owned()
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        match line {
            Line::Stc(Stc::TokenInit(TokenInit { label, force })) => {
                console.confirm("The token is initialized.", force)?;
                report(Text(format!("label {label}")))
            }
            Line::Stc(Stc::TokenList) => Ok(None),
            Line::Stc(Stc::Identity(Identity::Show { partition })) => {
                report(Text(format!("partition {partition}")))
            }
            Line::Role(Role::Login { name, password }) => {
                let password = match password {
                    Some(password) => password,
                    None => console.secret("enter password: ")?,
                };
                if password.expose() != "userpin1" {
                    return Err(Failure::new("the password is wrong", "0xa0 (CKR_PIN_INCORRECT)"));
                }
                report(Text(format!("role {name}")))
            }
            Line::Role(Role::Init { name }) => {
                let new = console.new_secret("enter new password: ", "re-enter new password: ")?;
                report(Text(format!("{name}, {} characters", new.expose().len())))
            }
            Line::Slot(Slot::Choose) => {
                let question = "Type 'copy', 'remove' or 'quit' ->";
                let chosen = console.choose(question, &["copy", "remove"])?;
                report(Text(format!("chosen {chosen}")))
            }
            Line::Slot(Slot::Work) => {
                (0..=100).for_each(|done| console.progress("Working", done, 100));
                Ok(None)
            }
            Line::Slot(Slot::Many) => {
                let lines: Vec<_> = (0..50).map(|number| format!("        row {number}")).collect();
                report(Text(lines.join("\n")))
            }
            Line::Slot(Slot::Set { slot, file }) => {
                self.restarted = slot == 9;
                report(Text(format!("slot {slot} {}", file.unwrap_or_default().display())))
            }
        }
    }

    fn afterword(&mut self) -> Option<String> {
        std::mem::take(&mut self.restarted).then(|| "demo again".to_owned())
    }

    fn candidates(&self, kind: &str) -> Vec<String> {
        if kind == "slot_id" { vec!["0".to_owned(), "3".to_owned()] } else { Vec::new() }
    }
}

/// Runs a batch and returns the screen and the exit status.
pub fn batch(text: &str) -> (String, u8) {
    batch_of(&mut Demo::new(), text)
}

pub fn batch_of(demo: &mut Demo, text: &str) -> (String, u8) {
    let mut screen = Vec::new();
    let status = run(demo, Source::batch(Cursor::new(text.to_owned())), &mut screen);
    (String::from_utf8(screen).unwrap(), status)
}
