//! Sockets: owns them, frames them, drives the channel, limits and shuts down. Never reads a
//! request.

mod frames;
mod link;
mod secure;
mod server;
mod tls;

pub use link::{ConnectError, Endpoint, Link, LinkError};
pub use server::{Answered, Closer, Peer, Server, Service};
pub use tls::{STC_PROTOCOL, ServerIdentity, client_config, server_config};
