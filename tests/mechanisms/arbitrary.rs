//! Whatever keys, parameters and data say, an operation gives a result or a status, and the same
//! kind of one in one part and in parts.

use lunacm::{
    hsm::mechanism::{self, PreparedKey},
    model::cryptoki::{
        AttributeType as A, GcmLike, HkdfSalt, KeyDerivation, KeyType, MaskHash, Mechanism,
        MechanismType as M, OaepParameters, ObjectClass, Operation, Parameters, PrfData,
        PssParameters, Template,
    },
};
use proptest::{prelude::*, sample::select};

use crate::{
    every::case,
    support::{CURVES, EDWARDS, MONTGOMERY, bytes, of_kind, rsa_pair},
};

const OPERATIONS: [Operation; 7] = [
    Operation::Encrypt,
    Operation::Decrypt,
    Operation::Sign,
    Operation::Verify,
    Operation::Digest,
    Operation::SignRecover,
    Operation::VerifyRecover,
];

/// A key that may be one: a value of any length, or more often of a length that keys have.
fn key() -> impl Strategy<Value = Template> {
    let value = prop_oneof![
        select(vec![16_usize, 24, 32, 48, 57, 64, 66])
            .prop_flat_map(|bytes| { prop::collection::vec(any::<u8>(), bytes) }),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    let curves = [&CURVES[..], &EDWARDS, &MONTGOMERY].concat();
    (0..8_u8, value, select(curves), any::<u64>()).prop_map(|(shape, value, curve, number)| {
        let kinds = [KeyType::EC, KeyType::EC_EDWARDS, KeyType::EC_MONTGOMERY];
        let kind = kinds[usize::try_from(number % 3).unwrap()];
        let secret = |kind| of_kind(ObjectClass::SECRET_KEY, kind).with(A::VALUE, bytes(&value));
        let lattice = |kind| {
            of_kind(ObjectClass::PRIVATE_KEY, kind)
                .with(A::PARAMETER_SET, number % 5)
                .with(A::SEED, bytes(&value))
        };
        match shape {
            0 => secret(KeyType::AES),
            1 => secret(KeyType::GENERIC_SECRET),
            2 => secret(KeyType::CHACHA20),
            3 => of_kind(ObjectClass::PRIVATE_KEY, kind)
                .with(A::EC_PARAMS, bytes(curve))
                .with(A::VALUE, bytes(&value)),
            4 => of_kind(ObjectClass::PUBLIC_KEY, kind)
                .with(A::EC_PARAMS, bytes(curve))
                .with(A::EC_POINT, bytes(&value)),
            5 => of_kind(ObjectClass::PUBLIC_KEY, KeyType::RSA)
                .with(A::MODULUS, bytes(&value))
                .with(A::PUBLIC_EXPONENT, bytes([1, 0, 1])),
            6 => lattice(KeyType::ML_DSA),
            _ if number % 2 == 0 => lattice(KeyType::ML_KEM),
            _ => rsa_pair().private.clone(),
        }
    })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let small = || prop::collection::vec(any::<u8>(), 0..40);
    let inner = (small(), small(), 0..140_u64).prop_map(|(nonce, associated, tag_bits)| GcmLike {
        nonce,
        associated,
        tag_bits,
    });
    let digest = || select(vec![M::SHA_1, M::SHA256, M::SHA512, M::SHA3_224, M::SHA512_224]);
    prop_oneof![
        Just(Parameters::None),
        select(vec![4_usize, 8, 12, 16]).prop_map(|bytes| Parameters::Bytes(vec![1; bytes])),
        any::<u64>().prop_map(|number| Parameters::Number(number % 70)),
        inner.clone().prop_map(Parameters::Gcm),
        (0..60_u64, inner).prop_map(|(data_bytes, inner)| Parameters::Ccm { data_bytes, inner }),
        (0..140_u64, any::<[u8; 16]>())
            .prop_map(|(bits, block)| Parameters::Counter { bits, block }),
        (digest(), 0..11_u64, 0..300_u64).prop_map(|(hash, mask, salt_bytes)| {
            Parameters::Pss(PssParameters { hash, mask: MaskHash(mask), salt_bytes })
        }),
        (digest(), 0..11_u64, small()).prop_map(|(hash, mask, label)| {
            Parameters::Oaep(OaepParameters { hash, mask: MaskHash(mask), label })
        }),
        (0..15_u64, small(), prop::collection::vec(any::<u8>(), 0..140)).prop_map(
            |(number, shared, public)| {
                Parameters::Ecdh { derivation: KeyDerivation(number), shared, public }
            }
        ),
        (any::<bool>(), any::<bool>(), digest(), small()).prop_map(
            |(extract, expand, hash, info)| {
                Parameters::Hkdf { extract, expand, hash, salt: HkdfSalt::Null, info }
            }
        ),
        (0..70_u64, 0..70_u64, small()).prop_map(|(counter, length, fixed)| {
            let little_endian = counter % 2 == 0;
            let data = vec![
                PrfData::Counter { little_endian, bits: counter },
                PrfData::Length { little_endian, bits: length, sum_of_keys: true },
                PrfData::Bytes(fixed),
            ];
            Parameters::Sp800108 { prf: M::SHA256_HMAC, data, feedback: vec![] }
        }),
        small().prop_map(|data| Parameters::Data(data.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]
    #[test]
    fn nothing_panics_and_parts_agree_with_the_whole(
        key in key(),
        mechanism in select(M::ALL),
        parameters in prop::option::of(parameters()),
        message in prop::collection::vec(any::<u8>(), 0..80),
        asked in prop::option::of(0..80_u64),
    ) {
        // Its own parameters, or any.
        let case = match parameters {
            Some(parameters) => Mechanism { mechanism, parameters },
            None => case(mechanism),
        };
        let _ = mechanism::complete_imported(&key);
        let Ok(prepared) = PreparedKey::from_template(&key).map(std::sync::Arc::new) else {
            return Ok(());
        };
        for operation in OPERATIONS {
            let given = (operation != Operation::Digest).then_some(&prepared);
            let key = given.map(AsRef::as_ref);
            let whole = mechanism::perform(operation, &case, key, &message, &[]);
            let parts = mechanism::begin(operation, &case, given.cloned());
            let parts = parts.and_then(|mut running| {
                let mut output = running.update(&message[..message.len() / 2])?;
                output.extend_from_slice(&running.update(&message[message.len() / 2..])?);
                output.extend_from_slice(&running.finish(&[])?);
                Ok(output)
            });
            let outcome = |output: Result<zeroize::Zeroizing<Vec<u8>>, _>| output.map(|o| o.len());
            prop_assert_eq!(outcome(whole), outcome(parts), "{:?}", operation);
        }
        let template = asked.map_or_else(Template::default, |bytes| {
            Template::default().with(A::VALUE_LEN, bytes)
        });
        let _ = mechanism::derive(&case, &prepared, std::slice::from_ref(&prepared), &template);
        let _ = mechanism::decapsulate(&case, &prepared, &message, &template);
        let _ = mechanism::encapsulate(&case, &prepared, &template);
        for class in [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY] {
            let template = of_kind(class, KeyType::GENERIC_SECRET);
            let _ = mechanism::unwrap(&case, &prepared, &message, &template);
        }
        let _ = mechanism::wrap(&case, &prepared, &key);
    }
}
