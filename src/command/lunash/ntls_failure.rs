//! Refusals about NTLS in LunaSH's words.

use super::failure::{self, NOT_IN_LIST};
use crate::{
    model::{ClientHost, NtlsRefusal, Status},
    shell::{Failure, shown},
};

/// [`Failure::result`] where something is there already.
const IN_LIST: &str = "C0000409 : RC_OBJECT_ALREADY_IN_LIST";

/// [`Failure::result`] where a file is missing or wrong.
const FILE: &str = "C0000102 : RC_FILE_NOT_FOUND";

/// A refusal, with what to do about it.
pub fn refused(refusal: &NtlsRefusal) -> Failure {
    match refusal {
        NtlsRefusal::NameTaken => taken("a client with the same name has already been registered"),
        NtlsRefusal::HostTaken(ClientHost::Address(_)) => {
            taken("a client with the same IP address has already been registered")
        }
        NtlsRefusal::HostTaken(ClientHost::Name(_)) => {
            taken("a client with the same hostname has already been registered")
        }
        NtlsRefusal::CertificateTaken(name) => {
            taken(&format!("the client {name} has already been registered with this certificate"))
        }
        NtlsRefusal::NoFile(file) => {
            Failure::new(format!("there is no {} among your files", shown(file)), FILE)
                .remedy("Copy the client's certificate there under this name; see 'my file list'.")
        }
        NtlsRefusal::BadFile { file, reason } => {
            Failure::new(shown(&format!("the file {file} cannot be used: {reason}")), FILE)
                .remedy("Copy the certificate again that 'vtl createCert' made on the client.")
        }
        NtlsRefusal::NoClient => no_client(),
        NtlsRefusal::NoPartition => failure::unknown("partition", "partition list"),
        NtlsRefusal::Assigned => {
            Failure::new("the client already has access to the partition", IN_LIST)
                .remedy("See 'client show'.")
        }
        NtlsRefusal::NotAssigned => {
            Failure::new("the client does not have access to the partition", NOT_IN_LIST)
                .remedy("See 'client show'.")
        }
        NtlsRefusal::Mapped(address) => {
            Failure::new(format!("the client is already mapped to {address}"), IN_LIST)
                .remedy("Use 'client hostip unmap' first.")
        }
        NtlsRefusal::NotMapped => {
            Failure::new("the client is not mapped to an address", NOT_IN_LIST)
                .remedy("See 'client hostip show'.")
        }
        NtlsRefusal::NotListening(address) => Failure::new(
            format!("the appliance is not reached at {address}"),
            failure::result(Status::ArgumentsBad),
        )
        .remedy("Its --listen decides: see 'ntls show'."),
    }
}

/// No client of this name.
pub fn no_client() -> Failure {
    Failure::new("the client you specified does not exist", NOT_IN_LIST)
        .remedy("Use 'client list' to list all available clients.")
}

fn taken(cause: &str) -> Failure {
    Failure::new(cause, IN_LIST).remedy("Use 'client list' to see it, and 'client delete' first.")
}
