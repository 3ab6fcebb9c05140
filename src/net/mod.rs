//! Sockets: owns them, frames them, drives the channel, limits and shuts down. Never reads a
//! request.

mod carrier;
mod client_key;
mod clock;
mod codec;
mod connecting;
mod descriptors;
mod doorkeeper;
mod establish;
mod event;
mod frames;
mod half_open;
mod inbox;
mod keep_alive;
mod lane;
mod lanes;
mod lineage;
mod link;
mod local;
mod multiplexer;
mod opening;
mod pace;
mod performed;
mod primitives;
mod replies;
mod seat;
mod server;
mod serving;
mod syslog;
mod tls;
mod traffic;
mod tunnel;
mod turns;
mod vigil;
mod workers;

pub use connecting::{ConnectError, Endpoint, GiveUp};
pub use descriptors::raise_descriptor_limit;
pub use lanes::WorkKind;
pub use lineage::{FORK_MARK, ForkMark, Lineage};
pub use link::Link;
pub use local::{local_socket, receive, send};
pub use opening::Opening;
pub use performed::{Answered, Performed, Work};
pub use seat::LinkError;
pub use server::{Closer, Limits, Peer, PeerIdentity, Server, Service, told};
pub use syslog::SyslogLink;
pub use tls::{
    Credentials, KnownCertificates, NTLS_PROTOCOL, STC_PROTOCOL, ServerIdentity, client_config,
    server_config,
};
