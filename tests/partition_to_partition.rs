//! Objects from partition to partition, with real programs: cloned, backed up, synchronized.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world;

use std::fs;

use lunacm::{
    client::{Application, home::Home},
    model::{
        Password, Reply, Request, Role,
        cryptoki::{
            AttributeType as A, AttributeValue, CryptokiReply, CryptokiRequest, ObjectClass,
            SessionId, Template,
        },
    },
};
use openssl::{
    pkey::{PKey, Public},
    x509::X509Req,
};
use world::{Client, Shown, World, run};

const CO: &str = "crypto-officer-1";

/// A client with a slot on each of these partitions, initialized with these domains, all under
/// the same passwords.
fn client(world: &World, domains: &[&str]) -> Client {
    let mut identities = world.identities();
    identities.sort();
    let client = world.connected_to("client1", &identities[0]);
    for identity in &identities[1..] {
        client.lunacm(&format!("stc partitionregister -file {}\n", identity.display())).ok();
    }
    initialize(&client, domains);
    client
}

/// Initializes the partitions in a client's slots with these domains.
fn initialize(client: &Client, domains: &[&str]) {
    let initialize = |(slot, domain): (usize, &&str)| {
        format!(
            "slot set -slot {slot}\n\
             partition init -label par{slot} -password partition-so-1 -domain {domain} -force\n\
             role login -name po -password partition-so-1\n\
             role init -name co -password initial-pin\n\
             role logout\n\
             role login -name co -password initial-pin\n\
             role changepw -name co -oldpw initial-pin -newpw {CO}\n\
             role logout\n"
        )
    };
    let script: String = domains.iter().enumerate().map(initialize).collect();
    client.lunacm(&script).ok();
}

/// Puts data objects into the partition in a slot.
fn create(client: &Client, slot: u32, labels: &[&str]) {
    let application = Application::new(Home::at(&client.home));
    application.refresh().unwrap();
    let partition = application.slot(slot).unwrap().partition;
    let role = Role::CryptoOfficer;
    let login = Request::Login { role, password: Password::new(CO.to_owned()) };
    assert_eq!(partition.call(&login).unwrap(), Reply::Done);
    let session = SessionId(1);
    let open = CryptokiRequest::OpenSession { session, read_write: true };
    assert_eq!(partition.call(&Request::Cryptoki(open)).unwrap(), Reply::Done);
    for label in labels {
        let template = Template::default()
            .with(A::CLASS, ObjectClass::DATA.0)
            .with(A::TOKEN, true)
            .with(A::PRIVATE, true)
            .with(A::LABEL, AttributeValue::bytes(label.as_bytes()))
            .with(A::VALUE, AttributeValue::bytes(b"value"));
        let create = CryptokiRequest::CreateObject { session, template };
        let made = partition.call(&Request::Cryptoki(create)).unwrap();
        assert!(matches!(made, Reply::Cryptoki(CryptokiReply::Object(_))), "{made:?}");
    }
    application.close();
}

fn contents(client: &Client, slot: u32) -> String {
    let script =
        format!("slot set -slot {slot}\nrole login -name co -password {CO}\npartition contents\n");
    client.lunacm(&script).ok().text.clone()
}

#[test]
fn objects_are_cloned_within_a_domain_only() {
    let world = World::with_partitions(&["a", "b", "c"]);
    let client = client(&world, &["dom", "dom", "another"]);
    create(&client, 0, &["first", "second"]);
    let login = format!("slot set -slot 0\nrole login -name co -password {CO}\n");
    let shown = client.lunacm(&format!(
        "{login}partition clone -objects all -slot 1 -password {CO} -force\n\
         partition clone -objects all -slot 1 -password {CO} -force\n"
    ));
    shown.ok().has("'first': added").has("'second': already there").has("Number of objects:  2");
    assert!(contents(&client, 1).contains("Number of objects:  2"));

    let shown = client
        .lunacm(&format!("{login}partition clone -objects all -slot 2 -password {CO} -force\n"));
    shown.failed().has("no cloning domain in common").has("CKR_CERTIFICATE_DATA_INVALID");
    let shown = client.lunacm(&format!(
        "{login}partition clone -objects all -slot 1 -password wrong-password -force\n"
    ));
    shown.failed().has("CKR_PIN_INCORRECT").has("9 attempts are left");
}

#[test]
fn objects_are_cloned_and_restored_between_hsms_of_one_domain_only() {
    for (domain, fits) in [("dom-of-hsm", true), ("another", false)] {
        let (here, there) = (World::with_partitions(&["a"]), World::of_domain(domain, &["b"], &[]));
        let client = here.connected_to("client1", &here.identities()[0]);
        let (port, certificate) = (there.daemon.port.to_string(), there.certificate());
        let certificate = certificate.display().to_string();
        client.vtl(&["addServer", "-n", "127.0.0.1", "-c", &certificate, "-port", &port]).ok();
        let identity = there.identities().remove(0);
        let register = format!("stc partitionregister -file {}\n", identity.display());
        client.lunacm(&format!("{register}stc enable -id 1 -force\n")).ok();
        initialize(&client, &["dom", "dom"]);
        create(&client, 0, &["first", "second"]);
        let login = |slot| format!("slot set -slot {slot}\nrole login -name co -password {CO}\n");
        client.lunacm(&format!("{}partition archive backup -partition kept\n", login(0))).ok();
        let clone =
            format!("{}partition clone -objects all -slot 1 -password {CO} -force\n", login(0));
        let restore = format!("{}partition archive restore -partition kept\n", login(1));
        let member = format!(
            "hagroup creategroup -slot 0 -label ha -password {CO}\ncopy\n\
             hagroup addmember -group ha -slot 1 -password {CO}\ncopy\n"
        );
        let shown = [client.lunacm(&clone), client.lunacm(&restore), client.lunacm(&member)];
        if fits {
            shown[0].ok().has("'first': added").has("Number of objects:  2");
            shown[1].ok().has("'first': already there");
            shown[2].ok();
            continue;
        }
        shown[0].failed().has("HSMs have no cloning domain in common").has("hsm init -domain");
        shown[1].failed().has("no cloning domain in common").has("hsm init -domain");
        shown[2].failed().has("HSMs have no cloning domain in common");
        assert!(contents(&client, 1).contains("No objects viewable"));
    }
}

#[test]
fn a_backup_outlives_its_partition() {
    let world = World::with_partitions(&["a", "b"]);
    let client = client(&world, &["dom", "another"]);
    create(&client, 0, &["first", "second"]);
    let login = |slot| format!("slot set -slot {slot}\nrole login -name co -password {CO}\n");
    let shown = client.lunacm(&format!(
        "{}partition archive backup -partition kept\npartition archive contents -partition kept\n\
         partition clear -force\npartition contents\n",
        login(0)
    ));
    shown.ok().has("Objects backed up:  2").has("Label:         second").has("Objects deleted:  2");
    shown.has("No objects viewable");
    let file = client.home.join("data/backups/kept.backup");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let shown = client.lunacm(&format!("{}partition archive restore -partition kept\n", login(1)));
    shown.failed().has("no cloning domain in common");
    let shown = client.lunacm(&format!(
        "{}partition archive restore -partition kept -objects 2\n\
         partition archive restore -partition kept\n\
         partition archive restore -partition kept -replace -force\n",
        login(0)
    ));
    shown.ok().has("'second': added").has("'second': already there").has("'first': replaced");
    assert!(contents(&client, 0).contains("Number of objects:  2"));

    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&file, bytes).unwrap();
    let shown = client.lunacm(&format!("{}partition archive restore -partition kept\n", login(0)));
    shown.failed().has("the backup is damaged");
    client.lunacm("partition archive list\n").ok().has("(damaged)");
}

/// Makes key pairs in the partition in slot 0; the public halves, which stay outside.
fn pairs(client: &Client) -> Vec<(&'static str, PKey<Public>)> {
    let kinds = [("rsa", "-modulusbits=2048"), ("ecdsa", "-curve=prime256v1")];
    kinds
        .map(|(kind, size)| {
            let (kind_option, label) = (format!("-keytype={kind}"), format!("-label={kind}"));
            let made = cmu(client, 0, &["generatekeypair", &kind_option, size, &label]);
            let handle = format!("-handle={}", made.ok().value("publicHandle="));
            let file = client.home.join(format!("{kind}.pem"));
            let output = format!("-outputfile={}", file.display());
            cmu(client, 0, &["export", &handle, &output]).ok();
            (kind, PKey::public_key_from_pem(&fs::read(file).unwrap()).unwrap())
        })
        .into()
}

fn cmu(client: &Client, slot: u32, arguments: &[&str]) -> Shown {
    let slot = format!("-slot={slot}");
    let password = format!("-password={CO}");
    let arguments = [arguments, &[&slot, &password]].concat();
    run(client.command(env!("CARGO_BIN_EXE_cmu"), &arguments), "")
}

/// Holds that the private keys in a slot sign, and that they are the ones of these public keys.
fn sign(client: &Client, slot: u32, pairs: &[(&'static str, PKey<Public>)]) {
    for (kind, key) in pairs {
        let handle = |class: &str| {
            let (class, label) = (format!("-class={class}"), format!("-label={kind}"));
            let found = cmu(client, slot, &["list", &class, &label, "-display=handle"]);
            found.ok().value("handle=").to_owned()
        };
        let (public, private) = (handle("public"), handle("private"));
        let (public, private) =
            (format!("-publichandle={public}"), format!("-privatehandle={private}"));
        let file = client.home.join("request.pem");
        let output = format!("-outputfile={}", file.display());
        cmu(client, slot, &["requestcertificate", &public, &private, "-CN=x", &output]).ok();
        let request = X509Req::from_pem(&fs::read(&file).unwrap()).unwrap();
        assert!(request.verify(key).unwrap(), "{kind} in slot {slot} signs with another key");
    }
}

#[test]
fn keys_sign_where_they_were_cloned_or_restored_to() {
    let world = World::with_partitions(&["a", "b"]);
    let client = client(&world, &["dom", "dom"]);
    let pairs = pairs(&client);
    let login = format!("slot set -slot 0\nrole login -name co -password {CO}\n");
    let shown = client.lunacm(&format!(
        "{login}partition clone -objects all -slot 1 -password {CO} -force\n\
         partition archive backup -partition kept\npartition clear -force\n"
    ));
    shown.ok().has("Number of objects:  4").has("Objects deleted:  4");
    sign(&client, 1, &pairs);
    cmu(&client, 0, &["list"]).ok().lacks("rsa");
    client.lunacm(&format!("{login}partition archive restore -partition kept\n")).ok();
    sign(&client, 0, &pairs);
    // Their values are as secret as before.
    let handle = cmu(&client, 0, &["list", "-class=private", "-label=rsa", "-display=handle"]);
    let handle = format!("-handle={}", handle.value("handle="));
    let shown =
        cmu(&client, 0, &["getattribute", &handle, "-attributes=sensitive,local,extractable"]);
    shown.ok().has("sensitive=T").has("extractable=F");
}

#[test]
fn members_of_a_group_are_checked_and_synchronized() {
    let world = World::with_partitions(&["a", "b", "c"]);
    let client = client(&world, &["dom", "dom", "another"]);
    create(&client, 0, &["first"]);
    create(&client, 1, &["second"]);
    let create = format!("hagroup creategroup -slot 0 -label ha -password {CO}");
    let unanswered = client.lunacm(&format!("{create}\nhagroup listgroups -password \"\"\n"));
    unanswered.failed().has("There are no HA groups.");
    client.lunacm(&format!("{create}\ncopy\n")).ok().has("created with group number 1");
    let add = |slot| format!("hagroup addmember -group ha -slot {slot} -password {CO}\n");
    client.lunacm(&add(2)).failed().has("different cloning domains");
    client.lunacm(&format!("{}copy\n", add(1))).ok().has("Needs sync:  yes");
    let list = format!("hagroup listgroups -password {CO}\n");
    client.lunacm(&list).ok().has("Needs sync:  yes").has("alive");
    let shown = client.lunacm(&format!("hagroup synchronize -group ha -password {CO}\n{list}"));
    shown.ok().has(": 1 objects copied").has("Needs sync:  no");
    for slot in [0, 1] {
        let shown = contents(&client, slot);
        assert!(shown.contains("first") && shown.contains("second"), "{shown}");
    }
    // What the configuration says is what Luna's says.
    let text = fs::read_to_string(client.home.join("Chrystoki.conf")).unwrap();
    assert!(text.contains("VirtualToken00Label = ha;") && text.contains("ha = 1;"), "{text}");
    let removal = client.lunacm("hagroup removemember -group ha -slot 0\n");
    removal.ok().has("successfully removed from group ha");
    client.lunacm(&format!("{}remove\n", add(0))).ok().has("Needs sync:  yes");
    assert!(contents(&client, 0).contains("No objects viewable"));
}
