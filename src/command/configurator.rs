//! The commands of `configurator`, which reads and edits the client's configuration file.

use std::{fmt, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::{
    client::{
        config::{ConfigFileError, Configuration},
        home::{Home, HomeError},
    },
    shell::{Console, Failure, Manual, Outcome, Program, Style, report},
};

/// One run of configurator.
#[derive(Debug, Parser)]
#[command(name = "configurator")]
pub struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sets the value of an entry; a section or an entry that is missing is added
    #[command(name = "setValue", alias = "set")]
    Set(Set),
    /// Shows the value of an entry
    #[command(name = "getValue", alias = "get")]
    Get(Get),
    /// Deletes an entry
    #[command(name = "deleteValue", aliases = ["delete", "del"])]
    Delete(Delete),
    /// Lists the sections, or the entries of one
    List(List),
}

/// Which entry of which file.
#[derive(Debug, Args)]
struct Place {
    /// The section
    #[arg(long = "s", value_name = "section")]
    section: String,
    /// The entry
    #[arg(long = "e", value_name = "entry")]
    entry: String,
    #[command(flatten)]
    file: ConfigurationFile,
}

/// Which file.
#[derive(Debug, Args)]
struct ConfigurationFile {
    /// The configuration file; Chrystoki.conf of the home if missing
    #[arg(long = "c", value_name = "file")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    place: Place,
    /// The value; "" for none
    #[arg(long = "v", value_name = "value", allow_hyphen_values = true)]
    value: String,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Delete {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct List {
    /// The section
    #[arg(long = "s", value_name = "section")]
    section: Option<String>,
    #[command(flatten)]
    file: ConfigurationFile,
}

impl ConfigurationFile {
    /// The file's path. The one of a new home is made with its defaults.
    fn path(self) -> Result<PathBuf, Failure> {
        if let Some(file) = self.file {
            return Ok(file);
        }
        let opened = Home::locate().and_then(|home| home.open().map(|_| home));
        Ok(opened.map_err(|error| homeless(&error))?.configuration_path())
    }

    fn load(self) -> Result<Configuration, Failure> {
        Configuration::load(&self.path()?).map_err(|error| unusable(&error))
    }
}

impl Set {
    fn run(self) -> Outcome {
        let Place { section, entry, file } = self.place;
        Configuration::update(&file.path()?, |configuration| {
            configuration.set(&section, &entry, &self.value).map_err(ConfigFileError::from)
        })
        .map_err(|error| unusable(&error))?;
        Ok(None)
    }
}

impl Get {
    fn run(self) -> Outcome {
        let Place { section, entry, file } = self.place;
        let configuration = file.load()?;
        let value = configuration.get(&section, &entry);
        let value = value.ok_or_else(|| missing(&configuration, &section, &entry))?.to_owned();
        report(Value { value })
    }
}

impl Delete {
    fn run(self) -> Outcome {
        let Place { section, entry, file } = self.place;
        let path = file.path()?;
        let removed = Configuration::update(&path, |configuration| {
            let removed = configuration.remove(&section, &entry);
            Ok(if removed { Ok(()) } else { Err(missing(configuration, &section, &entry)) })
        });
        removed.map_err(|error: ConfigFileError| unusable(&error))??;
        Ok(None)
    }
}

impl List {
    fn run(self) -> Outcome {
        let configuration = self.file.load()?;
        let Some(section) = self.section else {
            let sections = configuration.sections().map(str::to_owned).collect();
            return report(Lines { lines: sections });
        };
        if !has_section(&configuration, &section) {
            return Err(missing_section(&section));
        }
        let entries = configuration.entries(&section);
        let lines = entries
            .map(|(entry, value)| format!("{entry} = {value}").trim_end().to_owned())
            .collect();
        report(Lines { lines })
    }
}

fn has_section(configuration: &Configuration, section: &str) -> bool {
    configuration.sections().any(|found| found.eq_ignore_ascii_case(section))
}

fn missing(configuration: &Configuration, section: &str, entry: &str) -> Failure {
    if !has_section(configuration, section) {
        return missing_section(section);
    }
    Failure::new(format!("the section \"{section}\" has no entry \"{entry}\""), "")
        .remedy(format!("See configurator list -s \"{section}\"."))
}

fn missing_section(section: &str) -> Failure {
    Failure::new(format!("there is no section \"{section}\""), "").remedy("See configurator list.")
}

fn homeless(error: &HomeError) -> Failure {
    Failure::new(error.to_string(), "").remedy(error.remedy())
}

fn unusable(error: &ConfigFileError) -> Failure {
    Failure::new(error.to_string(), "").remedy(error.remedy())
}

#[derive(Debug, Serialize)]
struct Value {
    value: String,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

#[derive(Debug, Serialize)]
struct Lines {
    lines: Vec<String>,
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// configurator.
#[derive(Debug, Default)]
pub struct Configurator;

impl Program for Configurator {
    type Line = Line;

    fn style(&self) -> &Style {
        &Style::ONE_COMMAND
    }

    fn prompt(&self) -> String {
        String::new()
    }

    fn run(&mut self, line: Line, _: &mut dyn Console) -> Outcome {
        match line.command {
            Command::Set(command) => command.run(),
            Command::Get(command) => command.run(),
            Command::Delete(command) => command.run(),
            Command::List(command) => command.run(),
        }
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_commands::<Line>(
        &Style::ONE_COMMAND,
        "Reads and edits the client's configuration file",
    )
}
