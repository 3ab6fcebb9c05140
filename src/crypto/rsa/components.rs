//! The numbers that an RSA private key consists of.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa,
};
use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    pkey::{PKey, Private},
    rsa::{Rsa, RsaPrivateKeyBuilder},
};
use zeroize::Zeroizing;

use super::{PrimitiveError, RSA_BITS};

/// The numbers of an RSA private key, most significant byte first and without leading zeros.
#[derive(Clone)]
pub struct RsaComponents {
    /// The modulus n.
    pub modulus: Vec<u8>,
    /// The public exponent e.
    pub public_exponent: Vec<u8>,
    /// The private exponent d.
    pub private_exponent: Zeroizing<Vec<u8>>,
    /// The primes p and q; empty if they are not known.
    pub primes: [Zeroizing<Vec<u8>>; 2],
    /// d mod (p-1), d mod (q-1) and the inverse of q mod p; empty if they are not known.
    pub remainders: [Zeroizing<Vec<u8>>; 3],
}

impl RsaComponents {
    /// A new key with this public exponent.
    ///
    /// # Errors
    /// [`PrimitiveError::KeySize`]: the modulus would be too short or too long.
    /// [`PrimitiveError::Parameters`]: the exponent is even, below 65537 or above 32 bits.
    pub fn generate(bits: u32, exponent: &[u8]) -> Result<Self, PrimitiveError> {
        if !RSA_BITS.contains(&bits) || !bits.is_multiple_of(64) {
            return Err(PrimitiveError::KeySize);
        }
        let exponent = BigNum::from_slice(exponent)?;
        if !exponent.is_odd() || exponent.num_bits() > 32 || exponent < BigNum::from_u32(0x1_0001)?
        {
            return Err(PrimitiveError::Parameters);
        }
        let size = match bits {
            2048 => Some(rsa::KeySize::Rsa2048),
            3072 => Some(rsa::KeySize::Rsa3072),
            4096 => Some(rsa::KeySize::Rsa4096),
            8192 => Some(rsa::KeySize::Rsa8192),
            _ => None,
        };
        match size {
            Some(size) if exponent == BigNum::from_u32(0x1_0001)? => {
                let pair = rsa::KeyPair::generate(size)?;
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                Self::of(&*PKey::private_key_from_pkcs8(der.as_ref())?.rsa()?)
            }
            _ => Self::of(&*Rsa::generate_with_e(bits, &exponent)?),
        }
    }

    /// The numbers of a DER `RSAPrivateKey` (RFC 8017 section A.1.2).
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, PrimitiveError> {
        Self::of(&*Rsa::private_key_from_der(der).map_err(|_| PrimitiveError::Key)?)
    }

    /// These numbers with those that were missing: the primes follow from n, e and d.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: the numbers contradict each other.
    pub fn complete(&self) -> Result<Self, PrimitiveError> {
        let key = self.assemble()?;
        Self::of(&key)
    }

    /// DER's `RSAPrivateKey`, whole.
    ///
    /// # Errors
    /// The library failed.
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        Ok(Zeroizing::new(self.assemble()?.private_key_to_der()?))
    }

    pub(super) fn assemble(&self) -> Result<Rsa<Private>, PrimitiveError> {
        let n = number(&self.modulus)?;
        if !RSA_BITS.contains(&u32::try_from(n.num_bits()).unwrap_or(0)) {
            return Err(PrimitiveError::KeySize);
        }
        let (e, d) = (number(&self.public_exponent)?, number(&self.private_exponent)?);
        let primes = if self.primes.iter().any(|prime| prime.is_empty()) {
            recover_primes(&n, &e, &d)?
        } else {
            [number(&self.primes[0])?, number(&self.primes[1])?]
        };
        let [dp, dq, qi] = if self.remainders.iter().any(|number| number.is_empty()) {
            remainders(&d, &primes)?
        } else {
            let [dp, dq, qi] = &self.remainders;
            [number(dp)?, number(dq)?, number(qi)?]
        };
        let [first, second] = primes;
        Ok(RsaPrivateKeyBuilder::new(n, e, d)
            .and_then(|key| key.set_factors(first, second))
            .and_then(|key| key.set_crt_params(dp, dq, qi))
            .map_err(|_| PrimitiveError::Key)?
            .build())
    }

    fn of(key: &openssl::rsa::RsaRef<Private>) -> Result<Self, PrimitiveError> {
        let secret = |number: Option<&BigNumRef>| {
            number.map(|number| Zeroizing::new(number.to_vec())).ok_or(PrimitiveError::Key)
        };
        Ok(Self {
            modulus: key.n().to_vec(),
            public_exponent: key.e().to_vec(),
            private_exponent: Zeroizing::new(key.d().to_vec()),
            primes: [secret(key.p())?, secret(key.q())?],
            remainders: [secret(key.dmp1())?, secret(key.dmq1())?, secret(key.iqmp())?],
        })
    }
}

fn number(bytes: &[u8]) -> Result<BigNum, PrimitiveError> {
    if bytes.is_empty() {
        return Err(PrimitiveError::Key);
    }
    Ok(BigNum::from_slice(bytes)?)
}

fn remainders(d: &BigNumRef, primes: &[BigNum; 2]) -> Result<[BigNum; 3], PrimitiveError> {
    let [p, q] = primes;
    let mut context = BigNumContext::new_secure()?;
    let mut remainder = |prime: &BigNumRef| {
        let mut below = prime.to_owned()?;
        below.sub_word(1)?;
        let mut remainder = BigNum::new_secure()?;
        remainder.checked_rem(d, &below, &mut context)?;
        Ok(remainder)
    };
    let rejected = |_: openssl::error::ErrorStack| PrimitiveError::Key;
    let (dp, dq) = (remainder(p).map_err(rejected)?, remainder(q).map_err(rejected)?);
    let mut qi = BigNum::new_secure()?;
    qi.mod_inverse(q, p, &mut context).map_err(rejected)?;
    Ok([dp, dq, qi])
}

/// Factors n by e and d (NIST SP 800-56B appendix C): a root of 1 that is neither 1 nor -1 gives
/// a factor, and half of all bases give such a root.
fn recover_primes(
    n: &BigNumRef,
    e: &BigNumRef,
    d: &BigNumRef,
) -> Result<[BigNum; 2], PrimitiveError> {
    const BASES: u32 = 128;
    let mut context = BigNumContext::new_secure()?;
    let mut odd = BigNum::new_secure()?;
    odd.checked_mul(d, e, &mut context)?;
    odd.sub_word(1)?;
    let mut halvings = 0;
    while !odd.is_odd() && odd.num_bits() > 1 {
        let whole = odd.to_owned()?;
        odd.rshift1(&whole)?;
        halvings += 1;
    }
    let one = BigNum::from_u32(1)?;
    let mut last = n.to_owned()?;
    last.sub_word(1)?;
    for base in 2..BASES {
        let mut root = BigNum::new_secure()?;
        root.mod_exp(&*BigNum::from_u32(base)?, &odd, n, &mut context)
            .map_err(|_| PrimitiveError::Key)?;
        for _ in 0..halvings {
            if root == one || root == last {
                break;
            }
            let mut square = BigNum::new_secure()?;
            square.mod_sqr(&root, n, &mut context)?;
            if square == one {
                root.sub_word(1)?;
                return split(n, &root, &mut context);
            }
            root = square;
        }
    }
    Err(PrimitiveError::Key)
}

/// The two factors of n of which one divides a number.
fn split(
    n: &BigNumRef,
    multiple: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<[BigNum; 2], PrimitiveError> {
    let (mut p, mut q) = (BigNum::new_secure()?, BigNum::new_secure()?);
    p.gcd(multiple, n, context)?;
    q.checked_div(n, &p, context)?;
    // The greater one first, as libraries give them.
    Ok(if p > q { [p, q] } else { [q, p] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_follows_from_the_rest() {
        let whole = RsaComponents::generate(2048, &[1, 0, 1]).unwrap();
        let mut bare = whole.clone();
        bare.primes = Default::default();
        bare.remainders = Default::default();
        let complete = bare.complete().unwrap();
        // In either order.
        assert_ne!(complete.primes[0], complete.primes[1]);
        assert!(complete.primes.iter().all(|prime| whole.primes.contains(prime)));
        assert!(complete.remainders.iter().all(|number| !number.is_empty()));
        let der = complete.to_der().unwrap();
        assert_eq!(
            *RsaComponents::from_der(&der).unwrap().private_exponent,
            *whole.private_exponent
        );
        bare.private_exponent[5] ^= 1;
        assert!(bare.complete().is_err());
    }

    #[test]
    fn unusual_sizes_and_exponents() {
        let key = RsaComponents::generate(2112, &[0, 1, 0, 3]).unwrap();
        assert_eq!((key.modulus.len(), &*key.public_exponent), (264, &[1, 0, 3][..]));
        for (bits, exponent) in [(1024, &[1, 0, 1][..]), (2047, &[1, 0, 1]), (8256, &[1, 0, 1])] {
            assert_eq!(
                RsaComponents::generate(bits, exponent).err(),
                Some(PrimitiveError::KeySize)
            );
        }
        for exponent in [&[][..], &[1], &[3], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            let refused = RsaComponents::generate(2048, exponent).err();
            assert_eq!(refused, Some(PrimitiveError::Parameters));
        }
    }
}
