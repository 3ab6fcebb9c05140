//! Logins that the links of one application share.
//!
//! A link without an application ID has a login of its own, which ends with it. Links of one
//! client to one partition under the same application ID have one login together: it ends when a
//! role logs out over any of them, when the last of them ends, or, if the application ID was
//! opened, when it is closed. Sessions and their objects stay each link's own.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use super::{Hsm, LinkClient, LinkSession, session::Login};
use crate::model::{ApplicationId, SerialNumber, Status};

/// One login, held by every link that has it.
#[derive(Default)]
pub(super) struct SharedLogin {
    pub(super) login: Mutex<Option<Login>>,
    /// How many logins have ended here: by it each link notices that its own is over.
    ended: AtomicU64,
}

impl SharedLogin {
    /// Notes that a login has ended; how many have.
    pub(super) fn end(&self) -> u64 {
        self.ended.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// How many logins have ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }
}

/// Whose login it is.
type Key = (SerialNumber, LinkClient, ApplicationId);

/// A login as the HSM remembers it.
struct Entry {
    key: Key,
    login: Weak<SharedLogin>,
    /// Keeps it without links, while the application ID is open.
    open: Option<Arc<SharedLogin>>,
}

/// The logins of all applications.
#[derive(Default)]
pub(super) struct SharedLogins(Mutex<Vec<Entry>>);

/// How many application IDs one client may have on one partition.
const MOST_APPLICATIONS: usize = 64;

impl Hsm {
    /// Gives a link the login of its application, instead of one of its own.
    ///
    /// # Errors
    /// The link has one already, or the client has too many.
    pub(super) fn join_application(
        &self,
        link: &LinkSession,
        id: ApplicationId,
    ) -> Result<(), Status> {
        link.share(self.shared_login(link, id, |_, _| {})?)
    }

    /// Keeps an application's login when its last link has ended.
    ///
    /// # Errors
    /// The client has too many.
    pub(super) fn open_application(
        &self,
        link: &LinkSession,
        id: ApplicationId,
    ) -> Result<(), Status> {
        let keep = |entry: &mut Entry, login: &Arc<SharedLogin>| entry.open = Some(login.clone());
        self.shared_login(link, id, keep)?;
        tracing::info!(serial = %link.serial(), "application ID opened");
        Ok(())
    }

    /// Ends an application's login, and keeps none from now on.
    ///
    /// # Errors
    /// There is no such application.
    pub(super) fn close_application(
        &self,
        link: &LinkSession,
        id: ApplicationId,
    ) -> Result<(), Status> {
        let key = (link.serial(), link.client(), id);
        let mut all = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.iter_mut().find(|entry| entry.key == key);
        let entry = entry.filter(|entry| entry.login.strong_count() > 0);
        let entry = entry.ok_or(Status::ObjectHandleInvalid)?;
        if let Some(shared) = entry.login.upgrade()
            && shared.login.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
        {
            shared.end();
        }
        entry.open = None;
        drop(all);
        self.settle(link.serial());
        tracing::info!(serial = %link.serial(), "application ID closed");
        Ok(())
    }

    /// Forgets the logins of those who may not use their partition any more.
    pub(super) fn forget_shared_logins(&self) {
        let mut all = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|Entry { key: (serial, client, _), login, .. }| {
            login.strong_count() > 0 && self.permits_client(*serial, *client)
        });
    }

    fn shared_login(
        &self,
        link: &LinkSession,
        id: ApplicationId,
        act: impl FnOnce(&mut Entry, &Arc<SharedLogin>),
    ) -> Result<Arc<SharedLogin>, Status> {
        let (serial, client) = (link.serial(), link.client());
        let key = (serial, client, id);
        let mut all = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|entry| entry.login.strong_count() > 0);
        if let Some(entry) = all.iter_mut().find(|entry| entry.key == key)
            && let Some(login) = entry.login.upgrade()
        {
            act(entry, &login);
            return Ok(login);
        }
        let own = |entry: &&Entry| (entry.key.0, entry.key.1) == (serial, client);
        if all.iter().filter(own).count() >= MOST_APPLICATIONS {
            return Err(Status::SessionCount);
        }
        let login = Arc::new(SharedLogin::default());
        let mut entry = Entry { key, login: Arc::downgrade(&login), open: None };
        act(&mut entry, &login);
        all.push(entry);
        Ok(login)
    }
}
