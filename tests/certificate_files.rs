//! Certificate files, whatever is in them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own mistakes may panic")]

use std::time::{Duration, SystemTime};

use lunacm::wire::{Certificate, CertificateFileError, FileKind};
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use time::OffsetDateTime;

/// A certificate that is valid for this long from now, or was until this long ago.
fn pem(names: &[&str], from: i64, until: i64) -> String {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let now = OffsetDateTime::from(SystemTime::now());
    params.not_before = now + time::Duration::hours(from);
    params.not_after = now + time::Duration::hours(until);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

#[test]
fn a_certificate_says_what_it_is_for_and_when() {
    let now = SystemTime::now();
    let text = pem(&["hsm1", "192.0.2.1", "2001:db8::1"], -1, 1);
    let certificate = Certificate::parse(text.as_bytes()).unwrap();
    assert_eq!(certificate.names, ["hsm1", "192.0.2.1", "2001:db8::1"]);
    assert_eq!(certificate.check_time(now), Ok(()));
    let later = now + Duration::from_hours(2);
    assert_eq!(certificate.check_time(later), Err(CertificateFileError::Expired));
    let earlier = now - Duration::from_hours(2);
    assert_eq!(certificate.check_time(earlier), Err(CertificateFileError::NotYetValid));
}

#[test]
fn exactly_one_certificate_is_taken() {
    let (one, other) = (pem(&["a"], -1, 1), pem(&["b"], -1, 1));
    let both = one.clone() + &other;
    assert_eq!(Certificate::parse(both.as_bytes()), Err(CertificateFileError::Several(2)));
    let windows = one.replace('\n', "\r\n");
    assert_eq!(Certificate::parse(windows.as_bytes()), Certificate::parse(one.as_bytes()));
    let cut = &one[..one.len() / 2];
    assert_eq!(Certificate::parse(cut.as_bytes()), Err(CertificateFileError::Damaged));
    let empty = Certificate::parse(b"");
    assert_eq!(empty, Err(CertificateFileError::WrongKind(FileKind::Empty)));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Certificate::parse(&bytes).is_err());
        prop_assert!(Certificate::from_der(bytes.into()).is_err());
    }

    /// What is taken is the same again when it is written.
    #[test]
    fn an_altered_certificate_is_refused_or_whole(at in 0_usize..10_000, with in any::<u8>()) {
        let mut bytes = pem(&["a"], -1, 1).into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= with;
        if let Ok(certificate) = Certificate::parse(&bytes) {
            prop_assert_eq!(Certificate::parse(certificate.to_pem().as_bytes()), Ok(certificate));
        }
    }

    #[test]
    fn an_altered_encoding_is_answered(at in 0_usize..10_000, with in any::<u8>()) {
        let certificate = Certificate::parse(pem(&["a"], -1, 1).as_bytes()).unwrap();
        let mut der = certificate.der().to_vec();
        let at = at % der.len();
        der[at] ^= with;
        if let Ok(taken) = Certificate::from_der(der.clone().into()) {
            prop_assert_eq!(taken.der().as_ref(), &der[..]);
        }
    }
}
