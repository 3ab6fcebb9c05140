//! The arguments of `lunahsmd`.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::{
    appliance::{LinkLimits, PrivilegeError, ServiceUser, Settings, machine},
    hsm::MemoryLimits,
    net::Limits,
    shell::Manual,
};

/// The appliance daemon: hosts an HSM's partitions for clients and for lunash.
#[derive(Debug, Parser)]
#[command(name = "lunahsmd", version)]
pub struct Arguments {
    /// The directory that holds everything the appliance keeps; made on first start
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where clients connect; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1792")]
    listen: String,
    /// The host name or address that clients register; the server certificate is made for it
    #[arg(long, value_name = "HOST")]
    name: Option<String>,
    /// How many links there may be at a time
    #[arg(long, value_name = "NUMBER", default_value_t = LinkLimits::DEFAULT.all)]
    max_links: usize,
    /// How many links one client may have at a time
    #[arg(long, value_name = "NUMBER", default_value_t = LinkLimits::DEFAULT.per_client)]
    max_links_per_client: usize,
    /// How many connections may be in handshakes at a time; one more ends the oldest
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::DEFAULT.half_open)]
    max_half_open: usize,
    /// How many of these may come from one address
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::DEFAULT.half_open_per_source)]
    max_half_open_per_source: usize,
    /// Seconds of silence after which a link is ended; 0 keeps silent links
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_IDLE_SECONDS)]
    idle_timeout: u64,
    /// Memory in MiB for requests that come in several parts, of all links together; what goes
    /// beyond it is refused. An eighth of the machine's without it, and at most 512
    #[arg(long, value_name = "MIB")]
    max_request_memory: Option<usize>,
    /// Memory in MiB for what clients keep on the appliance: sessions, their objects and operations,
    /// requests that wait. What goes beyond it is refused. A quarter of the machine's without it
    #[arg(long, value_name = "MIB")]
    max_memory: Option<usize>,
    /// How much of it one client may have, over all of its links. A sixteenth of the machine's
    /// without it
    #[arg(long, value_name = "MIB")]
    max_memory_per_client: Option<usize>,
    /// Seconds that such a request may take to come in full, and that a client may take none of its
    /// replies, before its link is ended
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.transfer.as_secs())]
    transfer_timeout: u64,
    /// The user to become for good, once the address is listened on; the data directory belongs to
    /// that user, or is made so. Root alone can do this
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

const DEFAULT_IDLE_SECONDS: u64 = 8 * 60 * 60;

impl Arguments {
    /// What the daemon starts with.
    ///
    /// # Errors
    /// There is no such user.
    pub fn settings(self) -> Result<Settings, PrivilegeError> {
        let user = self.user.as_deref().map(ServiceUser::of_name).transpose()?;
        let bytes = |mebibytes: usize| mebibytes.saturating_mul(1 << 20);
        let machine = machine::memory();
        let shares = machine::shares_of(machine);
        let all = self.max_memory.map_or(shares.all, bytes);
        let memory = MemoryLimits {
            all,
            per_client: self.max_memory_per_client.map_or(shares.per_client.min(all), bytes),
        };
        let requests = self.max_request_memory.map(bytes);
        let idle = Some(self.idle_timeout).filter(|seconds| *seconds > 0);
        Ok(Settings {
            data: self.data,
            listen: self.listen,
            name: self.name,
            limits: Limits {
                half_open: self.max_half_open,
                half_open_per_source: self.max_half_open_per_source,
                idle: idle.map(Duration::from_secs),
                request_bytes: requests.unwrap_or(machine::request_share_of(machine)),
                transfer: Duration::from_secs(self.transfer_timeout.max(1)),
            },
            links: LinkLimits { all: self.max_links, per_client: self.max_links_per_client },
            memory,
            user,
        })
    }
}

/// The daemon's manual.
pub fn manual() -> Manual {
    Manual::of_program::<Arguments>()
}
