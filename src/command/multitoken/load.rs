//! One module under load.

use std::{
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::Pkcs11,
    error::{Error, RvError},
    mechanism::{Mechanism, aead::GcmParams},
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use super::{absent, mode::Mode};
use crate::{
    command::module::told,
    model::Status,
    shell::{Failure, Secret},
};

/// How often a round looks whether it has failed.
const LOOK: Duration = Duration::from_millis(20);

/// The label of everything that a load makes.
const LABEL: &[u8] = b"multitoken";

/// One module's token, logged in.
pub(super) struct Target {
    module: Pkcs11,
    slot: Slot,
    pin: AuthPin,
    /// Keeps the login, and the session objects that all threads use.
    session: Session,
}

/// What a mode works with.
pub(super) struct Work {
    key: Option<ObjectHandle>,
    packet: usize,
}

impl Target {
    /// The token of this slot or label, or the only one.
    pub(super) fn new(
        path: &Path,
        module: Pkcs11,
        (slot, label): (Option<u64>, Option<&str>),
        password: &Secret,
    ) -> Result<Self, Failure> {
        let slots = module.get_slots_with_initialized_token().map_err(|error| told(&error))?;
        let mut fitting = Vec::new();
        for known in slots {
            let right_label = match label {
                None => true,
                Some(label) => {
                    let token = module.get_token_info(known).map_err(|error| told(&error))?;
                    token.label().trim_end() == label
                }
            };
            if right_label && slot.is_none_or(|slot| slot == known.id()) {
                fitting.push(known);
            }
        }
        let [slot] = fitting[..] else {
            return Err(absent(format!("{} has {} such tokens", path.display(), fitting.len())));
        };
        let session = module.open_rw_session(slot).map_err(|error| told(&error))?;
        let pin = AuthPin::new(password.expose().into());
        log_in(&session, &pin)?;
        Ok(Self { module, slot, pin, session })
    }

    /// Makes what a mode works with.
    pub(super) fn prepare(&self, mode: &Mode) -> Result<Work, Failure> {
        let made = match mode {
            Mode::EcdsaSign(mode) => {
                let curve = Attribute::EcParams(mode.curve.parameters().to_vec());
                self.pair(&Mechanism::EccKeyPairGen, vec![curve]).map(|key| (Some(key), 0))
            }
            Mode::RsaSign(mode) => {
                let size = vec![
                    Attribute::ModulusBits(u64::from(mode.key).into()),
                    Attribute::PublicExponent(vec![1, 0, 1]),
                ];
                self.pair(&Mechanism::RsaPkcsKeyPairGen, size).map(|key| (Some(key), 0))
            }
            Mode::AesGcm(mode) | Mode::AesEcb(mode) => {
                let uses = [Attribute::Encrypt(true), Attribute::ValueLen(32.into())];
                self.secret(&Mechanism::AesKeyGen, &uses).map(|key| (Some(key), mode.packet))
            }
            Mode::Hmac(mode) => self.hmac_key().map(|key| (Some(key), mode.packet)),
            Mode::Random(mode) => Ok((None, mode.packet)),
            Mode::Find(mode) => self.objects(mode.objects).map(|()| (None, 0)),
            Mode::EcKeyGen(_) | Mode::Login(_) => Ok((None, 0)),
        };
        let (key, packet) = made.map_err(|error| told(&error))?;
        Ok(Work { key, packet: usize::try_from(packet).unwrap_or(usize::MAX) })
    }

    /// Operations a second over `time`, by so many threads.
    pub(super) fn round(
        &self,
        mode: &Mode,
        work: &Work,
        threads: u16,
        time: Duration,
    ) -> Result<f64, Failure> {
        let open = || self.module.open_rw_session(self.slot);
        let sessions: Result<Vec<_>, _> = (0..threads).map(|_| open()).collect();
        let sessions = sessions.map_err(|error| told(&error))?;
        let (start, stop) = (Barrier::new(sessions.len() + 1), AtomicBool::new(false));
        let pin = &self.pin;
        let work_off = |session: Session| {
            start.wait();
            let (mut done, mut busy) = (0_u32, Duration::ZERO);
            while !stop.load(Ordering::Relaxed) {
                let from = Instant::now();
                let made = act(mode, work, (&session, pin), done)?;
                busy += from.elapsed();
                // Not counted: a token is not to fill while it is measured.
                made.into_iter().flatten().try_for_each(|made| session.destroy_object(made))?;
                done += 1;
            }
            Ok::<_, Error>(f64::from(done) / busy.as_secs_f64())
        };
        let rates = thread::scope(|scope| {
            let (work_off, stop) = (&work_off, &stop);
            let running: Vec<_> = sessions
                .into_iter()
                .map(|session| {
                    scope.spawn(move || {
                        // Who fails ends the round for all.
                        work_off(session).inspect_err(|_| stop.store(true, Ordering::Relaxed))
                    })
                })
                .collect();
            start.wait();
            let end = Instant::now() + time;
            while !stop.load(Ordering::Relaxed) && Instant::now() < end {
                thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
            }
            stop.store(true, Ordering::Relaxed);
            let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .map(|rate| rate.unwrap_or(Err(Error::InvalidValue)))
                .collect::<Result<Vec<_>, _>>()
        });
        Ok(rates.map_err(|error| told(&error))?.into_iter().sum())
    }

    /// Deletes what the load has left on the token.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        let left = [Attribute::Token(true), Attribute::Label(LABEL.to_vec())];
        let left = self.session.find_objects(&left).map_err(|error| told(&error))?;
        for object in left {
            self.session.destroy_object(object).map_err(|error| told(&error))?;
        }
        Ok(())
    }

    fn pair(&self, how: &Mechanism<'_>, public: Vec<Attribute>) -> Result<ObjectHandle, Error> {
        let private = [
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Sign(true),
        ];
        let public = [public, vec![Attribute::Token(false), Attribute::Verify(true)]].concat();
        self.session.generate_key_pair(how, &public, &private).map(|(_, private)| private)
    }

    fn secret(&self, how: &Mechanism<'_>, uses: &[Attribute]) -> Result<ObjectHandle, Error> {
        let kind = [Attribute::Token(false), Attribute::Private(true), Attribute::Sensitive(true)];
        self.session.generate_key(how, &[&kind[..], uses].concat())
    }

    fn hmac_key(&self) -> Result<ObjectHandle, Error> {
        self.session.create_object(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sign(true),
            Attribute::Value(vec![9; 32]),
        ])
    }

    fn objects(&self, count: u32) -> Result<(), Error> {
        (0..count).try_for_each(|number| {
            let object = [
                Attribute::Class(ObjectClass::DATA),
                Attribute::Token(false),
                Attribute::Private(false),
                Attribute::Label(label(number)),
                Attribute::Value(b"data".to_vec()),
            ];
            self.session.create_object(&object).map(drop)
        })
    }
}

/// What an operation has made and what is to be destroyed after it.
type Made = Option<[ObjectHandle; 2]>;

/// One operation.
fn act(
    mode: &Mode,
    work: &Work,
    (session, pin): (&Session, &AuthPin),
    number: u32,
) -> Result<Made, Error> {
    let digest = [7; 32];
    let key = work.key.ok_or(Error::InvalidValue);
    match mode {
        Mode::EcdsaSign(_) => session.sign(&Mechanism::Ecdsa, key?, &digest).map(|_| None),
        Mode::RsaSign(_) => session.sign(&Mechanism::RsaPkcs, key?, &digest).map(|_| None),
        Mode::Hmac(_) => {
            session.sign(&Mechanism::Sha256Hmac, key?, &vec![7; work.packet]).map(|_| None)
        }
        Mode::AesGcm(_) => {
            let mut nonce = [0; 12];
            nonce[..4].copy_from_slice(&number.to_be_bytes());
            let gcm = Mechanism::AesGcm(GcmParams::new(&mut nonce, &[], 128.into())?);
            session.encrypt(&gcm, key?, &vec![7; work.packet]).map(|_| None)
        }
        Mode::AesEcb(_) => {
            session.encrypt(&Mechanism::AesEcb, key?, &vec![7; work.packet]).map(|_| None)
        }
        Mode::Random(_) => session.generate_random_slice(&mut vec![0; work.packet]).map(|()| None),
        Mode::Find(mode) => {
            let wanted = label(number % mode.objects.max(1));
            match session.find_objects(&[Attribute::Label(wanted)])?.len() {
                1 => Ok(None),
                _ => Err(Error::Pkcs11(
                    RvError::FunctionFailed,
                    cryptoki::context::Function::FindObjects,
                )),
            }
        }
        Mode::EcKeyGen(mode) => {
            let curve = Attribute::EcParams(mode.curve.parameters().to_vec());
            let public = [curve, Attribute::Token(true), Attribute::Label(LABEL.to_vec())];
            let private = [Attribute::Token(true), Attribute::Label(LABEL.to_vec())];
            let mechanism = Mechanism::EccKeyPairGen;
            let pair = session.generate_key_pair(&mechanism, &public, &private);
            pair.map(|(public, private)| Some([public, private]))
        }
        Mode::Login(_) => {
            session.logout()?;
            session.login(UserType::User, Some(pin)).map(|()| None)
        }
    }
}

fn log_in(session: &Session, pin: &AuthPin) -> Result<(), Failure> {
    match session.login(UserType::User, Some(pin)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(told(&error)),
    }
}

/// The label of one of many objects.
fn label(number: u32) -> Vec<u8> {
    format!("multitoken object {number}").into_bytes()
}

/// A load whose threads would disturb each other.
pub(super) fn check(mode: &Mode) -> Result<(), Failure> {
    if matches!(mode, Mode::Login(_)) && mode.common().nthreads > 1 {
        let status = Status::ArgumentsBad.to_string();
        return Err(Failure::new("an application has one login for all of its threads", status)
            .remedy("Use -nthreads=1 for this mode."));
    }
    Ok(())
}
