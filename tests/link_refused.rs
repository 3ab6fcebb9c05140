//! What the programs say when the appliance takes no further link of a client.

#![allow(clippy::unwrap_used, reason = "a test's own mistakes may panic")]

mod world;

use lunacm::client::{Application, home::Home};
use world::World;

#[test]
fn every_program_tells_that_there_are_too_many_links() {
    let world = World::with_partitions_and(&["par1"], &["--max-links-per-client", "1"]);
    let client = world.officer("client1");
    let application = Application::new(Home::at(&client.home));
    application.refresh().unwrap();
    assert_eq!(application.slots().len(), 1);
    let told = "has as many links as it may have";
    let remedy = "End other programs that use the partition";
    client.vtl(&["verify"]).failed().has(told).has(remedy).lacks("client register");
    client.lunacm("clientconfig verify\nslot list\n").failed().has(told).has(remedy);
    drop(application);
    client.vtl(&["verify"]).ok().has("par1");
}
