//! What an idle link costs the daemon in memory, with 5,000 of them.

use std::{fs, sync::Arc, thread, time::Duration};

use lunacm::{
    channel::InitiatorConfig,
    model::{Reply, Request},
    net::{Endpoint, Link},
    wire::{decode, encode},
};

use crate::{figures::show, world::World};

const LINKS: usize = 5000;
const THREADS: usize = 8;

pub fn run() {
    let world = World::with_partitions_and(&["par1"], &["--max-links-per-client", "6000"]);
    let (endpoint, config) = (world.endpoint(), world.stranger());
    let first = connect(&endpoint, &config);
    let before = resident(world.daemon.process());
    let shared = Arc::new((endpoint, config));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let shared = shared.clone();
            let each = LINKS / THREADS;
            thread::spawn(move || {
                (0..each).map(|_| connect(&shared.0, &shared.1)).collect::<Vec<_>>()
            })
        })
        .collect();
    let links: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let busy = resident(world.daemon.process());
    thread::sleep(Duration::from_secs(4));
    let after = resident(world.daemon.process());
    let count = f64::from(u32::try_from(links.len()).unwrap());
    println!("{} links; resident before, with all of them, and idle:", links.len());
    println!("  {before:.0} KiB, {busy:.0} KiB, {after:.0} KiB");
    show("KiB a link, just made", &[(busy - before) / count]);
    show("KiB a link, idle", &[(after - before) / count]);
    assert!(links.iter().chain([&first]).all(|link| !link.is_closed()));
}

fn connect(endpoint: &Endpoint, config: &InitiatorConfig) -> Link {
    let link = Link::connect(endpoint, config.clone()).unwrap();
    let activate = encode(&Request::Activate { client: "bench".parse().unwrap() }).unwrap();
    let reply = link.call(&activate).unwrap();
    assert!(matches!(decode(&reply), Ok(Reply::Activated { .. })));
    link
}

/// `VmRSS` of a process, in KiB.
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
