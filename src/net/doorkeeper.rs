//! Who has to prove, before anything is done for it, that it can be reached where it says it is.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::{
    channel::{CookieJar, Origin},
    crypto::{RandomError, SystemRandom},
};

/// The server's cookies.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    start: Instant,
    jar: Mutex<CookieJar>,
}

/// What is to become of a handshake's first message.
pub(super) enum Verdict<'m> {
    /// It may be answered: this is the message without its cookie.
    Admitted(&'m [u8]),
    /// It has to come again, with a cookie: this demand goes to the sender.
    CookieDemanded,
}

impl Doorkeeper {
    pub(super) fn new() -> Result<Self, RandomError> {
        let start = Instant::now();
        let jar = CookieJar::new(&mut SystemRandom::new(), start.elapsed())?;
        Ok(Self { start, jar: Mutex::new(jar) })
    }

    /// Looks at a first message from this address; a demand is put to the end of `answer`.
    pub(super) fn judge<'m>(
        &self,
        message: &'m [u8],
        source: IpAddr,
        under_pressure: bool,
        answer: &mut Vec<u8>,
    ) -> Verdict<'m> {
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.start.elapsed();
        if let Err(error) = jar.tick(&mut SystemRandom::new(), now) {
            tracing::error!(%error, "the cookies' secret stays");
        }
        let address = match source.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let origin = Origin { address: &address, now };
        let (inner, proven) = jar.check(message, origin);
        if proven || !under_pressure {
            return Verdict::Admitted(inner);
        }
        jar.demand(message, origin, answer);
        drop(jar);
        tracing::info!(%source, "too many connections are in handshakes: a cookie is demanded");
        Verdict::CookieDemanded
    }
}
