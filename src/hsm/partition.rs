//! What a partition answers its clients.

use super::{
    Effect, FIRMWARE, Hsm, LinkClient, LinkSession, application::Caller, audit::act_of, fault,
    policy::check_length, role_keys::RoleKeys, session::PartitionKey, wait,
};
use crate::{
    model::{
        AuditAct, CLIENT_IDENTITY_BYTES, FirstInitialization, PartitionIdentity, PartitionInfo,
        Reply, Request, Role, Status,
    },
    store::{Credential, DomainRow, Initialization, PartitionRow, RoleRow},
};

/// An answer, and what has to happen to live links.
pub(super) type Outcome = Result<(Reply, Vec<Effect>), Status>;

impl Hsm {
    /// Performs a request that came over this link. A logout that cannot be recorded is
    /// [`Status::DeviceError`], and the role is logged out all the same.
    pub fn perform(&self, session: &LinkSession, request: Request) -> (Reply, Vec<Effect>) {
        if let Request::Cryptoki(request) = request {
            return (self.cryptoki(session, request), Vec::new());
        }
        let act = act_of(&request);
        let role = concerns(&request).or_else(|| self.role_of(session));
        let room = act.map_or(Ok(()), |act| self.check_room_for(session, (act, role)));
        let done = room.and_then(|()| self.try_perform(session, request));
        let outcome = match &done {
            Ok((Reply::Failed(status), _)) | Err(status) => *status,
            Ok(_) => Status::Ok,
        };
        // A login is recorded before it stands.
        let act = act.filter(|act| *act != AuditAct::Login || outcome != Status::Ok);
        let recorded = act.map_or(Ok(()), |act| self.record_request(session, (act, role), outcome));
        match (done, recorded) {
            (Ok((_, effects)), Err(status)) => (Reply::Failed(status), effects),
            (Ok(done), Ok(())) => done,
            (Err(status), _) => (Reply::Failed(status), Vec::new()),
        }
    }

    /// The role that is logged in over a link.
    pub(super) fn role_of(&self, session: &LinkSession) -> Option<Role> {
        self.known(session.serial()).and_then(|known| session.role(known.generation))
    }

    fn try_perform(&self, session: &LinkSession, request: Request) -> Outcome {
        let known = self.known(session.serial()).ok_or(Status::TokenNotPresent)?;
        let _turn = changes(&request).then(|| wait(&known.turn));
        // Links end a moment after their client has lost its place; requests in between are late.
        if !self.permits(session) {
            return Err(Status::StcSessionInvalid);
        }
        let partition = self.store.partition(session.serial()).map_err(fault)?;
        let partition = partition.ok_or(Status::TokenNotPresent)?;
        if must_change_first(session, &partition) && !permitted_before_change(&request) {
            return Err(Status::PinExpired);
        }
        if concerns(&request).is_some_and(|role| !Role::OF_PARTITION.contains(&role)) {
            return Err(Status::UserTypeInvalid);
        }
        let reply = match request {
            // Activation is the appliance's; a link is activated once.
            Request::Activate { .. } | Request::Open { .. } | Request::Assigned => {
                return Err(Status::FunctionRejected);
            }
            Request::Ping => Reply::Done,
            // Performed before it comes here.
            Request::Cryptoki(_) => return Err(Status::FunctionNotSupported),
            Request::Describe => Reply::Partition(self.info(session, &partition)?),
            Request::Initialize { label, password, domain, domain_label, policies } => {
                let wanted =
                    FirstInitialization { label, password, domain, domain_label, policies };
                self.initialize_partition(session, &partition, wanted)?;
                // A template may force STC.
                return Ok((Reply::Done, self.ended_by_policy(partition.serial, &known.policies)));
            }
            Request::ChangePolicies { changes, erase } => {
                check_role(session, &partition, Role::PartitionSo)?;
                let effects = self.change_policies(&partition, &changes, erase)?;
                return Ok((Reply::Done, effects));
            }
            Request::Login { role, password } => {
                let record = Some(self.login_record(session, role)?);
                return self.log_in(session, &partition, role, (&password, record));
            }
            Request::Logout => {
                self.log_out(session, &partition)?;
                Reply::Done
            }
            Request::JoinApplication(id) => {
                self.join_application(session, id)?;
                Reply::Done
            }
            Request::OpenApplication(id) => {
                self.open_application(session, id)?;
                Reply::Done
            }
            Request::CloseApplication(id) => {
                self.close_application(session, id)?;
                Reply::Done
            }
            Request::DescribeRole { role } => {
                let roles = self.store.roles(partition.serial).map_err(fault)?;
                let logged_in = session.role(partition.generation);
                Reply::Role(self.role_info(partition.serial, &roles, (role, logged_in)))
            }
            Request::ChangePassword { role, old, new } => {
                return self.change_password(session, &partition, role, (&old, &new));
            }
            Request::RegisterClient { label, key } => {
                check_role(session, &partition, Role::PartitionSo)?;
                self.register_client(&partition, label, key)?;
                Reply::Done
            }
            Request::DeregisterClient { label } => {
                check_role(session, &partition, Role::PartitionSo)?;
                return self.deregister_label(&partition, &label);
            }
            Request::DeregisterSelf => match session.client() {
                LinkClient::Stc(key) => return self.deregister(&partition, &key),
                LinkClient::Ntls(_) | LinkClient::Administrator => {
                    return Err(Status::FunctionRejected);
                }
            },
            Request::Clients => {
                check_role(session, &partition, Role::PartitionSo)?;
                self.clients(&partition)?
            }
            Request::Identity => {
                check_role(session, &partition, Role::PartitionSo)?;
                let PartitionRow { serial, label, identity: key, .. } = partition;
                Reply::Identity(PartitionIdentity { serial, label, key })
            }
            Request::Contents => {
                session.role(partition.generation).ok_or(Status::UserNotLoggedIn)?;
                Reply::Objects(Caller::new(self, session)?.contents()?)
            }
            Request::Policies => {
                Reply::Policies { capabilities: self.capabilities(), policies: known.policies }
            }
            Request::StcSettings => {
                check_role(session, &partition, Role::PartitionSo)?;
                Reply::StcSettings(known.stc)
            }
            Request::ChangeStcSettings(change) => {
                return self.change_stc(session, &partition, change);
            }
            request => self.administer(session, &partition, request)?,
        };
        Ok((reply, Vec::new()))
    }

    /// Logs a role out. When this returns, nothing that it had begun lands any more.
    fn log_out(&self, session: &LinkSession, partition: &PartitionRow) -> Result<(), Status> {
        session.log_out(partition.generation).ok_or(Status::UserNotLoggedIn)?;
        self.settle(partition.serial);
        Ok(())
    }

    fn info(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
    ) -> Result<PartitionInfo, Status> {
        let roles = self.store.roles(partition.serial).map_err(fault)?;
        let clients = self.store.clients(partition.serial).map_err(fault)?.len();
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        Ok(PartitionInfo {
            serial: partition.serial,
            label: partition.label.clone(),
            user_initialized: roles.iter().any(|row| row.role == Role::CryptoOfficer),
            model: format!("LunaSA {FIRMWARE}"),
            firmware: FIRMWARE.to_owned(),
            total_storage: partition.storage,
            used_storage: u64::from(clients) * CLIENT_IDENTITY_BYTES + partition.object_bytes,
            objects: partition.objects,
            clients,
            ouid: partition.ouid,
            logged_in: session.role(partition.generation),
        })
    }

    pub(super) fn initialize_partition(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        wanted: FirstInitialization,
    ) -> Result<(), Status> {
        let FirstInitialization { label, password, domain, domain_label, policies } = wanted;
        let (policies, lengths) = self.template(partition.serial, &policies)?;
        let key = self.partition_key()?;
        let (row, domains) = if partition.label.is_some() {
            self.kept_by_officer(session, partition, &key)?
        } else {
            let serial = partition.serial;
            check_length(&password, &lengths)?;
            let keys = RoleKeys { domain: Some(key.clone()), objects: None };
            let (credential, _) = self.credential(serial, Role::PartitionSo, &password, &keys)?;
            let domain = self.first_domain(serial, (domain, domain_label), &key)?;
            (officer_row(credential), vec![domain])
        };
        let (roles, domains, policies) = (&[row], domains.as_slice(), policies.as_slice());
        let content = Initialization { label: &label, roles, domains, policies };
        let generation = partition.generation;
        let done = self.store.initialize_partition(partition.serial, generation, &content);
        if !done.map_err(fault)? {
            // Another client has initialized it in this moment.
            return Err(Status::UserNotLoggedIn);
        }
        self.load(partition.serial).map_err(fault)?;
        if let Some(login) = session.login(generation).as_mut() {
            login.generation = generation + 1;
        }
        tracing::info!(serial = %partition.serial, %label, "partition initialized");
        Ok(())
    }

    /// What a repeated initialization keeps: the Partition SO's password and the domains, all
    /// brought under the new domain key.
    fn kept_by_officer(
        &self,
        session: &LinkSession,
        partition: &PartitionRow,
        key: &PartitionKey,
    ) -> Result<(RoleRow, Vec<DomainRow>), Status> {
        let serial = partition.serial;
        check_role(session, partition, Role::PartitionSo)?;
        let old = self.keys_of(session, partition)?;
        let roles = self.store.roles(serial).map_err(fault)?;
        let officer = roles.into_iter().find(|row| row.role == Role::PartitionSo);
        let hash = officer.ok_or(Status::DeviceError)?.credential.hash;
        let (_, password_key) = self.password_key_of(session, partition)?;
        let keys = RoleKeys { domain: Some(key.clone()), objects: None };
        let wrapped_key = self.wrap(serial, Role::PartitionSo, &password_key, &keys)?;
        let domains = self.rewrapped_domains(serial, old.domain()?, key)?;
        Ok((officer_row(Credential { hash, wrapped_key }), domains))
    }
}

/// Whether this role is logged in over this link.
pub(super) fn check_role(
    session: &LinkSession,
    partition: &PartitionRow,
    role: Role,
) -> Result<(), Status> {
    match session.role(partition.generation) {
        Some(present) if present == role => Ok(()),
        _ => Err(Status::UserNotLoggedIn),
    }
}

pub(super) fn must_change_first(session: &LinkSession, partition: &PartitionRow) -> bool {
    session.login(partition.generation).as_ref().is_some_and(|login| login.must_change)
}

/// The role that a request names.
const fn concerns(request: &Request) -> Option<Role> {
    match request {
        Request::Login { role, .. }
        | Request::DescribeRole { role }
        | Request::CreateRole { role, .. }
        | Request::ResetPassword { role, .. }
        | Request::LogOutOthers { role }
        | Request::ChangePassword { role, .. } => Some(*role),
        _ => None,
    }
}

/// Whether a request may change what is stored of the partition, or ends the right to.
const fn changes(request: &Request) -> bool {
    !matches!(
        request,
        Request::Ping
            | Request::Describe
            | Request::DescribeRole { .. }
            | Request::Clients
            | Request::Identity
            | Request::Contents
            | Request::Policies
            | Request::Domains
            | Request::StcSettings
            | Request::DomainProof { .. }
            | Request::TransferProof { .. }
            | Request::JoinApplication(_)
            | Request::OpenApplication(_)
            | Request::CloseApplication(_)
    )
}

/// What a role with an initial password may still ask.
const fn permitted_before_change(request: &Request) -> bool {
    matches!(
        request,
        Request::Ping
            | Request::Describe
            | Request::DescribeRole { .. }
            // They say how long the new password has to be.
            | Request::Policies
            | Request::Login { .. }
            | Request::Logout
            | Request::JoinApplication(_)
            | Request::OpenApplication(_)
            | Request::CloseApplication(_)
            | Request::ChangePassword { .. }
    )
}

const fn officer_row(credential: Credential) -> RoleRow {
    let (failures, must_change, handover) = (0, false, None);
    RoleRow { role: Role::PartitionSo, credential, failures, must_change, handover }
}
