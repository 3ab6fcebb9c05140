//! Requests, replies and what carries them: `data/vectors/messages-v1.json`.

use lunacm::{
    channel::{MAXIMUM_CHUNK_BYTES, Part, split, split_piece},
    crypto::{
        AeadKey, Cipher, Digest, Fingerprint, HashFunction, HkdfScheme, PasswordHash,
        PasswordParameters, Random, hkdf,
    },
    model::{
        ApplicationId, ClientEntry, DomainEntry, Imported, Label, ObjectEntry, PartitionIdentity,
        PartitionInfo, Password, PolicySet, PolicyValue, Reply, Request, Role, RoleInfo,
        SerialNumber, Status, StcChange, StcFamily, StcSettings, TransferPurpose,
        cryptoki::CryptokiRequest,
    },
    store::{Sealer, Seat},
    wire::{ClientIdentityFile, PartitionIdentityFile, decode, encode, frame_header},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    channel_support::{SERIAL, SeededRandom, client, partition},
    hex, keys,
};

/// All of the file.
pub fn cases() -> Value {
    let keys = keys::requests().into_iter().map(Request::Cryptoki);
    let requests: Vec<_> = requests().into_iter().chain(keys).map(|one| vector(&one)).collect();
    let keys = keys::replies().into_iter().map(Reply::Cryptoki);
    let replies: Vec<_> = replies().into_iter().chain(keys).map(|one| vector(&one)).collect();
    json!({
        "requests": requests,
        "replies": replies,
        "longer varints": longer_varints(),
        "malformed requests": malformed(),
        "parts": parts(),
        "a long message": long_message(),
        "ntls": ntls(),
        "identity files": identity_files(),
        "domain": domain(),
    })
}

fn vector<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T) -> Value {
    let bytes = encode(message).unwrap();
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(message));
    json!({ "value": message, "encoding": hex(&bytes) })
}

fn requests() -> Vec<Request> {
    let (label, other): (Label, Label) = ("par 1".parse().unwrap(), "par2".parse().unwrap());
    let client = || "client-1.example".parse().unwrap();
    let password = || Password::new("userpin1".into());
    let policies =
        vec![PolicyValue { number: 37, value: 1 }, PolicyValue { number: 25, value: 247 }];
    let application = ApplicationId { major: 1, minor: 0xffff_ffff };
    let mut requests = vec![
        Request::Activate { client: client() },
        Request::Ping,
        Request::Describe,
        Request::Initialize {
            label: label.clone(),
            password: password(),
            domain: Some(Password::new("a domain".into())),
            domain_label: None,
            policies: policies.clone(),
        },
        Request::Login { role: Role::CryptoOfficer, password: password() },
        Request::Logout,
        Request::DescribeRole { role: Role::CryptoUser },
        Request::CreateRole { role: Role::LimitedCryptoOfficer, password: password() },
        Request::ChangePassword {
            role: Role::PartitionSo,
            old: password(),
            // Whatever text it is, it has its bytes before it and not its characters.
            new: Password::new("päßwörter".into()),
        },
        Request::RegisterClient { label: client(), key: [0x42; 32] },
        Request::DeregisterClient { label: client() },
        Request::DeregisterSelf,
        Request::Clients,
        Request::Identity,
        Request::Contents,
        Request::Policies,
        Request::ChangePolicies { changes: policies, erase: true },
        Request::ChangeLabel { label: label.clone() },
        Request::ResetPassword { role: Role::CryptoOfficer, password: password() },
        Request::LogOutOthers { role: Role::CryptoUser },
        Request::Domains,
        Request::AddDomain { label: other.clone(), domain: None, primary: false },
        Request::DeleteDomain { label: other.clone() },
        Request::RenameDomain { label: other, new: label },
        Request::DomainProof { salt: [7; 16] },
        Request::Assigned,
        Request::Open { serial: SerialNumber::new(SERIAL) },
        Request::StcSettings,
        Request::Clear,
        Request::ExportObject { handle: 300, purpose: TransferPurpose::Clone, salt: [8; 16] },
        Request::ImportObject {
            sealed: vec![1, 2, 3],
            purpose: TransferPurpose::Backup,
            salt: [9; 16],
            replace: true,
        },
        Request::JoinApplication(application),
        Request::OpenApplication(application),
        Request::CloseApplication(application),
        Request::TransferProof { salt: [10; 16] },
    ];
    requests.extend(
        [
            StcChange::ActivationTimeout(240),
            StcChange::RekeyThreshold(4000),
            StcChange::ReplayWindow(1000),
            StcChange::Algorithm { family: StcFamily::Cipher, id: Some(2), enabled: false },
            StcChange::Algorithm { family: StcFamily::KeyExchange, id: None, enabled: true },
        ]
        .map(Request::ChangeStcSettings),
    );
    requests
}

fn replies() -> Vec<Reply> {
    let label: Label = "par 1".parse().unwrap();
    let serial = SerialNumber::new(SERIAL);
    let partition = PartitionInfo {
        serial,
        label: Some(label.clone()),
        user_initialized: true,
        model: "LunaSA 7.7.0".into(),
        firmware: "7.7.0".into(),
        total_storage: 325_896,
        used_storage: 2392,
        objects: 1,
        clients: 1,
        ouid: [0xab; 12],
        logged_in: Some(Role::PartitionSo),
    };
    let blank = PartitionInfo { label: None, logged_in: None, ..partition.clone() };
    let role = RoleInfo {
        role: Role::CryptoOfficer,
        initialized: true,
        attempts_left: 10,
        locked: false,
        password_to_be_changed: true,
        logged_in: false,
    };
    let client = ClientEntry { label: "client1".parse().unwrap(), key: [0x42; 32] };
    let domain = DomainEntry { label: label.clone(), primary: true, default: false };
    let object = ObjectEntry { label: "a key".into(), handle: 5, class: 4, ouid: [0xcd; 12] };
    vec![
        Reply::Done,
        Reply::Failed(Status::PinIncorrect),
        Reply::Failed(Status::StcSessionInvalid),
        Reply::Activated { channel: 200, partition: blank },
        Reply::Partition(partition),
        Reply::Role(role),
        Reply::Clients(vec![client]),
        Reply::Identity(PartitionIdentity { serial, label: Some(label), key: [0x24; 32] }),
        Reply::Objects(vec![object]),
        Reply::Policies { capabilities: PolicySet::factory(), policies: PolicySet::defaults() },
        Reply::Domains(vec![domain]),
        Reply::DomainProof([0x5a; 32]),
        Reply::Serials(vec![serial, SerialNumber::new(u64::MAX)]),
        Reply::StcSettings(StcSettings::default()),
        Reply::Left(0),
        Reply::Sealed(vec![1, 2, 3]),
        Reply::Imported(Imported::Added(6)),
        Reply::Imported(Imported::Replaced(6)),
        Reply::Imported(Imported::Present(1 << 31)),
    ]
}

/// Encodings that are longer than they need to be and are taken all the same.
fn longer_varints() -> Vec<Value> {
    let longer = [
        (&[0x81, 0x00][..], Request::Ping),
        (&[0x81, 0x80, 0x80, 0x80, 0x00], Request::Ping),
        (&[0x06, 0x84, 0x00], Request::DescribeRole { role: Role::CryptoUser }),
    ];
    longer
        .into_iter()
        .map(|(bytes, request)| {
            assert_eq!(decode::<Request>(bytes).as_ref(), Ok(&request));
            json!({ "value": request, "encoding": hex(bytes) })
        })
        .collect()
}

fn malformed() -> Vec<Value> {
    let malformed: [(&str, &[u8]); 12] = [
        ("nothing", &[]),
        ("cut short", &[0x06]),
        ("a byte left over", &[0x01, 0x00]),
        ("no such request", &[0x24]),
        ("no such role", &[0x06, 0x05]),
        ("a varint of six bytes", &[0x81, 0x80, 0x80, 0x80, 0x80, 0x00]),
        ("a varint above 32 bits", &[0x80, 0x80, 0x80, 0x80, 0x10]),
        ("a boolean of two", &[0x11, 0x00, 0x02]),
        ("an empty label", &[0x12, 0x00]),
        ("a label that begins with a space", &[0x12, 0x02, 0x20, 0x61]),
        ("a label with a question mark", &[0x12, 0x01, 0x3f]),
        ("a text that is not UTF-8", &[0x04, 0x02, 0x01, 0xff]),
    ];
    let templates = keys::nested(4);
    let rows = malformed.into_iter().chain([("four templates one inside the other", &*templates)]);
    rows.map(|(name, bytes)| {
        assert!(decode::<Request>(bytes).is_err(), "{name}");
        json!({ "name": name, "encoding": hex(bytes) })
    })
    .collect()
}

/// Two messages whose parts are mixed, as the plaintexts of records.
fn parts() -> Value {
    let long = encode(&Request::ChangeLabel { label: "par 1".parse().unwrap() }).unwrap();
    let short = encode(&Request::Ping).unwrap();
    let (first, rest) = long.split_at(3);
    let (second, third) = rest.split_at(1);
    let mut plaintexts = Vec::new();
    for (id, before, piece, is_last) in [
        (0x0102_0304, 0, first, false),
        (7, 0, &short[..], true),
        (0x0102_0304, 1, second, false),
        (0x0102_0304, 2, third, true),
    ] {
        plaintexts.extend(split_piece(id, before, piece, is_last).map(|part| hex(&plain(&part))));
    }
    json!({
        "messages": [
            { "identifier": 0x0102_0304, "message": hex(&long) },
            { "identifier": 7, "message": hex(&short) },
        ],
        "parts": plaintexts,
    })
}

/// A message of more than one full part: by its hashes.
fn long_message() -> Value {
    let bytes = u32::try_from(MAXIMUM_CHUNK_BYTES).unwrap() + 5;
    let random = keys::update(vec![0xa5; usize::try_from(bytes).unwrap() - 10]);
    let message = encode(&Request::Cryptoki(random)).unwrap();
    let parts = split(1, &message).map(|part| {
        let plain = plain(&part);
        json!({ "header": hex(&plain[..5]), "bytes": plain.len(), "sha256": sha256(&plain) })
    });
    json!({
        "begins": hex(&message[..10]),
        "repeats": "a5",
        "bytes": message.len(),
        "sha256": sha256(&message),
        "parts": parts.collect::<Vec<_>>(),
    })
}

/// The first requests of links in TLS alone, with the frames that carry them.
fn ntls() -> Vec<Value> {
    let serial = SerialNumber::new(SERIAL);
    let asked = [Request::Assigned, Request::Open { serial }];
    asked
        .into_iter()
        .zip(0_u32..)
        .map(|(request, id)| {
            let message = encode(&request).unwrap();
            let plain = plain(&split(id, &message).next().unwrap());
            let frame = [&frame_header(plain.len()).unwrap()[..], &plain].concat();
            json!({ "value": request, "identifier": id, "frame": hex(&frame) })
        })
        .collect()
}

/// Identity files, and the hash that people compare.
fn identity_files() -> Vec<Value> {
    let key = *client().public();
    let file = ClientIdentityFile { label: "client-1.example".parse().unwrap(), key };
    let own = (key, file.to_text());
    let key = *partition().public();
    let serial = SerialNumber::new(SERIAL);
    let named = PartitionIdentityFile { serial, label: Some("par 1".parse().unwrap()), key };
    let blank = PartitionIdentityFile { label: None, ..named.clone() };
    [own, (key, named.to_text()), (key, blank.to_text())]
        .map(|(key, file)| {
            json!({ "key": hex(&key), "file": file, "hash": Fingerprint::of(&key).to_string() })
        })
        .into()
}

/// What the default domain and a salt make, and an object sealed under it; what they make with an
/// HSM's domain, and the object sealed under that.
fn domain() -> Value {
    let (secret, hsm, salt) = (b"default domain", b"domain of an HSM", [7; 16]);
    let (proof, key) = PasswordHash::create(PasswordParameters::DEFAULT, salt, secret).unwrap();
    let (_, hsm_key) = PasswordHash::create(PasswordParameters::DEFAULT, salt, hsm).unwrap();
    let both = [*hsm_key.expose(), *key.expose()].concat();
    let made = |info: &[u8]| {
        let hash = HashFunction::Sha256;
        let scheme = HkdfScheme { hash, extract: Some(&salt), expand: Some(info) };
        hkdf(&scheme, &both, 32).unwrap()
    };
    let transfer = made(b"lunacm transfer v2 seal");
    let transferred = Sealer::new(transfer.as_slice().try_into().unwrap());
    let seat = Seat { store: "transfer", object: "clone", field: "attributes" };
    let object = keys::template();
    let sealed = earlier(key.expose(), &encode(&object).unwrap());
    let transferred =
        transferred.seal(seat, &encode(&object).unwrap(), &mut SeededRandom::new(13)).unwrap();
    json!({
        "hsm_secret": hex(hsm),
        "transfer_key": hex(&transfer),
        "transfer_proof": hex(&made(b"lunacm transfer v2 proof")),
        "transferred": hex(&[&[2], transferred.as_slice()].concat()),
        "secret": hex(secret),
        "salt": hex(&salt),
        "proof": hex(&proof.verifier),
        "key": hex(key.expose()),
        "purpose": TransferPurpose::Clone,
        "object": object,
        "sealed": hex(&sealed),
    })
}

/// A sealed value of the first version, which no appliance makes any more.
fn earlier(key: &[u8; 32], value: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    SeededRandom::new(12).fill(&mut nonce).unwrap();
    let mut associated = b"lunacm seal v1\0".to_vec();
    for name in ["transfer", "clone", "attributes"] {
        associated.extend_from_slice(&u64::try_from(name.len()).unwrap().to_be_bytes());
        associated.extend_from_slice(name.as_bytes());
    }
    let mut sealed = [&[1], nonce.as_slice(), value].concat();
    AeadKey::new(Cipher::Aes256Gcm, key).seal(nonce, &associated, &mut sealed, 13).unwrap();
    sealed
}

fn plain(part: &Part<'_>) -> Vec<u8> {
    part.pieces().concat()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Digest::Sha256.start().update(bytes).finish())
}

/// A request about keys in its place, for the samples beside.
pub fn encoded(request: CryptokiRequest) -> Vec<u8> {
    encode(&Request::Cryptoki(request)).unwrap().to_vec()
}
