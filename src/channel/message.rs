//! The handshake's messages around Noise's: headers, answers, refusals.

use super::{
    Suite, SuiteSet,
    noise::{message_1_bytes, message_2_bytes},
};

/// The version of the protocol that this engine speaks.
pub const PROTOCOL_VERSION: u8 = 1;

/// The size in bytes of every answer to a first message under this suite, the refusal included.
pub const fn answer_bytes(suite: Suite) -> usize {
    1 + message_2_bytes(suite) + VERDICT_BYTES
}

pub(super) const TYPE_INIT: u8 = 0x01;
pub(super) const TYPE_ANSWER: u8 = 0x02;
pub(super) const TYPE_REFUSAL: u8 = 0x03;
pub(super) const TYPE_VERSION: u8 = 0x04;
pub(super) const TYPE_COOKIE: u8 = 0x05;
pub(super) const TYPE_INIT_WITH_COOKIE: u8 = 0x06;
pub(super) const TYPE_RECORD: u8 = 0x10;
pub(super) const TYPE_CONTROL: u8 = 0x11;

/// What sets this protocol's handshakes apart from any other use of the same keys with Noise.
const DOMAIN: &[u8] = b"lunacm STC handshake\0";

/// Room for the verdict, a count and this many suites in an answer.
const MAXIMUM_SUITES: usize = 16;
const VERDICT_BYTES: usize = 2 + MAXIMUM_SUITES;

const VERDICT_ACCEPTED: u8 = 0x00;
const VERDICT_SUITE_REFUSED: u8 = 0x01;

/// What a handshake says in the clear before Noise's message 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The partition.
    pub(super) serial: u64,
    /// What the client would run, most wanted first; without repetition.
    pub(super) offer: Vec<Suite>,
    /// The policy answer that the client obeys; empty if it got none.
    pub(super) obeyed: SuiteSet,
}

impl Header {
    /// The suite that this handshake runs: the most wanted one, or the most wanted permitted one.
    /// None if nothing is in common, or if the policy obeyed had no reason to be told.
    pub(super) fn suite(&self) -> Option<Suite> {
        let first = self.offer.first().copied()?;
        if self.obeyed.is_empty() {
            return Some(first);
        }
        let permitted = self.offer.iter().copied().find(|suite| self.obeyed.contains(*suite))?;
        (permitted != first).then_some(permitted)
    }

    /// The header as bytes.
    pub(super) fn encode(&self, suite: Suite) -> Vec<u8> {
        let mut bytes = vec![TYPE_INIT, PROTOCOL_VERSION];
        bytes.extend_from_slice(&self.serial.to_be_bytes());
        bytes.push(suite.id());
        put_suites(&mut bytes, self.offer.iter().copied());
        put_suites(&mut bytes, self.obeyed.iter());
        bytes
    }
}

/// Noise's prologue for a handshake with this header.
pub(super) fn prologue(header: &[u8]) -> Vec<u8> {
    [DOMAIN, header].concat()
}

/// A handshake's first message, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Init<'m> {
    pub(super) header: Header,
    pub(super) suite: Suite,
    pub(super) header_bytes: &'m [u8],
    pub(super) noise: &'m [u8],
}

/// Why bytes are not a first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InitError {
    Malformed,
    Version(u8),
}

impl<'m> Init<'m> {
    /// Takes a message apart, and refuses what a client that keeps the rules does not send.
    pub(super) fn parse(message: &'m [u8]) -> Result<Self, InitError> {
        if let [TYPE_INIT, version, ..] = message
            && *version != PROTOCOL_VERSION
        {
            return Err(InitError::Version(*version));
        }
        Self::parse_known(message).ok_or(InitError::Malformed)
    }

    fn parse_known(message: &'m [u8]) -> Option<Self> {
        let (&[TYPE_INIT, PROTOCOL_VERSION], rest) = message.split_first_chunk()? else {
            return None;
        };
        let (serial, rest) = rest.split_first_chunk()?;
        let (suite, rest) = rest.split_first()?;
        let (offer, rest) = take_suites(rest)?;
        let (obeyed, noise) = take_suite_set(rest)?;
        let header = Header { serial: u64::from_be_bytes(*serial), offer, obeyed };
        let suite = header.suite().filter(|expected| expected.id() == *suite)?;
        let header_bytes = message.get(..message.len() - noise.len())?;
        (noise.len() == message_1_bytes(suite)).then_some(Self {
            header,
            suite,
            header_bytes,
            noise,
        })
    }
}

/// What Noise's message 2 says: whether the handshake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does.
    Accepted,
    /// It does not: only these suites are permitted.
    SuiteRefused(SuiteSet),
}

impl Verdict {
    /// The payload of message 2, of one size for all verdicts.
    pub(super) fn encode(self) -> Vec<u8> {
        let (verdict, permitted) = match self {
            Self::Accepted => (VERDICT_ACCEPTED, SuiteSet::EMPTY),
            Self::SuiteRefused(permitted) => (VERDICT_SUITE_REFUSED, permitted),
        };
        let mut bytes = vec![verdict];
        put_suites(&mut bytes, permitted.iter());
        bytes.resize(VERDICT_BYTES, 0);
        bytes
    }

    /// Reads the payload of message 2.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let (verdict, rest) = payload.split_first()?;
        let (permitted, padding) = take_suite_set(rest)?;
        if payload.len() != VERDICT_BYTES || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        match *verdict {
            VERDICT_ACCEPTED => permitted.is_empty().then_some(Self::Accepted),
            VERDICT_SUITE_REFUSED => Some(Self::SuiteRefused(permitted)),
            _ => None,
        }
    }
}

/// The one refusal of messages under this suite, whatever the reason; as long as any other answer.
pub(super) fn refusal(suite: Suite) -> Vec<u8> {
    let mut message = vec![TYPE_REFUSAL];
    message.resize(answer_bytes(suite), 0);
    message
}

/// A count, then the numbers of the suites.
fn put_suites(bytes: &mut Vec<u8>, suites: impl Iterator<Item = Suite>) {
    let at = bytes.len();
    bytes.push(0);
    for suite in suites.take(MAXIMUM_SUITES) {
        bytes.push(suite.id());
        if let Some(count) = bytes.get_mut(at) {
            *count += 1;
        }
    }
}

/// Reads a count and as many suites, each at most once; gives the rest.
fn take_suites(bytes: &[u8]) -> Option<(Vec<Suite>, &[u8])> {
    let (count, rest) = bytes.split_first()?;
    let (ids, rest) = rest.split_at_checked(usize::from(*count))?;
    let mut suites = Vec::new();
    for id in ids {
        let suite = Suite::from_id(*id)?;
        if suites.contains(&suite) {
            return None;
        }
        suites.push(suite);
    }
    Some((suites, rest))
}

/// Reads a set of suites, whose numbers have to rise: a set has one form only.
fn take_suite_set(bytes: &[u8]) -> Option<(SuiteSet, &[u8])> {
    let (suites, rest) = take_suites(bytes)?;
    let rising = suites.is_sorted_by_key(|suite| suite.id());
    rising.then(|| (suites.into_iter().collect(), rest))
}

const _: () = assert!(answer_bytes(Suite::CLASSIC[0]) == 67);
const _: () = assert!(answer_bytes(Suite::HYBRID[0]) == 1171);

#[cfg(test)]
mod tests {
    use super::*;

    const A: Suite = Suite::CLASSIC[0];
    const B: Suite = Suite::HYBRID[3];

    fn init(header: &[u8], suite: Suite) -> Vec<u8> {
        [header, &vec![0x55; message_1_bytes(suite)]].concat()
    }

    #[test]
    fn a_header_survives_the_trip() {
        for (offer, obeyed, suite) in [
            (vec![A], SuiteSet::EMPTY, A),
            (vec![B, A], SuiteSet::EMPTY, B),
            (vec![B, A], SuiteSet::ALL.without(B), A),
        ] {
            let header = Header { serial: 1_238_700_701_509, offer, obeyed };
            assert_eq!(header.suite(), Some(suite));
            let bytes = header.encode(suite);
            let message = init(&bytes, suite);
            let parsed = Init::parse(&message).unwrap();
            assert_eq!((&parsed.header, parsed.suite), (&header, suite));
            assert_eq!((parsed.header_bytes, parsed.noise), (&bytes[..], &message[bytes.len()..]));
        }
    }

    #[test]
    fn headers_against_the_rules_are_malformed() {
        let serial = [0; 8];
        for rest in [
            &[][..],
            &[1],
            &[1, 0, 0],             // nothing offered
            &[1, 1, 2, 0],          // not the first offered
            &[1, 2, 1, 1, 0],       // offered twice
            &[9, 1, 9, 0],          // unknown
            &[1, 3, 1, 2, 0],       // a count beyond the end
            &[1, 1, 1, 1, 1],       // obeys a policy that permits the first offered
            &[2, 2, 1, 2, 1, 1],    // a suite outside the policy obeyed
            &[2, 2, 1, 2, 2, 3, 2], // a set out of order
            &[1, 1, 1, 0, 0],       // a rest
            &[0x11, 1, 0x11, 0],    // a Noise message of another suite's size
        ] {
            let message = init(&[&[TYPE_INIT, PROTOCOL_VERSION], &serial[..], rest].concat(), A);
            assert_eq!(Init::parse(&message), Err(InitError::Malformed), "{rest:?}");
        }
        assert_eq!(Init::parse(&[]), Err(InitError::Malformed));
        assert_eq!(Init::parse(&[TYPE_INIT]), Err(InitError::Malformed));
        assert_eq!(Init::parse(&[TYPE_INIT, 7]), Err(InitError::Version(7)));
    }

    #[test]
    fn verdicts_have_one_size_and_one_form() {
        for verdict in [
            Verdict::Accepted,
            Verdict::SuiteRefused(SuiteSet::EMPTY),
            Verdict::SuiteRefused(SuiteSet::ALL),
        ] {
            let bytes = verdict.encode();
            assert_eq!(bytes.len(), VERDICT_BYTES);
            assert_eq!(Verdict::parse(&bytes), Some(verdict));
            assert_eq!(Verdict::parse(&bytes[1..]), None);
            let mut padded = bytes.clone();
            padded[VERDICT_BYTES - 1] = 1;
            assert_eq!(Verdict::parse(&padded), None);
            padded = bytes;
            padded[0] = 2;
            assert_eq!(Verdict::parse(&padded), None);
        }
    }
}
