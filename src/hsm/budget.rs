//! Memory that clients may have on the appliance: sessions, session objects, operations in parts and
//! requests that wait.
//!
//! All links of a client take from one account, and all accounts from one budget. What is taken is
//! a [`Charge`], which gives it back when it is dropped.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::LinkClient;

/// Bytes that a session is charged.
pub(super) const SESSION_BYTES: usize = 1024;

/// Bytes that a session object is charged besides its attributes, which are charged twice: as they
/// are, and as the key that is made of them.
pub(super) const SESSION_OBJECT_BYTES: usize = 4096;

/// Bytes that an operation in parts is charged besides what it keeps.
pub(super) const OPERATION_BYTES: usize = 2048;

/// How much memory clients may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Bytes of all clients together.
    pub all: usize,
    /// Bytes of one client, over all of its links.
    pub per_client: usize,
}

impl MemoryLimits {
    /// As much as there is: other limits hold.
    pub const NONE: Self = Self { all: usize::MAX, per_client: usize::MAX };
}

/// What is taken of a limit.
struct Pot {
    limit: usize,
    taken: AtomicUsize,
}

impl Pot {
    const fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |taken: usize| taken.checked_add(bytes).filter(|all| *all <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The budget of all clients.
pub(super) struct Budget {
    all: Arc<Pot>,
    per_client: usize,
    accounts: Mutex<HashMap<LinkClient, Weak<Account>>>,
}

impl Budget {
    pub(super) fn new(limits: MemoryLimits) -> Self {
        let all = Arc::new(Pot::new(limits.all));
        Self { all, per_client: limits.per_client, accounts: Mutex::default() }
    }

    /// The account of a client, which all of its links share.
    pub(super) fn account(&self, client: LinkClient) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(&client).and_then(Weak::upgrade) {
            return account;
        }
        accounts.retain(|_, account| account.strong_count() > 0);
        let account = Account { all: self.all.clone(), own: Pot::new(self.per_client) };
        let account = Arc::new(account);
        accounts.insert(client, Arc::downgrade(&account));
        account
    }

    /// Bytes that all clients have taken.
    pub(super) fn taken(&self) -> usize {
        self.all.taken.load(Ordering::Relaxed)
    }
}

/// What one client has taken.
pub(super) struct Account {
    all: Arc<Pot>,
    own: Pot,
}

impl Account {
    /// An account that nothing limits.
    pub(super) fn unlimited() -> Arc<Self> {
        let all = Arc::new(Pot::new(usize::MAX));
        Arc::new(Self { all, own: Pot::new(usize::MAX) })
    }

    fn take(&self, bytes: usize) -> bool {
        if !self.own.take(bytes) {
            return false;
        }
        let taken = self.all.take(bytes);
        if !taken {
            self.own.give_back(bytes);
        }
        taken
    }
}

/// Memory that a client has taken, given back when this is dropped.
pub struct Charge {
    account: Arc<Account>,
    bytes: usize,
}

impl Charge {
    /// So many bytes of an account; none if there are not as many.
    pub(super) fn take(account: &Arc<Account>, bytes: usize) -> Option<Self> {
        account.take(bytes).then(|| Self { account: account.clone(), bytes })
    }

    /// Has so many bytes from now on; false if there are not as many, which changes nothing.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            if !self.account.take(more) {
                return false;
            }
        } else {
            let less = self.bytes - bytes;
            self.account.own.give_back(less);
            self.account.all.give_back(less);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_client_share_an_account_and_accounts_the_budget() {
        let budget = Budget::new(MemoryLimits { all: 15, per_client: 10 });
        let (one, other) = (LinkClient::Stc([1; 32]), LinkClient::Stc([2; 32]));
        let account = budget.account(one);
        let mut first = Charge::take(&account, 6).unwrap();
        assert!(Charge::take(&budget.account(one), 5).is_none(), "over another link");
        assert!(!first.set(11) && first.set(10) && first.set(8));
        let second = Charge::take(&budget.account(other), 7).unwrap();
        assert!(Charge::take(&budget.account(other), 1).is_none(), "there is no more for anybody");
        assert_eq!(budget.taken(), 15);
        drop(first);
        assert!(Charge::take(&budget.account(other), 3).is_some());
        drop(second);
        assert_eq!(budget.taken(), 0);
        drop(account);
        let _fresh = budget.account(LinkClient::Stc([3; 32]));
        assert_eq!(budget.accounts.lock().unwrap().len(), 1, "who is gone has no account");
    }
}
