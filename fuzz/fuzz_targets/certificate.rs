//! Server certificates: whatever a file holds, it is one certificate or refused, and never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::client::certificate::ServerCertificate;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = ServerCertificate::parse(data) {
        let again = ServerCertificate::parse(certificate.to_pem().as_bytes());
        assert!(again.is_ok());
    }
});
