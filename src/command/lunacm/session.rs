//! What LunaCM's commands work with: the home, the token, the slots.

use std::fmt::Display;

use tokio::runtime::Handle;

use super::{
    super::interrupts::Waiting,
    failure::{Place, failure, refused, unasked, unasked_at},
    slot::Listing,
};
use crate::{
    client::{
        AskError, Missing, Slot, Slots, application,
        backups::Backups,
        config::Configuration,
        ha::GroupError,
        home::{Home, Paths},
        servers::{self, Server},
        set_stc, targets as find_targets,
    },
    crypto::SystemRandom,
    model::{ApplicationId, Reply, Request, SerialNumber, Status},
    shell::{Failure, Interrupts, Outcome},
    store::{ClientIdentity, ClientToken, RegisteredPartition, StoreError},
};

/// One run of LunaCM: its home, its links and the current slot.
pub struct Session {
    home: Home,
    runtime: Handle,
    waiting: Waiting,
    slots: Slots,
    /// Whether looking at the slots was left, and has to be done again.
    stale: bool,
    current: Option<u32>,
    /// Whether there was a current slot since the start: then nobody but the user makes one current.
    chosen: bool,
    restarted: bool,
    /// The application ID that was set here, instead of the configuration's.
    application: Option<ApplicationId>,
    /// Labels of clients that partitions were heard to know, for completion.
    clients: Vec<String>,
}

impl Session {
    /// Opens the home and connects to every partition that is enabled for STC. Partitions that
    /// cannot be reached are no error: the listing tells.
    ///
    /// # Errors
    /// The home, its configuration or its token cannot be used.
    pub fn start(home: Home, runtime: Handle, interrupts: &Interrupts) -> Result<Self, Failure> {
        home.open().map_err(|error| unusable(&error, error.remedy()))?;
        let slots = Slots::default();
        let mut session = Self {
            home,
            runtime,
            waiting: Waiting::new(interrupts),
            slots,
            stale: false,
            current: None,
            chosen: false,
            restarted: false,
            application: None,
            clients: Vec::new(),
        };
        session.refresh()?;
        Ok(session)
    }

    /// Begins a command.
    ///
    /// # Errors
    /// The last one left the slots unknown, and they cannot be looked at.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        if self.stale { self.refresh() } else { Ok(()) }
    }

    /// Makes a slot current.
    ///
    /// # Errors
    /// There is no slot of this number.
    pub fn select(&mut self, number: u32) -> Result<(), Failure> {
        if !self.has_slot(number) {
            let cause = format_args!("there is no slot {number}");
            return Err(failure(Status::SlotIdInvalid, cause).remedy("See slot list."));
        }
        (self.current, self.chosen) = (Some(number), true);
        Ok(())
    }

    /// The slots and what is missing, as they were when last looked at.
    pub fn listing(&self) -> Listing {
        Listing::new(&self.slots, self.current)
    }

    /// The client's home.
    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// The slots with all that is known of what is missing.
    pub(super) const fn all_slots(&self) -> &Slots {
        &self.slots
    }

    /// The slots, those whose partitions cannot be reached among them.
    pub(super) fn slots(&self) -> &[Slot] {
        self.slots.slots()
    }

    /// The slots whose partitions were reached when they were last asked.
    pub(super) fn present(&self) -> impl Iterator<Item = &Slot> {
        self.slots.present()
    }

    pub(super) fn missing(&self) -> &[Missing] {
        self.slots.missing()
    }

    /// Looks at every link, brings lost ones back, and takes changes of configuration and token
    /// in.
    pub(super) fn refresh(&mut self) -> Result<(), Failure> {
        let partitions = self.partitions()?;
        let identity = identity(&self.token()?)?;
        let home = self.home.clone();
        let targets = self.wait_for(move || find_targets(&home, identity, &partitions))?;
        let mut targets = targets.map_err(|error| unusable(&error, error.remedy()))?;
        if let Some(set) = self.application {
            targets.set_application(set);
        }
        self.slots.set_targets(targets);
        self.stale = self.waiting.on(&self.runtime, self.slots.refresh()).is_none();
        if self.stale {
            return Err(interrupted());
        }
        // A slot that is current stays so, whatever becomes of its partition: what the user types
        // next is for that one and for no other.
        if !self.chosen {
            self.current = self.slots().first().map(|slot| slot.number);
            self.chosen = self.current.is_some();
        }
        Ok(())
    }

    /// Ends all links and starts anew, as LunaCM does after a change of the kind of link. Slots
    /// keep their numbers.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        self.connect()?;
        self.restarted = true;
        Ok(())
    }

    /// Whether LunaCM restarted since this was last asked.
    pub(super) const fn take_restarted(&mut self) -> bool {
        std::mem::replace(&mut self.restarted, false)
    }

    /// Sets the application ID: links are made anew under it.
    pub(super) fn set_application(&mut self, id: ApplicationId) -> Result<(), Failure> {
        self.application = Some(id);
        self.connect()
    }

    /// The application ID that links are made under.
    pub(super) fn application(&self) -> Result<Option<ApplicationId>, Failure> {
        if let Some(set) = self.application {
            return Ok(Some(set));
        }
        application(&self.configuration()?).map_err(|error| unusable(&error, error.remedy()))
    }

    /// Ends all links by identity: the identity they were made with is gone.
    pub(super) fn drop_links(&mut self) {
        self.slots.forget_stc();
        self.current = self.current.filter(|number| self.has_slot(*number));
    }

    /// Ends the link to one partition.
    pub(super) fn forget(&mut self, serial: SerialNumber) {
        self.slots.forget(serial);
        self.current = self.current.filter(|number| self.has_slot(*number));
    }

    /// The number of the given slot, or of the current one.
    pub(super) fn number(&self, given: Option<u32>) -> Result<u32, Failure> {
        let number = given.or(self.current).ok_or_else(|| self.no_slot())?;
        if !self.has_slot(number) {
            let cause = format_args!("there is no slot {number}");
            return Err(failure(Status::SlotIdInvalid, cause).remedy("See slot list."));
        }
        Ok(number)
    }

    /// The current slot.
    pub(super) fn slot(&mut self) -> Result<&mut Slot, Failure> {
        let number = self.number(None)?;
        self.slots.get_mut(number).ok_or_else(|| refused(Status::SlotIdInvalid))
    }

    /// Asks the partition in the current slot.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        let number = self.number(None)?;
        self.ask_slot(number, request)
    }

    /// Asks the partition in a slot.
    pub(super) fn ask_slot(&mut self, number: u32, request: &Request) -> Result<Reply, Failure> {
        let runtime = self.runtime.clone();
        let slot = self.slots.get_mut(number).ok_or_else(|| refused(Status::SlotIdInvalid))?;
        let place = Place::of(slot);
        let asking = slot.ask_unless(request, self.waiting.clone().given_up());
        runtime.block_on(asking).map_err(|error| unasked_at(&place, &error))
    }

    /// What a link beside the slots' waits with.
    pub(super) fn waiting(&self) -> (Handle, Waiting) {
        (self.runtime.clone(), self.waiting.clone())
    }

    /// The outcome of work that blocks, unless the command is to end before.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let working = self.runtime.spawn_blocking(work);
        let done = self.waiting.on(&self.runtime, working).ok_or_else(interrupted)?;
        done.map_err(|_| refused(Status::DeviceError))
    }

    /// Asks for something that has nothing to tell.
    pub(super) fn done(&mut self, request: &Request) -> Outcome {
        let reply = self.ask(request)?;
        Self::expect_done(&reply)
    }

    /// The outcome of a request that has nothing to tell.
    pub(super) fn expect_done(reply: &Reply) -> Outcome {
        match reply {
            Reply::Done => Ok(None),
            Reply::Failed(status) => Err(refused(*status)),
            _ => Err(refused(Status::DeviceError)),
        }
    }

    /// Brings what is known of the current slot's partition up to date.
    pub(super) fn describe(&mut self) -> Result<(), Failure> {
        let number = self.number(None)?;
        self.describe_slot(number)
    }

    /// Brings what is known of a slot's partition up to date.
    pub(super) fn describe_slot(&mut self, number: u32) -> Result<(), Failure> {
        let runtime = self.runtime.clone();
        let slot = self.slots.get_mut(number).ok_or_else(|| refused(Status::SlotIdInvalid))?;
        let place = Place::of(slot);
        let asking = slot.describe(self.waiting.clone().given_up());
        runtime.block_on(asking).map_err(|error| unasked_at(&place, &error))
    }

    /// The configuration as it is now.
    pub(super) fn configuration(&self) -> Result<Configuration, Failure> {
        let configuration = self.home.configuration();
        configuration.map_err(|error| unusable(&error, error.remedy()))
    }

    /// Changes the configuration; nothing has changed if that fails.
    pub(super) fn configure<T>(
        &self,
        change: impl FnOnce(&mut Configuration) -> Result<T, GroupError>,
    ) -> Result<T, GroupError> {
        Configuration::update(&self.home.configuration_path(), change)
    }

    /// The backups of this home.
    pub(super) fn backups(&self) -> Backups {
        Backups::new(self.home.directory().join("data/backups"))
    }

    /// The home's places.
    pub(super) fn paths(&self) -> Result<Paths, Failure> {
        self.home.paths().map_err(|error| unusable(&error, error.remedy()))
    }

    /// The client token, initialized or not.
    pub(super) fn token(&self) -> Result<ClientToken, Failure> {
        let directory = self.paths()?.soft_token;
        ClientToken::open(&directory, &mut SystemRandom::new()).map_err(|e| token_failure(&e))
    }

    /// The client token, which has to be initialized.
    pub(super) fn initialized_token(&self) -> Result<ClientToken, Failure> {
        let token = self.token()?;
        match token.description().map_err(|error| token_failure(&error))? {
            Some(_) => Ok(token),
            None => Err(failure(Status::StcNoContext, "the client token is not initialized")
                .remedy("Initialize it: stc tokeninit -label <token_label>.")),
        }
    }

    /// The partitions registered on this client.
    pub(super) fn partitions(&self) -> Result<Vec<RegisteredPartition>, Failure> {
        self.token()?.partitions().map_err(|error| token_failure(&error))
    }

    /// The registered servers.
    pub(super) fn servers(&self) -> Result<Vec<Server>, Failure> {
        let configuration = self.home.configuration();
        let configuration = configuration.map_err(|error| unusable(&error, error.remedy()))?;
        servers::list(&configuration).map_err(|error| unusable(&error, error.remedy()))
    }

    /// Sets the kind of all links to a server.
    pub(super) fn set_stc(&self, id: u8, stc: bool) -> Result<Server, Failure> {
        set_stc(&self.home, id, stc).map_err(|error| unusable(&error, error.remedy()))
    }

    /// Remembers labels of clients for completion.
    pub(super) fn heard_of_clients(&mut self, labels: impl IntoIterator<Item = String>) {
        self.clients.extend(labels);
        self.clients.sort();
        self.clients.dedup();
    }

    /// Labels of clients that partitions were heard to know.
    pub(super) fn heard_clients(&self) -> &[String] {
        &self.clients
    }

    fn connect(&mut self) -> Result<(), Failure> {
        self.slots.restart();
        self.refresh()?;
        if !self.current.is_some_and(|number| self.has_slot(number)) {
            self.current = self.slots().first().map(|slot| slot.number);
            self.chosen = self.current.is_some();
        }
        Ok(())
    }

    fn has_slot(&self, number: u32) -> bool {
        self.slots().iter().any(|slot| slot.number == number)
    }

    fn no_slot(&self) -> Failure {
        if !self.slots().is_empty() {
            return failure(Status::SlotIdInvalid, "no slot is current: the one that was is gone")
                .remedy("Choose one: slot set -slot <slot_id>. See slot list.");
        }
        failure(Status::SlotIdInvalid, "there is no slot")
            .remedy("A slot appears when STC is enabled for a server that has a registered partition (stc enable -id <server_ID>), or when a server's administrator assigns a partition to this client's certificate.")
    }
}

/// The client identity on a token.
pub(super) fn identity(token: &ClientToken) -> Result<Option<ClientIdentity>, Failure> {
    token.identity().map_err(|error| token_failure(&error))
}

/// A token that cannot be used.
pub(super) fn token_failure(error: &StoreError) -> Failure {
    let text = error.to_string();
    let (cause, remedy) = text.split_once('\n').unwrap_or((&text, ""));
    let known = failure(Status::StcContainerInvalid, cause);
    if remedy.is_empty() { known } else { known.remedy(remedy) }
}

fn unusable(error: &impl Display, remedy: &'static str) -> Failure {
    failure(Status::FunctionFailed, error).remedy(remedy)
}

/// A command that its user left while nothing of it could be open.
fn interrupted() -> Failure {
    unasked(&AskError::GivenUp { open: false })
}
