//! Keys that work on data.

use lunacm::model::cryptoki::{
    AttributeType as A, CryptokiRequest, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Operation, Parameters,
};
use zeroize::Zeroizing;

use super::{Now, bytes};
use crate::{
    objects::Thing,
    oracle::{Causes, Verdict},
    world::S,
};

impl Now<'_> {
    /// A wrapped key as data.
    pub(super) fn decrypt(&mut self) -> Verdict {
        if self.oracle.blobs.is_empty() {
            return Ok(());
        }
        let blob = self.chance.pick(&self.oracle.blobs).clone();
        let Some(at) = self.opener(&blob, A::DECRYPT) else { return Ok(()) };
        let mut mechanism = blob.mechanism.clone();
        if mechanism.mechanism == M::AES_CBC_PAD && self.chance.one_in(2) {
            let vector = Parameters::Bytes(vec![0; 16]);
            mechanism = Mechanism { mechanism: M::AES_CBC, parameters: vector };
        }
        self.work(at, (Operation::Decrypt, A::DECRYPT), mechanism, blob.bytes)
    }

    /// A wrapped key as a message to be signed without padding.
    pub(super) fn raw_sign(&mut self) -> Verdict {
        let by_rsa = |thing: &Thing| thing.kind() == KeyType::RSA;
        let blobs = self.oracle.blobs.iter();
        let blobs: Vec<_> =
            blobs.filter(|blob| by_rsa(&self.oracle.things[blob.wrapping])).cloned().collect();
        if blobs.is_empty() {
            return Ok(());
        }
        let blob = self.chance.pick(&blobs).clone();
        let Some(at) = self.opener(&blob, A::SIGN) else { return Ok(()) };
        let raw = Mechanism::plain(M::RSA_X_509);
        self.work(at, (Operation::Sign, A::SIGN), raw, blob.bytes)
    }

    /// Ciphertexts and codes that could be somebody's key.
    pub(super) fn output(&mut self) -> Verdict {
        let Some(at) = self.choose(|thing| thing.class() == ObjectClass::SECRET_KEY) else {
            return Ok(());
        };
        let data = self.chance.pick(&[&[1][..], &[0, 0, 0, 1, 1], &[0; 32], &[0; 16]]).to_vec();
        if self.oracle.things[at].kind() != KeyType::AES {
            let hmac = Mechanism::plain(M::SHA256_HMAC);
            return self.work(at, (Operation::Sign, A::SIGN), hmac, data);
        }
        match self.chance.below(3) {
            0 => self.work(at, (Operation::Sign, A::SIGN), Mechanism::plain(M::AES_CMAC), data),
            1 => {
                let ecb = Mechanism::plain(M::AES_ECB);
                self.work(at, (Operation::Encrypt, A::ENCRYPT), ecb, vec![0; 32])
            }
            _ => {
                let vector = Parameters::Bytes(vec![0; 16]);
                let cbc = Mechanism { mechanism: M::AES_CBC, parameters: vector };
                self.work(at, (Operation::Encrypt, A::ENCRYPT), cbc, vec![0; 32])
            }
        }
    }

    fn work(
        &mut self,
        at: usize,
        (operation, usage): (Operation, A),
        mechanism: Mechanism,
        data: Vec<u8>,
    ) -> Verdict {
        let kind = mechanism.mechanism;
        let request = CryptokiRequest::Perform {
            session: S,
            operation,
            mechanism,
            key: Some(self.handle(at)),
            data: Zeroizing::new(data),
            signature: Vec::new(),
        };
        let done = bytes(self.world.cryptoki(self.actor, request));
        self.note(&format!("{operation:?} with #{at} by {kind}"), &done);
        let Ok(output) = done else { return Ok(()) };
        self.oracle.judge(Some(Causes::Used(at, usage, kind)), &[&output])
    }
}
