//! What `C_GetSlotInfo` and `C_GetTokenInfo` tell, and `C_InitToken`.

use cryptoki_sys::{
    CK_EFFECTIVELY_INFINITE, CK_FLAGS, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG,
    CK_UNAVAILABLE_INFORMATION, CK_VERSION, CKF_DUAL_CRYPTO_OPERATIONS, CKF_HW, CKF_LOGIN_REQUIRED,
    CKF_REMOVABLE_DEVICE, CKF_RNG, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED,
    CKF_TOKEN_INITIALIZED, CKF_TOKEN_PRESENT, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_INITIALIZED, CKF_USER_PIN_LOCKED, CKF_USER_PIN_TO_BE_CHANGED,
};

use super::{
    library::Library,
    memory::padded,
    slot::{Slot, answered, done},
};
use crate::model::{Label, Password, Request, Role, RoleInfo, Status, cryptoki::MechanismFlags};

/// The width of a label in `C_InitToken`.
pub(super) const LABEL_BYTES: CK_ULONG = 32;

/// What a slot's description begins with; the kind of link and the server's name follow.
const DESCRIPTION: &str = "Net Token Slot";

const MANUFACTURER: &str = "lunacm";

/// `CK_SLOT_INFO`. A partition may go and come back, as a card does.
pub(super) fn slot_information(slot: &Slot) -> CK_SLOT_INFO {
    let present = if slot.is_present() { CKF_TOKEN_PRESENT } else { 0 };
    let target = slot.partition.target();
    let description = format!("{DESCRIPTION}, {}, {}", target.way.name(), target.host);
    CK_SLOT_INFO {
        slotDescription: padded(&description),
        manufacturerID: padded(MANUFACTURER),
        flags: CKF_REMOVABLE_DEVICE | present,
        hardwareVersion: NO_VERSION,
        firmwareVersion: NO_VERSION,
    }
}

/// `CKF_HW` of what the device performs, which is the appliance; digests without a key are computed
/// in this library.
pub(super) fn performed_by_device(flags: MechanismFlags) -> CK_FLAGS {
    if flags == MechanismFlags::DIGEST { 0 } else { CKF_HW }
}

/// `CK_TOKEN_INFO`.
///
/// # Errors
/// The partition cannot be asked.
pub(super) fn information(library: &Library, slot: &Slot) -> Result<CK_TOKEN_INFO, Status> {
    let info = slot.describe()?;
    let officer = slot.describe_role(Role::PartitionSo)?;
    let user = slot.describe_role(Role::CryptoOfficer)?;
    let sessions = library.sessions_of(slot);
    let lengths = slot.password_lengths()?;
    let count = |number: usize| CK_ULONG::try_from(number).unwrap_or(CK_UNAVAILABLE_INFORMATION);
    Ok(CK_TOKEN_INFO {
        label: padded(info.label.as_ref().map_or("", Label::as_str)),
        manufacturerID: padded(MANUFACTURER),
        model: padded(&info.model),
        serialNumber: padded(&info.serial.to_string()),
        flags: flags(info.label.is_some(), officer, user),
        ulMaxSessionCount: CK_EFFECTIVELY_INFINITE,
        ulSessionCount: count(sessions.len()),
        ulMaxRwSessionCount: CK_EFFECTIVELY_INFINITE,
        ulRwSessionCount: count(sessions.iter().filter(|read_write| **read_write).count()),
        ulMaxPinLen: count(*lengths.end()),
        ulMinPinLen: count(*lengths.start()),
        ulTotalPublicMemory: info.total_storage,
        ulFreePublicMemory: info.total_storage.saturating_sub(info.used_storage),
        ulTotalPrivateMemory: info.total_storage,
        ulFreePrivateMemory: info.total_storage.saturating_sub(info.used_storage),
        hardwareVersion: NO_VERSION,
        firmwareVersion: version(&info.firmware),
        utcTime: padded(""),
    })
}

/// Initializes the partition; again, as the Partition SO whose password this has to be.
///
/// # Errors
/// Sessions are open, or the partition's refusal.
pub(super) fn initialize(
    library: &Library,
    slot: &Slot,
    password: Password,
    label: &[u8],
) -> Result<(), Status> {
    if !library.sessions_of(slot).is_empty() {
        return Err(Status::SessionExists);
    }
    let label = std::str::from_utf8(label).map_err(|_| Status::ArgumentsBad)?;
    let label: Label = label.trim_end_matches([' ', '\0']).parse().map_err(|error| {
        tracing::debug!(%error, "the label is not one");
        Status::ArgumentsBad
    })?;
    let again = slot.describe()?.label.is_some();
    if !again {
        return done(&slot.ask(&initialization(label, password))?);
    }
    // A link of its own, for as long as this takes: nobody else has the login.
    let link = slot.beside()?;
    let ask = |request: &Request| done(&answered(link.call(request))?);
    let role = Role::PartitionSo;
    let initialized = ask(&Request::Login { role, password: password.clone() })
        .and_then(|()| ask(&initialization(label, password)));
    link.end();
    initialized
}

/// PKCS#11 knows no domains: the partition gets the default one, or keeps its own.
fn initialization(label: Label, password: Password) -> Request {
    let (domain, domain_label, policies) = (None, None, Vec::new());
    Request::Initialize { label, password, domain, domain_label, policies }
}

fn flags(initialized: bool, officer: RoleInfo, user: RoleInfo) -> CK_FLAGS {
    let low = |role: &RoleInfo| role.initialized && role.attempts_left < role.role.attempts();
    let last = |role: &RoleInfo| role.initialized && role.attempts_left == 1;
    [
        (true, CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS),
        (initialized, CKF_TOKEN_INITIALIZED),
        (user.initialized, CKF_USER_PIN_INITIALIZED),
        (low(&user), CKF_USER_PIN_COUNT_LOW),
        (last(&user), CKF_USER_PIN_FINAL_TRY),
        (user.locked, CKF_USER_PIN_LOCKED),
        (user.password_to_be_changed, CKF_USER_PIN_TO_BE_CHANGED),
        (low(&officer), CKF_SO_PIN_COUNT_LOW),
        (last(&officer), CKF_SO_PIN_FINAL_TRY),
        (officer.locked, CKF_SO_PIN_LOCKED),
    ]
    .iter()
    .filter(|(holds, _)| *holds)
    .fold(0, |flags, (_, flag)| flags | flag)
}

const NO_VERSION: CK_VERSION = CK_VERSION { major: 0, minor: 0 };

/// The first two numbers of a version.
fn version(text: &str) -> CK_VERSION {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    CK_VERSION { major, minor }
}
