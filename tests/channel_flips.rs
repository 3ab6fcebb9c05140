//! Every single bit of every message of a handshake flipped, under every suite: nobody believes an
//! altered one. (`src/channel/session/flips.rs` does the same to the records that follow.)

#![allow(clippy::unwrap_used, reason = "a test")]

mod channel_support;

use std::time::Duration;

use channel_support::{
    SeededRandom, Shelf, config, data, each_flip, established, respond, retry, seal, start,
};
use lunacm::channel::{
    Answer, AwaitAnswer, CookieJar, HandshakeError, Initiator, Origin, PROTOCOL_VERSION, Refused,
    Suite, SuiteSet, answer_bytes, noise::message_1_bytes,
};

fn waiting(suite: Suite) -> (AwaitAnswer, Vec<u8>) {
    start(Initiator::new(config(&[suite])), &mut SeededRandom::new(1))
}

/// Whether a first message was refused, and nobody was told why: a message that still names its suite
/// gets a refusal of that suite's size.
fn is_refused(suite: Suite, refused: Option<Refused>, answer: &[u8]) -> bool {
    let suite = match refused {
        None | Some(Refused::SuiteNotPermitted { .. }) => return false,
        Some(Refused::VersionUnsupported { .. }) => return answer == [0x04, PROTOCOL_VERSION],
        Some(Refused::Malformed) => Suite::HYBRID[0],
        Some(_) => suite,
    };
    let mut refusal = vec![0x03];
    refusal.resize(answer_bytes(suite), 0);
    answer == refusal
}

/// What a client makes of an answer with this bit flipped.
fn error_of(bit: usize, altered: &[u8]) -> HandshakeError {
    match (bit / 8, altered[0]) {
        (0, 0x03) => HandshakeError::Refused,
        (0, _) => HandshakeError::Malformed,
        _ => HandshakeError::NotAuthentic,
    }
}

#[test]
fn no_bit_of_a_handshake_can_be_flipped() {
    let shelf = Shelf::permitting(SuiteSet::ALL);
    for suite in Suite::ALL {
        let (_, message) = waiting(suite);
        let (accepted, answer) = respond(&message, &shelf, &mut SeededRandom::new(2));
        assert!(accepted.is_ok());
        each_flip(&message, |bit, altered| {
            let (outcome, answer) = respond(altered, &shelf, &mut SeededRandom::new(2));
            let refused = outcome.err();
            assert!(is_refused(suite, refused, &answer), "{suite:?}: bit {bit}: {refused:?}");
        });
        each_flip(&answer, |bit, altered| {
            let error = waiting(suite).0.receive(altered).err();
            assert_eq!(error, Some(error_of(bit, altered)), "{suite:?}: bit {bit} of the answer");
        });
        established(waiting(suite).0.receive(&answer));
    }
}

/// The longer way to a session: a policy that sends the client back, then a cookie.
struct Detour {
    jar: CookieJar,
    shelf: Shelf,
    offer: [Suite; 2],
    messages: [Vec<u8>; 6],
}

const ORIGIN: Origin<'_> = Origin { address: &[127, 0, 0, 1], now: Duration::ZERO };

impl Detour {
    fn to(suite: Suite) -> Self {
        let other = if suite == Suite::CLASSIC[0] { Suite::CLASSIC[2] } else { Suite::CLASSIC[0] };
        let offer = [other, suite];
        let jar = CookieJar::new(&mut SeededRandom::new(3), Duration::ZERO).unwrap();
        let shelf = Shelf::permitting(SuiteSet::ALL.without(other));
        let random = &mut SeededRandom::new(1);
        let (waiting, first) = start(Initiator::new(config(&offer)), random);
        let (refused, policy) = respond(&first, &shelf, &mut SeededRandom::new(2));
        assert!(matches!(refused, Err(Refused::SuiteNotPermitted { .. })));
        let (waiting, second) = start(retry(waiting.receive(&policy)), random);
        let (mut demand, mut repeated) = (Vec::new(), Vec::new());
        jar.demand(&second, ORIGIN, &mut demand);
        let Ok(Answer::CookieDemanded(demanded)) = waiting.receive(&demand) else {
            panic!("no demand was understood")
        };
        let waiting = demanded.repeat(&mut repeated);
        let (inner, good) = jar.check(&repeated, ORIGIN);
        assert!(good && inner == second);
        let (accepted, answer) = respond(inner, &shelf, &mut SeededRandom::new(2));
        let (mut ours, mut theirs) =
            (established(waiting.receive(&answer)), accepted.unwrap().session);
        assert_eq!(ours.status().suite, suite);
        assert_eq!(data(&mut theirs, &seal(&mut ours, b"a request")), b"a request");
        Self { jar, shelf, offer, messages: [first, policy, second, demand, repeated, answer] }
    }

    fn first(&self) -> (AwaitAnswer, SeededRandom) {
        let mut random = SeededRandom::new(1);
        (start(Initiator::new(config(&self.offer)), &mut random).0, random)
    }

    fn second(&self) -> AwaitAnswer {
        let (waiting, mut random) = self.first();
        start(retry(waiting.receive(&self.messages[1])), &mut random).0
    }

    /// Whether the client, given this demand, gets past the jar.
    fn gets_past(&self, demand: &[u8]) -> bool {
        let Ok(Answer::CookieDemanded(demanded)) = self.second().receive(demand) else {
            return false;
        };
        let mut repeated = Vec::new();
        demanded.repeat(&mut repeated);
        self.jar.check(&repeated, ORIGIN).1
    }
}

#[test]
fn no_bit_of_a_handshake_with_policy_and_cookie_can_be_flipped() {
    for suite in Suite::ALL {
        let detour = Detour::to(suite);
        let [first, policy, second, demand, repeated, answer] = &detour.messages;
        let check = |suite: Suite, bit: usize, altered: &[u8]| {
            let (outcome, answer) = respond(altered, &detour.shelf, &mut SeededRandom::new(2));
            let refused = outcome.err();
            assert!(is_refused(suite, refused, &answer), "{suite:?}: bit {bit}: {refused:?}");
        };
        each_flip(first, |bit, altered| check(detour.offer[0], bit, altered));
        each_flip(policy, |bit, altered| {
            let error = detour.first().0.receive(altered).err();
            assert_eq!(error, Some(error_of(bit, altered)), "{suite:?}: bit {bit} of the policy");
        });
        // What follows the header of a hybrid message is as without a detour, see above.
        let header = second.len() - message_1_bytes(suite);
        each_flip(second, |bit, altered| {
            if !suite.is_hybrid() || bit < 8 * header {
                check(suite, bit, altered);
            }
        });
        each_flip(demand, |bit, altered| {
            assert!(!detour.gets_past(altered), "{suite:?}: bit {bit} of the demand");
        });
        each_flip(repeated, |bit, altered| {
            let good = detour.jar.check(altered, ORIGIN).1;
            assert!(!good, "{suite:?}: bit {bit} of the message with the cookie");
        });
        // So is a hybrid answer.
        if !suite.is_hybrid() {
            each_flip(answer, |bit, altered| {
                let Ok(Answer::CookieDemanded(demanded)) = detour.second().receive(demand) else {
                    panic!("no demand was understood")
                };
                let outcome = demanded.repeat(&mut Vec::new()).receive(altered);
                assert!(outcome.is_err(), "{suite:?}: bit {bit} of the answer");
            });
        }
    }
}
