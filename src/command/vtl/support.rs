//! `vtl supportInfo`, and commands that have no meaning here.

use std::{
    fmt,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::servers::failed;
use crate::{
    client::{
        config::Configuration,
        file::{self, PUBLIC},
        home::Home,
    },
    shell::{Failure, Outcome, report},
};

/// The file that is written if no other is named.
const FILE: &str = "c_supportInfo.txt";

#[derive(Debug, Args)]
pub struct SupportInfo {
    /// The file to write
    #[arg(long = "f", value_name = "file", default_value = FILE)]
    file: PathBuf,
}

impl SupportInfo {
    /// Writes what helps somebody else to find a fault: versions, the configuration and the names
    /// and sizes of files; no content of a key, a token or a history.
    pub(super) fn run(&self, home: &Home) -> Outcome {
        let configuration = home.open().and_then(|_| home.configuration());
        let configuration = configuration.map_err(|error| failed(&error, error.remedy()))?;
        let text = gathered(home, &configuration);
        file::replace(&self.file, text.as_bytes(), PUBLIC)
            .map_err(|error| failed(&error, error.remedy()))?;
        report(Gathered { file: self.file.display().to_string() })
    }
}

fn gathered(home: &Home, configuration: &Configuration) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write!(
        text,
        "lunacm {}, {} {}\nHome: {}\n\nChrystoki.conf:\n\n{}\nFiles:\n\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        home.directory().display(),
        entries(configuration)
    );
    let mut files = Vec::new();
    list(home.directory(), &mut files);
    files.sort();
    for (path, bytes) in files {
        let path = path.strip_prefix(home.directory()).unwrap_or(&path);
        let _ = writeln!(text, "{bytes:>10}  {}", path.display());
    }
    text
}

/// The entries without comments, and without what looks like a secret of another product's section.
fn entries(configuration: &Configuration) -> String {
    let mut text = String::new();
    for section in configuration.sections() {
        let _ = writeln!(text, "{section} = {{");
        for (entry, value) in configuration.entries(section) {
            let name = entry.to_lowercase();
            let secret =
                ["secret", "password", "passwd", "pin"].iter().any(|part| name.contains(part));
            let _ = writeln!(text, "   {entry} = {};", if secret { "********" } else { value });
        }
        text.push_str("}\n");
    }
    text
}

/// A directory that cannot be read has nothing to show.
fn list(directory: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(facts) if facts.is_dir() => list(&entry.path(), files),
            Ok(facts) => files.push((entry.path(), facts.len())),
            Err(_) => {}
        }
    }
}

#[derive(Debug, Serialize)]
struct Gathered {
    file: String,
}

impl fmt::Display for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Support information written to: {}", self.file)
    }
}

#[derive(Debug, Args)]
pub struct Words {
    /// What Luna's command takes
    #[arg(value_name = "words", num_args = 0.., allow_hyphen_values = true)]
    words: Vec<String>,
}

/// `cklogsupport` puts another library between an application and the module. There is none here.
pub(super) fn cklogsupport(_: &Words) -> Outcome {
    Err(Failure::new("there is no logging library to put before the module", "")
        .remedy("Chrystoki.conf stays as it is; to change it, use configurator setValue."))
}

/// `haAdmin` was replaced in Luna 6.
pub(super) fn ha_admin(_: &Words) -> Outcome {
    Err(Failure::new("haAdmin has been replaced", "").remedy("Use the hagroup commands of lunacm."))
}
