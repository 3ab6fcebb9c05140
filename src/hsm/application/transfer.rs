//! Objects that leave a partition for another of the same domain, at once or in a backup.
//!
//! They leave sealed, and only partitions of the domain on HSMs of the HSM's domain can open them:
//! the key is made from both and a salt that the client picks, at a password's price. The client
//! carries what it cannot read, and what it makes up itself comes in by the rules of
//! `C_CreateObject`.

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{Caller, objects::adopt};
use crate::{
    hsm::{
        fault, mechanism,
        object::{
            Arrival, Change, Makings, Object, check_leaving_openly, check_replacing, class_of,
            complete, is_key, ouid_of, permission, to_bytes,
        },
        transfer_keys::TransferKey,
    },
    model::{
        AuditAct, HsmPolicy, Imported, Policy, Role, Status, TransferPurpose,
        cryptoki::{AttributeType as A, ObjectClass, ObjectHandle},
    },
    store::{DomainRow, Seat},
    wire::decode,
};

/// Objects that one step of clearing destroys.
const CLEARED_AT_ONCE: usize = 256;

/// The keys of a transfer, made once for all of its objects.
#[derive(Default)]
pub(super) struct Transfers(Mutex<Option<Arc<Transfer>>>);

/// What one salt makes of a partition's domains.
struct Transfer {
    salt: [u8; 16],
    generation: u64,
    domains: Vec<DomainRow>,
    keys: Vec<TransferKey>,
}

/// What was sealed before the HSM's domain took part begins as any sealed value did then.
const EARLIER: u8 = 1;

/// What is sealed now begins with this, and the sealed value follows.
const VERSION: u8 = 2;

impl Caller<'_> {
    /// Destroys the next objects of the partition, whatever protects them from being destroyed
    /// one by one; how many are left.
    pub(in crate::hsm) fn clear(&self) -> Result<u64, Status> {
        self.crypto_officer()?;
        let _turn = self.known.vault.turn();
        let objects = self.token_objects()?;
        let next: Vec<_> =
            objects.iter().take(CLEARED_AT_ONCE).cloned().map(Change::Remove).collect();
        if !next.is_empty() {
            self.write(AuditAct::ClearPartition, &next)?;
            // A whole partition's objects are gone from the disk, too, before this is answered.
            self.hsm.finish_erasures()?;
        }
        Ok(u64::try_from(objects.len().saturating_sub(next.len())).unwrap_or(u64::MAX))
    }

    /// An object, sealed for partitions of the primary domain.
    pub(in crate::hsm) fn export_object(
        &self,
        handle: u64,
        (purpose, salt): (TransferPurpose, [u8; 16]),
    ) -> Result<Vec<u8>, Status> {
        self.crypto_officer()?;
        let object = self.object(ObjectHandle(handle))?;
        if !object.is(A::TOKEN) {
            return Err(Status::ObjectHandleInvalid);
        }
        self.check_transfer(purpose, object.class())?;
        let transfer = self.transfer(salt)?;
        let primary = transfer.domains.iter().position(|domain| domain.primary);
        let key = primary.and_then(|at| transfer.keys.get(at)).ok_or(Status::DeviceError)?;
        if !key.is_secret {
            check_leaving_openly(&object)?;
        }
        let bytes = to_bytes(object.attributes())?;
        let sealed = self.hsm.seal(&key.sealer, seat(purpose), &bytes).map_err(fault)?;
        self.record(AuditAct::ExportObject, &[&object])?;
        Ok([&[VERSION], sealed.as_slice()].concat())
    }

    /// Takes an object of another partition in. One that is here already, by its identifier,
    /// stays or is replaced.
    pub(in crate::hsm) fn import_object(
        &self,
        sealed: &[u8],
        (purpose, salt): (TransferPurpose, [u8; 16]),
        replace: bool,
    ) -> Result<Imported, Status> {
        self.crypto_officer()?;
        let transfer = self.transfer(salt)?;
        let (opened, sealed_by_hsm) = transfer.open(purpose, sealed)?;
        let arrival = Arrival::of(decode(&opened).map_err(|_| Status::DataInvalid)?)?;
        self.check_transfer(purpose, class_of(&arrival.plain))?;
        let mut completed = complete(arrival.plain.clone(), Makings::created())?;
        let values = mechanism::complete_imported(&completed)?;
        adopt(&mut completed, values)?;
        let attributes = arrival.complete(completed, sealed_by_hsm)?;
        permission::check_making(self.role, &self.known.policies, &attributes)?;
        let _turn = self.known.vault.turn();
        let ouid = ouid_of(&attributes);
        let present = self.token_objects()?.into_iter().find(|object| object.ouid() == ouid);
        let (handle, change) = match present {
            Some(present) if !replace => return Ok(Imported::Present(present.handle().0)),
            Some(present) => {
                permission::check_change(self.role, &self.known.policies, &present, &attributes)?;
                check_replacing(&present, &attributes)?;
                let object = Arc::new(Object::new(present.handle(), attributes));
                (present.handle(), Change::Replace(object))
            }
            None => {
                let handle = self.known.vault.next_handle()?;
                (handle, Change::Add(Arc::new(Object::new(handle, attributes))))
            }
        };
        let replaced = matches!(change, Change::Replace(_));
        self.write(AuditAct::ImportObject, &[change])?;
        Ok(if replaced { Imported::Replaced(handle.0) } else { Imported::Added(handle.0) })
    }

    fn crypto_officer(&self) -> Result<(), Status> {
        match (self.role, self.must_change) {
            (Some(Role::CryptoOfficer), false) => Ok(()),
            (Some(Role::CryptoOfficer), true) => Err(Status::PinExpired),
            _ => Err(Status::UserNotLoggedIn),
        }
    }

    /// What policies leave of transfers. Those about cloning hold at both ends.
    fn check_transfer(&self, purpose: TransferPurpose, class: ObjectClass) -> Result<(), Status> {
        let hsm = match purpose {
            TransferPurpose::Clone => HsmPolicy::NetworkReplication,
            TransferPurpose::Backup => HsmPolicy::OffboardStorage,
        };
        let partition = match class {
            ObjectClass::PRIVATE_KEY => Some(Policy::PrivateKeyCloning),
            class if is_key(class) && class != ObjectClass::PUBLIC_KEY => {
                Some(Policy::SecretKeyCloning)
            }
            _ => None,
        };
        let permitted = partition.is_none_or(|policy| self.known.policies.permits(policy));
        if permitted && self.hsm.hsm_policies().permits(hsm) {
            Ok(())
        } else {
            Err(Status::OperationNotAllowed)
        }
    }

    fn token_objects(&self) -> Result<Vec<Arc<Object>>, Status> {
        let all = |shelf: &crate::hsm::object::Shelf| shelf.all().cloned().collect::<Vec<_>>();
        let mut objects = self.known.vault.public(self.hsm, all)?;
        if let Some(open) = &self.unlocked {
            objects.extend(self.known.vault.private(self.hsm, open, all)?);
        }
        objects.sort_by_key(|object| object.handle().0);
        Ok(objects)
    }

    /// The keys for a salt: those of the last object, unless salt or domains are others.
    fn transfer(&self, salt: [u8; 16]) -> Result<Arc<Transfer>, Status> {
        let serial = self.link.serial();
        let generation = self.known.generation;
        let domains = self.hsm.store.domains(serial).map_err(fault)?;
        let mut last = self.link.application().transfers().0.lock();
        let last = last.as_mut().map_err(|_| Status::DeviceError)?;
        if let Some(known) = last.as_ref()
            && (known.salt, known.generation) == (salt, generation)
            && known.domains == domains
        {
            return Ok(known.clone());
        }
        let partition = self.hsm.store.partition(serial).map_err(fault)?;
        let keys = self.hsm.keys_of(self.link, &partition.ok_or(Status::TokenNotPresent)?)?;
        let key = keys.domain()?;
        let share = self.hsm.hsm_share(salt)?;
        let make =
            |domain: &DomainRow| self.hsm.transfer_key((serial, domain), key, (&share, salt));
        let keys = domains.iter().map(make).collect::<Result<Vec<_>, Status>>()?;
        let transfer = Arc::new(Transfer { salt, generation, domains, keys });
        **last = Some(transfer.clone());
        Ok(transfer)
    }
}

impl Transfer {
    /// Opens what was sealed under any of the partition's domains, and says whether an HSM alone
    /// can have sealed it.
    fn open(
        &self,
        purpose: TransferPurpose,
        sealed: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, bool), Status> {
        let seat = seat(purpose);
        let opened = match sealed {
            [VERSION, sealed @ ..] => self
                .keys
                .iter()
                .find_map(|key| Some((key.sealer.open(seat, sealed).ok()?, key.is_secret))),
            [EARLIER, ..] => {
                let open = |key: &TransferKey| key.earlier.open(seat, sealed).ok();
                self.keys.iter().find_map(open).map(|opened| (opened, false))
            }
            _ => None,
        };
        opened.ok_or(Status::DomainMismatch)
    }
}

impl Transfers {
    /// Forgets the keys.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What a sealed object is bound to: a clone under way is no backup.
const fn seat(purpose: TransferPurpose) -> Seat<'static> {
    let object = match purpose {
        TransferPurpose::Clone => "clone",
        TransferPurpose::Backup => "backup",
    };
    Seat { store: "transfer", object, field: "attributes" }
}
