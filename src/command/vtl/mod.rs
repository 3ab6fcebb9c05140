//! The commands of `vtl`, which has no shell: one command a run.

mod certificates;
mod servers;
mod support;
mod verify;

use clap::{Parser, Subcommand};

use crate::{
    client::home::Home,
    shell::{Console, Manual, Outcome, Program, Style},
};

/// One run of vtl.
#[derive(Debug, Parser)]
#[command(name = "vtl")]
pub struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes this client's key and certificate for NTLS
    #[command(name = "createCert")]
    CreateCert(certificates::Create),
    /// Makes this client's key and a request for a certificate
    #[command(name = "createCSR")]
    CreateRequest(certificates::CreateRequest),
    /// Registers an appliance's server certificate
    #[command(name = "addServer", alias = "add")]
    AddServer(servers::Add),
    /// Removes an appliance
    #[command(name = "deleteServer", alias = "del")]
    DeleteServer(servers::Delete),
    /// Replaces an appliance's name, port or certificate
    #[command(name = "replaceServer")]
    ReplaceServer(servers::Replace),
    /// Lists the registered appliances
    #[command(name = "listServers", alias = "ls")]
    ListServers(servers::List),
    /// Connects to every appliance and lists the partitions that this client reaches
    #[command(alias = "ver")]
    Verify(verify::Verify),
    /// Connects to every appliance and lists the slots of this client
    #[command(name = "listSlots", alias = "listSlot")]
    ListSlots(verify::ListSlots),
    /// Shows the hash of a certificate, to compare before trusting it
    Fingerprint(certificates::Fingerprint),
    /// Writes what helps to find a fault into a file, without secrets
    #[command(name = "supportInfo")]
    SupportInfo(support::SupportInfo),
    /// Not in this client: there is no logging library
    #[command(name = "cklogsupport", hide = true)]
    CkLogSupport(support::Words),
    /// Not in this client: replaced by hagroup in lunacm
    #[command(name = "haAdmin", hide = true)]
    HaAdmin(support::Words),
}

/// vtl in a home.
pub struct Vtl {
    home: Home,
}

impl Vtl {
    /// vtl in this home.
    pub const fn new(home: Home) -> Self {
        Self { home }
    }
}

impl Program for Vtl {
    type Line = Line;

    fn style(&self) -> &Style {
        &Style::ONE_COMMAND
    }

    fn prompt(&self) -> String {
        String::new()
    }

    fn banner(&mut self) -> Option<String> {
        Some(format!(
            "vtl (64-bit) v{}. Copyright (c) 2026 the lunacm authors. All rights reserved.\n",
            env!("CARGO_PKG_VERSION")
        ))
    }

    fn run(&mut self, line: Line, console: &mut dyn Console) -> Outcome {
        match line.command {
            Command::AddServer(command) => command.run(&self.home, console),
            Command::DeleteServer(command) => command.run(&self.home, console),
            Command::CreateCert(command) => command.run(&self.home, console),
            Command::CreateRequest(command) => command.run(&self.home, console),
            Command::ReplaceServer(command) => command.run(&self.home, console),
            Command::ListServers(command) => command.run(&self.home, console),
            Command::Verify(command) => command.run(&self.home, console),
            Command::ListSlots(command) => command.run(&self.home),
            Command::Fingerprint(command) => command.run(),
            Command::SupportInfo(command) => command.run(&self.home),
            Command::CkLogSupport(words) => support::cklogsupport(&words),
            Command::HaAdmin(words) => support::ha_admin(&words),
        }
    }
}

/// The manual of the program.
pub fn manual() -> Manual {
    Manual::of_commands::<Line>(&Style::ONE_COMMAND, "Registers appliances on a client")
}
