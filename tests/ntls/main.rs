//! NTLS: clients known by their certificates, and partitions assigned to them. Real programs, one
//! daemon; a few links are made by hand, to do what no client does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

mod application;
mod settings;
mod syslog;
#[path = "../world/mod.rs"]
mod world;

use std::{fs, path::PathBuf, time::Duration};

use lunacm::{
    client::{Application, home::Home, ntls_identity},
    model::{Password, PolicyValue, Reply, Request, Role, SerialNumber, Status},
    net::{ConnectError, Credentials, Endpoint, Link},
    wire::{Certificate, decode, encode},
};
use world::{Client, World, eventually};

const PO: &str = "partition-so-1";

/// A client with a certificate and the server's registration, unknown to the appliance.
fn stranger(world: &World, name: &str) -> Client {
    let client = world.client(name);
    client.vtl(&["createCert", "-n", name]).ok();
    let (certificate, port) = (world.certificate(), world.daemon.port.to_string());
    let certificate = certificate.display().to_string();
    client.vtl(&["addServer", "-n", "localhost", "-c", &certificate, "-port", &port]).ok();
    client
}

/// A client that is registered and has these partitions.
fn registered(world: &World, name: &str, partitions: &[&str]) -> Client {
    let client = stranger(world, name);
    hand_in(world, &client, name);
    let mut script = format!("client register -client {name} -hostname {name}\n");
    for partition in partitions {
        let assign = ["client assignPartition -client ", name, " -partition ", partition, "\n"];
        script += &assign.concat();
    }
    world.lunash(&script).ok();
    client
}

/// Copies a client's certificate to the administrator's files, as `scp` does.
fn hand_in(world: &World, client: &Client, name: &str) {
    let to = world.daemon.data.join(format!("files/{name}.pem"));
    fs::copy(certificate_of(client, name), to).unwrap();
}

fn certificate_of(client: &Client, name: &str) -> PathBuf {
    client.home.join(format!("cert/client/{name}.pem"))
}

/// The serial number of a partition.
fn serial(world: &World, name: &str) -> SerialNumber {
    let shown = world.lunash(&format!("partition show -partition {name}\n"));
    shown.value("Partition SN:").parse().unwrap()
}

fn credentials(client: &Client) -> Credentials {
    ntls_identity::load(&Home::at(&client.home).paths().unwrap()).unwrap().unwrap()
}

/// A link by hand that sends this first.
fn connect(
    world: &World,
    credentials: &Credentials,
    first: &Request,
) -> Result<(Link, Reply), ConnectError> {
    let certificate = Certificate::parse(&fs::read(world.certificate()).unwrap()).unwrap();
    let endpoint = Endpoint {
        host: "localhost".to_owned(),
        port: world.daemon.port,
        certificate: certificate.der().clone(),
        patience: Duration::from_secs(20),
    };
    let (link, reply) = Link::connect_ntls(&endpoint, credentials, &encode(first).unwrap())?;
    Ok((link, decode(&reply).unwrap()))
}

fn ask(link: &Link, request: &Request) -> Option<Reply> {
    let reply = link.call(&encode(request).unwrap()).ok()?;
    Some(decode(&reply).unwrap())
}

#[test]
fn a_client_gets_its_partitions_and_uses_them() {
    let world = World::with_partitions(&["par1", "par2", "par3"]);
    let client = registered(&world, "client1", &["par1", "par3"]);
    client.vtl(&["verify"]).ok().has(&serial(&world, "par1").to_string());
    let shown = client.lunacm(&format!(
        "clientconfig listservers\nslot set -slot 1\npartition init -label three -password {PO} -domain dom -force\nslot list\nstc status\n"
    ));
    shown.ok().has("NTLS").has("Slot Id ->              1").lacks("Slot Id ->              2");
    shown.has("three").has("Net Token Slot").has("Enabled:            No");
    shown.lacks(&serial(&world, "par2").to_string());
    // Roles, the domain and the whole rest are the same as over STC.
    let shown = client.lunacm(&format!(
        "slot set -slot 1\nrole login -name po -password {PO}\nrole init -name co -password initial-pin\nrole logout\nrole login -name co -password initial-pin\nrole changepw -name co -oldpw initial-pin -newpw crypto-officer\npartition showinfo\n"
    ));
    shown.ok();
    world.lunash("ntls information show\n").has("Failed Client Connections: 0");
}

#[test]
fn two_clients_share_a_partition() {
    let world = World::with_partitions(&["par1"]);
    let one = registered(&world, "client1", &["par1"]);
    let two = registered(&world, "client2", &["par1"]);
    one.lunacm(&format!("partition init -label shared -password {PO} -domain dom -force\n")).ok();
    two.lunacm("slot list\n").ok().has("shared");
}

#[test]
fn who_is_not_registered_is_told_so_and_reaches_nothing() {
    let world = World::with_partitions(&["par1"]);
    let client = stranger(&world, "client1");
    let shown = client.vtl(&["verify"]);
    shown.failed().has("the appliance does not know this client's certificate");
    let shown = client.lunacm("slot list\n");
    shown.ok().has("Servers that cannot be reached over NTLS").has("client register");
    let error = connect(&world, &credentials(&client), &Request::Assigned).unwrap_err();
    assert!(matches!(error, ConnectError::UnknownClient), "{error}");
    world.lunash("ntls information show\n").lacks("Failed Client Connections: 0");
    world.daemon.logs("no client is registered with this certificate");
}

#[test]
fn another_certificate_of_the_same_name_is_another_client() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let before = credentials(&client);
    client.vtl(&["createCert", "-n", "client1", "-f"]).ok();
    // Every time: a connection that is reset would take the reason with it.
    for _ in 0..20 {
        client.vtl(&["verify"]).failed().has("does not know this client's certificate");
    }
    // What was registered is the certificate, wherever it is.
    let serial = serial(&world, "par1");
    assert!(matches!(
        connect(&world, &before, &Request::Open { serial }),
        Ok((_, Reply::Activated { .. }))
    ));
    hand_in(&world, &client, "client1");
    world.lunash(
        "client delete -client client1 -force\nclient register -client client1 -hostname client1\nclient assignPartition -client client1 -partition par1\n",
    ).ok();
    client.vtl(&["verify"]).ok();
    let error = connect(&world, &before, &Request::Open { serial }).unwrap_err();
    assert!(matches!(error, ConnectError::UnknownClient), "{error}");
}

#[test]
fn a_certificate_has_its_time() {
    let world = World::with_partitions(&["par1"]);
    let mut params = rcgen::CertificateParams::new(vec!["old".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    fs::write(world.daemon.data.join("files/old.pem"), certificate.pem()).unwrap();
    let shown = world.lunash("client register -client old -hostname old\n");
    shown.failed().has("The file old.pem cannot be used: the certificate has expired");
}

/// What the PKCS#11 module stands on.
#[test]
fn an_application_reaches_its_partition() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let application = Application::new(Home::at(&client.home));
    application.refresh().unwrap();
    let slot = application.slot(0).unwrap();
    assert_eq!(slot.info.serial, serial(&world, "par1"));
    assert_eq!(slot.partition.call(&Request::Ping).unwrap(), Reply::Done);
    // A service that stops takes the link; one that starts gives it back under the same number.
    world.lunash("service restart ntls\n").ok();
    assert_eq!(slot.partition.call(&Request::Ping).unwrap(), Reply::Done);
    application.refresh().unwrap();
    assert_eq!(application.slots().len(), 1);
    world.lunash("client revokePartition -client client1 -partition par1\n").ok();
    eventually("a revoked partition has no slot", || {
        application.refresh().unwrap();
        application.slots().is_empty()
    });
}

#[test]
fn a_certificate_without_its_key_is_of_no_use() {
    let world = World::with_partitions(&["par1"]);
    let victim = registered(&world, "client1", &["par1"]);
    let thief = stranger(&world, "client2");
    let stolen = certificate_of(&thief, "client2");
    fs::copy(certificate_of(&victim, "client1"), stolen).unwrap();
    thief.vtl(&["verify"]).failed().has("cannot be used with its key");
}

#[test]
fn another_appliance_in_its_place_is_noticed() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let impostor = World::with_partitions(&["par1"]);
    let name = impostor.daemon.data.join("files/client1.pem");
    fs::copy(certificate_of(&client, "client1"), name).unwrap();
    impostor.lunash("client register -client client1 -hostname client1\n").ok();
    let port = impostor.daemon.port.to_string();
    let set = ["setValue", "-s", "LunaSA Client", "-e", "ServerPort00", "-v", &port];
    world::run(client.command(env!("CARGO_BIN_EXE_configurator"), &set), "").ok();
    let shown = client.vtl(&["verify"]);
    shown.failed().has("the appliance shows another certificate than the registered one");
    assert!(!impostor.daemon.log().contains("handshake complete"));
}

#[test]
fn a_partition_of_others_is_like_none() {
    let world = World::with_partitions(&["par1", "par2"]);
    let client = registered(&world, "client1", &["par1"]);
    let credentials = credentials(&client);
    let (own, other) = (serial(&world, "par1"), serial(&world, "par2"));
    let assigned = connect(&world, &credentials, &Request::Assigned).unwrap();
    assert_eq!(assigned.1, Reply::Serials(vec![own]));
    for serial in [other, SerialNumber::new(1_234_567_890_123)] {
        let (_, reply) = connect(&world, &credentials, &Request::Open { serial }).unwrap();
        assert_eq!(reply, Reply::Failed(Status::TokenNotPresent));
    }
    // A link that has a partition does not go to another one, and one that has none does nothing.
    let (link, _) = connect(&world, &credentials, &Request::Open { serial: own }).unwrap();
    let again = ask(&link, &Request::Open { serial: other });
    assert_eq!(again, Some(Reply::Failed(Status::FunctionRejected)));
    let (_, reply) = connect(&world, &credentials, &Request::Describe).unwrap();
    assert_eq!(reply, Reply::Failed(Status::StcSessionInvalid));
}

#[test]
fn what_is_taken_away_ends_at_once() {
    let world = World::with_partitions(&["par1", "par2"]);
    let client = registered(&world, "client1", &["par1", "par2"]);
    let credentials = credentials(&client);
    let open = |name| {
        let request = Request::Open { serial: serial(&world, name) };
        let (link, reply) = connect(&world, &credentials, &request).unwrap();
        assert!(matches!(reply, Reply::Activated { .. }), "{reply:?}");
        link
    };
    let (one, two) = (open("par1"), open("par2"));
    world.lunash("client revokePartition -client client1 -partition par1\n").ok();
    eventually("the link to a revoked partition ends", || one.is_closed());
    assert_eq!(ask(&two, &Request::Ping), Some(Reply::Done));
    world.lunash("service restart ntls\n").ok();
    eventually("a restart of the service ends links", || two.is_closed());
    let two = open("par2");
    world.lunash("client delete -client client1 -force\n").ok();
    eventually("the link of a deleted client ends", || two.is_closed());
    client.vtl(&["verify"]).failed().has("does not know this client's certificate");
}

#[test]
fn a_stopped_service_takes_nobody() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    world.lunash("service stop ntls -force\n").ok();
    client.vtl(&["verify"]).failed().has("Unable to find any Luna SA slots/partitions");
    client.lunacm("slot list\n").ok().has("the appliance accepts no NTLS link from here");
    world.lunash("service start ntls\n").ok();
    client.vtl(&["verify"]).ok();
}

#[test]
fn addresses_are_checked_if_the_administrator_wants() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    world.lunash("ntls ipcheck enable\nclient hostip map -client client1 -ip 192.0.2.1\n").ok();
    client.lunacm("slot list\n").ok().has("the appliance accepts no NTLS link from here");
    world
        .lunash("client hostip unmap -client client1\nclient hostip map -client client1 -ip 127.0.0.1\n")
        .ok();
    client.vtl(&["verify"]).ok();
    world.lunash("client hostip unmap -client client1\nntls ipcheck disable\n").ok();
    client.vtl(&["verify"]).ok();
}

#[test]
fn registrations_survive_the_daemon() {
    let mut world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    world.restart_after_kill();
    client.vtl(&["verify"]).ok();
    world.lunash("client show -client client1\n").has("\"par1\"");
}

#[test]
fn a_new_server_certificate_has_to_be_registered() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    world.lunash("sysconf regenCert -force\nservice restart ntls\n").ok();
    client.vtl(&["verify"]).failed().has("another certificate than the registered one");
    let certificate = world.certificate().display().to_string();
    let replace = ["replaceServer", "-o", "localhost", "-n", "localhost", "-c", &certificate];
    client.vtl(&replace).ok();
    client.vtl(&["verify"]).ok();
}

/// "Converting initialized NTLS partitions to STC", and back.
#[test]
fn an_initialized_partition_moves_to_stc_and_back() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let serial = serial(&world, "par1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    // An initialized partition takes no stranger over STC: the Partition SO lets the client in.
    let login = format!("role login -name po -password {PO}\n");
    let prepared = client.lunacm(&format!(
        "stc tokeninit -label token1\nstc identitycreate -label client1\nslot set -slot 0\n{login}stcconfig partitionidexport\n"
    ));
    prepared.ok();
    let (identity, pid) =
        (client.identity(), client.home.join(format!("data/partition_identities/{serial}.pid")));
    let moved = client.lunacm(&format!(
        "{login}stc partitionregister -file {}\nstcconfig clientregister -label client1 -file {}\nstc enable -id 0 -force\nslot list\nstc status\nclientconfig listservers\n",
        pid.display(),
        identity.display()
    ));
    moved.ok().has("Enabled:            Yes").has("STC").has("par1");
    // One kind of link for one appliance: the assignment is there and is not used.
    world
        .lunash("client show -client client1\nntls information show\n")
        .has("\"par1\"")
        .has("Links: 0");
    let back = client.lunacm("stc disable -id 0 -force\nslot list\nstc status\n");
    back.ok().has(&serial.to_string()).has("Enabled:            No");
}

#[test]
fn a_partition_that_forces_stc_is_closed_to_ntls() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    let (credentials, serial) = (credentials(&client), serial(&world, "par1"));
    let (link, _) = connect(&world, &credentials, &Request::Open { serial }).unwrap();
    let password = Password::new(PO.to_owned());
    let login = Request::Login { role: Role::PartitionSo, password };
    assert_eq!(ask(&link, &login), Some(Reply::Done));
    let changes = vec![PolicyValue { number: 37, value: 1 }];
    let force = Request::ChangePolicies { changes, erase: true };
    assert_eq!(ask(&link, &force), Some(Reply::Done));
    // The link that did it is closed to requests too.
    let reply = ask(&link, &Request::Describe);
    assert!(!matches!(reply, Some(Reply::Partition(_))), "{reply:?}");
    client.lunacm("slot list\n").ok().has("the partition is reached over STC only");
}
