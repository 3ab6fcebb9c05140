//! Sockets: owns them, frames them, drives the channel, limits and shuts down. Never reads a
//! request.

mod carrier;
mod frames;
mod inbox;
mod link;
mod local;
mod multiplexer;
mod ntls;
mod primitives;
mod seat;
mod secure;
mod server;
mod tls;
mod tunnel;

pub use link::{ConnectError, Endpoint, Link};
pub use local::{local_socket, receive, send};
pub use seat::LinkError;
pub use server::{Answered, Closer, Peer, Server, Service, told};
pub use tls::{
    Credentials, KnownCertificates, NTLS_PROTOCOL, STC_PROTOCOL, ServerIdentity, client_config,
    server_config,
};
