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
mod link;
mod local;
mod multiplexer;
mod ntls;
mod pace;
mod primitives;
mod seat;
mod server;
mod serving;
mod tls;
mod traffic;
mod tunnel;
mod turns;
mod vigil;
mod workers;

pub use connecting::{ConnectError, Endpoint};
pub use descriptors::raise_descriptor_limit;
pub use lanes::WorkKind;
pub use link::Link;
pub use local::{local_socket, receive, send};
pub use seat::LinkError;
pub use server::{Answered, Closer, Limits, Peer, PeerIdentity, Performed, Server, Service, told};
pub use tls::{
    Credentials, KnownCertificates, NTLS_PROTOCOL, STC_PROTOCOL, ServerIdentity, client_config,
    server_config,
};
