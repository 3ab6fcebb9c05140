//! The partition's side of the handshake.

use crate::crypto::{KeyPair, PublicKey, Random};

use super::{
    Refused, Session, Suite, SuiteSet,
    message::{
        Header, Init, InitError, PROTOCOL_VERSION, TYPE_ANSWER, TYPE_VERSION, Verdict, prologue,
        refusal,
    },
    noise::{self, Received, message_1_bytes},
    session::End,
};

/// Where partitions and their clients are looked up. Both questions are asked in every handshake,
/// before anybody is trusted: answers should be quick, take about the same time whatever they are,
/// and change nothing.
pub trait Directory {
    /// The keys of the partition of this serial number.
    fn partition(&self, serial: u64) -> Option<PartitionKeys>;

    /// Whether the partition lets this client in. Also asked about partitions that do not exist
    /// and after the handshake has failed; the answer is then thrown away.
    fn admits(&self, serial: u64, client: &PublicKey) -> bool;
}

/// What a partition runs handshakes with.
#[derive(Clone, Debug)]
pub struct PartitionKeys {
    /// Its identity.
    pub identity: KeyPair,
    /// The suites that it permits.
    pub suites: SuiteSet,
}

/// Answers handshakes. Keeps nothing of any of them.
#[derive(Debug)]
pub struct Responder {
    decoy: KeyPair,
    /// The header and Noise's part of a message that a malformed one is taken for.
    vain: (Vec<u8>, Vec<u8>),
}

impl Responder {
    /// A responder that spends its work for partitions that do not exist on `decoy`, a pair that
    /// serves nothing else.
    pub fn new(decoy: KeyPair) -> Self {
        let offer = Suite::ALL.to_vec();
        let header = Header { serial: 0, offer, obeyed: SuiteSet::EMPTY }.encode(UNCLAIMED);
        let mut noise = decoy.public().to_vec();
        noise.resize(message_1_bytes(UNCLAIMED), 0);
        Self { decoy, vain: (header, noise) }
    }

    /// Reads a handshake's first message and appends the answer to `out`, in every case.
    ///
    /// The message may be a replay. Whoever gets an [`Accepted`] bounds how many there are, and
    /// sets nothing aside for the link before the session has opened its first record.
    ///
    /// # Errors
    /// There is no session: [`Refused`] says why, the answer mostly does not.
    pub fn receive(
        &self,
        message: &[u8],
        directory: &dyn Directory,
        random: &mut dyn Random,
        out: &mut Vec<u8>,
    ) -> Result<Accepted, Refused> {
        let mut answer = vec![TYPE_ANSWER];
        let outcome = self.answer(message, directory, random, &mut answer);
        match outcome {
            Ok(_) | Err(Refused::SuiteNotPermitted { .. }) => out.append(&mut answer),
            Err(Refused::VersionUnsupported { .. }) => {
                out.extend_from_slice(&[TYPE_VERSION, PROTOCOL_VERSION]);
            }
            Err(_) => out.append(&mut refusal(claimed_suite(message))),
        }
        outcome
    }

    fn answer(
        &self,
        message: &[u8],
        directory: &dyn Directory,
        random: &mut dyn Random,
        answer: &mut Vec<u8>,
    ) -> Result<Accepted, Refused> {
        let init = match Init::parse(message) {
            Ok(init) => init,
            Err(InitError::Version(theirs)) => return Err(Refused::VersionUnsupported { theirs }),
            Err(InitError::Malformed) => {
                self.work_in_vain(directory);
                return Err(Refused::Malformed);
            }
        };
        let (permitted, received) = self.authenticate(&init, directory)?;
        let (serial, client, suite) = (init.header.serial, received.remote_static, init.suite);
        let verdict = judge(&init, permitted).ok_or(Refused::PolicyMismatch { serial, client })?;
        let ephemeral = noise::ResponderEphemeral::generate(suite, random)?;
        let keys = received
            .next
            .write_message(ephemeral, &verdict.encode(), answer)
            .map_err(|_| Refused::NotAuthentic { serial })?;
        match verdict {
            Verdict::Accepted => {
                let session = Session::new(End::Partition, suite, keys);
                Ok(Accepted { serial, client, session })
            }
            Verdict::SuiteRefused(_) => Err(Refused::SuiteNotPermitted { serial, client, suite }),
        }
    }

    /// Reads Noise's message 1 and asks whether the client may come in. All the work is done
    /// before the first refusal, so that its duration does not tell which partitions and clients
    /// exist.
    fn authenticate(
        &self,
        init: &Init<'_>,
        directory: &dyn Directory,
    ) -> Result<(SuiteSet, Received), Refused> {
        let serial = init.header.serial;
        // One copy of a key is made and erased, be it the partition's or the decoy.
        let (identity, permitted) = match directory.partition(serial) {
            Some(PartitionKeys { identity, suites }) => (identity, Some(suites)),
            None => (self.decoy.clone(), None),
        };
        let received = noise::Responder::new(init.suite, &prologue(init.header_bytes), identity)
            .read_message(init.noise);
        let client =
            received.as_ref().map_or(*self.decoy.public(), |received| received.remote_static);
        let admitted = directory.admits(serial, &client);

        let permitted = permitted.ok_or(Refused::UnknownPartition { serial })?;
        let received = received.map_err(|_| Refused::NotAuthentic { serial })?;
        if !admitted {
            return Err(Refused::ClientNotAdmitted { serial, client });
        }
        Ok((permitted, received))
    }

    /// What a well-formed message would have cost.
    fn work_in_vain(&self, directory: &dyn Directory) {
        let (header_bytes, noise) = &self.vain;
        let header = Header { serial: 0, offer: Vec::new(), obeyed: SuiteSet::EMPTY };
        let init = Init { header, suite: UNCLAIMED, header_bytes, noise };
        let _ = self.authenticate(&init, directory);
    }
}

/// The suite whose size a refusal has when the message names none.
const UNCLAIMED: Suite = Suite::HYBRID[0];

/// The suite that a message claims to run, good or not: it decides the size of the refusal.
fn claimed_suite(message: &[u8]) -> Suite {
    Init::parse(message).map_or(UNCLAIMED, |init| init.suite)
}

/// A handshake that stands, from the partition's side.
#[derive(Debug)]
pub struct Accepted {
    /// The partition.
    pub serial: u64,
    /// The client's public identity.
    pub client: PublicKey,
    /// The channel. Until it has opened a first record, the handshake may have been a replay.
    pub session: Session,
}

/// The verdict under this policy; none if the client obeys an answer that is not the policy's.
fn judge(init: &Init<'_>, permitted: SuiteSet) -> Option<Verdict> {
    if !init.header.obeyed.is_empty() {
        // That the suite is in the policy obeyed was checked with the header.
        return (init.header.obeyed == permitted).then_some(Verdict::Accepted);
    }
    Some(if permitted.contains(init.suite) {
        Verdict::Accepted
    } else {
        Verdict::SuiteRefused(permitted)
    })
}
