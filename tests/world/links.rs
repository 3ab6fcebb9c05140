//! What links need that are not `lunacm`'s.

use std::time::Duration;

use lunacm::{
    channel::{InitiatorConfig, Suite},
    client::{certificate::ServerCertificate, identity_file},
    crypto::{KeyPair, SystemRandom},
    net::Endpoint,
};

use super::World;

impl World {
    /// The way to the daemon, for links that are not `lunacm`'s.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: "localhost".to_owned(),
            port: self.daemon.port,
            certificate: ServerCertificate::read(&self.certificate()).unwrap().der().clone(),
            patience: Duration::from_mins(1),
        }
    }

    /// A client without a home that nobody knows yet, and the first partition.
    pub fn stranger(&self) -> InitiatorConfig {
        let partition = identity_file::read_partition(&self.identities()[0]).unwrap();
        InitiatorConfig {
            identity: KeyPair::generate(&mut SystemRandom::new()).unwrap(),
            partition: partition.key,
            serial: partition.serial.value(),
            suites: Suite::ALL.to_vec(),
        }
    }
}
