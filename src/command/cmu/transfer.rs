//! `cmu import`, `export` and `delete`.

use std::{fmt, path::PathBuf};

use clap::Args;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use openssl::{
    bn::BigNumContext,
    ec::PointConversionForm,
    nid::Nid,
    pkey::{Id, PKey, Public},
    x509::X509,
};
use serde::Serialize;

use super::{
    attribute::{Hex, class_name, find, value},
    certificate::{template, write},
};
use crate::{
    client::{file, home::Home},
    command::module::{Access, told},
    model::Status,
    shell::{Console, Failure, Outcome, report},
};

/// The greatest file that holds one certificate or public key, in bytes.
const MAXIMUM_FILE: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub struct Import {
    /// The file with an X.509 certificate or a public key, PEM or DER
    #[arg(long, visible_alias = "inputFile", value_name = "file")]
    inputfile: PathBuf,
    /// The object's label; the file's name without it
    #[arg(long, value_name = "label")]
    label: Option<String>,
    /// The object's identifier, in hexadecimal digits
    #[arg(long, value_name = "hex")]
    id: Option<Hex>,
    #[command(flatten)]
    access: Access,
}

impl Import {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let content = file::read(&self.inputfile, MAXIMUM_FILE).map_err(|error| {
            let remedy = error.remedy();
            Failure::new(error.to_string(), Status::ArgumentsBad.to_string()).remedy(remedy)
        })?;
        let name = self.inputfile.file_stem().map(|name| name.to_string_lossy().into_owned());
        let label = self.label.or(name).unwrap_or_default();
        let id = self.id.map(|id| id.0);
        let template = match read(&content)? {
            Known::Certificate(der) => template(&der, label, id)?,
            Known::PublicKey(key) => key_template(&key, label, id)?,
        };
        let session = self.access.open(home, console)?;
        let object = session.create_object(&template).map_err(|error| told(&error))?;
        report(Imported { handle: object.handle() })
    }
}

#[derive(Debug, Args)]
pub struct Export {
    /// The object's handle
    #[arg(long, value_name = "handle")]
    handle: u64,
    /// The file to write
    #[arg(long, visible_alias = "outputFile", value_name = "file")]
    outputfile: PathBuf,
    /// Write DER instead of PEM
    #[arg(long)]
    binary: bool,
    #[command(flatten)]
    access: Access,
}

impl Export {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let session = self.access.open(home, console)?;
        let object = find(&session, self.handle)?;
        let kinds = [AttributeType::Class, AttributeType::Value];
        let read = session.get_attributes(object, &kinds).map_err(|error| told(&error))?;
        let class = read.iter().find_map(|attribute| match attribute {
            Attribute::Class(class) => Some(*class),
            _ => None,
        });
        let content = match class {
            Some(ObjectClass::CERTIFICATE) => {
                let value = read.into_iter().find_map(|attribute| match attribute {
                    Attribute::Value(value) => Some(value),
                    _ => None,
                });
                let certificate = X509::from_der(&value.unwrap_or_default());
                if self.binary {
                    certificate.and_then(|known| known.to_der())
                } else {
                    certificate.and_then(|known| known.to_pem())
                }
            }
            Some(ObjectClass::PUBLIC_KEY) => {
                let info = session.get_attributes(object, &[AttributeType::PublicKeyInfo]);
                let info = info.map_err(|error| told(&error))?;
                let Some(Attribute::PublicKeyInfo(info)) = info.into_iter().next() else {
                    return Err(Failure::new(
                        "the token does not tell this key's public key information",
                        Status::AttributeTypeInvalid.to_string(),
                    ));
                };
                let key = PKey::public_key_from_der(&info);
                if self.binary {
                    key.and_then(|known| known.public_key_to_der())
                } else {
                    key.and_then(|known| known.public_key_to_pem())
                }
            }
            other => {
                let class = other.map_or_else(|| "unknown".to_owned(), class_name);
                let cause = format!("an object of class {class} is not exported to a file");
                let failure = Failure::new(cause, Status::KeyUnextractable.to_string());
                return Err(failure.remedy("Certificates and public keys can be."));
            }
        };
        let content = content.map_err(|_| {
            let cause = "the object does not hold what its class promises";
            Failure::new(cause, Status::DataInvalid.to_string())
        })?;
        write(&self.outputfile, &content)?;
        Ok(None)
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    /// The object's handle
    #[arg(long, value_name = "handle")]
    handle: u64,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
    #[command(flatten)]
    access: Access,
}

impl Delete {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let session = self.access.open(home, console)?;
        let object = find(&session, self.handle)?;
        let class = value(&session, object, "class")?.unwrap_or_default();
        let label = value(&session, object, "label")?.unwrap_or_default();
        let warning =
            format!("You are about to delete object {} ({class} '{label}').", self.handle);
        console.confirm(&warning, self.force)?;
        session.destroy_object(object).map_err(|error| told(&error))?;
        Ok(None)
    }
}

/// What a file can hold.
enum Known {
    Certificate(Vec<u8>),
    PublicKey(PKey<Public>),
}

fn read(content: &[u8]) -> Result<Known, Failure> {
    let certificate = X509::from_pem(content)
        .or_else(|_| X509::from_der(content))
        .and_then(|certificate| certificate.to_der());
    if let Ok(der) = certificate {
        return Ok(Known::Certificate(der));
    }
    let key = PKey::public_key_from_pem(content).or_else(|_| PKey::public_key_from_der(content));
    key.map(Known::PublicKey).map_err(|_| {
        let cause = "the file holds neither an X.509 certificate nor a public key";
        Failure::new(cause, Status::DataInvalid.to_string())
            .remedy("Give a file in PEM or DER. Private keys are unwrapped, not imported.")
    })
}

fn key_template(
    key: &PKey<Public>,
    label: String,
    id: Option<Vec<u8>>,
) -> Result<Vec<Attribute>, Failure> {
    let unfit = || {
        Failure::new(
            "the public key is of a kind that is not imported",
            Status::KeyTypeInconsistent.to_string(),
        )
        .remedy("RSA keys and EC keys on named curves are.")
    };
    let mut template = vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label.into_bytes()),
        Attribute::Verify(true),
    ];
    template.extend(id.map(Attribute::Id));
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().map_err(|_| unfit())?;
            template.extend([
                Attribute::KeyType(KeyType::RSA),
                Attribute::Encrypt(true),
                Attribute::Modulus(rsa.n().to_vec()),
                Attribute::PublicExponent(rsa.e().to_vec()),
            ]);
        }
        Id::EC => {
            let (parameters, point) = ec_parts(key).ok_or_else(unfit)?;
            template.extend([
                Attribute::KeyType(KeyType::EC),
                Attribute::EcParams(parameters),
                Attribute::EcPoint(point),
            ]);
        }
        _ => return Err(unfit()),
    }
    Ok(template)
}

/// The curve's object identifier and the point as an octet string, both in DER.
fn ec_parts(key: &PKey<Public>) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = key.ec_key().ok()?;
    let parameters: &[u8] = match key.group().curve_name()? {
        Nid::X9_62_PRIME256V1 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        Nid::SECP384R1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
        Nid::SECP521R1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
        Nid::SECP256K1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x0a],
        _ => return None,
    };
    let mut context = BigNumContext::new().ok()?;
    let form = PointConversionForm::UNCOMPRESSED;
    let point = key.public_key().to_bytes(key.group(), form, &mut context).ok()?;
    let length = u8::try_from(point.len()).ok()?;
    let header: &[u8] = if length < 0x80 { &[4, length] } else { &[4, 0x81, length] };
    Some((parameters.to_vec(), [header, &point].concat()))
}

#[derive(Serialize)]
struct Imported {
    handle: u64,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle={}", self.handle)
    }
}
