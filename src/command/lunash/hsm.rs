//! `hsm`: the HSM itself.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    super::unavailable::Unavailable,
    Appliance, failure,
    hsm_policy::{ChangePolicy, ChangePw, Forced, ShowPolicies},
    password,
    screen::{Success, yes_no},
    self_test, template,
};
use crate::{
    model::{AdminReply, AdminRequest, HsmInfo, Label, MINIMUM_PASSWORD, Password, Status},
    shell::{Console, Failure, Outcome, Secret, report},
    wire::parse_hsm_template,
};

/// The greatest length in characters of a cloning domain.
const MAXIMUM_DOMAIN: usize = 128;

/// The `hsm` commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Initializes the HSM and erases its partitions
    #[command(visible_alias = "i")]
    Init(Init),
    /// Logs the HSM SO in
    #[command(visible_alias = "logi")]
    Login(Login),
    /// Logs the HSM SO out
    #[command(visible_alias = "logo")]
    Logout,
    /// Shows the state of the HSM
    #[command(visible_aliases = ["s", "sh"])]
    Show,
    /// Shows what the HSM can do and what its policies permit
    #[command(name = "showPolicies", visible_alias = "showp")]
    ShowPolicies(ShowPolicies),
    /// Changes a policy of the HSM
    #[command(name = "changePolicy", visible_alias = "changepo")]
    ChangePolicy(ChangePolicy),
    /// Changes the HSM SO's password
    #[command(name = "changePw", visible_alias = "changepw")]
    ChangePw(ChangePw),
    /// Erases the HSM: partitions, HSM SO and domain
    #[command(visible_alias = "z")]
    Zeroize(Forced),
    /// Erases the HSM and sets its policies back to their defaults
    #[command(name = "factoryReset", visible_alias = "fr")]
    FactoryReset(Forced),
    /// Tests the primitives that keys are used with
    #[command(name = "selfTest", visible_alias = "se")]
    SelfTest,
    /// Manages firmware (not in software)
    Firmware(Unavailable),
    /// Shows or clears tampers (not in software)
    Tamper(Unavailable),
    /// Manages PEDs (not in software)
    Ped(Unavailable),
    /// Manages Secure Transport Mode (not in software)
    Stm(Unavailable),
    /// Manages STC of the administrative partition (gone since firmware 7.7)
    Stc(Unavailable),
}

/// Options of `hsm init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The HSM's label, 1 to 32 characters
    #[arg(long, visible_alias = "l", value_name = "hsm_label")]
    label: Label,
    /// The HSM SO's new password; asked for if missing. An initialized HSM keeps its own
    #[arg(long, visible_alias = "p")]
    password: Option<Secret>,
    /// The cloning domain; asked for if missing. An initialized HSM keeps its own
    #[arg(long, visible_alias = "d", conflicts_with = "default_domain")]
    domain: Option<Secret>,
    /// Uses the default cloning domain (deprecated)
    #[arg(long = "defaultdomain", visible_alias = "de")]
    default_domain: bool,
    /// Sets the policies that this template among your files holds
    #[arg(long = "applytemplate", visible_alias = "ap", value_name = super::file::NAME)]
    template: Option<String>,
    /// Does not ask for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Options of `hsm login`.
#[derive(Debug, Args)]
pub struct Login {
    /// The HSM SO's password; asked for if missing
    #[arg(long, visible_alias = "p")]
    password: Option<Secret>,
    /// Takes the last login before zeroization without asking for a confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

/// Performs an `hsm` command.
pub fn run(command: Command, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    match command {
        Command::Init(options) => init(options, appliance, console),
        Command::Login(options) => login(&options, appliance, console),
        Command::Logout => {
            appliance.order(&AdminRequest::Logout)?;
            report(Success("hsm logout"))
        }
        Command::Show => report(State(appliance.describe()?)),
        Command::ShowPolicies(options) => options.run(appliance),
        Command::ChangePolicy(options) => options.run(appliance, console),
        Command::ChangePw(options) => options.run(appliance, console),
        Command::Zeroize(options) => options.zeroize(appliance, console, false),
        Command::FactoryReset(options) => options.zeroize(appliance, console, true),
        Command::SelfTest => self_test::run(appliance),
        Command::Firmware(_) => Err(failure::unavailable(
            "software has no firmware of its own",
            "Install another version of the package.",
        )),
        Command::Tamper(_) | Command::Stm(_) => Err(failure::unavailable(
            "software has no tamper sensors and no transport mode",
            "Who reads the data directory is for its owner to decide.",
        )),
        Command::Ped(_) => Err(failure::unavailable(
            "software has no PED",
            "The HSM SO has a password: 'hsm login'.",
        )),
        Command::Stc(_) => Err(failure::unavailable(
            "no link leads to the administrative partition, over STC or otherwise",
            "You reach it on this machine alone. STC of partitions: 'partition stcidentity'.",
        )),
    }
}

fn init(options: Init, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    let info = appliance.describe()?;
    if info.label.is_some() && !info.logged_in {
        return Err(failure::refused(Status::UserNotLoggedIn));
    }
    let policies = match &options.template {
        Some(file) => template::read(appliance, file, parse_hsm_template)?,
        None => Vec::new(),
    };
    let (password, domain) = if info.label.is_some() {
        (None, None)
    } else {
        let password = Some(new_password(options.password.as_ref(), console)?);
        let domain = if options.default_domain {
            None
        } else {
            new_domain(options.domain.as_ref(), "HSM", console)?
        };
        (password, domain)
    };
    let warning = "CAUTION:  Are you sure you wish to initialize this HSM?\n\
                   All partitions and data on it will be erased.\n\n\
                   Type 'proceed' to initialize the HSM, or\n'quit' to quit now.";
    console.confirm(warning, options.force)?;
    let label = options.label;
    match appliance.order_of(&AdminRequest::InitializeHsm { label, password, domain, policies })? {
        Ok(()) => report(Success("hsm init")),
        Err(status @ (Status::ConfigIllegal | Status::ConfigFailsDependencies)) => {
            let cause = "the template holds policies that this HSM cannot have";
            Err(Failure::new(cause, failure::result(status))
                .remedy("Nothing was changed. See 'hsm showPolicies', and edit the template."))
        }
        Err(status) => Err(failure::refused(status)),
    }
}

pub(super) fn new_password(
    given: Option<&Secret>,
    console: &mut dyn Console,
) -> Result<Password, Failure> {
    let asked;
    let secret = if let Some(secret) = given {
        secret
    } else {
        asked = console.new_secret(
            "Please enter a password for the HSM Administrator:\n> ",
            "Please re-enter password to confirm:\n> ",
        )?;
        &asked
    };
    let password = password(secret);
    password.check_new(MINIMUM_PASSWORD).map_err(failure::weak_password)?;
    Ok(password)
}

/// The domain; none, the default domain, if the answer is empty.
pub(super) fn new_domain(
    given: Option<&Secret>,
    what: &str,
    console: &mut dyn Console,
) -> Result<Option<Password>, Failure> {
    let asked;
    let secret = if let Some(secret) = given {
        secret
    } else {
        let prompt = format!(
            "Please enter a cloning domain to use for initializing this {what}\n\
             (empty for the default domain, which is deprecated):\n> "
        );
        asked = console.new_secret(&prompt, "Please re-enter cloning domain to confirm:\n> ")?;
        &asked
    };
    match secret.expose().chars().count() {
        0 => Ok(None),
        1..=MAXIMUM_DOMAIN => Ok(Some(password(secret))),
        _ => Err(failure::bad_arguments("a cloning domain has 1 to 128 characters")),
    }
}

fn login(options: &Login, appliance: &mut Appliance, console: &mut dyn Console) -> Outcome {
    let info = appliance.describe()?;
    if info.label.is_some() && !info.logged_in {
        match info.attempts_left {
            Some(2) => console.say(
                "  Caution:  You have only TWO HSM Admin login attempts left (including\n            \
                 this one). If both fail, the HSM is zeroized and its partitions\n            \
                 are lost.\n",
            ),
            Some(1) => console.confirm(
                "Caution:  This is your LAST HSM Admin login attempt. If it fails, the HSM\n          \
                 is zeroized and its partitions are lost.\n\n\
                 Type 'proceed' to log in, or\n'quit' to quit now.",
                options.force,
            )?,
            _ => {}
        }
    }
    let password = match &options.password {
        Some(secret) => password(secret),
        None => password(&console.secret("Please enter the HSM Administrators' password:\n> ")?),
    };
    match appliance.ask(&AdminRequest::Login { password })? {
        AdminReply::Done => report(Success("hsm login")),
        AdminReply::WrongPassword { attempts_left } => Err(failure::wrong_password(attempts_left)),
        _ => Err(failure::unexpected_reply()),
    }
}

/// The screen of `hsm show`.
#[derive(Serialize)]
#[serde(transparent)]
struct State(HsmInfo);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.0;
        heading(f, "Appliance Details:")?;
        writeln!(f, "   {:<33}{}\n", "Software Version:", info.software)?;
        details(f, info)?;
        heading(f, "Partitions created on HSM:")?;
        if info.partitions.is_empty() {
            writeln!(f, "   There are no partitions.")?;
        }
        for partition in &info.partitions {
            writeln!(f, "   Partition: {},     Name: {}", partition.serial, partition.name)?;
        }
        writeln!(f, "\n")?;
        let created = info.partitions.len();
        writeln!(f, "   {:<37}{}", "Number of partitions allowed:", info.partitions_allowed)?;
        writeln!(f, "   {:<37}{created}\n", "Number of partitions created:")?;
        heading(f, "FIPS 140-2 Operation:")?;
        writeln!(f, "   The HSM is NOT in FIPS 140-2 approved operation mode.\n")?;
        heading(f, "HSM Storage Information:")?;
        let free = info.total_storage.saturating_sub(info.used_storage);
        writeln!(f, "   {:<37}{}", "Maximum HSM Storage Space (Bytes):", info.total_storage)?;
        writeln!(f, "   {:<37}{}", "Space In Use (Bytes):", info.used_storage)?;
        writeln!(f, "   {:<37}{free}", "Free Space Left (Bytes):")
    }
}

fn details(f: &mut fmt::Formatter<'_>, info: &HsmInfo) -> fmt::Result {
    let label = info.label.as_ref().map(ToString::to_string).unwrap_or_default();
    let status = if info.logged_in { "Logged In" } else { "Not Logged In" };
    let left = match info.attempts_left {
        Some(left) => format!("{left} before HSM zeroization!"),
        None => "HSM IS ZEROIZED !!!!".to_owned(),
    };
    heading(f, "HSM Details:")?;
    for (name, value) in [
        ("HSM Label:", label),
        ("Serial #:", info.serial.to_string()),
        ("Firmware:", info.firmware.clone()),
        ("HSM Model:", "Software HSM".to_owned()),
        ("Authentication Method:", "Password".to_owned()),
        ("HSM Admin login status:", status.to_owned()),
        ("HSM Admin login attempts left:", left),
        ("HSM Initialized:", yes_no(info.label.is_some()).to_owned()),
    ] {
        let line = format!("   {name:<36}{value}");
        writeln!(f, "{}", line.trim_end())?;
    }
    writeln!(f)
}

fn heading(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "   {text}\n   {}", "=".repeat(text.len()))
}
