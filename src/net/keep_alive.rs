//! How an end that has gone without a farewell is noticed.

use std::{io, os::fd::AsFd, time::Duration};

use rustix::net::sockopt;

use crate::model::KeepAlive;

/// Has the system find out that the peer is gone.
pub(super) fn keep_alive(socket: &impl AsFd, settings: KeepAlive) -> io::Result<()> {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, seconds(settings.idle))?;
    sockopt::set_tcp_keepintvl(socket, seconds(settings.interval))?;
    Ok(sockopt::set_tcp_keepcnt(socket, settings.probes)?)
}
