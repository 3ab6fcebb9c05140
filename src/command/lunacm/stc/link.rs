//! `stc enable`, `stc disable` and `stc status`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::super::{
    Session,
    failure::failure,
    session::{identity, token_failure},
};
use crate::{
    client::servers::Server,
    command::unreachable::unreachable,
    model,
    shell::{Console, Failure, Outcome, report},
};

#[derive(Debug, Args)]
pub struct Enable {
    /// The server's number; see clientconfig listservers
    #[arg(long, visible_alias = "i", value_name = "server_ID")]
    id: u8,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Enable {
    /// Switches the server to STC and connects. The setting stays when no partition can be
    /// reached: it is what the user asked for, and the links come up when they can.
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let server = find(session, self.id)?;
        ready(session)?;
        let warning = format!(
            "Enabling STC on {} forces this client to use STC for all links to it.\nPartitions assigned to this client over NTLS will not be reached any more.\nLunaCM restarts, and sessions that are open in it are closed.",
            server.name
        );
        console.confirm(&warning, self.force)?;
        session.set_stc(self.id, true)?;
        session.restart()?;
        if session.present().any(|slot| slot.link().target().host == server.name.as_str()) {
            return report(Switched { server: server.name.to_string(), stc: true });
        }
        let name = server.name.to_string();
        let reason = session.missing().iter().find_map(|missing| {
            missing
                .reasons
                .iter()
                .find(|(at, _)| *at == name)
                .map(|(_, reason)| unreachable(reason))
        });
        Err(match reason {
            Some((status, cause, remedy)) => failure(
                status,
                format_args!("STC is enabled on {name}, but no partition can be reached: {cause}"),
            )
            .remedy(remedy),
            None => failure(
                model::Status::TokenNotPresent,
                format_args!(
                    "STC is enabled on {name}, but it has none of the registered partitions"
                ),
            )
            .remedy("Register its partitions: stc partitionregister -file <path/IDfile.pid>."),
        })
    }
}

#[derive(Debug, Args)]
pub struct Disable {
    /// The server's number; see clientconfig listservers
    #[arg(long, visible_alias = "i", value_name = "server_ID")]
    id: u8,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Disable {
    pub(super) fn run(&self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let server = find(session, self.id)?;
        let warning = format!(
            "Disabling STC on {} ends all STC links to it.\nLunaCM restarts, and sessions that are open in it are closed.",
            server.name
        );
        console.confirm(&warning, self.force)?;
        session.set_stc(self.id, false)?;
        session.restart()?;
        report(Switched { server: server.name.to_string(), stc: false })
    }
}

/// Changes the keys of the current slot's link now, whatever they have done.
#[derive(Debug, Args)]
pub struct Rekey {}

impl Rekey {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        session.done(&model::Request::Ping)?;
        let epoch = epoch(session)?;
        session.slot()?.link().rekey();
        // The exchange goes beside requests: two of them, and it is done.
        for _ in 0..4 {
            session.done(&model::Request::Ping)?;
            let now = self::epoch(session)?;
            if now != epoch {
                return report(Rekeyed { key_epoch: now });
            }
        }
        Err(failure(model::Status::StcRekeyChannelMismatch, "the keys have not been changed")
            .remedy("See stc status; the change may still come with the next commands."))
    }
}

fn epoch(session: &mut Session) -> Result<u32, Failure> {
    match session.slot()?.link().status() {
        Some(status) => Ok(status.epoch),
        None => Err(failure(model::Status::FunctionNotSupported, "the link is without STC")),
    }
}

#[derive(Debug, Serialize)]
struct Rekeyed {
    key_epoch: u32,
}

impl fmt::Display for Rekeyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\n        Successfully changed the keys of the link; they are of epoch {}.",
            self.key_epoch
        )
    }
}

#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    #[allow(clippy::unused_self, reason = "every command acts on its arguments")]
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        // The link is asked first, so that what is shown is true now.
        session.done(&model::Request::Ping)?;
        let link = session.slot()?.link();
        let Some(status) = link.status() else {
            return report(NotEnabled { enabled: false });
        };
        let [cipher, hmac, exchange] = status.suite.algorithms();
        report(State {
            enabled: true,
            status: if link.is_up() { "Connected" } else { "Not Connected" },
            channel_id: link.channel(),
            cipher_name: cipher.name(),
            hmac_name: hmac.name(),
            key_exchange: exchange.name(),
            key_epoch: status.epoch,
            messages_left: status.left,
            replay_window: status.settings.window.records(),
            messages_sent: status.sent,
            messages_received: status.received,
            replays_refused: status.replayed + status.replayed_there,
        })
    }
}

fn find(session: &Session, id: u8) -> Result<Server, Failure> {
    session.servers()?.into_iter().find(|server| server.id == id).ok_or_else(|| {
        failure(
            model::Status::ArgumentsBad,
            format_args!("no server of the number {id} is registered"),
        )
        .remedy("See clientconfig listservers; servers are registered with vtl addServer.")
    })
}

/// What STC needs on this client: a token, an identity, a partition.
fn ready(session: &Session) -> Result<(), Failure> {
    let token = session.initialized_token()?;
    if identity(&token)?.is_none() {
        return Err(failure(
            model::Status::StcClientIdentityNotConfigured,
            "there is no client identity on the token",
        )
        .remedy("Make one: stc identitycreate -label <client_identity>."));
    }
    let partitions = token.partitions().map_err(|error| token_failure(&error))?;
    if partitions.is_empty() {
        return Err(failure(
            model::Status::StcPartitionIdentityNotConfigured,
            "no partition identity is registered on this client",
        )
        .remedy("Register one: stc partitionregister -file <path/IDfile.pid>."));
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Switched {
    server: String,
    stc: bool,
}

impl fmt::Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.stc { "enabled" } else { "disabled" };
        write!(f, "\n        Successfully {word} STC on server {}.", self.server)
    }
}

#[derive(Debug, Serialize)]
struct State {
    enabled: bool,
    status: &'static str,
    channel_id: u64,
    cipher_name: &'static str,
    hmac_name: &'static str,
    key_exchange: &'static str,
    key_epoch: u32,
    messages_left: u64,
    replay_window: u16,
    messages_sent: u64,
    messages_received: u64,
    replays_refused: u64,
}

/// The state of a link over NTLS.
#[derive(Debug, Serialize)]
struct NotEnabled {
    enabled: bool,
}

impl fmt::Display for NotEnabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n        Enabled:            No\n")?;
        write!(
            f,
            "\n        The link to this slot is NTLS. See clientconfig listservers, and stc enable."
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let enabled = if self.enabled { "Yes" } else { "No" };
        write!(f, "\n        Enabled:            {enabled}")?;
        write!(f, "\n        Status:             {}", self.status)?;
        write!(f, "\n        Channel ID:         {}", self.channel_id)?;
        write!(f, "\n        Cipher Name:        {}", self.cipher_name)?;
        write!(f, "\n        HMAC Name:          {}", self.hmac_name)?;
        write!(f, "\n        Key Exchange:       {}", self.key_exchange)?;
        write!(f, "\n        Key Epoch:          {}", self.key_epoch)?;
        write!(f, "\n        Messages Left:      {}", self.messages_left)?;
        write!(f, "\n        Replay Window:      {} commands", self.replay_window)?;
        write!(f, "\n        Messages Sent:      {}", self.messages_sent)?;
        write!(f, "\n        Messages Received:  {}", self.messages_received)?;
        write!(f, "\n        Replays Refused:    {}", self.replays_refused)
    }
}
