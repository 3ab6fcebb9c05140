//! The administrator's connection to the appliance on this machine.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::UnixStream,
    runtime::{Builder, Runtime},
    task::yield_now,
    time::timeout,
};

use super::listener;
use crate::{
    model::{AdminReply, AdminRequest},
    net::{local_socket, receive, send},
};

/// How long an answer may take. Initializing derives keys from passwords, which is slow on
/// purpose.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection over the appliance's local socket. Blocks, and so must not be used on a thread of
/// a runtime.
#[derive(Debug)]
pub struct AdminLink {
    runtime: Runtime,
    socket: PathBuf,
    stream: Option<UnixStream>,
}

impl AdminLink {
    /// Connects to the appliance whose data directory this is, if its process and the directory are
    /// this user's or root's.
    ///
    /// # Errors
    /// The appliance does not run or does not let this user in, or it may be somebody else.
    pub fn open(data: &Path) -> Result<Self, AdminError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(AdminError::Lost)?;
        let mut link = Self { runtime, socket: local_socket(data), stream: None };
        link.stream = Some(link.connect()?);
        Ok(link)
    }

    /// Sends a request and waits for the answer. A connection that the appliance had closed before
    /// is made anew, with nobody logged in; a request that was sent is never sent again.
    ///
    /// # Errors
    /// The appliance does not run any more, or the connection broke before the answer.
    pub fn ask(&mut self, request: &AdminRequest) -> Result<AdminReply, AdminError> {
        self.ask_unless(request, std::future::pending())
    }

    /// As [`Self::ask`]; the connection ends if `given_up` returns before the answer has come.
    ///
    /// # Errors
    /// As [`Self::ask`], and [`AdminError::GivenUp`].
    pub fn ask_unless(
        &mut self,
        request: &AdminRequest,
        given_up: impl Future<Output = ()>,
    ) -> Result<AdminReply, AdminError> {
        let kept = self.stream.take().filter(|stream| self.runtime.block_on(is_open(stream)));
        let mut stream = kept.map_or_else(|| self.connect(), Ok)?;
        let reply = self.runtime.block_on(async {
            let exchanged = timeout(PATIENCE, exchange(&mut stream, request));
            tokio::select! {
                biased;
                () = given_up => Err(AdminError::GivenUp),
                reply = exchanged => reply.map_err(io::Error::from).flatten().map_err(AdminError::Lost),
            }
        });
        let reply = reply?;
        self.stream = Some(stream);
        Ok(reply)
    }

    fn connect(&self) -> Result<UnixStream, AdminError> {
        let connected = self.runtime.block_on(UnixStream::connect(&self.socket));
        let stream = connected.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                AdminError::NotRunning(self.socket.clone())
            }
            ErrorKind::PermissionDenied => AdminError::Denied(self.socket.clone()),
            ErrorKind::InvalidInput => AdminError::PathTooLong(self.socket.clone()),
            _ => AdminError::Lost(error),
        })?;
        // Before anything is said: who hears it.
        listener::check(&self.socket, &stream)
            .map_err(AdminError::Lost)?
            .map_err(AdminError::Untrusted)?;
        Ok(stream)
    }
}

async fn exchange(stream: &mut UnixStream, request: &AdminRequest) -> io::Result<AdminReply> {
    send(stream, request).await?;
    receive(stream).await?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// Nothing is due between two requests: a stream that can be read has ended.
async fn is_open(stream: &UnixStream) -> bool {
    // Lets the runtime learn of an end that came while it was not running.
    yield_now().await;
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Why the appliance on this machine could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No socket, or nobody behind it.
    #[error("no appliance runs here: nobody answers at {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket belongs to another user.
    #[error("{} belongs to another user", .0.display())]
    Denied(PathBuf),
    /// Somebody else listens, or could. Nothing was said to them.
    #[error("this may be another's appliance: {0}")]
    Untrusted(String),
    /// Sockets have short paths.
    #[error("{} is too long for the path of a socket", .0.display())]
    PathTooLong(PathBuf),
    /// The connection failed, and whether the request was carried out is not known.
    #[error("the connection to the appliance broke: {0}")]
    Lost(io::Error),
    /// The user left the request, and whether it was carried out is not known.
    #[error("interrupted")]
    GivenUp,
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Sender, channel},
        thread,
    };

    use tokio::net::UnixListener;

    use super::*;

    /// Answers one request on each of two connections, one after the other.
    fn appliance(data: &Path, closed: Sender<()>) -> thread::JoinHandle<Vec<AdminRequest>> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(async { UnixListener::bind(local_socket(data)) }).unwrap();
        thread::spawn(move || {
            runtime.block_on(async {
                let mut heard = Vec::new();
                for _ in 0..2 {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    heard.push(receive(&mut stream).await.unwrap().unwrap());
                    send(&mut stream, &AdminReply::Done).await.unwrap();
                    drop(stream);
                    closed.send(()).unwrap();
                }
                heard
            })
        })
    }

    #[test]
    fn a_closed_connection_is_made_anew() {
        let data = tempfile::tempdir().unwrap();
        let (sender, closed) = channel();
        let appliance = appliance(data.path(), sender);
        let mut link = AdminLink::open(data.path()).unwrap();
        assert_eq!(link.ask(&AdminRequest::Ping).unwrap(), AdminReply::Done);
        closed.recv().unwrap();
        assert_eq!(link.ask(&AdminRequest::Logout).unwrap(), AdminReply::Done);
        assert_eq!(appliance.join().unwrap(), [AdminRequest::Ping, AdminRequest::Logout]);
    }

    #[test]
    fn an_appliance_that_does_not_run_is_named() {
        let data = tempfile::tempdir().unwrap();
        let error = AdminLink::open(data.path()).unwrap_err();
        assert!(matches!(error, AdminError::NotRunning(_)), "{error}");
        drop(std::os::unix::net::UnixListener::bind(local_socket(data.path())).unwrap());
        let error = AdminLink::open(data.path()).unwrap_err();
        assert!(matches!(error, AdminError::NotRunning(_)), "{error}");
        let error = AdminLink::open(&data.path().join("x".repeat(200))).unwrap_err();
        assert!(matches!(error, AdminError::PathTooLong(_)), "{error}");
    }
}
