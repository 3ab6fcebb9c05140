//! The administrator's socket.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::timeout,
};

use super::{Desk, StartError};
use crate::{
    hsm::AdminSession,
    model::{AdminReply, AdminRequest, Status},
    net::{receive, send, told},
};

/// How long requests in flight may take once the appliance ends.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// Listens on the socket (mode 0600) until told to stop. The caller holds the directory's lock,
/// so a socket that is already there was left behind.
pub(super) fn start(
    path: PathBuf,
    desk: Arc<Desk>,
    stopping: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, StartError> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StartError::Console(error));
        }
        _ => {}
    }
    // One thread is there from the start: where no further one can be had, requests wait for it.
    drop(spawn_blocking(|| ()));
    // The directory is 0700 already: nobody can connect between these two lines.
    let listener = UnixListener::bind(&path).map_err(StartError::Console)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(StartError::Console)?;
    let owner = fs::metadata(&path).map_err(StartError::Console)?.uid();
    Ok(tokio::spawn(async move {
        accept(listener, owner, desk, stopping).await;
        let _ = fs::remove_file(&path);
    }))
}

async fn accept(
    listener: UnixListener,
    owner: u32,
    desk: Arc<Desk>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut administrators = JoinSet::new();
    loop {
        tokio::select! {
            () = told(&mut stopping) => break,
            Some(_) = administrators.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => if let Some(user) = permitted(&stream, owner) {
                    let session = Arc::new(AdminSession::of_user(user));
                    administrators.spawn(serve(stream, session, desk.clone(), stopping.clone()));
                } else {
                    tracing::warn!("another user's connection to the socket was refused");
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    let drained = async { while administrators.join_next().await.is_some() {} };
    if timeout(DRAIN_PATIENCE, drained).await.is_err() {
        tracing::warn!("an administrator's request outlived the appliance");
    }
}

/// The user at the other end, if it may connect. The socket's mode keeps other users out; this holds
/// where a file system ignores modes.
fn permitted(stream: &UnixStream, owner: u32) -> Option<u32> {
    let user = stream.peer_cred().ok()?.uid();
    (user == owner || user == 0).then_some(user)
}

async fn serve(
    mut stream: UnixStream,
    session: Arc<AdminSession>,
    desk: Arc<Desk>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let request = tokio::select! {
            () = told(&mut stopping) => return,
            request = receive::<AdminRequest>(&mut stream) => request,
        };
        let request = match request {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "administrator's connection ended");
                return;
            }
        };
        let (desk, session) = (desk.clone(), session.clone());
        let reply = spawn_blocking(move || desk.perform(&session, request))
            .await
            .unwrap_or(AdminReply::Failed(Status::DeviceError));
        if let Err(error) = send(&mut stream, &reply).await {
            tracing::warn!(%error, "administrator's connection ended");
            return;
        }
    }
}
