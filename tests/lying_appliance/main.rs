//! Appliances that lie, that take their time, and that are mixed up with others: what `lunacm` and
//! the module make of them. Passwords go nowhere else, and nobody is waited for for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod conversation;
mod liar;
mod module;
mod socket;
mod two_appliances;
mod ways;
#[path = "../world/mod.rs"]
mod world;

use std::{fs, path::Path};

use lunacm::model::SerialNumber;
use world::{Client, World};

/// The serial number of a partition that a liar says it has.
const SERIAL: SerialNumber = SerialNumber::new(1_234_567_890_123);

/// The first partition's Crypto Officer.
const CO: &str = world::CO;

/// A client machine with a certificate, that waits so long for an appliance.
fn client(directory: &Path, name: &str, milliseconds: u32) -> Client {
    let client = Client { home: directory.join(name), port: 0 };
    client.vtl(&["createCert", "-n", name]).ok();
    be_patient(&client, milliseconds);
    client
}

fn be_patient(client: &Client, milliseconds: u32) {
    let value = milliseconds.to_string();
    let arguments = ["setValue", "-s", "LunaSA Client", "-e", "ReceiveTimeout", "-v", &value];
    let set = client.command(env!("CARGO_BIN_EXE_configurator"), &arguments);
    world::run(set, "").ok();
}

/// Registers a server with a client.
fn add(client: &Client, name: &str, certificate: &Path, port: u16) {
    let (certificate, port) = (certificate.display().to_string(), port.to_string());
    client.vtl(&["addServer", "-n", name, "-c", &certificate, "-port", &port]).ok();
}

/// Registers a client with an appliance and gives it a partition.
fn assign(world: &World, client: &Client, partition: &str) {
    let name = client.home.file_name().unwrap().to_string_lossy().into_owned();
    let certificate = client.home.join(format!("cert/client/{name}.pem"));
    fs::copy(certificate, world.daemon.data.join(format!("files/{name}.pem"))).unwrap();
    let script = format!(
        "client register -client {name} -hostname {name}\nclient assignPartition -client {name} -partition {partition}\n"
    );
    world.lunash(&script).ok();
}

/// The serial number of a partition.
fn serial(world: &World, name: &str) -> SerialNumber {
    let shown = world.lunash(&format!("partition show -partition {name}\n"));
    shown.value("Partition SN:").parse().unwrap()
}
