//! What the administrator sets, as links feel it.

use std::fs;

use lunacm::model::{Password, PolicyValue, Reply, Request, Status};
use openssl::{pkey::PKey, symm::Cipher};

use super::{
    PO, ask, connect, credentials, registered, serial,
    world::{SO, World, eventually},
};

#[test]
fn forcing_stc_ends_the_links_by_certificate() {
    let world = World::with_partitions(&["par1", "par2"]);
    let client = registered(&world, "client1", &["par1", "par2"]);
    let login = format!("hsm login -password {SO}\n");
    world
        .lunash(&format!(
            "{login}partition init -partition par1 -password {PO} -domain dom -force\n"
        ))
        .ok();
    let credentials = credentials(&client);
    let open =
        |name| connect(&world, &credentials, &Request::Open { serial: serial(&world, name) });
    let (forced, other) = (open("par1").unwrap().0, open("par2").unwrap().0);
    assert!(ask(&forced, &Request::Ping).is_some());
    world
        .lunash(&format!(
            "partition changePolicy -partition par1 -policy 37 -value 1 -psopin {PO} -force\n"
        ))
        .ok();
    eventually("the link is ended", || ask(&forced, &Request::Ping).is_none());
    assert_eq!(ask(&other, &Request::Ping), Some(Reply::Done));
    // Over a link: the Partition SO's own is the last to go.
    let officer = open("par2").unwrap().0;
    let initialize = Request::Initialize {
        label: "two".parse().unwrap(),
        password: Password::new(PO.to_owned()),
        domain: None,
        domain_label: None,
        policies: vec![PolicyValue { number: 37, value: 1 }],
    };
    assert_eq!(ask(&officer, &initialize), Some(Reply::Done));
    for link in [&other, &officer] {
        eventually("the link is ended", || ask(link, &Request::Ping).is_none());
    }
    assert!(matches!(open("par2"), Ok((_, Reply::Failed(Status::StcNotEnabled)))));
}

/// The kernel says when it asks whether the peer is there, in hundredths of a second.
#[test]
fn the_kernel_asks_when_it_is_told_to() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let set = "ntls tcp_keepalive set -idle 9000 -interval 20 -probes 3\n";
    world.lunash(set).ok().has("TCP_KEEPIDLE:   9000 seconds");
    let asks_in = || {
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!(":{:04X}", world.daemon.port);
        let ours = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // sl local remote state queues timer:when; state 01 is an established connection.
        let timers = ours.filter(|words| words[1].ends_with(&port) && words[3] == "01");
        let timers = timers.filter_map(|words| words[5].strip_prefix("02:").map(str::to_owned));
        timers.map(|when| u64::from_str_radix(&when, 16).unwrap() / 100).max()
    };
    let open = Request::Open { serial: serial(&world, "par1") };
    let _link = connect(&world, &credentials(&client), &open).unwrap();
    eventually("a timer of hours", || asks_in().is_some_and(|seconds| seconds > 8000));
}

/// As other programs keep keys: PKCS #8 and the older form, both under a passphrase.
#[test]
fn a_key_under_a_passphrase_is_told_of_and_never_made() {
    let world = World::with_partitions(&["par1"]);
    let client = registered(&world, "client1", &["par1"]);
    let file = client.home.join("cert/client/client1Key.pem");
    let made = fs::read(&file).unwrap();
    assert!(made.starts_with(b"-----BEGIN PRIVATE KEY-----"));
    let key = PKey::private_key_from_pem(&made).unwrap();
    let (cipher, phrase) = (Cipher::aes_256_cbc(), b"passphrase");
    let pkcs8 = key.private_key_to_pem_pkcs8_passphrase(cipher, phrase).unwrap();
    let older = key.ec_key().unwrap().private_key_to_pem_passphrase(cipher, phrase).unwrap();
    for encrypted in [pkcs8, older] {
        fs::write(&file, encrypted).unwrap();
        let shown = client.vtl(&["verify"]);
        shown.failed().has("client1Key.pem is encrypted").has("openssl pkey");
        client.lunacm("slot list\n").has("is encrypted").has("openssl pkey");
    }
    fs::write(&file, made).unwrap();
    client.vtl(&["verify"]).ok();
}
