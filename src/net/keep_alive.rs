//! How an end that has gone without a farewell is noticed.

use std::{io, os::fd::AsFd, time::Duration};

use rustix::net::sockopt;

/// Silence before the system asks whether the peer is there.
const SILENCE: Duration = Duration::from_mins(1);

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(10);

/// Questions without an answer after which the peer is gone.
const QUESTIONS: u32 = 6;

/// Has the system find out that the peer is gone, within two minutes.
pub(super) fn keep_alive(socket: &impl AsFd) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, SILENCE)?;
    sockopt::set_tcp_keepintvl(socket, INTERVAL)?;
    Ok(sockopt::set_tcp_keepcnt(socket, QUESTIONS)?)
}
