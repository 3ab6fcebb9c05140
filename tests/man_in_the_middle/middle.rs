//! A world whose network somebody else carries, and what is asked of its partition.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use lunacm::{
    channel::InitiatorConfig,
    model::{ClientLabel, Label, Password, Reply, Request, Role},
    net::{ConnectError, Endpoint, Link, LinkError},
    wire::{decode, encode},
};
use serde::de::DeserializeOwned;

use crate::{
    plan::{Order, Plan, Seen, Way},
    program::{APPLIANCE, KEY, ORDERS},
    world::{Client, World, eventually},
};

/// A daemon, and the process between it and its clients.
pub struct Middle {
    pub world: World,
    pub config: InitiatorConfig,
    process: Child,
    orders: Mutex<BufReader<TcpStream>>,
}

impl Middle {
    pub fn new() -> Self {
        let world = World::with_partitions(&["par1"]);
        let config = world.stranger();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let process = Command::new(env::current_exe().unwrap())
            .args(["program::the_man_in_the_middle", "--exact", "--ignored", "--nocapture"])
            .env(ORDERS, listener.local_addr().unwrap().to_string())
            .env(KEY, world.daemon.data.join("server.key"))
            .env(APPLIANCE, world.daemon.port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut orders = None;
        eventually("the man in the middle calls", || {
            orders = listener.accept().ok();
            orders.is_some()
        });
        let (orders, _) = orders.unwrap();
        orders.set_nonblocking(false).unwrap();
        orders.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { world, config, process, orders: Mutex::new(BufReader::new(orders)) }
    }

    fn order<T: DeserializeOwned>(&self, order: &Order) -> T {
        let mut orders = self.orders.lock().unwrap();
        let mut line = serde_json::to_vec(order).unwrap();
        line.push(b'\n');
        orders.get_mut().write_all(&line).unwrap();
        let mut answer = String::new();
        orders.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// A link through the middle.
    pub fn link(&self, plan: Plan) -> Result<Arc<Link>, ConnectError> {
        self.watched(plan).0
    }

    /// A link through the middle, and the port that names it there.
    pub fn watched(&self, plan: Plan) -> (Result<Arc<Link>, ConnectError>, u16) {
        let port = self.order(&Order::Carry(plan));
        let patience = Duration::from_secs(5);
        let endpoint = Endpoint { port, patience, ..self.world.endpoint() };
        (Link::connect(&endpoint, self.config.clone()).map(Arc::new), port)
    }

    /// A client whose way to the appliance is the middle's, and the port that names it there.
    pub fn client(&self, name: &str) -> (Client, u16) {
        let port = self.order(&Order::Carry(Plan::Honest));
        let client = Client { port, ..self.world.client(name) };
        client.prepare(&self.world.certificate());
        let identity = self.world.identities().remove(0);
        let register = format!("stc partitionregister -file {}", identity.display());
        client.lunacm(&format!("{register}\nstc enable -id 0 -force\n")).ok();
        (client, port)
    }

    /// Has the next connection to a port carried by this plan.
    pub fn next(&self, port: u16, plan: Plan) {
        self.order::<()>(&Order::Next { port, plan });
    }

    /// What the man in the middle has seen of a link.
    pub fn seen(&self, port: u16) -> Vec<Seen> {
        self.order(&Order::Tell { port })
    }

    /// Of that, what the client said.
    pub fn said_by_the_client(&self, port: u16) -> Vec<Vec<u8>> {
        let to_partition = |seen: Seen| (seen.way == Way::ToPartition).then_some(seen.frame);
        self.seen(port).into_iter().filter_map(to_partition).collect()
    }

    /// What the HSM SO sees of the partition.
    pub fn shown(&self, label: &str) -> String {
        self.world.lunash("partition show -partition par1\n").value(label).to_owned()
    }
}

/// He ends when nobody is left to give him orders; a test that fails does not wait for it.
impl Drop for Middle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request and its reply.
pub fn ask(link: &Link, request: &Request) -> Result<Reply, LinkError> {
    let reply = link.call(&encode(request).unwrap())?;
    Ok(decode(&reply).unwrap())
}

/// The first request of a link.
pub fn activate(link: &Link) {
    let client = "client1".parse::<ClientLabel>().unwrap();
    let reply = ask(link, &Request::Activate { client });
    assert!(matches!(reply, Ok(Reply::Activated { .. })), "{reply:?}");
}

/// The partition's initialization, by whoever comes first.
pub fn initialize(link: &Link) {
    let initialize = Request::Initialize {
        label: "par1".parse::<Label>().unwrap(),
        password: Password::new("partition-so-1".to_owned()),
        domain: None,
        domain_label: None,
        policies: Vec::new(),
    };
    assert_eq!(ask(link, &initialize), Ok(Reply::Done));
}

/// A login of the Partition SO.
pub fn login(password: &str) -> Request {
    Request::Login { role: Role::PartitionSo, password: Password::new(password.to_owned()) }
}

/// The wrong passwords that the Partition SO has left.
pub fn attempts_left(link: &Link) -> u8 {
    let reply = ask(link, &Request::DescribeRole { role: Role::PartitionSo });
    let Ok(Reply::Role(role)) = reply else { panic!("no state of the role: {reply:?}") };
    role.attempts_left
}
