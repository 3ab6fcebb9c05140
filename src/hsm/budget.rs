//! Memory that clients may have on the appliance: sessions, session objects, operations in parts,
//! requests that wait for threads, and replies that wait for their client.
//!
//! All links of a client take from one account, and all accounts from one budget. What is taken is
//! a [`Charge`], which gives it back when it is dropped. What is there already and cannot be refused
//! any more is a [`Debt`]: with it an account may be overdrawn, and then its client is answered
//! nothing that takes more.

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

/// Bytes that a key's first use is charged, as long as it is remembered.
pub(super) const USE_BYTES: usize = 64;

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

    /// Takes what is there already, however much there is.
    fn owe(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_overdrawn(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.limit
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
        let account = Arc::new(Account::new(self.all.clone(), self.per_client));
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
    /// What of it is debts.
    owed: AtomicUsize,
}

impl Account {
    const fn new(all: Arc<Pot>, limit: usize) -> Self {
        Self { all, own: Pot::new(limit), owed: AtomicUsize::new(0) }
    }

    /// An account that nothing limits.
    pub(super) fn unlimited() -> Arc<Self> {
        let all = Arc::new(Pot::new(usize::MAX));
        Arc::new(Self::new(all, usize::MAX))
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

    /// Whether debts are more than there is room for: the client's own ones, or those of all
    /// clients, as long as this one has some.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.own.is_overdrawn() || self.owed.load(Ordering::Relaxed) > 0 && self.all.is_overdrawn()
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

/// Memory that is a client's without having been asked for, such as replies that it does not take:
/// charged even where there is no room, and given back when this is dropped.
pub struct Debt {
    account: Arc<Account>,
    bytes: usize,
}

impl Debt {
    pub(super) fn new(account: &Arc<Account>, bytes: usize) -> Self {
        let mut debt = Self { account: account.clone(), bytes: 0 };
        debt.set(bytes);
        debt
    }

    /// Is so many bytes from now on.
    pub fn set(&mut self, bytes: usize) {
        let Account { all, own, owed } = &*self.account;
        if let Some(more) = bytes.checked_sub(self.bytes) {
            owed.fetch_add(more, Ordering::Relaxed);
            own.owe(more);
            all.owe(more);
        } else {
            let less = self.bytes - bytes;
            all.give_back(less);
            own.give_back(less);
            owed.fetch_sub(less, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Debug for Debt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debt({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debts_overdraw_an_account_until_they_are_paid_and_no_other() {
        let budget = Budget::new(MemoryLimits { all: 15, per_client: 10 });
        let [one, other] = [1, 2].map(|number| budget.account(LinkClient::Stc([number; 32])));
        let charge = Charge::take(&one, 8).unwrap();
        let mut debt = Debt::new(&one, 2);
        assert!(!one.is_overdrawn(), "all of it is not more than all of it");
        debt.set(3);
        assert!(one.is_overdrawn() && !other.is_overdrawn());
        assert!(Charge::take(&one, 0).is_none() && Charge::take(&other, 4).is_some());
        // With the budget overdrawn, those are concerned who have debts.
        drop(charge);
        debt.set(10);
        let theirs = Charge::take(&other, 5).unwrap();
        assert!(!one.is_overdrawn());
        let more = Debt::new(&one, 0);
        debt.set(9);
        let small = Debt::new(&other, 2);
        assert!(one.is_overdrawn() && other.is_overdrawn());
        drop(small);
        assert!(!other.is_overdrawn());
        drop((debt, more, theirs));
        assert_eq!((budget.taken(), one.owed.load(Ordering::Relaxed)), (0, 0));
    }

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
