//! Keys that work on data.

use lunacm::{
    hsm::mechanism,
    model::cryptoki::{
        AttributeType as A, CryptokiRequest, KeyType, Mechanism, MechanismType as M, ObjectClass,
        Operation, Parameters,
    },
};
use zeroize::Zeroizing;

use super::{Now, bytes};
use crate::{
    objects::Thing,
    oracle::{Causes, Verdict},
    secrets::Blob,
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

    /// What a wrap was added to, as the encryption of nothing under the same nonce.
    pub(super) fn key_stream(&mut self) -> Verdict {
        let streams = |blob: &&Blob| mechanism::nonce(&blob.mechanism).is_some();
        let blobs: Vec<_> = self.oracle.blobs.iter().filter(streams).cloned().collect();
        if blobs.is_empty() {
            return Ok(());
        }
        let blob = self.chance.pick(&blobs).clone();
        let Some(at) = self.opener(&blob, A::ENCRYPT) else { return Ok(()) };
        let sent = mechanism::with_sent_nonce(&blob.mechanism, &blob.bytes).unwrap();
        let (mechanism, wrapped) = sent.unwrap_or((blob.mechanism.clone(), &blob.bytes));
        let nonce = mechanism::nonce(&mechanism).unwrap().to_vec();
        let length = wrapped.len().saturating_sub(16);
        let (by, data) = if mechanism.mechanism == M::AES_CCM && self.chance.one_in(2) {
            // SP 800-38C, appendix A.3.
            let width = 15 - nonce.len();
            let block = |number: u8| {
                let mut block = vec![u8::try_from(width - 1).unwrap()];
                block.extend(&nonce);
                block.resize(15, 0);
                block.push(number);
                block
            };
            (Mechanism::plain(M::AES_ECB), [block(1), block(2)].concat())
        } else {
            (mechanism, vec![0; length])
        };
        let kind = by.mechanism;
        let Some(stream) = self.perform(at, Operation::Encrypt, by, data) else { return Ok(()) };
        let sum: Vec<u8> =
            stream.iter().zip(&wrapped[..length]).map(|(one, other)| one ^ other).collect();
        self.oracle.judge(Some(Causes::Used(at, A::ENCRYPT, kind)), &[&stream, &sum])
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
        let Some(output) = self.perform(at, operation, mechanism, data) else { return Ok(()) };
        self.oracle.judge(Some(Causes::Used(at, usage, kind)), &[&output])
    }

    fn perform(
        &mut self,
        at: usize,
        operation: Operation,
        mechanism: Mechanism,
        data: Vec<u8>,
    ) -> Option<Vec<u8>> {
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
        done.ok()
    }
}
