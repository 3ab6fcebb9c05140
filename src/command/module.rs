//! Programs over a PKCS#11 module: which one, which slot, who logs in.
//!
//! The module may be anybody's. Ours is found through the same home as everything else.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use crate::{
    client::home::Home,
    model::Status,
    shell::{Console, Failure, Secret},
    store::trust,
};

/// The file name of our module.
pub const OURS: &str = "liblunacm.so";

/// Luna's vendor user type of the Crypto User (`CKU_CRYPTO_USER`, `CKU_VENDOR_DEFINED` + 1).
const CRYPTO_USER: UserType = UserType::VendorExtension(0x8000_0001);

/// Which module and token, and who logs in.
#[derive(Debug, Args)]
pub struct Access {
    /// The slot of the token; needed if there are several
    #[arg(long, value_name = "slot")]
    slot: Option<u64>,
    /// The role's password; asked for if it is not given
    #[arg(long, value_name = "password")]
    password: Option<Secret>,
    /// Log in as Crypto User instead of Crypto Officer
    #[arg(long = "cu")]
    crypto_user: bool,
    /// The PKCS#11 module; without it the configuration's `LibUNIX64`, then liblunacm.so beside this program
    #[arg(long, value_name = "file")]
    module: Option<PathBuf>,
}

impl Access {
    /// Loads the module, finds the slot, logs in and opens a read-write session.
    ///
    /// # Errors
    /// The module or the token cannot be used, or the password is wrong.
    pub fn open(&self, home: &Home, console: &mut dyn Console) -> Result<Session, Failure> {
        let path = self.module.clone().map_or_else(|| locate(home), Ok)?;
        let module = load(&path)?;
        let slot = self.choose(&module)?;
        let session = module.open_rw_session(slot).map_err(|error| told(&error))?;
        let password = if let Some(given) = &self.password {
            given.clone()
        } else {
            let prompt = format!("Please enter password for token in slot {} : ", slot.id());
            console.secret(&prompt)?
        };
        let user = if self.crypto_user { CRYPTO_USER } else { UserType::User };
        let pin = AuthPin::new(password.expose().into());
        match session.login(user, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(told(&error)),
        }
    }

    fn choose(&self, module: &Pkcs11) -> Result<Slot, Failure> {
        let slots = module.get_slots_with_initialized_token().map_err(|error| told(&error))?;
        let known: Vec<_> = slots.iter().map(|slot| slot.id().to_string()).collect();
        let wanted = match (self.slot, slots.as_slice()) {
            (Some(number), _) => slots.iter().find(|slot| slot.id() == number),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        wanted.copied().ok_or_else(|| match (self.slot, known.is_empty()) {
            (_, true) => Failure::new(
                "the module has no slot with an initialized token",
                Status::TokenNotPresent.to_string(),
            )
            .remedy("See slot list in lunacm, and initialize the partition."),
            (Some(number), _) => Failure::new(
                format!("there is no token in slot {number}"),
                Status::SlotIdInvalid.to_string(),
            )
            .remedy(format!("Give one of: {}.", known.join(", "))),
            (None, _) => Failure::new("there are several slots", Status::ArgumentsBad.to_string())
                .remedy(format!("Add -slot=N with one of: {}.", known.join(", "))),
        })
    }
}

/// The module that the configuration names if it is there, else ours beside this program.
///
/// # Errors
/// There is none, or somebody else may change the configuration or the module.
pub fn locate(home: &Home) -> Result<PathBuf, Failure> {
    let refused = |cause: String, remedy: &str| {
        Failure::new(cause, Status::GeneralError.to_string()).remedy(remedy)
    };
    let configuration =
        home.configuration_if_any().map_err(|error| refused(error.to_string(), error.remedy()))?;
    let named = configuration.as_ref().and_then(|all| all.get("Chrystoki2", "LibUNIX64"));
    let named = named.map(|name| home.directory().join(name)).filter(|path| path.is_file());
    if let Some(path) = &named {
        trust::check(path).map_err(|error| refused(error.to_string(), error.remedy()))?;
    }
    let program = env::current_exe().ok();
    // Installed beside the programs or in lib; cargo leaves it in deps when it makes tests only.
    let beside = program
        .as_deref()
        .and_then(Path::parent)
        .map(|directory| ["", "../lib", "deps"].map(|place| directory.join(place).join(OURS)));
    let found = named.or_else(|| beside?.into_iter().find(|path| path.is_file()));
    found.ok_or_else(|| {
        Failure::new(format!("{OURS} was not found"), Status::GeneralError.to_string()).remedy(
            "Put it beside this program, name it as LibUNIX64 in section Chrystoki2, or add -module=FILE.",
        )
    })
}

/// Loads and initializes a module.
///
/// # Errors
/// It cannot be loaded, is no PKCS#11 module, or does not initialize.
pub fn load(path: &Path) -> Result<Pkcs11, Failure> {
    let module = Pkcs11::new(path).map_err(|error| {
        Failure::new(
            format!("{} cannot be used as a PKCS#11 module: {error}", path.display()),
            Status::GeneralError.to_string(),
        )
        .remedy("Check the path, and that the file is a PKCS#11 module for this machine.")
    })?;
    let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(locking).map_err(|error| told(&error))?;
    Ok(module)
}

/// A module's refusal, with the remedy that users most often need.
pub fn told(error: &Error) -> Failure {
    let Error::Pkcs11(value, function) = error else {
        return Failure::new(error.to_string(), Status::GeneralError.to_string());
    };
    let status = status(*value);
    let failure = Failure::new(format!("C_{function:?}: {}", status.symbol()), status.to_string());
    match value {
        RvError::PinIncorrect => failure.remedy("Try again; see role show in lunacm."),
        RvError::PinExpired => {
            failure.remedy("Change the initial password first: role changepw in lunacm.")
        }
        RvError::PinLocked => failure.remedy("See role show in lunacm."),
        RvError::UserPinNotInitialized => failure.remedy("Create the role: role init in lunacm."),
        RvError::DeviceMemory => failure.remedy("Delete objects, or ask for a larger partition."),
        RvError::DeviceRemoved | RvError::TokenNotPresent => {
            failure.remedy("See slot list in lunacm.")
        }
        RvError::ActionProhibited | RvError::FunctionRejected => {
            failure.remedy("See partition showpolicies in lunacm, and the object's attributes.")
        }
        _ => failure,
    }
}

/// The same value in the one table of numbers: both give PKCS#11's values the same names.
fn status(value: RvError) -> Status {
    let name = format!("{value:?}");
    let known = Status::ALL.iter().find(|status| format!("{status:?}") == name);
    known.copied().unwrap_or(Status::GeneralError)
}
