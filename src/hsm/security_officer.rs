//! The HSM Security Officer: initialization, login, zeroization.

use super::{AdminSession, Effect, FIRMWARE, HSM_STORAGE_BYTES, Hsm, fault, wait};
use crate::{
    model::{
        AuditAct, AuditDetail, HsmInfo, Label, MAXIMUM_PARTITIONS, MINIMUM_PASSWORD,
        PARTITION_OVERHEAD_BYTES, Password, PolicyValue, Role, Status,
    },
    store::Credential,
};

/// Why the HSM SO is not logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFailure {
    /// The status.
    pub status: Status,
    /// After a wrong password: the attempts left; 0 means that the HSM was zeroized.
    pub attempts_left: Option<u8>,
    /// What has to happen to live links.
    pub effects: Vec<Effect>,
}

impl From<Status> for LoginFailure {
    fn from(status: Status) -> Self {
        Self { status, attempts_left: None, effects: Vec::new() }
    }
}

impl Hsm {
    /// Initializes the HSM and erases its partitions. A new or zeroized HSM takes the password
    /// and the domain; an initialized one keeps both and needs its SO logged in.
    ///
    /// # Errors
    /// The SO is not logged in, or the password breaks a rule.
    pub fn initialize(
        &self,
        session: &AdminSession,
        label: &Label,
        password: Option<Password>,
        domain: Option<Password>,
    ) -> Result<Vec<Effect>, Status> {
        self.initialize_with(session, label, (password, domain), &[])
    }

    /// As [`Self::initialize`], with policies that a template has.
    ///
    /// # Errors
    /// As [`Self::initialize`], or a policy cannot have its value.
    pub fn initialize_with(
        &self,
        session: &AdminSession,
        label: &Label,
        (password, domain): (Option<Password>, Option<Password>),
        policies: &[PolicyValue],
    ) -> Result<Vec<Effect>, Status> {
        let _turn = wait(&self.turn);
        let policies = self.hsm_template(policies)?;
        let hsm = self.store.hsm().map_err(fault)?;
        let secrets = if hsm.security_officer.is_some() {
            self.check_officer(session)?;
            None
        } else {
            let (hash, _) = self.hash(&password.ok_or(Status::ArgumentsBad)?, MINIMUM_PASSWORD)?;
            let domain = domain.map(|domain| self.seal_hsm_domain(&domain)).transpose()?;
            Some((Credential { hash, wrapped_key: Vec::new() }, domain))
        };
        let effects = self.end_all_links()?;
        self.store.initialize_hsm(label, secrets.as_ref(), &policies).map_err(fault)?;
        self.reload_hsm_policies()?;
        self.reload_all(&effects)?;
        // Luna ends the login, even that of the SO who initialized.
        session.set(None);
        tracing::info!(%label, "HSM initialized");
        Ok(effects)
    }

    /// Logs the HSM SO in.
    ///
    /// # Errors
    /// The password is wrong (the third time in a row zeroizes the HSM), or there is no SO.
    pub fn login(&self, session: &AdminSession, password: &Password) -> Result<(), LoginFailure> {
        let _turn = wait(&self.turn);
        if self.check_officer(session).is_ok() {
            return Err(Status::UserAlreadyLoggedIn.into());
        }
        let salt = self.check_officer_password(session, password)?;
        session.set(Some(salt));
        tracing::info!("HSM SO logged in");
        Ok(())
    }

    /// Checks the HSM SO's password and returns its salt. The counter is raised first and
    /// durably, so that neither parallel guesses nor a killed daemon give a free one.
    pub(super) fn check_officer_password(
        &self,
        session: &AdminSession,
        password: &Password,
    ) -> Result<[u8; 16], LoginFailure> {
        let hsm = self.store.hsm().map_err(fault)?;
        let officer = hsm.security_officer.ok_or(Status::UserPinNotInitialized)?;
        let limit = Role::HsmSecurityOfficer.attempts();
        let salt = officer.hash.salt;
        let counted = self.counted.take(salt) && hsm.failures > 0;
        let attempts =
            if counted { hsm.failures } else { self.store.count_hsm_failure().map_err(fault)? };
        let permitted = attempts <= limit;
        if permitted && officer.hash.open(password.expose()).is_some() {
            let cleared = self.store.clear_hsm_failures().map_err(fault);
            self.counted.keep(salt, cleared)?;
            return Ok(salt);
        }
        tracing::warn!(attempts, "HSM SO's password was wrong");
        let mut failure = LoginFailure::from(Status::PinIncorrect);
        failure.attempts_left = Some(limit.saturating_sub(attempts));
        if attempts >= limit {
            let entry = self.administrator_entry(session, AuditAct::Zeroize, Status::Ok);
            let role = Role::HsmSecurityOfficer;
            let detail = AuditDetail::WrongPasswords { role, attempts };
            self.record_zeroization(None, entry, detail);
            failure.effects = self.end_all_links()?;
            self.store.zeroize_hsm().map_err(fault)?;
            self.reload_all(&failure.effects)?;
            session.set(None);
            tracing::warn!("HSM zeroized after too many failed SO logins");
        }
        Err(failure)
    }

    /// Logs the HSM SO out.
    ///
    /// # Errors
    /// The HSM SO is not logged in.
    pub fn logout(&self, session: &AdminSession) -> Result<(), Status> {
        self.check_officer(session)?;
        session.set(None);
        Ok(())
    }

    /// The state of the HSM. Software version, host name and live links are the appliance's to
    /// fill in.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn describe(&self, session: &AdminSession) -> Result<HsmInfo, Status> {
        let hsm = self.store.hsm().map_err(fault)?;
        let partitions = self.partitions()?;
        let taken = |total: u64| total.saturating_add(PARTITION_OVERHEAD_BYTES);
        let limit = Role::HsmSecurityOfficer.attempts();
        let attempts_left =
            hsm.security_officer.is_some().then(|| limit.saturating_sub(hsm.failures));
        Ok(HsmInfo {
            label: hsm.label,
            serial: hsm.serial,
            software: String::new(),
            firmware: FIRMWARE.to_owned(),
            logged_in: self.check_officer(session).is_ok(),
            attempts_left,
            total_storage: HSM_STORAGE_BYTES,
            used_storage: partitions.iter().map(|one| taken(one.total_storage)).sum(),
            partitions_allowed: MAXIMUM_PARTITIONS,
            partitions,
            host: String::new(),
        })
    }

    /// Whether the HSM SO is logged in at this session.
    pub(super) fn check_officer(&self, session: &AdminSession) -> Result<(), Status> {
        let salt = session.get().ok_or(Status::UserNotLoggedIn)?;
        let hsm = self.store.hsm().map_err(fault)?;
        match hsm.security_officer {
            Some(officer) if officer.hash.salt == salt => Ok(()),
            _ => Err(Status::UserNotLoggedIn),
        }
    }

    pub(super) fn end_all_links(&self) -> Result<Vec<Effect>, Status> {
        let partitions = self.store.partitions().map_err(fault)?;
        let end = |serial| Effect::EndLinks { serial, client: None };
        Ok(partitions.into_iter().map(|partition| end(partition.serial)).collect())
    }

    pub(super) fn reload_all(&self, effects: &[Effect]) -> Result<(), Status> {
        effects.iter().try_for_each(|effect| self.load(effect.serial()).map_err(fault))
    }
}
