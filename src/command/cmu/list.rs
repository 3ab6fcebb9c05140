//! `cmu list`.

use std::{collections::BTreeMap, fmt};

use clap::{Args, ValueEnum};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use serde::{Serialize, Serializer};

use super::attribute::{Hex, Selection, value};
use crate::{
    client::home::Home,
    command::module::{Access, told},
    shell::{Console, Outcome, report},
};

#[derive(Debug, Args)]
pub struct List {
    /// Only objects of this class
    #[arg(long, value_name = "class")]
    class: Option<Class>,
    /// Only keys of this type
    #[arg(long, value_name = "type")]
    keytype: Option<Kind>,
    /// Only objects with this label
    #[arg(long, value_name = "label")]
    label: Option<String>,
    /// Only objects with this identifier, in hexadecimal digits
    #[arg(long, value_name = "hex")]
    id: Option<Hex>,
    /// What to show of each, separated by commas
    #[arg(long, value_name = "attributes", default_value = "handle,label")]
    display: Selection,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Class {
    Data,
    Certificate,
    Public,
    Private,
    Secret,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Rsa,
    #[value(alias = "ecdsa")]
    Ec,
    Edwards,
    Montgomery,
    Generic,
    Aes,
}

impl List {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let mut template = Vec::new();
        template.extend(self.class.map(|class| {
            Attribute::Class(match class {
                Class::Data => ObjectClass::DATA,
                Class::Certificate => ObjectClass::CERTIFICATE,
                Class::Public => ObjectClass::PUBLIC_KEY,
                Class::Private => ObjectClass::PRIVATE_KEY,
                Class::Secret => ObjectClass::SECRET_KEY,
            })
        }));
        template.extend(self.keytype.map(|kind| {
            Attribute::KeyType(match kind {
                Kind::Rsa => KeyType::RSA,
                Kind::Ec => KeyType::EC,
                Kind::Edwards => KeyType::EC_EDWARDS,
                Kind::Montgomery => KeyType::EC_MONTGOMERY,
                Kind::Generic => KeyType::GENERIC_SECRET,
                Kind::Aes => KeyType::AES,
            })
        }));
        template.extend(self.label.map(|label| Attribute::Label(label.into_bytes())));
        template.extend(self.id.map(|id| Attribute::Id(id.0)));
        let session = self.access.open(home, console)?;
        let found = session.find_objects(&template).map_err(|error| told(&error))?;
        let mut objects = Vec::new();
        for (index, object) in found.into_iter().enumerate() {
            let mut shown = Vec::new();
            for name in &self.display.0 {
                let value = match *name {
                    "index" => Some(index.to_string()),
                    name => value(&session, object, name)?,
                };
                shown.push(((*name).to_owned(), value.unwrap_or_default()));
            }
            objects.push(shown);
        }
        report(Objects { objects })
    }
}

struct Objects {
    objects: Vec<Vec<(String, String)>>,
}

/// Scripts read an attribute by its name.
impl Serialize for Objects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects: Vec<BTreeMap<_, _>> = self
            .objects
            .iter()
            .map(|shown| shown.iter().map(|(name, value)| (name, value)).collect())
            .collect();
        serializer.collect_map([("objects", objects)])
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |shown: &Vec<(String, String)>| {
            let fields: Vec<_> =
                shown.iter().map(|(name, value)| format!("{name}={value}")).collect();
            fields.join("\t")
        };
        let lines: Vec<_> = self.objects.iter().map(line).collect();
        f.write_str(&lines.join("\n"))
    }
}
