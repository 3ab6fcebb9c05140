//! `cmu`: keys and certificates of a token, by any PKCS#11 module.
//!
//! Luna's certificate management utility: one command a run, options as `-name=value`, Booleans
//! as `T` and `F`.

mod attribute;
mod certificate;
mod keypair;
mod list;
mod signer;
mod transfer;

use clap::{Parser, Subcommand};

use crate::{
    client::home::Home,
    shell::{Console, Manual, Outcome, Program, Style},
};

/// One run of cmu.
#[derive(Debug, Parser)]
#[command(name = "cmu")]
pub struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generates a key pair
    #[command(name = "generatekeypair", alias = "gen")]
    GenerateKeyPair(keypair::Generate),
    /// Lists objects that match
    #[command(name = "list")]
    List(list::List),
    /// Shows attributes of an object
    #[command(name = "getattribute", alias = "get")]
    GetAttribute(attribute::Get),
    /// Changes attributes of an object
    #[command(name = "setattribute", alias = "set")]
    SetAttribute(attribute::Set),
    /// Makes a self-signed certificate of a key pair and stores it beside the keys
    #[command(name = "selfsigncertificate", alias = "self")]
    SelfSignCertificate(certificate::SelfSign),
    /// Writes a certificate request (PKCS #10) for a key pair
    #[command(name = "requestcertificate", alias = "req")]
    RequestCertificate(certificate::Request),
    /// Stores a certificate or a public key from a file
    #[command(name = "import", alias = "imp")]
    Import(transfer::Import),
    /// Writes a certificate or a public key to a file
    #[command(name = "export", alias = "exp")]
    Export(transfer::Export),
    /// Deletes an object
    #[command(name = "delete", alias = "del")]
    Delete(transfer::Delete),
}

/// cmu in a home.
pub struct Cmu {
    home: Home,
}

impl Cmu {
    /// cmu in this home, whose configuration names the module.
    pub const fn new(home: Home) -> Self {
        Self { home }
    }
}

impl Program for Cmu {
    type Line = Line;

    fn style(&self) -> &Style {
        &Style::ONE_COMMAND
    }

    fn prompt(&self) -> String {
        String::new()
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        let home = &self.home;
        match line.command {
            Command::GenerateKeyPair(command) => command.run(home, console),
            Command::List(command) => command.run(home, console),
            Command::GetAttribute(command) => command.run(home, console),
            Command::SetAttribute(command) => command.run(home, console),
            Command::SelfSignCertificate(command) => command.run(home, console),
            Command::RequestCertificate(command) => command.run(home, console),
            Command::Import(command) => command.run(home, console),
            Command::Export(command) => command.run(home, console),
            Command::Delete(command) => command.run(home, console),
        }
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_commands::<Line>(&Style::ONE_COMMAND, "Manages keys and certificates of a token")
}
