//! Certificate files: what is taken is the same again when it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::wire::Certificate;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::parse(data) {
        assert_eq!(Certificate::parse(certificate.to_pem().as_bytes()), Ok(certificate));
    }
    if let Ok(certificate) = Certificate::from_der(data.to_vec().into()) {
        assert_eq!(certificate.der().as_ref(), data);
    }
});
