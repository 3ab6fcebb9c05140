//! Attributes by the names that cmu gives them, and `cmu getattribute` and `setattribute`.

use std::{fmt, str::FromStr};

use clap::Args;
use cryptoki::{
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use serde::{Serialize, Serializer};

use crate::{
    client::home::Home,
    command::module::{Access, told},
    model::Status,
    shell::{Console, Failure, Outcome, report, shown, shown_bytes},
};

/// The attributes that cmu shows, by name.
const NAMES: [(&str, AttributeType); 34] = [
    ("class", AttributeType::Class),
    ("token", AttributeType::Token),
    ("private", AttributeType::Private),
    ("label", AttributeType::Label),
    ("id", AttributeType::Id),
    ("uniqueid", AttributeType::UniqueId),
    ("keytype", AttributeType::KeyType),
    ("certificatetype", AttributeType::CertificateType),
    ("subject", AttributeType::Subject),
    ("issuer", AttributeType::Issuer),
    ("serialnumber", AttributeType::SerialNumber),
    ("modifiable", AttributeType::Modifiable),
    ("sensitive", AttributeType::Sensitive),
    ("alwayssensitive", AttributeType::AlwaysSensitive),
    ("extractable", AttributeType::Extractable),
    ("neverextractable", AttributeType::NeverExtractable),
    ("local", AttributeType::Local),
    ("encrypt", AttributeType::Encrypt),
    ("decrypt", AttributeType::Decrypt),
    ("sign", AttributeType::Sign),
    ("verify", AttributeType::Verify),
    ("wrap", AttributeType::Wrap),
    ("unwrap", AttributeType::Unwrap),
    ("derive", AttributeType::Derive),
    ("startdate", AttributeType::StartDate),
    ("enddate", AttributeType::EndDate),
    ("keygenmech", AttributeType::KeyGenMechanism),
    ("modulus", AttributeType::Modulus),
    ("modulusbits", AttributeType::ModulusBits),
    ("publicexponent", AttributeType::PublicExponent),
    ("ecparams", AttributeType::EcParams),
    ("ecpoint", AttributeType::EcPoint),
    ("valuelen", AttributeType::ValueLen),
    ("value", AttributeType::Value),
];

/// A Boolean, as cmu's users write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Truth(pub(super) bool);

impl FromStr for Truth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "yes" => Ok(Self(true)),
            "f" | "false" | "0" | "no" => Ok(Self(false)),
            _ => Err(format!("'{text}' is neither T nor F")),
        }
    }
}

/// An identifier in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl FromStr for Hex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not an even number of hexadecimal digits");
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
            return Err(wrong());
        }
        let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2).unwrap_or(""));
        let bytes: Result<_, _> = pairs.map(|pair| u8::from_str_radix(pair, 16)).collect();
        bytes.map(Self).map_err(|_| wrong())
    }
}

/// Several attributes, by name and separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection(pub(super) Vec<&'static str>);

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = |word: &str| {
            let word = word.trim().to_ascii_lowercase();
            let known = NAMES.iter().map(|(name, _)| *name).chain(["handle", "index"]);
            known.into_iter().find(|name| *name == word).ok_or(word)
        };
        let names: Result<_, String> = text.split(',').map(name).collect();
        names.map(Self).map_err(|word| {
            let known: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("'{word}' is not an attribute; give some of: {}", known.join(", "))
        })
    }
}

#[derive(Debug, Args)]
pub struct Get {
    /// The object's handle
    #[arg(long, value_name = "handle")]
    handle: u64,
    /// Which attributes, separated by commas; all of them without it
    #[arg(long, value_name = "attributes")]
    attributes: Option<Selection>,
    #[command(flatten)]
    access: Access,
}

impl Get {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let session = self.access.open(home, console)?;
        let object = find(&session, self.handle)?;
        let all = || NAMES.iter().map(|(name, _)| *name).collect();
        let names: Vec<_> = self.attributes.map_or_else(all, |chosen| chosen.0);
        let mut attributes = Vec::new();
        for name in names {
            attributes.extend(value(&session, object, name)?.map(|value| (name.to_owned(), value)));
        }
        report(Attributes { attributes })
    }
}

#[derive(Debug, Args)]
pub struct Set {
    /// The object's handle
    #[arg(long, value_name = "handle")]
    handle: u64,
    /// The label
    #[arg(long, value_name = "label")]
    label: Option<String>,
    /// The identifier, in hexadecimal digits
    #[arg(long, value_name = "hex")]
    id: Option<Hex>,
    #[command(flatten)]
    usage: Usage,
    #[command(flatten)]
    access: Access,
}

impl Set {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let mut template = self.usage.attributes();
        template.extend(self.label.map(|label| Attribute::Label(label.into_bytes())));
        template.extend(self.id.map(|id| Attribute::Id(id.0)));
        if template.is_empty() {
            let failure = Failure::new("there is nothing to set", Status::ArgumentsBad.to_string());
            return Err(failure.remedy("Add attributes, such as -label=TEXT or -sign=T."));
        }
        let session = self.access.open(home, console)?;
        let object = find(&session, self.handle)?;
        session.update_attributes(object, &template).map_err(|error| told(&error))?;
        Ok(None)
    }
}

/// What a key may be used for.
#[derive(Debug, Default, Args)]
pub struct Usage {
    /// Whether the key encrypts
    #[arg(long, value_name = "T|F")]
    encrypt: Option<Truth>,
    /// Whether the key decrypts
    #[arg(long, value_name = "T|F")]
    decrypt: Option<Truth>,
    /// Whether the key signs
    #[arg(long, value_name = "T|F")]
    sign: Option<Truth>,
    /// Whether the key verifies
    #[arg(long, value_name = "T|F")]
    verify: Option<Truth>,
    /// Whether the key wraps others
    #[arg(long, value_name = "T|F")]
    wrap: Option<Truth>,
    /// Whether the key unwraps others
    #[arg(long, value_name = "T|F")]
    unwrap: Option<Truth>,
    /// Whether others are derived from the key
    #[arg(long, value_name = "T|F")]
    derive: Option<Truth>,
    /// Whether the key may leave the token wrapped
    #[arg(long, value_name = "T|F")]
    extractable: Option<Truth>,
    /// Whether the object can be changed
    #[arg(long, value_name = "T|F")]
    modifiable: Option<Truth>,
}

impl Usage {
    /// What was given, as attributes.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let made =
            |given: Option<Truth>, kind: fn(bool) -> Attribute| given.map(|truth| kind(truth.0));
        let all = [
            made(self.encrypt, Attribute::Encrypt),
            made(self.decrypt, Attribute::Decrypt),
            made(self.sign, Attribute::Sign),
            made(self.verify, Attribute::Verify),
            made(self.wrap, Attribute::Wrap),
            made(self.unwrap, Attribute::Unwrap),
            made(self.derive, Attribute::Derive),
            made(self.extractable, Attribute::Extractable),
            made(self.modifiable, Attribute::Modifiable),
        ];
        all.into_iter().flatten().collect()
    }
}

/// The object of this handle.
pub(super) fn find(session: &Session, handle: u64) -> Result<ObjectHandle, Failure> {
    let objects = session.find_objects(&[]).map_err(|error| told(&error))?;
    objects.into_iter().find(|object| object.handle() == handle).ok_or_else(|| {
        let status = Status::ObjectHandleInvalid.to_string();
        Failure::new(format!("there is no object with handle {handle}"), status)
            .remedy("See cmu list.")
    })
}

/// An attribute as text; none if the object has none, or does not tell.
pub(super) fn value(
    session: &Session,
    object: ObjectHandle,
    name: &str,
) -> Result<Option<String>, Failure> {
    if name == "handle" {
        return Ok(Some(object.handle().to_string()));
    }
    let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) else { return Ok(None) };
    let read = session.get_attributes(object, &[*kind]).map_err(|error| told(&error))?;
    Ok(read.first().map(text))
}

fn text(attribute: &Attribute) -> String {
    let truth = |value: bool| if value { "T" } else { "F" }.to_owned();
    match attribute {
        Attribute::Label(bytes) | Attribute::UniqueId(bytes) | Attribute::Application(bytes) => {
            shown_bytes(bytes)
        }
        Attribute::Class(class) => class_name(*class),
        Attribute::KeyType(kind) => kind.to_string().trim_start_matches("CKK_").to_lowercase(),
        Attribute::CertificateType(kind) => kind.to_string(),
        Attribute::KeyGenMechanism(mechanism) => mechanism.to_string(),
        Attribute::ModulusBits(number) | Attribute::ValueLen(number) => number.to_string(),
        Attribute::StartDate(date) | Attribute::EndDate(date) => date.to_string(),
        Attribute::Token(value)
        | Attribute::Private(value)
        | Attribute::Modifiable(value)
        | Attribute::Sensitive(value)
        | Attribute::AlwaysSensitive(value)
        | Attribute::Extractable(value)
        | Attribute::NeverExtractable(value)
        | Attribute::Local(value)
        | Attribute::Encrypt(value)
        | Attribute::Decrypt(value)
        | Attribute::Sign(value)
        | Attribute::Verify(value)
        | Attribute::Wrap(value)
        | Attribute::Unwrap(value)
        | Attribute::Derive(value) => truth(*value),
        Attribute::Id(bytes)
        | Attribute::Subject(bytes)
        | Attribute::Issuer(bytes)
        | Attribute::SerialNumber(bytes)
        | Attribute::Modulus(bytes)
        | Attribute::PublicExponent(bytes)
        | Attribute::EcParams(bytes)
        | Attribute::EcPoint(bytes)
        | Attribute::Value(bytes) => hex(bytes),
        other => shown(&format!("{other:?}")).into_owned(),
    }
}

/// A class as cmu's options name it.
pub(super) fn class_name(class: ObjectClass) -> String {
    let known = [
        (ObjectClass::DATA, "data"),
        (ObjectClass::CERTIFICATE, "certificate"),
        (ObjectClass::PUBLIC_KEY, "public"),
        (ObjectClass::PRIVATE_KEY, "private"),
        (ObjectClass::SECRET_KEY, "secret"),
    ];
    let name = known.into_iter().find(|(known, _)| *known == class).map(|(_, name)| name);
    name.map_or_else(|| class.to_string(), str::to_owned)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[derive(Serialize)]
struct Attributes {
    #[serde(serialize_with = "by_name")]
    attributes: Vec<(String, String)>,
}

/// Scripts read an attribute by its name.
fn by_name<S: Serializer>(
    attributes: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter().map(|(name, value)| (name, value)))
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_pairs_of_digits() {
        assert_eq!("0a0B".parse::<Hex>().unwrap().0, [0x0a, 0x0b]);
        assert_eq!("0x01".parse::<Hex>().unwrap().0, [1]);
        assert!("abc".parse::<Hex>().is_err());
        assert!("zz".parse::<Hex>().is_err());
        assert!("éé".parse::<Hex>().is_err());
    }

    #[test]
    fn unknown_attributes_are_named() {
        assert_eq!("Label, handle".parse::<Selection>().unwrap().0, ["label", "handle"]);
        assert!("label,colour".parse::<Selection>().unwrap_err().contains("'colour'"));
    }
}
