//! What the HSM SO does: initialize the HSM, make a partition, export its identity.

use std::{fs, path::Path};

use zeroize::Zeroizing;

use super::{EmbeddedError, PARTITION};
use crate::{
    appliance::Desk,
    crypto::{Random, SystemRandom},
    hsm::AdminSession,
    model::{AdminReply, AdminRequest, Label, Password, Status, StorageSize},
    store::replace_file,
};

/// The HSM SO's password.
const PASSWORD_FILE: &str = "hsm-so-password";

/// The HSM's cloning domain.
const DOMAIN_FILE: &str = "hsm-domain";

/// What the client needs of the appliance.
pub(super) struct Made {
    /// The name of the partition's identity in the file area.
    pub(super) identity_file: String,
}

/// Makes what is missing.
pub(super) fn prepare(desk: &Desk, data: &Path) -> Result<Made, EmbeddedError> {
    let session = AdminSession::new();
    let name = label(PARTITION)?;
    let hsm = match desk.perform(&session, AdminRequest::DescribeHsm) {
        AdminReply::Hsm(hsm) => hsm,
        reply => return Err(refusal(&reply)),
    };
    if hsm.partitions.iter().all(|partition| partition.name != name) {
        if hsm.attempts_left.is_none() {
            let password = Some(new_secret(data, PASSWORD_FILE)?);
            // Kept too: another HSM takes this one's backups if it is initialized with it.
            let domain = Some(new_secret(data, DOMAIN_FILE)?);
            let label = label("embedded")?;
            let policies = Vec::new();
            let request = AdminRequest::InitializeHsm { label, password, domain, policies };
            expect_done(&desk.perform(&session, request))?;
        }
        let password = kept_password(data)?;
        expect_done(&desk.perform(&session, AdminRequest::Login { password }))?;
        let name = name.clone();
        let request = AdminRequest::CreatePartition { name, size: StorageSize::Default };
        match desk.perform(&session, request) {
            AdminReply::Created(_) => {}
            reply => return Err(refusal(&reply)),
        }
    }
    match desk.perform(&session, AdminRequest::ExportIdentity { name }) {
        AdminReply::File(identity_file) => Ok(Made { identity_file }),
        reply => Err(refusal(&reply)),
    }
}

fn label(text: &str) -> Result<Label, EmbeddedError> {
    text.parse().map_err(|_| EmbeddedError::Hsm(Status::ArgumentsBad))
}

/// A random secret of the HSM's, on the disk (mode 0600) before the HSM learns it.
fn new_secret(data: &Path, file: &str) -> Result<Password, EmbeddedError> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = Zeroizing::new([0; 24]);
    SystemRandom::new().fill(bytes.as_mut())?;
    let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    let text: Zeroizing<String> =
        Zeroizing::new(letters.map(|letter| char::from(*letter)).collect());
    let path = data.join(file);
    replace_file(&path, text.as_bytes(), 0o600)
        .map_err(|error| EmbeddedError::Password { path, error })?;
    Ok(Password::new(text.to_string()))
}

fn kept_password(data: &Path) -> Result<Password, EmbeddedError> {
    let path = data.join(PASSWORD_FILE);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| EmbeddedError::Password { path, error })?;
    Ok(Password::new(text.trim_end().to_owned()))
}

fn expect_done(reply: &AdminReply) -> Result<(), EmbeddedError> {
    match reply {
        AdminReply::Done => Ok(()),
        reply => Err(refusal(reply)),
    }
}

fn refusal(reply: &AdminReply) -> EmbeddedError {
    EmbeddedError::Hsm(match reply {
        AdminReply::Failed(status) => *status,
        AdminReply::WrongPassword { .. } => Status::PinIncorrect,
        _ => Status::DeviceError,
    })
}
