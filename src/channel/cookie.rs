//! Cookies: a round trip that a client has to make before the partition's side does any work for it.
//!
//! Nothing is kept of a demand. A cookie is a MAC, under a secret that changes, over where the first
//! message came from and what it says; it is of no use for another message or from elsewhere. When
//! there is need for them is the driver's to say.

use std::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{Digest, KEY_BYTES, Random, RandomError, hmac};

use super::message::{TYPE_COOKIE, TYPE_INIT_WITH_COOKIE};

/// The size in bytes of a cookie.
pub const COOKIE_BYTES: usize = 16;

/// How long a secret makes cookies. It checks them for as long again.
pub const COOKIE_SECRET_LIFETIME: Duration = Duration::from_mins(2);

/// Where a message came from, and when.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The sender's address as bytes; ports are best left out.
    pub address: &'a [u8],
    /// The time since any fixed moment.
    pub now: Duration,
}

/// Makes and checks cookies.
pub struct CookieJar {
    current: Secret,
    previous: Option<Secret>,
}

struct Secret {
    key: Zeroizing<[u8; KEY_BYTES]>,
    born: Duration,
}

impl CookieJar {
    /// A jar with a first secret.
    ///
    /// # Errors
    /// The random source failed.
    pub fn new(random: &mut dyn Random, now: Duration) -> Result<Self, RandomError> {
        Ok(Self { current: Secret::draw(random, now)?, previous: None })
    }

    /// Replaces the secret once it has served its time. To be called now and then; cookies of a
    /// secret that is overdue are refused whether it was or not.
    ///
    /// # Errors
    /// The random source failed; the secret stays.
    pub fn tick(&mut self, random: &mut dyn Random, now: Duration) -> Result<(), RandomError> {
        if self.current.age(now) >= COOKIE_SECRET_LIFETIME {
            let fresh = Secret::draw(random, now)?;
            self.previous = Some(std::mem::replace(&mut self.current, fresh));
        }
        Ok(())
    }

    /// The first message without its cookie, and whether it had a good one.
    pub fn check<'m>(&self, message: &'m [u8], origin: Origin<'_>) -> (&'m [u8], bool) {
        let Some((cookie, inner)) = split(message) else { return (message, false) };
        let known = [Some(&self.current), self.previous.as_ref()];
        let good = known
            .into_iter()
            .flatten()
            .filter(|secret| secret.age(origin.now) < 2 * COOKIE_SECRET_LIFETIME)
            .any(|secret| bool::from(secret.cookie(inner, origin.address).ct_eq(cookie)));
        (inner, good)
    }

    /// Appends the demand that the sender repeat this first message with a cookie.
    pub fn demand(&self, message: &[u8], origin: Origin<'_>, out: &mut Vec<u8>) {
        let inner = split(message).map_or(message, |(_, inner)| inner);
        out.push(TYPE_COOKIE);
        out.extend_from_slice(&self.current.cookie(inner, origin.address));
    }
}

impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieJar(..)")
    }
}

impl Secret {
    fn draw(random: &mut dyn Random, now: Duration) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        random.fill(key.as_mut())?;
        Ok(Self { key, born: now })
    }

    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.born)
    }

    /// The first half of HMAC-SHA-256. The address's length comes first, so that no byte can be
    /// taken for a part of the other.
    fn cookie(&self, message: &[u8], address: &[u8]) -> [u8; COOKIE_BYTES] {
        let length = u32::try_from(address.len()).unwrap_or(u32::MAX).to_be_bytes();
        let parts = [DOMAIN, &length, address, message];
        let mac = hmac(Digest::Sha256, self.key.as_ref(), &parts);
        mac.first_chunk().copied().unwrap_or_default()
    }
}

/// The message with the cookie in front.
pub(super) fn with_cookie(cookie: &[u8; COOKIE_BYTES], message: &[u8], out: &mut Vec<u8>) {
    out.push(TYPE_INIT_WITH_COOKIE);
    out.extend_from_slice(cookie);
    out.extend_from_slice(message);
}

/// The cookie in front of a message, and the message.
fn split(message: &[u8]) -> Option<(&[u8; COOKIE_BYTES], &[u8])> {
    let (TYPE_INIT_WITH_COOKIE, rest) = message.split_first().map(|(kind, rest)| (*kind, rest))?
    else {
        return None;
    };
    rest.split_first_chunk()
}

const DOMAIN: &[u8] = b"lunacm STC cookie\0";

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that counts.
    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            self.0 += 1;
            buffer.fill(self.0);
            Ok(())
        }
    }

    const MESSAGE: &[u8] = &[0x01, 1, 2, 3];

    fn at(address: &[u8], seconds: u64) -> Origin<'_> {
        Origin { address, now: Duration::from_secs(seconds) }
    }

    fn repeated(jar: &CookieJar, origin: Origin<'_>) -> Vec<u8> {
        let (mut demand, mut message) = (Vec::new(), Vec::new());
        jar.demand(MESSAGE, origin, &mut demand);
        assert_eq!(demand[0], TYPE_COOKIE);
        with_cookie(demand[1..].try_into().unwrap(), MESSAGE, &mut message);
        message
    }

    #[test]
    fn a_cookie_is_for_one_message_from_one_address() {
        let jar = CookieJar::new(&mut Counting(0), Duration::ZERO).unwrap();
        let message = repeated(&jar, at(b"10.0.0.1", 5));
        assert_eq!(jar.check(&message, at(b"10.0.0.1", 6)), (MESSAGE, true));
        assert_eq!(jar.check(&message, at(b"10.0.0.2", 6)), (MESSAGE, false));
        assert_eq!(jar.check(MESSAGE, at(b"10.0.0.1", 6)), (MESSAGE, false));
        for bit in 8..message.len() * 8 {
            let mut altered = message.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!jar.check(&altered, at(b"10.0.0.1", 6)).1, "bit {bit}");
        }
        for size in 0..=COOKIE_BYTES {
            assert_eq!(jar.check(&message[..size], at(b"10.0.0.1", 6)), (&message[..size], false));
        }
        let other = CookieJar::new(&mut Counting(7), Duration::ZERO).unwrap();
        assert!(!other.check(&message, at(b"10.0.0.1", 6)).1);
    }

    #[test]
    fn no_byte_moves_from_the_address_to_the_message() {
        let jar = CookieJar::new(&mut Counting(0), Duration::ZERO).unwrap();
        assert_ne!(jar.current.cookie(b"bc", b"a"), jar.current.cookie(b"c", b"ab"));
    }

    #[test]
    fn secrets_serve_their_time_and_once_more() {
        let random = &mut Counting(0);
        let mut jar = CookieJar::new(random, Duration::ZERO).unwrap();
        let message = repeated(&jar, at(b"a", 119));
        jar.tick(random, Duration::from_secs(119)).unwrap();
        assert!(jar.previous.is_none());
        jar.tick(random, Duration::from_mins(2)).unwrap();
        assert!(jar.check(&message, at(b"a", 239)).1);
        assert!(!jar.check(&message, at(b"a", 240)).1);
        let later = repeated(&jar, at(b"a", 239));
        assert_ne!(later, message);
        jar.tick(random, Duration::from_mins(4)).unwrap();
        assert!(!jar.check(&message, at(b"a", 240)).1);
        assert!(jar.check(&later, at(b"a", 240)).1);
    }
}
