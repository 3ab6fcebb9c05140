//! HMAC (FIPS 198-1) and AES-CMAC (NIST SP 800-38B).
//!
//! AWS-LC serves HMAC over SHA-1 and SHA-2 and all of CMAC; HMAC over SHA-3 is OpenSSL's.

use aws_lc_rs::{cmac, hmac};
use openssl::{
    md_ctx::MdCtx,
    pkey::{PKey, Private},
};
use zeroize::Zeroizing;

use super::{hash::MAXIMUM_HASH_BYTES, hash_function::HashFunction, primitive::PrimitiveError};

/// A key for one kind of message authentication code, prepared.
pub struct MacKey(Key);

enum Key {
    Hmac(Box<hmac::Key>),
    OpenSslHmac(HashFunction, PKey<Private>),
    Cmac(cmac::Key),
}

impl MacKey {
    /// A key for HMAC.
    ///
    /// # Errors
    /// The library failed.
    pub fn hmac(function: HashFunction, key: &[u8]) -> Result<Self, PrimitiveError> {
        let algorithm = match function {
            HashFunction::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HashFunction::Sha224 => hmac::HMAC_SHA224,
            HashFunction::Sha256 => hmac::HMAC_SHA256,
            HashFunction::Sha384 => hmac::HMAC_SHA384,
            HashFunction::Sha512 => hmac::HMAC_SHA512,
            _ => return Ok(Self(Key::OpenSslHmac(function, PKey::hmac(key)?))),
        };
        Ok(Self(Key::Hmac(Box::new(hmac::Key::new(algorithm, key)))))
    }

    /// A key for AES-CMAC.
    ///
    /// # Errors
    /// [`PrimitiveError::KeySize`]: it is no AES key.
    pub fn cmac(key: &[u8]) -> Result<Self, PrimitiveError> {
        let algorithm = match key.len() {
            16 => cmac::AES_128,
            24 => cmac::AES_192,
            32 => cmac::AES_256,
            _ => return Err(PrimitiveError::KeySize),
        };
        Ok(Self(Key::Cmac(cmac::Key::new(algorithm, key)?)))
    }

    /// Starts a code.
    ///
    /// # Errors
    /// The library failed.
    pub fn start(&self) -> Result<Mac, PrimitiveError> {
        Ok(Mac(match &self.0 {
            Key::Hmac(key) => State::Hmac(hmac::Context::with_key(key)),
            Key::Cmac(key) => State::Cmac(cmac::Context::with_key(key)),
            Key::OpenSslHmac(function, key) => {
                let mut context = MdCtx::new()?;
                context.digest_sign_init(Some(function.openssl()?), key)?;
                State::OpenSslHmac(context)
            }
        }))
    }

    /// Puts the code of a code in its place.
    ///
    /// # Errors
    /// The library failed.
    pub fn next(&self, code: &mut Zeroizing<Vec<u8>>) -> Result<(), PrimitiveError> {
        match &self.0 {
            Key::Hmac(key) => {
                let next = hmac::sign(key, code);
                code.copy_from_slice(next.as_ref());
            }
            Key::OpenSslHmac(..) | Key::Cmac(_) => *code = self.code(&[code])?,
        }
        Ok(())
    }

    /// The code of these data.
    ///
    /// # Errors
    /// The library failed.
    pub fn code(&self, parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        if let (Key::Hmac(key), [data]) = (&self.0, parts) {
            return Ok(Zeroizing::new(hmac::sign(key, data).as_ref().to_vec()));
        }
        let mut mac = self.start()?;
        for part in parts {
            mac.update(part)?;
        }
        mac.finish()
    }
}

/// A code in the making.
pub struct Mac(State);

#[allow(clippy::large_enum_variant, reason = "it lives for one code; a box would cost more")]
enum State {
    Hmac(hmac::Context),
    OpenSslHmac(MdCtx),
    Cmac(cmac::Context),
}

impl Mac {
    /// Takes more input.
    ///
    /// # Errors
    /// The library failed.
    pub fn update(&mut self, data: &[u8]) -> Result<(), PrimitiveError> {
        match &mut self.0 {
            State::Hmac(context) => context.update(data),
            State::Cmac(context) => context.update(data)?,
            State::OpenSslHmac(context) => context.digest_sign_update(data)?,
        }
        Ok(())
    }

    /// The code of all input, in full length.
    ///
    /// # Errors
    /// The library failed.
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        Ok(Zeroizing::new(match self.0 {
            State::Hmac(context) => context.sign().as_ref().to_vec(),
            State::Cmac(context) => context.sign()?.as_ref().to_vec(),
            State::OpenSslHmac(mut context) => {
                let mut code = vec![0; MAXIMUM_HASH_BYTES];
                let length = context.digest_sign_final(Some(&mut code))?;
                code.truncate(length);
                code
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use openssl::sign::Signer;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_libraries_agree(key in prop::collection::vec(any::<u8>(), 1..200), data: Vec<u8>) {
            for function in HashFunction::ALL {
                let other = PKey::hmac(&key).unwrap();
                let mut other = Signer::new(function.message_digest().unwrap(), &other).unwrap();
                other.update(&data).unwrap();
                let code = MacKey::hmac(function, &key).unwrap().code(&[&data]).unwrap();
                prop_assert_eq!(&*code, &other.sign_to_vec().unwrap());
            }
        }
    }

    #[test]
    fn cmac_takes_aes_keys_only() {
        for bytes in 0..40 {
            let taken = MacKey::cmac(&vec![1; bytes]).is_ok();
            assert_eq!(taken, [16, 24, 32].contains(&bytes), "{bytes}");
        }
    }
}
