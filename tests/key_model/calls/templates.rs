//! What callers ask of keys.

use lunacm::model::cryptoki::{
    AttributeType as A, AttributeValue, KeyType, MechanismType as M, ObjectClass, Template,
};

use crate::chance::Chance;

/// Values that callers bring along.
pub const THEIRS: [&[u8]; 3] = [&[0xa1; 32], &[0xb2; 16], &[0xc3; 32]];

/// Attributes of a secret key as somebody asks for them who would like to have it.
pub fn wished(chance: &mut Chance) -> Template {
    if chance.one_in(4) {
        return readable(chance);
    }
    let mut template = Template::default();
    let mut say = |chance: &mut Chance, kind, value: bool, cases| {
        if chance.one_in(cases) {
            template.set(kind, value);
        }
    };
    say(chance, A::SENSITIVE, false, 2);
    say(chance, A::EXTRACTABLE, true, 2);
    say(chance, A::EXTRACTABLE, false, 8);
    say(chance, A::PRIVATE, false, 3);
    say(chance, A::WRAP_WITH_TRUSTED, true, 12);
    say(chance, A::TOKEN, true, 60);
    uses(chance, &mut template);
    template
}

/// Attributes of a key that its maker reads, and derives others of.
pub fn readable(chance: &mut Chance) -> Template {
    let template = Template::default()
        .with(A::SENSITIVE, false)
        .with(A::EXTRACTABLE, true)
        .with(A::DERIVE, true);
    if chance.one_in(2) { template.with(A::PRIVATE, false) } else { template }
}

/// Uses, or none at all.
pub fn uses(chance: &mut Chance, template: &mut Template) {
    const SETS: [&[A]; 11] = [
        &[],
        &[],
        &[A::DERIVE],
        &[A::DERIVE],
        &[A::DERIVE],
        &[A::WRAP],
        &[A::WRAP, A::UNWRAP],
        &[A::ENCRYPT, A::DECRYPT],
        &[A::DECRYPT],
        &[A::SIGN, A::VERIFY],
        &[A::WRAP, A::UNWRAP, A::DERIVE],
    ];
    for usage in *chance.pick(&SETS) {
        template.set(*usage, true);
    }
    if chance.one_in(6) {
        let usage = *chance.pick(&[A::DECRYPT, A::DERIVE, A::SIGN, A::WRAP, A::ENCRYPT]);
        template.set(usage, true);
    }
}

/// Class, type and length of a secret key.
pub fn secret(template: Template, kind: KeyType, length: Option<usize>) -> Template {
    let template = template.with(A::CLASS, ObjectClass::SECRET_KEY.0).with(A::KEY_TYPE, kind.0);
    match length {
        Some(length) => template.with(A::VALUE_LEN, u64::try_from(length).unwrap()),
        None => template,
    }
}

/// What a key is restricted to, if it is.
pub fn restricted(chance: &mut Chance, mut template: Template) -> Template {
    if chance.one_in(5) {
        let list =
            vec![M::XOR_BASE_AND_DATA, M::CONCATENATE_BASE_AND_KEY, M::AES_CMAC, M::AES_KEY_WRAP];
        template.set(A::ALLOWED_MECHANISMS, AttributeValue::Mechanisms(list));
    }
    template
}
