//! Keys that leave and come in under others.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, CryptokiRequest, GcmLike, KeyType, MaskHash, Mechanism,
        MechanismType as M, OaepParameters, ObjectClass, Parameters, Template,
    },
};

use super::{
    Now, bytes, object,
    templates::{THEIRS, secret, wished},
};
use crate::{
    objects::Thing,
    oracle::{Bond, Causes, Verdict},
    secrets::Blob,
    world::S,
};

const BY_AES: [M; 6] =
    [M::AES_KEY_WRAP, M::AES_KEY_WRAP_KWP, M::AES_CBC_PAD, M::AES_GCM, M::AES_GCM, M::AES_CCM];

impl Now<'_> {
    pub(super) fn wrap(&mut self) -> Verdict {
        if self.chance.one_in(3) {
            return self.wrap_again();
        }
        let Some(around) = self.choose(|thing| thing.is(A::WRAP)) else { return Ok(()) };
        let Some(content) = self.choose(Thing::is_key) else { return Ok(()) };
        self.wrap_these(around, content)
    }

    /// A key that callers have, under the key and the nonce that another one left under.
    fn wrap_again(&mut self) -> Verdict {
        let given = |blob: &&Blob| mechanism::nonce(&blob.mechanism).is_some();
        let blobs: Vec<_> = self.oracle.blobs.iter().filter(given).cloned().collect();
        let theirs = |thing: &Thing| thing.value().is_some_and(|value| THEIRS.contains(&value));
        let content = self.choose(|thing| thing.is(A::EXTRACTABLE) && theirs(thing));
        let (Some(content), false) = (content, blobs.is_empty()) else { return Ok(()) };
        let blob = self.chance.pick(&blobs).clone();
        self.wrap_by(blob.mechanism, blob.wrapping, content)
    }

    pub(super) fn wrap_these(&mut self, around: usize, content: usize) -> Verdict {
        let length = self.oracle.things[content].seen.number(A::VALUE_LEN).unwrap_or(32);
        let mechanism = self.wrapping(self.oracle.things[around].kind(), length);
        self.wrap_by(mechanism, around, content)
    }

    fn wrap_by(&mut self, mechanism: Mechanism, around: usize, content: usize) -> Verdict {
        let request = CryptokiRequest::WrapKey {
            session: S,
            mechanism: mechanism.clone(),
            wrapping_key: self.handle(around),
            key: self.handle(content),
        };
        let wrapped = bytes(self.world.cryptoki(self.actor, request));
        let kind = mechanism.mechanism;
        self.note(&format!("wraps #{content} under #{around} by {kind}"), &wrapped);
        let Ok(wrapped) = wrapped else { return Ok(()) };
        self.oracle.blobs.push(Blob { wrapping: around, content, mechanism, bytes: wrapped });
        self.oracle.judge(Some(Causes::Used(around, A::WRAP, kind)), &[])
    }

    fn wrapping(&mut self, around: KeyType, length: u64) -> Mechanism {
        let plain = |mechanism, parameters| Mechanism { mechanism, parameters };
        if around == KeyType::RSA {
            let oaep = OaepParameters { hash: M::SHA256, mask: MaskHash(2), label: Vec::new() };
            return if self.chance.one_in(2) {
                Mechanism::plain(M::RSA_PKCS)
            } else {
                plain(M::RSA_PKCS_OAEP, Parameters::Oaep(oaep))
            };
        }
        let nonce = |length: usize| if length == 0 { Vec::new() } else { vec![0; length] };
        let inner = GcmLike {
            nonce: nonce(*self.chance.pick(&[0, 12])),
            associated: Vec::new(),
            tag_bits: 128,
        };
        match *self.chance.pick(&BY_AES) {
            M::AES_CBC_PAD => plain(M::AES_CBC_PAD, Parameters::Bytes(vec![0; 16])),
            M::AES_GCM => plain(M::AES_GCM, Parameters::Gcm(inner)),
            M::AES_CCM => plain(M::AES_CCM, Parameters::Ccm { data_bytes: length, inner }),
            other => Mechanism::plain(other),
        }
    }

    pub(super) fn unwrap(&mut self) -> Verdict {
        if self.oracle.blobs.is_empty() {
            return Ok(());
        }
        let blob = self.chance.pick(&self.oracle.blobs).clone();
        let Some(around) = self.opener(&blob, A::UNWRAP) else { return Ok(()) };
        let kind = *self.chance.pick(&[KeyType::AES, KeyType::AES, KeyType::GENERIC_SECRET]);
        let template = secret(wished(&mut self.chance), kind, None);
        let request = CryptokiRequest::UnwrapKey {
            session: S,
            mechanism: blob.mechanism.clone(),
            unwrapping_key: self.handle(around),
            wrapped: blob.bytes.clone(),
            template: template.clone(),
        };
        let made = object(self.world.cryptoki(self.actor, request));
        let name = format!("#{}", self.oracle.things.len());
        let content = blob.content;
        let text = format!("unwraps {name} by #{around}, the wrap of #{content}, {template:?}");
        self.note(&text, &made);
        let Ok(handle) = made else { return Ok(()) };
        let material = self.opened(&blob, around, &template);
        // It is the wrapped key again, and keeps what it kept.
        let at = self.made(handle, (&template, material), (&[around], Some(Bond::Unwrapped)));
        let secret = self.oracle.things[content].secret && !self.oracle.things[content].released;
        let made = &mut self.oracle.things[at.0];
        made.secret |= secret && made.need.unreadable;
        at.1?;
        self.oracle.judge(Some(Causes::Used(around, A::UNWRAP, blob.mechanism.mechanism)), &[])
    }

    /// The key that opens a wrap, or some other key.
    pub(super) fn opener(&mut self, blob: &Blob, usage: A) -> Option<usize> {
        let around = self.oracle.things[blob.wrapping].clone();
        let private = around.class() == ObjectClass::PUBLIC_KEY;
        let modulus = around.seen.bytes(A::MODULUS).map(<[u8]>::to_vec);
        let fits = move |thing: &Thing| {
            if private {
                thing.class() == ObjectClass::PRIVATE_KEY
                    && thing.seen.bytes(A::MODULUS).map(<[u8]>::to_vec) == modulus
            } else {
                thing.class() == ObjectClass::SECRET_KEY
                    && (thing.handle == around.handle
                        || thing.value().is_some_and(|value| around.value() == Some(value)))
            }
        };
        if self.chance.one_in(8) {
            return self.choose(|thing| thing.is_key() && thing.is(usage));
        }
        self.choose(fits)
    }

    fn opened(&self, blob: &Blob, around: usize, asked: &Template) -> Option<Template> {
        let material = self.oracle.things[around].material.as_ref()?;
        let key = PreparedKey::from_template(material).ok()?;
        let sent = mechanism::with_sent_nonce(&blob.mechanism, &blob.bytes).ok()?;
        let (mechanism, bytes) = match &sent {
            Some((mechanism, bytes)) => (mechanism, *bytes),
            None => (&blob.mechanism, &blob.bytes[..]),
        };
        mechanism::unwrap(mechanism, &key, bytes, asked).ok()
    }
}
