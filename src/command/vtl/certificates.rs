//! `vtl createCert`, `createCSR` and `fingerprint`: certificates of this client and of others.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::Args;
use serde::Serialize;

use super::servers::{failed, host};
use crate::{
    client::{
        certificate::ServerCertificate,
        home::Home,
        ntls_identity::{self, DEFAULT_DAYS, NtlsIdentityError, Written},
        servers::Host,
    },
    crypto::CertificateHash,
    shell::{Console, Failure, Outcome, report},
};

/// Luna takes a certificate's life in days; more than a century is a slip of the fingers.
const MAXIMUM_DAYS: u32 = 36_525;

#[derive(Debug, Args)]
pub struct Create {
    /// This client's host name or IP address
    #[arg(long = "n", value_name = "client")]
    name: String,
    /// How long the certificate is valid
    #[arg(
        long = "d",
        value_name = "days",
        default_value_t = DEFAULT_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAXIMUM_DAYS))
    )]
    days: u32,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl Create {
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let name = host(&self.name)?;
        keep_unless_told(home, &name, self.force, console)?;
        let made = ntls_identity::create(home, &name, self.days, SystemTime::now());
        report(Created { what: "Certificate", written: made.map_err(|error| unmade(&error))? })
    }
}

#[derive(Debug, Args)]
pub struct CreateRequest {
    /// This client's host name or IP address
    #[arg(long = "n", value_name = "client")]
    name: String,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl CreateRequest {
    pub(super) fn run(&self, home: &Home, console: &mut dyn Console) -> Outcome {
        let name = host(&self.name)?;
        keep_unless_told(home, &name, self.force, console)?;
        let made = ntls_identity::request(home, &name).map_err(|error| unmade(&error))?;
        report(Created { what: "Certificate request", written: made })
    }
}

#[derive(Debug, Args)]
pub struct Fingerprint {
    /// The certificate
    #[arg(long = "c", visible_alias = "f", value_name = "certificate")]
    certificate: PathBuf,
}

impl Fingerprint {
    pub(super) fn run(&self) -> Outcome {
        let read = ServerCertificate::read(&self.certificate);
        let certificate = read.map_err(|error| failed(&error, error.remedy()))?;
        report(Hash { hash: CertificateHash::of(certificate.der()).to_string() })
    }
}

/// A key that is replaced cannot be had back, and appliances know the client by its certificate.
fn keep_unless_told(
    home: &Home,
    name: &Host,
    force: bool,
    console: &mut dyn Console,
) -> Result<(), Failure> {
    let paths = home.open().map_err(|error| failed(&error, error.remedy()))?;
    let places = ntls_identity::places(&paths, name);
    if !places.key.exists() && !places.certificate.exists() {
        return Ok(());
    }
    let warning = format!(
        "{name} has a key and a certificate already. They are replaced, and every appliance\n\
         that knows this client by them has to register the new certificate."
    );
    console.confirm(&warning, force)
}

fn unmade(error: &NtlsIdentityError) -> Failure {
    failed(error, error.remedy())
}

#[derive(Debug, Serialize)]
struct Created {
    what: &'static str,
    #[serde(serialize_with = "paths")]
    written: Written,
}

fn paths<S: serde::Serializer>(written: &Written, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = |path: &Path| path.display().to_string();
    serializer
        .collect_map([("key", shown(&written.key)), ("certificate", shown(&written.certificate))])
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { key, certificate } = &self.written;
        writeln!(f, "Private Key created and written to: {}", key.display())?;
        write!(f, "{} created and written to: {}", self.what, certificate.display())
    }
}

#[derive(Debug, Serialize)]
struct Hash {
    hash: String,
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate fingerprint: {}", self.hash)
    }
}
