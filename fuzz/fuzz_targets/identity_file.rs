//! Identity files: what is taken survives being written again, and is never taken for both kinds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lunacm::wire::{
    ClientIdentityFile, FileKind, MAXIMUM_IDENTITY_FILE_BYTES, PartitionIdentityFile,
};

fuzz_target!(|data: &[u8]| {
    let _ = FileKind::of(data);
    let client = ClientIdentityFile::parse(data);
    let partition = PartitionIdentityFile::parse(data);
    assert!(client.is_err() || partition.is_err());
    assert!(data.len() <= MAXIMUM_IDENTITY_FILE_BYTES || client.is_err() && partition.is_err());
    if let Ok(file) = client {
        assert_eq!(ClientIdentityFile::parse(file.to_text().as_bytes()).ok(), Some(file));
    }
    if let Ok(file) = partition {
        assert_eq!(PartitionIdentityFile::parse(file.to_text().as_bytes()).ok(), Some(file));
    }
});
