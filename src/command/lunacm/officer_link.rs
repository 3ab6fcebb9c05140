//! A link of a command's own, with the Crypto Officer logged in: what it does there is a real
//! login, and nobody's session changes by it.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{
    super::interrupts::Waiting,
    Session,
    failure::{login_refused, refused, unasked},
};
use crate::{
    client::{AskError, Partition},
    command::unreachable::unreachable,
    model::{Password, Reply, Request, Role, Status},
    shell::Failure,
};

/// The link. It ends, and the login with it, when it is dropped.
pub(super) struct OfficerLink {
    partition: Arc<Partition>,
    runtime: Handle,
    waiting: Waiting,
}

impl OfficerLink {
    /// Connects to the partition in a slot once more and logs its Crypto Officer in.
    ///
    /// # Errors
    /// The partition cannot be reached, or the login is refused.
    pub(super) fn open(
        session: &Session,
        number: u32,
        password: Password,
    ) -> Result<Self, Failure> {
        let slot = session.slots().iter().find(|slot| slot.number == number);
        let slot = slot.ok_or_else(|| refused(Status::TokenNotPresent))?;
        let here = slot.link().partition().clone();
        let connected = session.wait_for(move || here.another())?;
        let (partition, _) = connected.map_err(|reason| {
            let (status, cause, remedy) = unreachable(&reason);
            super::failure::failure(status, cause).remedy(remedy)
        })?;
        let (runtime, waiting) = session.waiting();
        let link = Self { partition: Arc::new(partition), runtime, waiting };
        let role = Role::CryptoOfficer;
        match link.ask(&Request::Login { role, password })? {
            Reply::Done => Ok(link),
            Reply::Failed(status) => {
                let left = match link.ask(&Request::DescribeRole { role }) {
                    Ok(Reply::Role(state)) if status == Status::PinIncorrect => {
                        Some(state.attempts_left)
                    }
                    _ => None,
                };
                Err(login_refused(role, status, left))
            }
            _ => Err(refused(Status::DeviceError)),
        }
    }

    /// Asks over the link.
    ///
    /// # Errors
    /// The link is lost.
    pub(super) fn ask(&self, request: &Request) -> Result<Reply, Failure> {
        let (partition, asked) = (self.partition.clone(), request.clone());
        let asking = self.runtime.spawn_blocking(move || partition.call(&asked));
        let reply = match self.waiting.on(&self.runtime, asking) {
            Some(reply) => reply.unwrap_or(Err(AskError::Malformed)),
            None => Err(AskError::GivenUp { open: true }),
        };
        reply.map_err(|error| unasked(&error))
    }
}

impl Drop for OfficerLink {
    fn drop(&mut self) {
        self.partition.close();
    }
}
