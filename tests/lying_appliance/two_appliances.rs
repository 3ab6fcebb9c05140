//! Two honest appliances: one goes, the other comes. A slot stays what it was, and passwords go
//! where they were meant to.

use std::{thread, time::Duration};

use crate::{
    CO, add, assign, client,
    conversation::Conversation,
    module::Module,
    serial,
    world::{Client, Daemon, PO, World},
};

/// The Crypto Officer's password on the second appliance.
const OTHER: &str = "other-officer-2";

struct Two {
    first: World,
    second: World,
    client: Client,
}

impl Two {
    /// A client with a partition on each, over NTLS. The first server has the first slot.
    fn new() -> Self {
        let (first, second) =
            (World::with_partitions(&["par1"]), World::with_partitions(&["par1"]));
        let client = client(first.root.path(), "client1", 5000);
        add(&client, "localhost", &first.certificate(), first.daemon.port);
        add(&client, "127.0.0.1", &second.certificate(), second.daemon.port);
        assign(&first, &client, "par1");
        assign(&second, &client, "par1");
        let script: String = [(0, "first", CO), (1, "second", OTHER)]
            .map(|(slot, label, password)| {
                format!(
                    "slot set -slot {slot}\n\
                     partition init -label {label} -password {PO} -domain dom -force\n\
                     role login -name po -password {PO}\n\
                     role init -name co -password initial-pass-1\n\
                     role logout\n\
                     role login -name co -password initial-pass-1\n\
                     role changepw -name co -oldpw initial-pass-1 -newpw {password} -force\n\
                     role logout\n"
                )
            })
            .concat();
        client.lunacm(&script).ok();
        Self { first, second, client }
    }

    /// Holds that nobody tried a wrong password on the second appliance.
    #[track_caller]
    fn second_is_untouched(&self) {
        let serial = serial(&self.second, "par1");
        let shown = self.client.lunacm("slot list\n");
        let before = shown.text.split(&serial.to_string()).next().unwrap();
        let slot = before.rsplit("Slot Id ->").next().unwrap().split_whitespace().next().unwrap();
        let shown = self.client.lunacm(&format!("slot set -slot {slot}\nrole show -name co\n"));
        shown.ok().has("Failed login attempts before lockout: 10");
    }

    fn lunacm(&self) -> Conversation {
        let command = self.client.command(env!("CARGO_BIN_EXE_lunacm"), &[]);
        Conversation::start(command, "Command Result :")
    }
}

fn stop(world: &mut World) {
    world.daemon.kill();
}

fn start(world: &mut World) {
    world.daemon = Daemon::start(&world.daemon.data.clone(), world.daemon.port);
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}

#[test]
fn a_number_is_never_given_away_in_lunacm() {
    let mut two = Two::new();
    let (first, second) = (serial(&two.first, "par1"), serial(&two.second, "par1"));
    stop(&mut two.second);
    let mut lunacm = two.lunacm();
    let listed = lunacm.say("slot list");
    has(&listed, &first.to_string());
    has(&listed, "Current Slot Id: 0");
    stop(&mut two.first);
    start(&mut two.second);
    let listed = lunacm.say("slot list");
    has(&listed, "Status ->               Lost");
    has(&listed, "Current Slot Id: 0");
    let (of_first, of_second) = listed.split_once("Slot Id ->              1").unwrap();
    has(of_first, &first.to_string());
    has(of_second, &second.to_string());
    let told = format!("slot 0, the partition {first} at localhost, is lost");
    for line in [
        format!("role login -name co -password {CO}"),
        "role list".to_owned(),
        "partition showinfo".to_owned(),
        "partition clear -force".to_owned(),
        "stc status".to_owned(),
    ] {
        has(&lunacm.say(&line), &told);
    }
    has(&lunacm.say("clientconfig restart -force"), "No Error");
    has(&lunacm.say(&format!("role login -name co -password {CO}")), &told);
    two.second_is_untouched();
    // When it comes back it is what it was.
    start(&mut two.first);
    has(&lunacm.say(&format!("role login -name co -password {CO}")), "No Error");
    has(&lunacm.say("slot list"), "Current Slot Id: 0");
}

#[test]
fn the_current_slot_does_not_move() {
    let mut two = Two::new();
    let first = serial(&two.first, "par1");
    let mut lunacm = two.lunacm();
    has(&lunacm.say("slot list"), "Current Slot Id: 0");
    stop(&mut two.first);
    let listed = lunacm.say("slot list");
    has(&listed, "Status ->               Lost");
    has(&listed, "Current Slot Id: 0");
    let told = format!("slot 0, the partition {first} at localhost, is lost");
    has(&lunacm.say(&format!("role login -name co -password {CO}")), &told);
    has(&lunacm.say("partition clear -force"), &told);
    two.second_is_untouched();
    // To use the other one is to say so.
    has(&lunacm.say("slot set -slot 1"), "Current Slot Id:    1");
    has(&lunacm.say(&format!("role login -name co -password {OTHER}")), "No Error");
}

#[test]
fn a_number_is_never_given_away_in_the_module() {
    let mut two = Two::new();
    let (first, second) = (serial(&two.first, "par1"), serial(&two.second, "par1"));
    stop(&mut two.second);
    let mut module = Module::initialized(&two.client);
    module.say("slots").has(&format!("0:{first}:"));
    module.say("open 0").is("Ok(())");
    module.say(&format!("login {CO}")).is("Ok(())");
    module.say("information").has("Ok((0");
    stop(&mut two.first);
    start(&mut two.second);
    thread::sleep(Duration::from_secs(4));
    module.say("slots").has("0:absent").has(&format!("1:{second}:"));
    let lost = module.say("information");
    lost.has("DeviceRemoved");
    assert_ne!(module.say("open 0").text, "Ok(())");
    two.second_is_untouched();
    start(&mut two.first);
    thread::sleep(Duration::from_secs(4));
    module.say("slots").has(&format!("0:{first}:")).has(&format!("1:{second}:"));
    module.say("open 0").is("Ok(())");
    module.say(&format!("login {CO}")).is("Ok(())");
    module.say("finalize").is("Ok(())").took_less(Duration::from_secs(1));
}

#[test]
fn a_change_of_the_password_logs_nobody_in() {
    let two = Two::new();
    let mut module = Module::initialized(&two.client);
    module.say("slots").has("0:");
    module.say("open 0").is("Ok(())");
    module.say(&format!("login {CO}")).is("Ok(())");
    module.say("store").is("Ok(())");
    module.say("private").is("Ok(1)");
    module.say("logout").is("Ok(())");
    module.say("private").is("Ok(0)");
    module.say(&format!("setpin {CO} another-pass-1")).is("Ok(()) 0");
    // As a login does, a wrong one counts; nothing else happens.
    module.say("setpin wrong-password another-pass-1").has("PinIncorrect");
    module.say(&format!("login {CO}")).is("Ok(())");
    module.say("private").is("Ok(1)");
    module.say("finalize").is("Ok(())");
}
