//! `cmu generatekeypair`.

use std::fmt;

use clap::{Args, ValueEnum};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType},
};
use serde::Serialize;

use super::attribute::{Hex, Usage};
use crate::{
    client::home::Home,
    command::module::{Access, told},
    shell::{Console, Outcome, report},
};

#[derive(Debug, Args)]
pub struct Generate {
    /// The kind of keys
    #[arg(long, value_name = "type", default_value = "rsa")]
    keytype: KeyPairType,
    /// The modulus' size in bits, for RSA
    #[arg(long, visible_alias = "modulusBits", value_name = "bits", default_value_t = 2048)]
    modulusbits: u64,
    /// The public exponent, for RSA
    #[arg(long, visible_alias = "publicExponent", value_name = "number", default_value_t = 65537)]
    publicexponent: u64,
    /// The curve, for EC
    #[arg(long, visible_alias = "curvetype", value_name = "curve", default_value = "prime256v1")]
    curve: Curve,
    /// The label of both keys
    #[arg(long, value_name = "label")]
    label: Option<String>,
    /// The public key's label
    #[arg(long, visible_alias = "labelPublic", value_name = "label")]
    labelpublic: Option<String>,
    /// The private key's label
    #[arg(long, visible_alias = "labelPrivate", value_name = "label")]
    labelprivate: Option<String>,
    /// The identifier of both keys, in hexadecimal digits
    #[arg(long, value_name = "hex")]
    id: Option<Hex>,
    #[command(flatten)]
    usage: Usage,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyPairType {
    Rsa,
    #[value(alias = "ec")]
    Ecdsa,
    Ed25519,
    X25519,
}

/// The curves by the names that OpenSSL and Luna give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Curve {
    #[value(aliases = ["secp256r1", "P-256", "3"])]
    Prime256v1,
    #[value(aliases = ["P-384", "4"])]
    Secp384r1,
    #[value(aliases = ["P-521", "5"])]
    Secp521r1,
    Secp256k1,
}

impl Curve {
    /// The object identifier in DER (SEC 2 section A.2).
    const fn parameters(self) -> &'static [u8] {
        match self {
            Self::Prime256v1 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            Self::Secp384r1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
            Self::Secp521r1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
            Self::Secp256k1 => &[6, 5, 0x2b, 0x81, 4, 0, 0x0a],
        }
    }
}

/// `id-Ed25519` in DER (RFC 8410 section 3).
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

/// `id-X25519` in DER (RFC 8410 section 3).
const X25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x6e];

impl Generate {
    pub(super) fn run(self, home: &Home, console: &mut dyn Console) -> Outcome {
        let (mechanism, mut public) = self.kind();
        let mut private =
            vec![Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true)];
        public.push(Attribute::Token(true));
        let (uses_public, uses_private) = self.uses();
        public.extend(uses_public);
        private.extend(uses_private);
        let both = self.label.as_ref();
        for (keys, own) in [(&mut public, &self.labelpublic), (&mut private, &self.labelprivate)] {
            let label = own.as_ref().or(both);
            keys.extend(label.map(|label| Attribute::Label(label.clone().into_bytes())));
            keys.extend(self.id.as_ref().map(|id| Attribute::Id(id.0.clone())));
        }
        let session = self.access.open(home, console)?;
        let pair = session.generate_key_pair(&mechanism, &public, &private);
        let (public, private) = pair.map_err(|error| told(&error))?;
        report(Pair { public: public.handle(), private: private.handle() })
    }

    /// The mechanism, and what describes the keys.
    fn kind(&self) -> (Mechanism<'static>, Vec<Attribute>) {
        let parameters = |bytes: &[u8]| vec![Attribute::EcParams(bytes.to_vec())];
        match self.keytype {
            KeyPairType::Rsa => {
                let bits = self.modulusbits.into();
                let exponent = self.publicexponent.to_be_bytes();
                let exponent = exponent.iter().copied().skip_while(|byte| *byte == 0).collect();
                let attributes =
                    vec![Attribute::ModulusBits(bits), Attribute::PublicExponent(exponent)];
                (Mechanism::RsaPkcsKeyPairGen, attributes)
            }
            KeyPairType::Ecdsa => (Mechanism::EccKeyPairGen, parameters(self.curve.parameters())),
            KeyPairType::Ed25519 => (Mechanism::EccEdwardsKeyPairGen, parameters(ED25519)),
            KeyPairType::X25519 => (Mechanism::EccMontgomeryKeyPairGen, parameters(X25519)),
        }
    }

    /// The uses that were given, each to the key that it belongs to; without any, the keys get
    /// those that their kind is made for.
    fn uses(&self) -> (Vec<Attribute>, Vec<Attribute>) {
        let given = self.usage.attributes();
        if given.is_empty() {
            return match self.keytype {
                KeyPairType::X25519 => {
                    (vec![Attribute::Derive(true)], vec![Attribute::Derive(true)])
                }
                _ => (vec![Attribute::Verify(true)], vec![Attribute::Sign(true)]),
            };
        }
        let public = |attribute: &&Attribute| {
            matches!(
                attribute.attribute_type(),
                AttributeType::Encrypt | AttributeType::Verify | AttributeType::Wrap
            )
        };
        let both = |attribute: &&Attribute| {
            matches!(attribute.attribute_type(), AttributeType::Derive | AttributeType::Modifiable)
        };
        let of_public = given.iter().filter(|one| public(one) || both(one)).cloned().collect();
        let of_private = given.iter().filter(|one| !public(one)).cloned().collect();
        (of_public, of_private)
    }
}

#[derive(Serialize)]
struct Pair {
    public: u64,
    private: u64,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "publicHandle={}\nprivateHandle={}", self.public, self.private)
    }
}
