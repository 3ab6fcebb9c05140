//! A partition's clients.

use super::{Effect, Hsm, LinkClient, LinkSession, fault, partition::Outcome};
use crate::{
    crypto::PublicKey,
    model::{AuditAct, CLIENT_IDENTITY_BYTES, ClientEntry, ClientLabel, Reply, Status},
    store::{ClientRow, PartitionRow, Registration},
};

impl Hsm {
    /// Activates a link: its client is registered, or becomes the first of a partition that is
    /// uninitialized and has none.
    ///
    /// # Errors
    /// The partition does not take the client (any more).
    pub fn activate(&self, session: &LinkSession, label: ClientLabel) -> Result<(), Status> {
        let serial = session.serial();
        let LinkClient::Stc(key) = session.client() else {
            return if self.permits(session) { Ok(()) } else { Err(Status::FunctionRejected) };
        };
        if self.finds_registered(session, &key)? {
            return Ok(());
        }
        self.check_audit_room(None)?;
        let row = ClientRow { label, key };
        if !self.store.register_first_client(serial, &row).map_err(fault)? {
            // Somebody else was first: it may have been another link of the same client.
            let found = self.finds_registered(session, &key)?;
            return if found { Ok(()) } else { Err(Status::FunctionRejected) };
        }
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, client = %row.label, "first client registered");
        self.record_request(session, (AuditAct::RegisterClient, None), Status::Ok)
    }

    /// Whether the store has this client of a link. If it has, the link may be used: whoever
    /// registered the client just now need not have brought what is known up to it yet.
    fn finds_registered(&self, session: &LinkSession, key: &PublicKey) -> Result<bool, Status> {
        let clients = self.store.clients(session.serial()).map_err(fault)?;
        let found = clients.iter().any(|registered| registered.key == *key);
        if found && !self.permits(session) {
            self.load(session.serial()).map_err(fault)?;
        }
        Ok(found)
    }

    pub(super) fn register_client(
        &self,
        partition: &PartitionRow,
        label: ClientLabel,
        key: PublicKey,
    ) -> Result<(), Status> {
        let client = ClientRow { label, key };
        let registered =
            self.store.register_client(partition.serial, &client, CLIENT_IDENTITY_BYTES);
        match registered.map_err(fault)? {
            Registration::Registered => {}
            Registration::Taken => return Err(Status::AttributeValueInvalid),
            Registration::NoRoom => return Err(Status::DeviceMemory),
            Registration::NoPartition => return Err(Status::TokenNotPresent),
        }
        self.load(partition.serial).map_err(fault)?;
        tracing::info!(serial = %partition.serial, client = %client.label, "client registered");
        Ok(())
    }

    pub(super) fn deregister_label(
        &self,
        partition: &PartitionRow,
        label: &ClientLabel,
    ) -> Outcome {
        let clients = self.store.clients(partition.serial).map_err(fault)?;
        let client = clients.iter().find(|client| client.label == *label);
        self.deregister(partition, &client.ok_or(Status::StcClientHandleInvalid)?.key)
    }

    pub(super) fn deregister(&self, partition: &PartitionRow, key: &PublicKey) -> Outcome {
        let serial = partition.serial;
        if !self.store.deregister_client(serial, key).map_err(fault)? {
            return Err(Status::StcClientHandleInvalid);
        }
        self.load(serial).map_err(fault)?;
        tracing::info!(%serial, "client deregistered");
        Ok((Reply::Done, vec![Effect::EndLinks { serial, client: Some(LinkClient::Stc(*key)) }]))
    }

    pub(super) fn clients(&self, partition: &PartitionRow) -> Result<Reply, Status> {
        let clients = self.store.clients(partition.serial).map_err(fault)?;
        let entry = |client: ClientRow| ClientEntry { label: client.label, key: client.key };
        Ok(Reply::Clients(clients.into_iter().map(entry).collect()))
    }
}
