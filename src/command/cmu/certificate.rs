//! `cmu selfsigncertificate` and `requestcertificate`.

use std::{fmt, path::PathBuf, str::FromStr};

use clap::Args;
use cryptoki::object::{Attribute, CertificateType, ObjectClass};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, KeyUsagePurpose,
    SerialNumber,
};
use serde::Serialize;
use time::{Date, Month, OffsetDateTime, Time};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    attribute::{Hex, Truth, find},
    signer::{Hash, TokenKey},
};
use crate::{
    client::{file, home::Home},
    command::module::{Access, told},
    model::Status,
    shell::{Console, Failure, Outcome, report},
};

/// The keys, the name and the signature of a certificate.
#[derive(Debug, Args)]
struct Subject {
    /// The public key's handle
    #[arg(long, visible_alias = "publicHandle", value_name = "handle")]
    publichandle: u64,
    /// The private key's handle
    #[arg(long, visible_alias = "privateHandle", value_name = "handle")]
    privatehandle: u64,
    /// Common name
    #[arg(long = "CN", value_name = "name")]
    common_name: String,
    /// Country, two letters
    #[arg(long = "C", value_name = "country")]
    country: Option<String>,
    /// State or province
    #[arg(long = "S", visible_alias = "ST", value_name = "state")]
    state: Option<String>,
    /// Locality
    #[arg(long = "L", value_name = "locality")]
    locality: Option<String>,
    /// Organization
    #[arg(long = "O", value_name = "organization")]
    organization: Option<String>,
    /// Organizational unit
    #[arg(long = "OU", value_name = "unit")]
    unit: Option<String>,
    /// The signature's hash, for RSA keys; EC keys have the one of their curve
    #[arg(long, value_name = "hash", default_value = "sha256")]
    hash: Hash,
}

impl Subject {
    fn parameters(&self) -> Result<CertificateParams, Failure> {
        let mut parameters = CertificateParams::new(Vec::new()).map_err(|error| unmade(&error))?;
        let mut name = DistinguishedName::new();
        let parts = [
            (DnType::CountryName, &self.country),
            (DnType::StateOrProvinceName, &self.state),
            (DnType::LocalityName, &self.locality),
            (DnType::OrganizationName, &self.organization),
            (DnType::OrganizationalUnitName, &self.unit),
        ];
        for (kind, value) in parts {
            if let Some(value) = value {
                name.push(kind, DnValue::Utf8String(value.clone()));
            }
        }
        name.push(DnType::CommonName, DnValue::Utf8String(self.common_name.clone()));
        parameters.distinguished_name = name;
        Ok(parameters)
    }
}

#[derive(Debug, Args)]
pub struct SelfSign {
    #[command(flatten)]
    subject: Subject,
    /// The serial number, in hexadecimal digits; random without it
    #[arg(long, visible_alias = "serialNumber", value_name = "hex")]
    serialnumber: Option<Hex>,
    /// The first day of validity, YYYYMMDD; today without it
    #[arg(long, visible_alias = "startDate", value_name = "date")]
    startdate: Option<Day>,
    /// The last day of validity, YYYYMMDD; a year after the first without it
    #[arg(long, visible_alias = "endDate", value_name = "date")]
    enddate: Option<Day>,
    /// Whether the certificate is a certificate authority's
    #[arg(long, value_name = "T|F")]
    ca: Option<Truth>,
    /// The certificate's label; the common name without it
    #[arg(long, value_name = "label")]
    label: Option<String>,
    /// The certificate's identifier, in hexadecimal digits
    #[arg(long, value_name = "hex")]
    id: Option<Hex>,
    #[command(flatten)]
    access: Access,
}

impl SelfSign {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let parameters = self.parameters()?;
        let session = self.access.open(home, console)?;
        let pair = (
            find(&session, self.subject.publichandle)?,
            find(&session, self.subject.privatehandle)?,
        );
        let key = TokenKey::new(&session, pair, self.subject.hash)?;
        let certificate = parameters.self_signed(&key).map_err(|error| unmade(&error))?;
        let label = self.label.unwrap_or(self.subject.common_name);
        let id = self.id.map(|id| id.0);
        let template = template(certificate.der(), label, id)?;
        let object = session.create_object(&template).map_err(|error| told(&error))?;
        report(Made { handle: object.handle() })
    }

    fn parameters(&self) -> Result<CertificateParams, Failure> {
        let mut parameters = self.subject.parameters()?;
        let today = OffsetDateTime::now_utc().date();
        let first = self.startdate.map_or(today, |day| day.0);
        let year_on = first.replace_year(first.year() + 1).unwrap_or(Date::MAX);
        let last = self.enddate.map_or(year_on, |day| day.0);
        if last < first {
            let status = Status::ArgumentsBad.to_string();
            return Err(Failure::new("the certificate would end before it begins", status)
                .remedy("Check -startdate and -enddate."));
        }
        let second = Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT);
        parameters.not_before = first.with_time(Time::MIDNIGHT).assume_utc();
        parameters.not_after = last.with_time(second).assume_utc();
        parameters.serial_number =
            self.serialnumber.as_ref().map(|number| SerialNumber::from_slice(&number.0));
        if self.ca == Some(Truth(true)) {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
        Ok(parameters)
    }
}

#[derive(Debug, Args)]
pub struct Request {
    #[command(flatten)]
    subject: Subject,
    /// The file to write
    #[arg(long, visible_alias = "outputFile", value_name = "file")]
    outputfile: PathBuf,
    /// Write DER instead of PEM
    #[arg(long)]
    binary: bool,
    #[command(flatten)]
    access: Access,
}

impl Request {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let parameters = self.subject.parameters()?;
        let session = self.access.open(home, console)?;
        let pair = (
            find(&session, self.subject.publichandle)?,
            find(&session, self.subject.privatehandle)?,
        );
        let key = TokenKey::new(&session, pair, self.subject.hash)?;
        let request = parameters.serialize_request(&key).map_err(|error| unmade(&error))?;
        let content = if self.binary {
            request.der().to_vec()
        } else {
            request.pem().map_err(|error| unmade(&error))?.into_bytes()
        };
        write(&self.outputfile, &content)?;
        Ok(None)
    }
}

/// The attributes of a certificate as an object (PKCS#11 v3.1 section 4.6).
pub(super) fn template(
    der: &[u8],
    label: String,
    id: Option<Vec<u8>>,
) -> Result<Vec<Attribute>, Failure> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| {
        let status = Status::DataInvalid.to_string();
        Failure::new(format!("this is not an X.509 certificate: {error}"), status)
    })?;
    let mut template = vec![
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label.into_bytes()),
        Attribute::Subject(parsed.subject().as_raw().to_vec()),
        Attribute::Issuer(parsed.issuer().as_raw().to_vec()),
        Attribute::SerialNumber(serial(parsed.raw_serial())),
        Attribute::Value(der.to_vec()),
    ];
    template.extend(id.map(Attribute::Id));
    Ok(template)
}

/// `CKA_SERIAL_NUMBER` is the number in DER; serial numbers have at most 20 bytes (RFC 5280
/// section 4.1.2.2), so that one byte holds the length.
fn serial(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[2, length], content].concat()
}

/// Writes a file whole.
pub(super) fn write(path: &std::path::Path, content: &[u8]) -> Result<(), Failure> {
    file::replace(path, content, file::PUBLIC).map_err(|error| {
        let remedy = error.remedy();
        Failure::new(error.to_string(), Status::GeneralError.to_string()).remedy(remedy)
    })
}

fn unmade(error: &rcgen::Error) -> Failure {
    Failure::new(
        format!("the certificate could not be made: {error}"),
        Status::FunctionFailed.to_string(),
    )
    .remedy("Check that the private key may sign, and that both keys are one pair.")
}

/// A day, as cmu's users write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Day(Date);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a date of the form YYYYMMDD");
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|part| part.bytes().all(|c| c.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<u16>().ok()).ok_or_else(wrong)
        };
        if text.len() != 8 {
            return Err(wrong());
        }
        let month = u8::try_from(number(4, 6)?).map_err(|_| wrong())?;
        let month = Month::try_from(month).map_err(|_| wrong())?;
        let day = u8::try_from(number(6, 8)?).map_err(|_| wrong())?;
        let date = Date::from_calendar_date(number(0, 4)?.into(), month, day);
        date.map(Self).map_err(|_| wrong())
    }
}

#[derive(Serialize)]
struct Made {
    handle: u64,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificateHandle={}", self.handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_exist_or_are_refused() {
        assert!("20240229".parse::<Day>().is_ok());
        for wrong in ["20230229", "2024-2-29", "20241301", "2024022", "２０２４0229"] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
