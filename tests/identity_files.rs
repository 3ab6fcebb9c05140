//! Identity files: what is written is read back, and whatever else comes by mail is named.
#![allow(clippy::unwrap_used)]

use lunacm::{
    model::{ClientLabel, Label, SerialNumber},
    wire::{
        ClientIdentityFile, FileKind, IdentityFileError, IdentityKind, MAXIMUM_IDENTITY_FILE_BYTES,
        PartitionIdentityFile,
    },
};
use proptest::prelude::*;

const CLIENT: &str = "\
lunacm STC client identity, version 1
Label: client1
Algorithm: X25519
Public-Key: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
End of lunacm STC client identity
";

const PARTITION: &str = "\
lunacm STC partition identity, version 1
Serial-Number: 1238700701509
Label: par 0
Algorithm: X25519
Public-Key: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
End of lunacm STC partition identity
";

fn client() -> ClientIdentityFile {
    ClientIdentityFile { label: "client1".parse().unwrap(), key: [7; 32] }
}

fn partition() -> PartitionIdentityFile {
    PartitionIdentityFile {
        serial: SerialNumber::new(1_238_700_701_509),
        label: Some("par 0".parse().unwrap()),
        key: [7; 32],
    }
}

#[test]
fn the_text_is_pinned() {
    assert_eq!(client().to_text(), CLIENT);
    assert_eq!(partition().to_text(), PARTITION);
    let unlabelled = PartitionIdentityFile { label: None, ..partition() };
    assert_eq!(unlabelled.to_text(), PARTITION.replace("Label: par 0\n", ""));
    assert_eq!(PartitionIdentityFile::parse(unlabelled.to_text().as_bytes()), Ok(unlabelled));
}

#[test]
fn mail_may_change_line_ends() {
    let mailed = [
        CLIENT.replace('\n', "\r\n"),
        CLIENT.trim_end().to_owned(),
        CLIENT.replace('\n', "\r\n").trim_end().to_owned(),
        format!("{CLIENT}\r\n  \n\n"),
        format!("\u{feff}{CLIENT}"),
    ];
    for text in mailed {
        assert_eq!(ClientIdentityFile::parse(text.as_bytes()), Ok(client()), "{text:?}");
    }
    let mailed = format!("\u{feff}{}\r\n", PARTITION.replace('\n', "\r\n"));
    assert_eq!(PartitionIdentityFile::parse(mailed.as_bytes()), Ok(partition()));
}

#[test]
fn a_wrong_kind_is_named() {
    let wrong = |found, expected| Err(IdentityFileError::WrongKind { found, expected });
    assert_eq!(
        ClientIdentityFile::parse(PARTITION.as_bytes()),
        wrong(FileKind::PartitionIdentity, IdentityKind::Client)
    );
    let error = PartitionIdentityFile::parse(CLIENT.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file is an STC client identity; expected an STC partition identity (.pid)"
    );
    assert!(error.remedy().contains("partitionidexport"));
    for (bytes, found) in [
        (&b"-----BEGIN CERTIFICATE-----\n"[..], FileKind::PemCertificate),
        (b"-----BEGIN PRIVATE KEY-----\n", FileKind::PemPrivateKey),
        (b"SQLite format 3\0...", FileKind::Database),
        (b"", FileKind::Empty),
        (b"\x80\x00\xff", FileKind::Binary),
        (b"Hello", FileKind::Text),
    ] {
        let kind = IdentityKind::Partition;
        assert_eq!(PartitionIdentityFile::parse(bytes).unwrap_err(), wrong_kind(found, kind));
    }
}

fn wrong_kind(found: FileKind, expected: IdentityKind) -> IdentityFileError {
    IdentityFileError::WrongKind { found, expected }
}

#[test]
fn an_unknown_version_is_named() {
    let newer = CLIENT.replace("version 1", "version 2");
    assert_eq!(
        ClientIdentityFile::parse(newer.as_bytes()),
        Err(IdentityFileError::UnknownVersion {
            kind: IdentityKind::Client,
            version: "2".to_owned()
        })
    );
}

#[test]
fn a_file_that_was_cut_off_says_so() {
    let without_end = CLIENT.rsplit_once("End").unwrap().0;
    let cut_off = Err(IdentityFileError::CutOff(IdentityKind::Client));
    assert_eq!(ClientIdentityFile::parse(without_end.as_bytes()), cut_off);
    for length in 0..CLIENT.trim_end().len() {
        let cut = CLIENT.get(..length).unwrap();
        assert!(ClientIdentityFile::parse(cut.as_bytes()).is_err(), "{cut:?}");
    }
}

#[test]
fn lines_out_of_their_order_and_form_are_refused() {
    for (from, to) in [
        ("Label: client1", "Label: ../client1"),
        ("Label: client1\n", ""),
        ("Algorithm: X25519", "Algorithm: P-256"),
        ("BwcHBwcH", "BwcHBwc"),
        ("Bwc=", "Bwc"),
        ("Public-Key: BwcH", "Public-Key: "),
        ("Public-Key", "public-key"),
        ("End of lunacm STC client", "End of lunacm STC partition"),
        ("client identity\n", "client identity\nmore\n"),
    ] {
        let changed = CLIENT.replacen(from, to, 1);
        assert_ne!(changed, CLIENT);
        assert!(ClientIdentityFile::parse(changed.as_bytes()).is_err(), "{changed}");
    }
    let trailing = format!("{CLIENT}\nsent from my telephone\n");
    assert_eq!(
        ClientIdentityFile::parse(trailing.as_bytes()).unwrap_err().to_string(),
        "line 7 does not begin with \"End of lunacm STC client identity\""
    );
}

#[test]
fn noise_is_measured_before_it_is_looked_at() {
    let noise = vec![b'\n'; MAXIMUM_IDENTITY_FILE_BYTES + 1];
    assert_eq!(
        ClientIdentityFile::parse(&noise),
        Err(IdentityFileError::TooLarge { expected: IdentityKind::Client })
    );
}

fn labels() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9!#$%@_][a-zA-Z0-9 !#$%'()*+,.:=@_{}~^-]{0,31}"
}

proptest! {
    #[test]
    fn every_client_identity_survives_the_trip(label in labels(), key: [u8; 32]) {
        let label: ClientLabel = label.parse().unwrap();
        let file = ClientIdentityFile { label, key };
        prop_assert_eq!(ClientIdentityFile::parse(file.to_text().as_bytes()), Ok(file));
    }

    #[test]
    fn every_partition_identity_survives_the_trip(
        serial in 0..10_u64.pow(16),
        label in proptest::option::of(labels()),
        key: [u8; 32],
    ) {
        let label: Option<Label> = label.map(|label| label.parse().unwrap());
        let file = PartitionIdentityFile { serial: SerialNumber::new(serial), label, key };
        prop_assert_eq!(PartitionIdentityFile::parse(file.to_text().as_bytes()), Ok(file));
    }

    #[test]
    fn no_bytes_panic_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ClientIdentityFile::parse(&bytes);
        let _ = PartitionIdentityFile::parse(&bytes);
    }

    #[test]
    fn no_damage_panics_the_parsers_or_yields_another_label(
        at in 0..CLIENT.len(),
        byte: u8,
    ) {
        let mut bytes = CLIENT.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() = byte;
        if let Ok(read) = ClientIdentityFile::parse(&bytes) {
            // Only the label's and the key's own characters can change what is read.
            let text = String::from_utf8(bytes).unwrap();
            let line = format!("Label: {}", read.label);
            prop_assert!(text.contains(&line));
        }
    }
}
