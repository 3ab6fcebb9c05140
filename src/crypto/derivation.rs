//! Derivation of keys: HKDF (RFC 5869), PBKDF2 (RFC 8018), and ANSI X9.63's function (SEC 1
//! section 3.6.1). OpenSSL serves HKDF, because it has it over every hash.

use openssl::{
    pkey::Id,
    pkey_ctx::{HkdfMode, PkeyCtx},
};
use zeroize::Zeroizing;

use super::{hash_function::HashFunction, mac::MacKey, primitive::PrimitiveError};

/// What HKDF does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HkdfScheme<'a> {
    /// The hash.
    pub hash: HashFunction,
    /// Whether it extracts, with this salt; without one, a salt of zeros.
    pub extract: Option<&'a [u8]>,
    /// Whether it expands, with this info.
    pub expand: Option<&'a [u8]>,
}

/// So many bytes from a secret by HKDF.
///
/// # Errors
/// [`PrimitiveError::Parameters`]: more bytes than HKDF gives, an empty secret, too long an info,
/// or nothing to do.
pub fn hkdf(
    scheme: &HkdfScheme<'_>,
    secret: &[u8],
    bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let hash_bytes = scheme.hash.bytes();
    let (mode, greatest) = match (scheme.extract, scheme.expand) {
        (Some(_), Some(_)) => (HkdfMode::EXTRACT_THEN_EXPAND, 255 * hash_bytes),
        (Some(_), None) => (HkdfMode::EXTRACT_ONLY, hash_bytes),
        (None, Some(_)) => (HkdfMode::EXPAND_ONLY, 255 * hash_bytes),
        (None, None) => return Err(PrimitiveError::Parameters),
    };
    if bytes == 0 || bytes > greatest || secret.is_empty() {
        return Err(PrimitiveError::Parameters);
    }
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_mode(mode)?;
    context.set_hkdf_md(scheme.hash.openssl()?)?;
    context.set_hkdf_key(secret)?;
    if let Some(salt) = scheme.extract.filter(|salt| !salt.is_empty()) {
        context.set_hkdf_salt(salt)?;
    }
    if let Some(info) = scheme.expand.filter(|info| !info.is_empty()) {
        context.add_hkdf_info(info).map_err(|_| PrimitiveError::Parameters)?;
    }
    // Extraction gives the whole hash or nothing.
    let given = if scheme.expand.is_none() { hash_bytes } else { bytes };
    let mut output = Zeroizing::new(vec![0; given]);
    context.derive(Some(&mut output))?;
    output.truncate(bytes);
    Ok(output)
}

/// A password and how a key is made of it by PBKDF2 (RFC 8018 section 5.2).
#[derive(Clone, Copy)]
pub struct PasswordDerivation<'a> {
    /// The hash under the HMAC.
    pub hash: HashFunction,
    /// The password.
    pub password: &'a [u8],
    /// The salt.
    pub salt: &'a [u8],
    /// How often.
    pub iterations: u64,
    /// Bytes that are made.
    pub bytes: usize,
}

/// Iterations between two questions whether somebody still waits: a millisecond or so.
const ITERATIONS_A_SLICE: u64 = 2_000;

/// So many bytes from a password by PBKDF2 over HMAC, as long as somebody waits for them. The loop
/// is ours, because a library's cannot be left half way; the function in it is a library's.
///
/// # Errors
/// [`PrimitiveError::Parameters`]: no iterations. [`PrimitiveError::Abandoned`]: nobody waits.
pub fn pbkdf2(
    how: &PasswordDerivation<'_>,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    if how.iterations == 0 {
        return Err(PrimitiveError::Parameters);
    }
    // HMAC fills a key up with zeros, so that none and a zero are the same; no library takes none.
    let key = if how.password.is_empty() { &[0][..] } else { how.password };
    let key = MacKey::hmac(how.hash, key)?;
    let mut output = Zeroizing::new(Vec::with_capacity(how.bytes + how.hash.bytes()));
    for block in 1_u32.. {
        if output.len() >= how.bytes {
            break;
        }
        let mut last = key.code(&[how.salt, &block.to_be_bytes()])?;
        let mut sum = last.clone();
        for iteration in 1..how.iterations {
            if iteration.is_multiple_of(ITERATIONS_A_SLICE) && !is_wanted() {
                return Err(PrimitiveError::Abandoned);
            }
            key.next(&mut last)?;
            for (one, other) in sum.iter_mut().zip(last.iter()) {
                *one ^= other;
            }
        }
        output.extend_from_slice(&sum);
    }
    output.truncate(how.bytes);
    Ok(output)
}

/// So many bytes from a shared secret by ANSI X9.63's function.
///
/// # Errors
/// The library failed.
pub fn x963(
    hash: HashFunction,
    secret: &[u8],
    shared: &[u8],
    bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let mut output = Zeroizing::new(Vec::with_capacity(bytes + hash.bytes()));
    for counter in 1_u32.. {
        if output.len() >= bytes {
            break;
        }
        let mut hashing = hash.start()?;
        hashing.update(secret)?;
        hashing.update(&counter.to_be_bytes())?;
        hashing.update(shared)?;
        output.extend_from_slice(hashing.finish()?.as_ref());
    }
    output.truncate(bytes);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{hkdf as aws_hkdf, pbkdf2 as aws_pbkdf2};
    use openssl::pkcs5;
    use proptest::prelude::*;

    use super::*;

    struct Bytes(usize);

    impl aws_hkdf::KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn both_libraries_agree(
            secret in prop::collection::vec(any::<u8>(), 1..80),
            salt in prop::collection::vec(any::<u8>(), 0..80),
            info in prop::collection::vec(any::<u8>(), 0..80),
            bytes in 1_usize..400,
        ) {
            let hashes = [
                (HashFunction::Sha1, aws_hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY),
                (HashFunction::Sha256, aws_hkdf::HKDF_SHA256),
                (HashFunction::Sha384, aws_hkdf::HKDF_SHA384),
                (HashFunction::Sha512, aws_hkdf::HKDF_SHA512),
            ];
            for (hash, other) in hashes {
                let (extract, expand) = (Some(&salt[..]), Some(&info[..]));
                let own = hkdf(&HkdfScheme { hash, extract, expand }, &secret, bytes).unwrap();
                let mut output = vec![0; bytes];
                let key = aws_hkdf::Salt::new(other, &salt).extract(&secret);
                key.expand(&[&info], Bytes(bytes)).unwrap().fill(&mut output).unwrap();
                prop_assert_eq!(&*own, &output);
                let only = HkdfScheme { hash, extract, expand: None };
                let extracted = hkdf(&only, &secret, hash.bytes()).unwrap();
                let only = HkdfScheme { hash, extract: None, expand };
                prop_assert_eq!(&*hkdf(&only, &extracted, bytes).unwrap(), &output);
            }
            let how = PasswordDerivation {
                hash: HashFunction::Sha384,
                password: &secret,
                salt: &salt,
                iterations: 7,
                bytes,
            };
            let own = pbkdf2(&how, &|| true).unwrap();
            let mut output = vec![0; bytes];
            let (algorithm, count) = (aws_pbkdf2::PBKDF2_HMAC_SHA384, 7.try_into().unwrap());
            aws_pbkdf2::derive(algorithm, count, &salt, &secret, &mut output);
            prop_assert_eq!(&*own, &output);
        }

        #[test]
        fn passwords_of_every_length_over_every_hash(
            password in prop::collection::vec(any::<u8>(), 0..200),
            salt in prop::collection::vec(any::<u8>(), 0..80),
            iterations in 1_u16..5,
            bytes in 1_usize..400,
        ) {
            for hash in HashFunction::ALL {
                let how = PasswordDerivation {
                    hash,
                    password: &password,
                    salt: &salt,
                    iterations: iterations.into(),
                    bytes,
                };
                let mut other = vec![0; bytes];
                let digest = hash.message_digest().unwrap();
                let iterations = usize::from(iterations);
                pkcs5::pbkdf2_hmac(&password, &salt, iterations, digest, &mut other).unwrap();
                prop_assert_eq!(&*pbkdf2(&how, &|| true).unwrap(), &other);
            }
        }
    }

    #[test]
    fn what_nobody_waits_for_is_left() {
        let how = PasswordDerivation {
            hash: HashFunction::Sha256,
            password: b"p",
            salt: b"s",
            iterations: 100_000_000,
            bytes: 512,
        };
        let asked = std::cell::Cell::new(0);
        let thrice = || {
            asked.set(asked.get() + 1);
            asked.get() < 3
        };
        assert_eq!(pbkdf2(&how, &thrice), Err(PrimitiveError::Abandoned));
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn lengths_are_checked() {
        let hash = HashFunction::Sha256;
        let expanding = HkdfScheme { hash, extract: None, expand: Some(b"") };
        assert!(hkdf(&expanding, &[1; 32], 255 * 32).is_ok());
        assert_eq!(hkdf(&expanding, &[1; 32], 255 * 32 + 1), Err(PrimitiveError::Parameters));
        assert_eq!(hkdf(&expanding, &[], 32), Err(PrimitiveError::Parameters));
        let extracting = HkdfScheme { hash, extract: Some(b""), expand: None };
        assert_eq!(hkdf(&extracting, &[1; 32], 33), Err(PrimitiveError::Parameters));
        let neither = HkdfScheme { hash, extract: None, expand: None };
        assert_eq!(hkdf(&neither, &[1; 32], 32), Err(PrimitiveError::Parameters));
        let never =
            PasswordDerivation { hash, password: b"p", salt: b"s", iterations: 0, bytes: 8 };
        assert_eq!(pbkdf2(&never, &|| true), Err(PrimitiveError::Parameters));
    }

    /// NIST CAVP, "ANS X9.63-2001" for SHA-256 (`ansx963_2001.rsp`), the first with shared info.
    #[test]
    fn vector_of_x963() {
        let secret = b"\x22\x51\x8b\x10\xe7\x0f\x2a\x3f\x24\x38\x10\xae\x32\x54\x13\x9e\
                       \xfb\xee\x04\xaa\x57\xc7\xaf\x7d";
        let shared = b"\x75\xee\xf8\x1a\xa3\x04\x1e\x33\xb8\x09\x71\x20\x3d\x2c\x0c\x52";
        let expected = b"\xc4\x98\xaf\x77\x16\x1c\xc5\x9f\x29\x62\xb9\xa7\x13\xe2\xb2\x15\
                         \x15\x2d\x13\x97\x66\xce\x34\xa7\x76\xdf\x11\x86\x6a\x69\xbf\x2e";
        assert_eq!(&x963(HashFunction::Sha256, secret, shared, 128).unwrap()[..32], expected);
    }
}
