//! Keys whose values the oracle knows, and callers do not: made once for all sequences.

use std::sync::OnceLock;

use lunacm::{
    hsm::mechanism,
    model::cryptoki::{
        AttributeType as A, AttributeValue, Mechanism, MechanismType as M, Template,
    },
};

/// P-256 as an object identifier in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Both halves of a pair.
#[derive(Clone)]
pub struct Pair {
    pub public: Template,
    pub private: Template,
}

/// Pairs of the partition's officers.
pub struct Pairs {
    pub rsa: Pair,
    pub ec: [Pair; 2],
    pub kem: Pair,
    /// One whose private half every caller has.
    pub known_ec: Pair,
    pub known_rsa: Pair,
}

pub fn pairs() -> &'static Pairs {
    static PAIRS: OnceLock<Pairs> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let rsa = || {
            let public = Template::default()
                .with(A::MODULUS_BITS, 2048)
                .with(A::PUBLIC_EXPONENT, AttributeValue::bytes([1, 0, 1]));
            generated(M::RSA_PKCS_KEY_PAIR_GEN, &public)
        };
        let ec = || {
            let public = Template::default().with(A::EC_PARAMS, AttributeValue::bytes(P256));
            generated(M::EC_KEY_PAIR_GEN, &public)
        };
        Pairs {
            rsa: rsa(),
            ec: [ec(), ec()],
            kem: generated(M::ML_KEM_KEY_PAIR_GEN, &Template::default().with(A::PARAMETER_SET, 1)),
            known_ec: ec(),
            known_rsa: rsa(),
        }
    })
}

fn generated(mechanism: M, public: &Template) -> Pair {
    let made = mechanism::generate_pair(&Mechanism::plain(mechanism), public, &Template::default());
    let (public, private) = made.unwrap();
    Pair { public, private }
}

/// The attributes of a pair's half that a caller of `C_CreateObject` gives.
pub fn importable(half: &Template) -> Template {
    const GIVEN: [A; 8] = [
        A::CLASS,
        A::KEY_TYPE,
        A::MODULUS,
        A::PUBLIC_EXPONENT,
        A::PRIVATE_EXPONENT,
        A::EC_PARAMS,
        A::VALUE,
        A::PARAMETER_SET,
    ];
    let mut given = half.clone();
    given.0.retain(|attribute| {
        GIVEN.contains(&attribute.kind)
            || matches!(attribute.kind, A::EC_POINT if half.number(A::CLASS) == Some(2))
            || matches!(attribute.kind, A::PRIME_1 | A::PRIME_2 | A::EXPONENT_1 | A::EXPONENT_2)
            || attribute.kind == A::COEFFICIENT
    });
    given
}
