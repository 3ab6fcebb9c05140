//! Who may do what with which object, and what the partition's policies leave of it.
//!
//! The one place of these rules. The Crypto Officer manages and uses keys; the Limited Crypto
//! Officer makes and uses them; the Crypto User uses them; the Partition SO and those who are not
//! logged in have public objects only.

use super::{Object, inheritance, vault::is_private};
use crate::model::{
    Policy, PolicySet, Role, Status,
    cryptoki::{
        AttributeType as A, AttributeValue, Mechanism, MechanismType as M, ObjectClass, Operation,
        Template,
    },
};

/// Whether a role sees objects that need a login.
pub(in crate::hsm) const fn sees_private(role: Option<Role>) -> bool {
    matches!(role, Some(Role::CryptoOfficer | Role::LimitedCryptoOfficer | Role::CryptoUser))
}

/// Whether a role may make this object. The Crypto User makes no keys that anybody would keep from
/// others, whatever `CKA_PRIVATE` says of them.
///
/// # Errors
/// It may not, or the partition's policies have no such keys.
pub(in crate::hsm) fn check_making(
    role: Option<Role>,
    policies: &PolicySet,
    attributes: &Template,
) -> Result<(), Status> {
    let makes = matches!(role, Some(Role::CryptoOfficer | Role::LimitedCryptoOfficer));
    let secret =
        matches!(super::class_of(attributes), ObjectClass::SECRET_KEY | ObjectClass::PRIVATE_KEY);
    let users_key = role == Some(Role::CryptoUser) && secret;
    if (is_private(attributes) && !makes) || users_key {
        return Err(Status::UserNotLoggedIn);
    }
    check_role(role, policies)?;
    check_key_policies(policies, attributes)
}

/// Whether a role may change, copy or destroy an object it sees.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_managing(
    role: Option<Role>,
    policies: &PolicySet,
    object: &Object,
) -> Result<(), Status> {
    // A session object is its own application's, whoever is logged in.
    let manages = role == Some(Role::CryptoOfficer) || !object.is(A::TOKEN);
    if is_private(object.attributes()) && !manages {
        return Err(Status::UserNotLoggedIn);
    }
    check_role(role, policies)
}

/// Whether policies let a role manage objects at all: public ones need no login and no officer
/// otherwise.
fn check_role(role: Option<Role>, policies: &PolicySet) -> Result<(), Status> {
    let policy = match role {
        None => Policy::AnonymousObjects,
        Some(Role::CryptoUser) => Policy::CryptoUserObjects,
        Some(_) => return Ok(()),
    };
    if policies.permits(policy) { Ok(()) } else { Err(Status::UserNotLoggedIn) }
}

/// Whether the partition's policies permit such a key.
///
/// # Errors
/// They do not.
pub(in crate::hsm) fn check_key_policies(
    policies: &PolicySet,
    attributes: &Template,
) -> Result<(), Status> {
    if !super::is_key(super::class_of(attributes)) {
        return Ok(());
    }
    let dated = [A::START_DATE, A::END_DATE]
        .iter()
        .any(|kind| attributes.bytes(*kind).is_some_and(|date| !date.is_empty()));
    if dated && !policies.permits(Policy::KeyDates) {
        return Err(Status::AttributeValueInvalid);
    }
    check_purposes(policies, &[attributes])
}

/// Whether keys that belong together, the halves of a pair, have one purpose, where policy wants
/// that.
///
/// # Errors
/// They have several.
pub(in crate::hsm) fn check_purposes(
    policies: &PolicySet,
    halves: &[&Template],
) -> Result<(), Status> {
    if !policies.permits(Policy::MultipurposeKeys) && purposes(halves) > 1 {
        return Err(Status::TemplateInconsistent);
    }
    Ok(())
}

/// The purposes of keys: encryption, signatures, wrapping and derivation, each with its
/// counterpart.
fn purposes(keys: &[&Template]) -> usize {
    const PURPOSES: [&[A]; 4] = [
        &[A::ENCRYPT, A::DECRYPT, A::ENCAPSULATE, A::DECAPSULATE],
        &[A::SIGN, A::VERIFY, A::SIGN_RECOVER, A::VERIFY_RECOVER],
        &[A::WRAP, A::UNWRAP],
        &[A::DERIVE],
    ];
    let uses = |one: &A| keys.iter().any(|key| key.boolean(*one) == Some(true));
    let has = |usages: &&&[A]| usages.iter().any(uses);
    PURPOSES.iter().filter(has).count()
}

/// Whether a policy lets the attributes of keys change. The Partition SO's trust is no attribute
/// that the key's owner has chosen.
///
/// # Errors
/// It does not.
pub(in crate::hsm) fn check_change(
    role: Option<Role>,
    policies: &PolicySet,
    object: &Object,
    changes: &Template,
) -> Result<(), Status> {
    let trusts =
        role == Some(Role::PartitionSo) && changes.0.iter().all(|change| change.kind == A::TRUSTED);
    let key = super::is_key(object.class());
    if key && !trusts && !policies.permits(Policy::ChangingKeyAttributes) {
        return Err(Status::AttributeReadOnly);
    }
    Ok(())
}

/// Whether a policy lets the attributes of keys be others in a copy, which would be a change too:
/// only where and under which name a copy is kept is no matter of the key.
///
/// # Errors
/// It does not.
pub(in crate::hsm) fn check_copy(
    policies: &PolicySet,
    object: &Object,
    changes: &Template,
) -> Result<(), Status> {
    const PLACE: [A; 7] =
        [A::TOKEN, A::PRIVATE, A::MODIFIABLE, A::COPYABLE, A::DESTROYABLE, A::LABEL, A::ID];
    let changed = changes.0.iter().any(|change| !PLACE.contains(&change.kind));
    if super::is_key(object.class()) && changed && !policies.permits(Policy::ChangingKeyAttributes)
    {
        return Err(Status::AttributeReadOnly);
    }
    Ok(())
}

/// Whether a policy lets keys be made, wrapped and unwrapped at all.
///
/// # Errors
/// It does not.
pub(in crate::hsm) fn check_key_management(policies: &PolicySet) -> Result<(), Status> {
    if policies.permits(Policy::KeyManagement) { Ok(()) } else { Err(Status::MechanismInvalid) }
}

/// Whether a mechanism is permitted by policy.
pub(in crate::hsm) fn is_permitted(policies: &PolicySet, mechanism: M) -> bool {
    match mechanism {
        M::RSA_X_509 => policies.permits(Policy::RawRsa),
        M::RSA_PKCS => policies.permits(Policy::RsaPkcs),
        mechanism if !is_approved(mechanism) => policies.permits(Policy::NonFipsAlgorithms),
        _ => true,
    }
}

/// Whether a mechanism is of FIPS 140-3's approved ones.
const fn is_approved(mechanism: M) -> bool {
    !matches!(
        mechanism,
        M::RSA_X_509
            | M::RSA_PKCS
            | M::SHA1_RSA_PKCS
            | M::SHA1_RSA_PKCS_PSS
            | M::ECDSA_SHA1
            | M::CHACHA20_KEY_GEN
            | M::CHACHA20_POLY1305
            | M::CONCATENATE_BASE_AND_DATA
            | M::CONCATENATE_DATA_AND_BASE
            | M::CONCATENATE_BASE_AND_KEY
            | M::XOR_BASE_AND_DATA
            | M::AES_ECB_ENCRYPT_DATA
            | M::AES_CBC_ENCRYPT_DATA
    )
}

/// Whether a key may be used for an operation with a mechanism.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_use(
    key: &Object,
    usage: A,
    mechanism: M,
    policies: &PolicySet,
) -> Result<(), Status> {
    if !is_permitted(policies, mechanism) || !is_allowed(key, mechanism) {
        return Err(Status::MechanismInvalid);
    }
    if !key.is(usage) {
        return Err(Status::KeyFunctionNotPermitted);
    }
    let foreign = key.class() == ObjectClass::PRIVATE_KEY && !key.is(A::LOCAL);
    let signs = matches!(usage, A::SIGN | A::SIGN_RECOVER);
    if foreign && signs && !policies.permits(Policy::NonLocalKeySigning) {
        return Err(Status::KeyFunctionNotPermitted);
    }
    Ok(())
}

/// `CKA_ALLOWED_MECHANISMS`: an absent or empty list allows all.
fn is_allowed(key: &Object, mechanism: M) -> bool {
    match key.attributes().get(A::ALLOWED_MECHANISMS) {
        Some(AttributeValue::Mechanisms(list)) => list.is_empty() || list.contains(&mechanism),
        _ => true,
    }
}

/// The attribute that permits an operation.
pub(in crate::hsm) const fn usage(operation: Operation) -> Option<A> {
    Some(match operation {
        Operation::Encrypt => A::ENCRYPT,
        Operation::Decrypt => A::DECRYPT,
        Operation::Sign => A::SIGN,
        Operation::Verify => A::VERIFY,
        Operation::SignRecover => A::SIGN_RECOVER,
        Operation::VerifyRecover => A::VERIFY_RECOVER,
        Operation::Digest => return None,
    })
}

/// Whether a key may be wrapped by another (section 5.18.3), by whom, and under which policies.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_wrapping(
    (wrapping, key): (&Object, &Object),
    role: Option<Role>,
    policies: &PolicySet,
) -> Result<(), Status> {
    let policy = match key.class() {
        ObjectClass::PRIVATE_KEY => Policy::PrivateKeyWrapping,
        ObjectClass::SECRET_KEY => Policy::SecretKeyWrapping,
        _ => return Err(Status::KeyNotWrappable),
    };
    if !key.is(A::EXTRACTABLE) {
        return Err(Status::KeyUnextractable);
    }
    let trusted = key.is(A::WRAP_WITH_TRUSTED) || !policies.permits(Policy::UntrustedWrapping);
    // What has one role for good would come back with another one.
    let bound = !policies.permits(Policy::FreeDescendants)
        && [A::WRAP, A::UNWRAP, A::DERIVE].iter().any(|usage| key.is(*usage));
    if !policies.permits(policy) || (trusted && !wrapping.is(A::TRUSTED)) || bound {
        return Err(Status::KeyNotWrappable);
    }
    check_managing(role, policies, key)?;
    if let Some(AttributeValue::Template(wanted)) = wrapping.attributes().get(A::WRAP_TEMPLATE) {
        let fits = |one: &crate::model::cryptoki::Attribute| {
            key.attributes().get(one.kind) == Some(&one.value)
        };
        if !wanted.0.iter().all(fits) {
            return Err(Status::KeyHandleInvalid);
        }
    }
    Ok(())
}

/// Whether a mechanism may unwrap with this key. Whether CBC's padding is right says something
/// about the text, again and again until all of it is known: that gives nothing new to who may
/// decrypt with the key, and to others only where policy 34 permits it.
///
/// # Errors
/// It may not.
pub(in crate::hsm) fn check_padding(
    unwrapping: &Object,
    mechanism: M,
    policies: &PolicySet,
) -> Result<(), Status> {
    let tells = mechanism == M::AES_CBC_PAD && !unwrapping.is(A::DECRYPT);
    if tells && !policies.permits(Policy::CbcPadWrapping) {
        return Err(Status::MechanismInvalid);
    }
    Ok(())
}

/// Whether policies let such a key be unwrapped.
///
/// # Errors
/// They do not.
pub(in crate::hsm) fn check_unwrapping(
    policies: &PolicySet,
    class: ObjectClass,
) -> Result<(), Status> {
    let permitted = match class {
        ObjectClass::PRIVATE_KEY => policies.permits(Policy::PrivateKeyUnwrapping),
        _ => policies.permits(Policy::SecretKeyUnwrapping),
    };
    if permitted { Ok(()) } else { Err(Status::FunctionNotSupported) }
}

/// A new key's template, with what the key it comes from demands of it (`CKA_UNWRAP_TEMPLATE` and
/// its kind).
///
/// # Errors
/// The template contradicts it.
pub(in crate::hsm) fn with_demands(
    parent: &Object,
    demands: A,
    template: Template,
) -> Result<Template, Status> {
    match parent.attributes().get(demands) {
        Some(AttributeValue::Template(demands)) => inheritance::with_demands(demands, template),
        _ => Ok(template),
    }
}

/// Whether an operation is a private key's work, which has to wait for its pool: a link that
/// answered it where it arrived would let everybody else on it wait.
pub(in crate::hsm) fn is_heavy(operation: Operation, mechanism: &Mechanism) -> bool {
    let private =
        matches!(operation, Operation::Sign | Operation::Decrypt | Operation::SignRecover);
    private
        && mechanism
            .mechanism
            .symbol()
            .is_some_and(|name| name.contains("RSA") || name.contains("ML_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_private_keys_work_hard_for_is_known() {
        let heavy = [
            M::RSA_PKCS,
            M::RSA_PKCS_PSS,
            M::RSA_PKCS_OAEP,
            M::RSA_X_509,
            M::SHA256_RSA_PKCS,
            M::SHA512_RSA_PKCS_PSS,
            M::ML_DSA,
        ];
        let light = [M::ECDSA, M::EDDSA, M::AES_GCM, M::SHA256_HMAC, M::SHA256];
        let own = [Operation::Sign, Operation::Decrypt, Operation::SignRecover];
        let others =
            [Operation::Encrypt, Operation::Verify, Operation::VerifyRecover, Operation::Digest];
        for mechanism in heavy.into_iter().chain(light) {
            for operation in own.into_iter().chain(others) {
                let wanted = heavy.contains(&mechanism) && own.contains(&operation);
                let told = is_heavy(operation, &Mechanism::plain(mechanism));
                assert_eq!(told, wanted, "{operation:?} by {mechanism}");
            }
        }
    }
}
