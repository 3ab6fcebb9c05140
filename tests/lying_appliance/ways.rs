//! One appliance that lies, in every way.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use lunacm::model::SerialNumber;

use crate::{
    CO, SERIAL, add, assign, be_patient, client,
    liar::{LIES, Liar, Lie, Way, trickler},
    module::Module,
    serial,
    world::{Client, PO, Shown, World, eventually},
};

/// How long the clients of these tests wait for an appliance, in milliseconds.
const PATIENCE: u32 = 1500;

/// What a program may take that waits for one answer and for one connection, on a machine that has
/// other things to do.
const LONG: Duration = Duration::from_secs(20);

/// Ways that are tried at the same time.
const TOGETHER: usize = 5;

fn ways() -> Vec<Way> {
    let lies = LIES.into_iter();
    let lies = lies.flat_map(|lie| [Way::FromTheFirst(lie), Way::OnceALinkStands(lie)]);
    [Way::Honest, Way::NoProtocol, Way::OtherProtocol].into_iter().chain(lies).collect()
}

/// Whether a client gets a slot of such an appliance.
fn comes_up(way: Way) -> bool {
    !matches!(way, Way::FromTheFirst(lie) if lie != Lie::WrongThenRight)
}

/// Whether it answers when a link stands.
fn answers(way: Way) -> bool {
    match way {
        Way::Honest | Way::NoProtocol | Way::OtherProtocol => true,
        Way::FromTheFirst(lie) | Way::OnceALinkStands(lie) => lie == Lie::WrongThenRight,
        Way::NeverOpens => false,
    }
}

/// Tries every way, a few at a time, each with an appliance and a home of its own.
fn in_every_way(act: impl Fn(Way, &Client, &Liar) + Sync) {
    let directory = tempfile::tempdir().unwrap();
    for (round, together) in ways().chunks(TOGETHER).enumerate() {
        thread::scope(|scope| {
            for (at, way) in together.iter().enumerate() {
                let (act, directory) = (&act, directory.path());
                scope.spawn(move || {
                    let liar = Liar::start(directory, "localhost", &[SERIAL], *way);
                    let client = client(directory, &format!("client{round}{at}"), PATIENCE);
                    add(&client, "localhost", &liar.certificate, liar.port);
                    act(*way, &client, &liar);
                });
            }
        });
    }
}

fn timed(client: &Client, script: &str) -> Shown {
    let began = Instant::now();
    let shown = client.lunacm(script);
    assert!(began.elapsed() < LONG, "{:?} for {script}: {}", began.elapsed(), shown.text);
    shown
}

#[test]
fn lunacm_hears_of_every_lie_in_time() {
    in_every_way(|way, client, _| {
        let shown = timed(client, "slot list\npartition showinfo\nslot list\n");
        let slot = shown.text.contains("Slot Id ->              0");
        assert_eq!(slot, comes_up(way), "{way:?}: {}", shown.text);
        let described = shown.text.contains("Partition OUID");
        assert_eq!(described, answers(way), "{way:?}: {}", shown.text);
        if matches!(way, Way::FromTheFirst(Lie::OtherPartition)) {
            shown.has("the one that answered says that it is 999");
        }
        if matches!(way, Way::OnceALinkStands(Lie::OtherPartition)) {
            shown
                .has("the one that answered says that it is 999")
                .has("Status ->               Lost");
        }
    });
}

#[test]
fn the_module_hears_of_every_lie_in_time() {
    in_every_way(|way, client, _| {
        let mut module = Module::initialized(client);
        let slots = module.say("slots");
        slots.took_less(LONG);
        assert_eq!(slots.text.starts_with("0:"), comes_up(way), "{way:?}: {}", slots.text);
        if comes_up(way) {
            let opened = module.say("open 0");
            opened.took_less(LONG);
            // The replies to a session tell no serial number.
            let opens = answers(way) || way == Way::OnceALinkStands(Lie::OtherPartition);
            assert_eq!(opened.text == "Ok(())", opens, "{way:?}: {}", opened.text);
            if opened.text == "Ok(())" {
                module.say("information").has("Ok((0");
            }
        }
        module.say("finalize").is("Ok(())").took_less(Duration::from_secs(1));
    });
}

#[test]
fn whoever_takes_its_time_holds_nobody_up() {
    let world = World::with_partitions(&["par1"]);
    let directory = world.root.path();
    let client = client(directory, "client1", 2000);
    let (port, open) = trickler();
    add(&client, "localhost", &world.certificate(), port);
    add(&client, "127.0.0.1", &world.certificate(), world.daemon.port);
    assign(&world, &client, "par1");
    let own = serial(&world, "par1");
    timed(&client, "slot list\n").has(&own.to_string()).has("the appliance did not answer in time");
    let mut module = Module::initialized(&client);
    let honest = format!("0:{own}:Net_Token_Slot,_NTLS,_127.0.0.1");
    module.say("slots").is(&honest).took_less(Duration::from_secs(10));
    module.say("together 8").took_less(Duration::from_secs(10));
    module.say("finalize").is("Ok(())").took_less(Duration::from_secs(1));
    // What answers is there long before the rest would be given up.
    be_patient(&client, 60_000);
    let mut module = Module::initialized(&client);
    module.say("slots").is(&honest).took_less(Duration::from_secs(40));
    assert!(open.load(Ordering::SeqCst) > 0, "the other connection is still being made");
    module.say("finalize").is("Ok(())").took_less(Duration::from_secs(1));
    eventually("connections end with the library", || open.load(Ordering::SeqCst) == 0);
    let mut module = Module::initialized(&client);
    let cut = module.say("cut 300");
    let took: u64 = cut.text.split(' ').next().unwrap().parse().unwrap();
    assert!(took < 1000, "{}", cut.text);
    eventually("connections end with the library", || open.load(Ordering::SeqCst) == 0);
}

#[test]
fn an_appliance_starts_few_threads_whatever_it_claims() {
    let directory = tempfile::tempdir().unwrap();
    let claim = |count: u64| {
        (0..count).map(|at| SerialNumber::new(1_000_000_000_000 + at)).collect::<Vec<_>>()
    };
    let liar = Liar::start(directory.path(), "localhost", &claim(900), Way::NeverOpens);
    let client = client(directory.path(), "client1", PATIENCE);
    add(&client, "localhost", &liar.certificate, liar.port);
    let mut module = Module::initialized(&client);
    let threads = module.say("threads");
    let most: usize = threads.took_less(LONG).text.split(' ').next().unwrap().parse().unwrap();
    assert!(most <= 16 + 4, "{most} threads");
    assert!(liar.connections() <= 16, "{} connections", liar.connections());
    module.say("finalize").is("Ok(())").took_less(Duration::from_secs(1));
    let liar = Liar::start(directory.path(), "127.0.0.1", &claim(20_000), Way::Honest);
    client.vtl(&["deleteServer", "-n", "localhost"]).ok();
    add(&client, "127.0.0.1", &liar.certificate, liar.port);
    timed(&client, "slot list\n").has("names 20000 partitions, and a client takes 1000");
    assert!(liar.heard().len() <= 2, "{:?}", liar.heard().len());
}

#[test]
fn a_registered_identity_is_reached_over_stc_alone() {
    let mut world = World::with_partitions(&["par1"]);
    let client = world.officer("client1");
    let own = serial(&world, "par1");
    client.vtl(&["createCert", "-n", "client1"]).ok();
    be_patient(&client, PATIENCE);
    let liar = Liar::start(world.root.path(), "127.0.0.1", &[own], Way::Honest);
    add(&client, "127.0.0.1", &liar.certificate, liar.port);
    let shown = timed(&client, "slot list\n");
    shown.has("Channel ->              STC").lacks("Channel ->              NTLS");
    shown.has("reached over STC alone").has("127.0.0.1");
    world.daemon.kill();
    let login = format!("slot list\nrole login -name co -password {CO}\n");
    timed(&client, &login).failed().lacks("Slot Id ->");
    let mut module = Module::initialized(&client);
    module.say("slots").is("");
    module.say("finalize").is("Ok(())");
    liar.heard_no_password();
}

#[test]
fn a_partition_that_two_servers_claim_is_used_by_neither() {
    let mut world = World::with_partitions(&["par1"]);
    let client = client(world.root.path(), "client1", PATIENCE);
    add(&client, "localhost", &world.certificate(), world.daemon.port);
    assign(&world, &client, "par1");
    let own = serial(&world, "par1");
    client.lunacm(&format!("partition init -label par1 -password {PO} -domain dom -force\n")).ok();
    let mut module = Module::initialized(&client);
    module.say("slots").has(&format!("0:{own}:"));
    module.say("open 0").is("Ok(())");
    let liar = Liar::start(world.root.path(), "127.0.0.1", &[own], Way::Honest);
    add(&client, "127.0.0.1", &liar.certificate, liar.port);
    let shown = timed(&client, &format!("slot list\nrole login -name co -password {CO}\n"));
    shown.lacks("Slot Id ->").has("localhost").has("127.0.0.1");
    shown.has("127.0.0.1 says that it has this partition too");
    // Slots are looked at again after a while.
    thread::sleep(Duration::from_secs(4));
    module.say("slots").is("0:absent");
    assert_ne!(module.say("open 0").text, "Ok(())");
    // With the other one out of the way it is what it was.
    client.vtl(&["deleteServer", "-n", "127.0.0.1"]).ok();
    thread::sleep(Duration::from_secs(4));
    module.say("slots").has(&format!("0:{own}:"));
    // A partition that was reached by another certificate stays that one's, even when it is away.
    add(&client, "127.0.0.1", &liar.certificate, liar.port);
    world.daemon.kill();
    thread::sleep(Duration::from_secs(4));
    module.say("slots").is("0:absent");
    assert_ne!(module.say("open 0").text, "Ok(())");
    liar.heard_no_password();
    module.say("finalize").is("Ok(())");
}
