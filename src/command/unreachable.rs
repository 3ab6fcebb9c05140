//! Why a partition cannot be reached, in the words of every program that reaches for one.

use crate::{channel::HandshakeError, client::ConnectFailure, model::Status, net::ConnectError};

/// Why a partition cannot be reached: status, cause and remedy.
pub(super) fn unreachable(reason: &ConnectFailure) -> (Status, String, &'static str) {
    match reason {
        ConnectFailure::Unusable(reason, remedy) => {
            (Status::FunctionFailed, reason.clone(), remedy)
        }
        ConnectFailure::Connect(error) => no_link(error),
        ConnectFailure::Link(error) => (
            Status::TokenNotPresent,
            format!("the partition closed the link: {error}"),
            "Try again; if it stays so, the appliance's log says more.",
        ),
        ConnectFailure::Refused(status @ Status::SessionCount) => (
            *status,
            "the appliance, or this client on it, has as many links as it may have".to_owned(),
            "End other programs that use the partition, or have the limit raised: lunahsmd --max-links-per-client, or --max-links.",
        ),
        ConnectFailure::Refused(status @ Status::StcNotEnabled) => (
            *status,
            reason.to_string(),
            "Have its Partition SO register this client's identity, and switch the server to STC: stc enable -id <server_ID>.",
        ),
        ConnectFailure::Refused(status @ Status::TokenNotPresent) => {
            (*status, reason.to_string(), "Its administrator does with client assignPartition.")
        }
        ConnectFailure::Refused(status @ Status::DeviceRemoved) => (
            *status,
            reason.to_string(),
            "Its administrator sees why with service status ntls, ntls show and ntls ipcheck show.",
        ),
        ConnectFailure::Refused(status) => (
            *status,
            "the partition refused this client".to_owned(),
            "Another client may have come first: have its Partition SO register this client's identity with stcconfig clientregister.",
        ),
        ConnectFailure::OtherPartition(_) | ConnectFailure::TooManyPartitions(_) => (
            Status::DeviceError,
            reason.to_string(),
            "Do not use this server before its administrator has explained it: vtl deleteServer.",
        ),
        ConnectFailure::Contested(_) => (
            Status::TokenNotPresent,
            reason.to_string(),
            "Find out whose the partition is, and take the other server out: vtl deleteServer.",
        ),
        ConnectFailure::StcOnly => (
            Status::StcNotEnabled,
            reason.to_string(),
            "Switch its server to STC: stc enable -id <server_ID>. To use it over NTLS, take its identity out first: stc partitionderegister.",
        ),
        ConnectFailure::Withdrawn => (
            Status::TokenNotPresent,
            reason.to_string(),
            "Register the server, or the partition's identity, or have the partition assigned again.",
        ),
        ConnectFailure::Pending => {
            (Status::TokenNotPresent, reason.to_string(), "See slot list in a moment.")
        }
        ConnectFailure::NoThread(_) => (
            Status::HostMemory,
            reason.to_string(),
            "Raise the limits of threads and memory: ulimit -u, ulimit -v.",
        ),
        ConnectFailure::Malformed => (
            Status::DeviceError,
            "the partition's answer makes no sense".to_owned(),
            "Client and appliance may be of versions that do not fit.",
        ),
    }
}

fn no_link(error: &ConnectError) -> (Status, String, &'static str) {
    let (status, remedy) = match error {
        ConnectError::Name => {
            (Status::ArgumentsBad, "Register the server anew with vtl addServer.")
        }
        ConnectError::Tcp(_) | ConnectError::Timeout => (
            Status::TokenNotPresent,
            "Check that the appliance runs and that name and port are right: vtl listServers.",
        ),
        ConnectError::Certificate => (
            Status::StcKeyConfirmationFailed,
            "If its certificate was regenerated, get the new server.pem and run vtl deleteServer and vtl addServer; otherwise something stands between you and the appliance.",
        ),
        ConnectError::UnknownClient => (
            Status::TokenNotPresent,
            "Copy the certificate that vtl createCert made to the appliance, where its administrator registers it with client register.",
        ),
        ConnectError::Tls(_) => (
            Status::TokenNotPresent,
            "Check that the port belongs to an appliance: vtl listServers.",
        ),
        ConnectError::Stream(_) | ConnectError::GivenUp => {
            (Status::TokenNotPresent, "Try again; the appliance's log says more.")
        }
        ConnectError::Handshake(HandshakeError::SuiteRejected { .. }) => (
            Status::StcCipherSuiteRejected,
            "The Partition SO enables ciphers and digests with stcconfig.",
        ),
        ConnectError::Handshake(HandshakeError::Refused) => (
            Status::StcKeyConfirmationFailed,
            "Either the appliance has no partition of this serial number with the registered identity (compare the hashes: stc identityshow), or the partition does not know this client (its Partition SO registers it: stcconfig clientregister).",
        ),
        ConnectError::Handshake(_) => (
            Status::StcKeyConfirmationFailed,
            "Compare the partition's hash with the one its Partition SO gave you: stc identityshow.",
        ),
    };
    let cause = match error {
        ConnectError::Handshake(HandshakeError::Refused) => {
            "the appliance refused the handshake".to_owned()
        }
        error => error.to_string(),
    };
    (status, cause, remedy)
}
