//! ML-KEM (FIPS 203) and ML-DSA (FIPS 204).
//!
//! AWS-LC computes. It does not make an ML-KEM key of a seed nor check an expanded one: the
//! `ml-kem` crate does that, once for each key.

use aws_lc_rs::{
    encoding::AsRawBytes,
    kem::{self, Ciphertext, DecapsulationKey, EncapsulationKey},
    signature::{self, KeyPair, ParsedPublicKey, PqdsaKeyPair},
};
use ml_kem::{DecapsulationKey as Expanded, MlKem512, MlKem768, MlKem1024, Seed, kem::KeyExport};
use zeroize::Zeroizing;

use super::{
    primitive::PrimitiveError,
    random::{Random, SystemRandom},
};

/// A parameter set of ML-KEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MlKemSet {
    /// ML-KEM-512.
    MlKem512,
    /// ML-KEM-768.
    MlKem768,
    /// ML-KEM-1024.
    MlKem1024,
}

impl MlKemSet {
    const fn algorithm(self) -> &'static kem::Algorithm {
        match self {
            Self::MlKem512 => &kem::ML_KEM_512,
            Self::MlKem768 => &kem::ML_KEM_768,
            Self::MlKem1024 => &kem::ML_KEM_1024,
        }
    }
}

/// A decapsulation key, prepared.
pub struct MlKemPrivateKey {
    set: MlKemSet,
    expanded: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    key: DecapsulationKey,
}

macro_rules! for_each_kem_set {
    ($set:expr, $parameters:ident => $body:expr) => {
        match $set {
            MlKemSet::MlKem512 => {
                type $parameters = MlKem512;
                $body
            }
            MlKemSet::MlKem768 => {
                type $parameters = MlKem768;
                $body
            }
            MlKemSet::MlKem1024 => {
                type $parameters = MlKem1024;
                $body
            }
        }
    };
}

#[allow(deprecated, reason = "PKCS#11 gives and takes keys in their expanded form too")]
impl MlKemPrivateKey {
    /// The key of a seed of 64 bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: the seed has another length.
    pub fn from_seed(set: MlKemSet, seed: &[u8]) -> Result<Self, PrimitiveError> {
        use ml_kem::ExpandedKeyEncoding;
        let seed = Zeroizing::new(Seed::try_from(seed).map_err(|_| PrimitiveError::Key)?);
        let (expanded, public) = for_each_kem_set!(set, Set => {
            let key = Expanded::<Set>::from_seed(*seed);
            let expanded = Zeroizing::new(key.to_expanded_bytes());
            (Zeroizing::new(expanded.to_vec()), key.encapsulation_key().to_bytes().to_vec())
        });
        let key = DecapsulationKey::new(set.algorithm(), &expanded)?;
        Ok(Self { set, expanded, public, key })
    }

    /// The key of its expanded form.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: it is none of this set.
    pub fn from_expanded(set: MlKemSet, expanded: &[u8]) -> Result<Self, PrimitiveError> {
        let public = for_each_kem_set!(set, Set => {
            let bytes = expanded.try_into().map_err(|_| PrimitiveError::Key)?;
            let key = Expanded::<Set>::from_expanded(bytes).map_err(|_| PrimitiveError::Key)?;
            key.encapsulation_key().to_bytes().to_vec()
        });
        let key = DecapsulationKey::new(set.algorithm(), expanded)?;
        Ok(Self { set, expanded: Zeroizing::new(expanded.to_vec()), public, key })
    }

    /// A new seed.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn random_seed() -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        random(64)
    }

    /// The parameter set.
    pub const fn set(&self) -> MlKemSet {
        self.set
    }

    /// The expanded key.
    pub fn expanded(&self) -> &[u8] {
        &self.expanded
    }

    /// The encapsulation key.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret in a ciphertext. A ciphertext that was changed gives another secret.
    ///
    /// # Errors
    /// [`PrimitiveError::DataLength`]: the ciphertext has another length.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        let secret = self
            .key
            .decapsulate(Ciphertext::from(ciphertext))
            .map_err(|_| PrimitiveError::DataLength)?;
        Ok(Zeroizing::new(secret.as_ref().to_vec()))
    }
}

/// An encapsulation key, prepared.
pub struct MlKemPublicKey {
    set: MlKemSet,
    public: Vec<u8>,
    key: EncapsulationKey,
}

impl MlKemPublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they are none.
    pub fn new(set: MlKemSet, public: &[u8]) -> Result<Self, PrimitiveError> {
        for_each_kem_set!(set, Set => {
            let bytes = public.try_into().map_err(|_| PrimitiveError::Key)?;
            ml_kem::EncapsulationKey::<Set>::new(bytes).map_err(|_| PrimitiveError::Key)?;
        });
        let key = EncapsulationKey::new(set.algorithm(), public)?;
        Ok(Self { set, public: public.to_vec(), key })
    }

    /// The parameter set.
    pub const fn set(&self) -> MlKemSet {
        self.set
    }

    /// The key's bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// A ciphertext and the shared secret in it.
    ///
    /// # Errors
    /// The library failed.
    pub fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), PrimitiveError> {
        let (ciphertext, secret) = self.key.encapsulate()?;
        Ok((ciphertext.as_ref().to_vec(), Zeroizing::new(secret.as_ref().to_vec())))
    }
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MlDsaSet {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl MlDsaSet {
    const fn signing(self) -> &'static signature::PqdsaSigningAlgorithm {
        match self {
            Self::MlDsa44 => &signature::ML_DSA_44_SIGNING,
            Self::MlDsa65 => &signature::ML_DSA_65_SIGNING,
            Self::MlDsa87 => &signature::ML_DSA_87_SIGNING,
        }
    }

    const fn verification(self) -> &'static signature::PqdsaVerificationAlgorithm {
        match self {
            Self::MlDsa44 => &signature::ML_DSA_44,
            Self::MlDsa65 => &signature::ML_DSA_65,
            Self::MlDsa87 => &signature::ML_DSA_87,
        }
    }
}

/// A private key for ML-DSA, prepared.
pub struct MlDsaPrivateKey {
    set: MlDsaSet,
    expanded: Zeroizing<Vec<u8>>,
    pair: PqdsaKeyPair,
}

impl MlDsaPrivateKey {
    /// The key of a seed of 32 bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: the seed has another length.
    pub fn from_seed(set: MlDsaSet, seed: &[u8]) -> Result<Self, PrimitiveError> {
        Self::of(set, PqdsaKeyPair::from_seed(set.signing(), seed)?)
    }

    /// The key of its expanded form.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: it is none of this set.
    pub fn from_expanded(set: MlDsaSet, expanded: &[u8]) -> Result<Self, PrimitiveError> {
        Self::of(set, PqdsaKeyPair::from_raw_private_key(set.signing(), expanded)?)
    }

    /// A new seed.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn random_seed() -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
        random(32)
    }

    fn of(set: MlDsaSet, pair: PqdsaKeyPair) -> Result<Self, PrimitiveError> {
        let expanded = Zeroizing::new(pair.private_key().as_raw_bytes()?.as_ref().to_vec());
        Ok(Self { set, expanded, pair })
    }

    /// The parameter set.
    pub const fn set(&self) -> MlDsaSet {
        self.set
    }

    /// The expanded key.
    pub fn expanded(&self) -> &[u8] {
        &self.expanded
    }

    /// The public key.
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs data, hedged with randomness and without a context.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, PrimitiveError> {
        let mut signature = vec![0; self.set.signing().signature_len()];
        let length = self.pair.sign(data, &mut signature)?;
        signature.truncate(length);
        Ok(signature)
    }
}

/// A public key for ML-DSA, prepared.
pub struct MlDsaPublicKey {
    set: MlDsaSet,
    public: Vec<u8>,
    verifier: ParsedPublicKey,
}

impl MlDsaPublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`PrimitiveError::Key`]: they are none.
    pub fn new(set: MlDsaSet, public: &[u8]) -> Result<Self, PrimitiveError> {
        // The library takes other encodings too.
        if public.len() != set.signing().public_key_len() {
            return Err(PrimitiveError::Key);
        }
        let verifier = ParsedPublicKey::new(set.verification(), public)?;
        Ok(Self { set, public: public.to_vec(), verifier })
    }

    /// The parameter set.
    pub const fn set(&self) -> MlDsaSet {
        self.set
    }

    /// The key's bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// [`PrimitiveError::SignatureLength`] or [`PrimitiveError::Signature`]: it is none.
    pub fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), PrimitiveError> {
        if signature.len() != self.set.signing().signature_len() {
            return Err(PrimitiveError::SignatureLength);
        }
        self.verifier.verify_sig(data, signature).map_err(|_| PrimitiveError::Signature)
    }
}

fn random(bytes: usize) -> Result<Zeroizing<Vec<u8>>, PrimitiveError> {
    let mut seed = Zeroizing::new(vec![0; bytes]);
    SystemRandom::new().fill(&mut seed).map_err(|_| PrimitiveError::Library)?;
    Ok(seed)
}
