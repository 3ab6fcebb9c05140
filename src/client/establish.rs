//! From a target to a link that is activated: one deadline for all of it.

use zeroize::Zeroizing;

use super::{
    failure::{ConnectFailure, OtherPartition},
    target::{Target, Way},
};
use crate::{
    channel::{InitiatorConfig, Suite},
    model::{ApplicationId, PartitionInfo, Reply, Request, SerialNumber},
    net::{ConnectError, Credentials, Endpoint, GiveUp, Link, LinkError, Opening},
    wire::{decode, encode},
};

/// What to do about a registration that cannot be used.
pub(super) const REGISTER_ANEW: &str =
    "Register the server anew with vtl deleteServer and vtl addServer.";

/// A link that is up.
pub(super) struct Established {
    pub(super) link: Link,
    /// The number of the link on the appliance.
    pub(super) channel: u64,
    /// What the partition told of itself.
    pub(super) partition: PartitionInfo,
}

/// Connects to a target, unless `give_up` is raised before the link is up.
pub(super) fn establish(target: &Target, give_up: &GiveUp) -> Result<Established, ConnectFailure> {
    let endpoint = target.endpoint.as_ref();
    let endpoint =
        endpoint.map_err(|reason| ConnectFailure::Unusable(reason.clone(), REGISTER_ANEW))?;
    let (mut opening, reply) = match &target.way {
        Way::Stc { identity, partition } => {
            let config = InitiatorConfig {
                identity: identity.keys.clone(),
                partition: *partition,
                serial: target.serial.value(),
                suites: Suite::ALL.to_vec(),
            };
            let mut opening = Opening::stc(endpoint, config, give_up)?;
            let activate = Request::Activate { client: identity.label.clone() };
            let reply = next(&mut opening, &activate)?;
            (opening, reply)
        }
        Way::Ntls(credentials) => {
            let mut opening = Opening::ntls(endpoint, credentials, give_up)?;
            let reply = opening.ask(&encoded(&Request::Open { serial: target.serial })?)?;
            (opening, reply)
        }
    };
    match decode(&reply) {
        Ok(Reply::Activated { channel, partition }) => {
            check_serial(target.serial, partition.serial)
                .map_err(ConnectFailure::OtherPartition)?;
            if let Some(application) = target.application {
                join(&mut opening, application)?;
            }
            Ok(Established { link: opening.into_link()?, channel, partition })
        }
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// The partitions that the appliance at this end gave to this client.
pub(super) fn assigned(
    endpoint: &Endpoint,
    credentials: &Credentials,
    give_up: &GiveUp,
) -> Result<Vec<SerialNumber>, ConnectFailure> {
    let mut opening = Opening::ntls(endpoint, credentials, give_up)?;
    let reply = opening.ask(&encoded(&Request::Assigned)?)?;
    match decode(&reply) {
        Ok(Reply::Serials(serials)) => Ok(serials),
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// Holds that a partition is the one that was asked for.
pub(super) fn check_serial(asked: SerialNumber, told: SerialNumber) -> Result<(), OtherPartition> {
    if asked == told { Ok(()) } else { Err(OtherPartition { asked, told }) }
}

/// Has a link share the login of its application.
fn join(opening: &mut Opening, application: ApplicationId) -> Result<(), ConnectFailure> {
    let reply = next(opening, &Request::JoinApplication(application))?;
    match decode(&reply) {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Failed(status)) => Err(ConnectFailure::Refused(status)),
        _ => Err(ConnectFailure::Malformed),
    }
}

/// Sends a request behind the handshake, where an end of the connection is the partition's.
fn next(opening: &mut Opening, request: &Request) -> Result<Zeroizing<Vec<u8>>, ConnectFailure> {
    opening.ask(&encoded(request)?).map_err(|error| match error {
        ConnectError::Stream(_) => ConnectFailure::Link(LinkError::Closed),
        error => ConnectFailure::Connect(error),
    })
}

fn encoded(request: &Request) -> Result<Zeroizing<Vec<u8>>, ConnectFailure> {
    encode(request).map_err(|_| ConnectFailure::Malformed)
}
