//! What is measured.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum};

use super::Common;

#[derive(Debug, Subcommand)]
pub(super) enum Mode {
    /// Signatures of a 32-byte digest with an EC key
    #[command(name = "ecdsasign")]
    EcdsaSign(Curved),
    /// Signatures of a 32-byte digest with an RSA key (PKCS #1 v1.5)
    #[command(name = "rsasign")]
    RsaSign(Sized),
    /// Encryption with AES-256 in Galois/Counter Mode
    #[command(name = "aesgcm")]
    AesGcm(Packets),
    /// Encryption with AES-256 block by block, the one kind of encryption that p11-kit 0.24 forwards
    #[command(name = "aesecb")]
    AesEcb(Packets),
    /// MACs by HMAC with SHA-256
    #[command(name = "hmac")]
    Hmac(Packets),
    /// Searches for one object by its label
    #[command(name = "find")]
    Find(Objects),
    /// Generation of EC key pairs that stay on the token
    #[command(name = "eckeygen")]
    EcKeyGen(Curved),
    /// Random bytes
    #[command(name = "random")]
    Random(Packets),
    /// Log-outs and logins
    #[command(name = "login")]
    Login(Plain),
}

#[derive(Debug, Args)]
pub(super) struct Plain {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Curved {
    /// The curve
    #[arg(long, value_name = "curve", default_value = "p256")]
    pub(super) curve: Curve,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Sized {
    /// The modulus' size in bits
    #[arg(long, visible_alias = "modulusbits", value_name = "bits", default_value_t = 2048)]
    pub(super) key: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Packets {
    /// Bytes of each operation
    #[arg(long, value_name = "bytes", default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub(super) packet: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Objects {
    /// Objects to search among, made before as session objects
    #[arg(long, value_name = "number", default_value_t = 1000)]
    pub(super) objects: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Curve {
    #[value(aliases = ["prime256v1", "P-256"])]
    P256,
    #[value(aliases = ["secp384r1", "P-384"])]
    P384,
}

impl Curve {
    /// The object identifier in DER (SEC 2 section A.2).
    pub(super) const fn parameters(self) -> &'static [u8] {
        match self {
            Self::P256 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            Self::P384 => &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
        }
    }
}

impl Mode {
    /// What every mode has.
    pub(super) const fn common(&self) -> &Common {
        match self {
            Self::EcdsaSign(mode) | Self::EcKeyGen(mode) => &mode.common,
            Self::RsaSign(mode) => &mode.common,
            Self::AesGcm(mode) | Self::AesEcb(mode) | Self::Hmac(mode) | Self::Random(mode) => {
                &mode.common
            }
            Self::Find(mode) => &mode.common,
            Self::Login(mode) => &mode.common,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaSign(mode) => write!(f, "ECDSA signature, {:?}", mode.curve),
            Self::RsaSign(mode) => write!(f, "RSA signature, {} bits", mode.key),
            Self::AesGcm(mode) => write!(f, "AES-256-GCM encryption, {} bytes", mode.packet),
            Self::AesEcb(mode) => write!(f, "AES-256-ECB encryption, {} bytes", mode.packet),
            Self::Hmac(mode) => write!(f, "HMAC-SHA-256, {} bytes", mode.packet),
            Self::Find(mode) => write!(f, "search by label among {} objects", mode.objects),
            Self::EcKeyGen(mode) => write!(f, "EC key pair on the token, {:?}", mode.curve),
            Self::Random(mode) => write!(f, "random, {} bytes", mode.packet),
            Self::Login(_) => f.write_str("logout and login"),
        }
    }
}
