//! What a new key inherits from those that took part in its making.
//!
//! The one place of these rules. Every maker of keys says in its [`Lineage`] which keys took part
//! and how the new one is bound to them; completing a template asks it. Nothing that protects a
//! key is weaker in what comes of it than in any key that took part, as far as its bond reaches.

use super::{Object, class_of, rules::is_usage};
use crate::model::{
    Policy, PolicySet, Status,
    cryptoki::{
        Attribute, AttributeType as A, AttributeValue, MechanismType as M, ObjectClass, Template,
    },
};

/// The fewest bytes of a part of what a derivation gives, if it may not be read: 112 bits, the
/// least strength of SP 800-131A. A shorter one could be found by its check value, and behind it,
/// byte by byte, the longer keys that begin alike (Clulow, "On the Security of PKCS #11", 2003).
const LEAST_UNREADABLE_BYTES: usize = 14;

/// How a new key is bound to those that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hsm) enum Bond {
    /// To none: it is made of nothing but its template and chance.
    None,
    /// It is one of them, or contains one: who has the new key has the old one.
    Carries,
    /// A one-way function of them: who has the new key does not have the old one, but has every
    /// other key that the same function made.
    Computed,
    /// A secret that another party knows too, and that was agreed upon to be used with it.
    Agreed,
    /// It came in under one of them.
    Unwrapped,
}

impl Bond {
    /// The bond of what a mechanism derives or encapsulates. What is not known here is kept best.
    pub(in crate::hsm) const fn of(mechanism: M) -> Self {
        match mechanism {
            M::HKDF_DERIVE
            | M::HKDF_DATA
            | M::SP800_108_COUNTER_KDF
            | M::SP800_108_FEEDBACK_KDF
            | M::SP800_108_DOUBLE_PIPELINE_KDF
            | M::AES_ECB_ENCRYPT_DATA
            | M::AES_CBC_ENCRYPT_DATA => Self::Computed,
            M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE | M::ML_KEM => Self::Agreed,
            _ => Self::Carries,
        }
    }
}

/// The keys that took part in the making of a new one.
#[derive(Clone, Copy)]
pub(in crate::hsm) struct Lineage<'k> {
    /// All of them: the base, the second key of a concatenation, a salt, the unwrapping key.
    pub(in crate::hsm) parents: &'k [&'k Object],
    /// How the new key is bound to them.
    pub(in crate::hsm) bond: Bond,
    /// Whether partition policy 61 leaves attributes to the template where PKCS#11 does.
    pub(in crate::hsm) free: bool,
}

impl Lineage<'_> {
    /// Of a key that comes from no other.
    pub(in crate::hsm) const NONE: Self = Self { parents: &[], bond: Bond::None, free: true };
}

impl<'k> Lineage<'k> {
    /// Of a key that comes from these.
    pub(in crate::hsm) fn new(bond: Bond, parents: &'k [&'k Object], policies: &PolicySet) -> Self {
        Self { parents, bond, free: policies.permits(Policy::FreeDescendants) }
    }

    /// A template with what the new key inherits.
    ///
    /// # Errors
    /// `CKR_TEMPLATE_INCONSISTENT`: the template contradicts that.
    pub(in crate::hsm) fn inherit(&self, mut template: Template) -> Result<Template, Status> {
        if self.any(|parent| parent.is(A::PRIVATE)) {
            keep(&mut template, A::PRIVATE, true)?;
        }
        let class = class_of(&template);
        if class == ObjectClass::DATA {
            // What a data object holds can always be read.
            let hidden = !self.free && self.any(is_unreadable);
            return if hidden { Err(Status::TemplateInconsistent) } else { Ok(template) };
        }
        if matches!(class, ObjectClass::SECRET_KEY | ObjectClass::PRIVATE_KEY) {
            self.protect(&mut template)?;
            self.bind(&mut template)?;
        }
        self.check_uses(&template)?;
        Ok(template)
    }

    /// Whether the new key has always been sensitive, as far as its parents say.
    pub(in crate::hsm) fn always_sensitive(&self) -> bool {
        self.all_have(A::ALWAYS_SENSITIVE)
    }

    /// Whether the new key has never been extractable, as far as its parents say.
    pub(in crate::hsm) fn never_extractable(&self) -> bool {
        self.all_have(A::NEVER_EXTRACTABLE)
    }

    /// Whether the new key may have this use.
    pub(in crate::hsm) fn permits(&self, usage: A) -> bool {
        match self.bond {
            Bond::None => true,
            // What protects keys as a wrapping key does not open them as another.
            Bond::Carries => self.parents.iter().all(|parent| {
                let protects = parent.is(A::WRAP) || parent.is(A::UNWRAP);
                parent.is(usage) || (self.free && !protects)
            }),
            // Made twice, it would otherwise have two roles that do not go together.
            Bond::Computed | Bond::Agreed | Bond::Unwrapped => {
                self.free || !matches!(usage, A::WRAP | A::UNWRAP | A::DERIVE)
            }
        }
    }

    /// Whether a finished key is long enough not to be found by a search.
    ///
    /// # Errors
    /// `CKR_KEY_SIZE_RANGE`: it is not.
    pub(in crate::hsm) fn check_length(&self, key: &Template) -> Result<(), Status> {
        let partial = matches!(self.bond, Bond::Computed | Bond::Agreed);
        let bytes = key.bytes(A::VALUE).map_or(0, <[u8]>::len);
        let unreadable = class_of(key) == ObjectClass::SECRET_KEY
            && (key.boolean(A::SENSITIVE) == Some(true)
                || key.boolean(A::EXTRACTABLE) == Some(false));
        if partial && unreadable && bytes < LEAST_UNREADABLE_BYTES {
            return Err(Status::KeySizeRange);
        }
        Ok(())
    }

    /// Who reads the new key, and how it leaves.
    fn protect(&self, template: &mut Template) -> Result<(), Status> {
        let (sensitive, inside) = match self.bond {
            Bond::None => (false, false),
            Bond::Carries => (self.any(|parent| parent.is(A::SENSITIVE)), self.any(is_inside)),
            Bond::Computed => (self.any(is_unreadable), !self.free && self.any(is_inside)),
            Bond::Agreed => {
                (!self.free && self.any(is_unreadable), !self.free && self.any(is_inside))
            }
            Bond::Unwrapped => {
                let permitted = self.demanded(A::SENSITIVE) == Some(false);
                let sensitive = self.any(is_unreadable) && !(self.free && permitted);
                (sensitive, !self.free && self.any(is_inside))
            }
        };
        if sensitive {
            keep(template, A::SENSITIVE, true)?;
        }
        if inside {
            keep(template, A::EXTRACTABLE, false)?;
        }
        // What a trusted key brought in may have been under its protection before.
        let trusted = |parent: &Object| self.bond == Bond::Unwrapped && parent.is(A::TRUSTED);
        if self.any(|parent| parent.is(A::WRAP_WITH_TRUSTED) || trusted(parent)) {
            keep(template, A::WRAP_WITH_TRUSTED, true)?;
        }
        Ok(())
    }

    /// What the parents say about mechanisms, and about keys that come of them.
    fn bind(&self, template: &mut Template) -> Result<(), Status> {
        let templates: &[A] = match self.bond {
            Bond::None | Bond::Unwrapped => &[],
            Bond::Carries => &[A::WRAP_TEMPLATE, A::UNWRAP_TEMPLATE, A::DERIVE_TEMPLATE],
            Bond::Computed | Bond::Agreed => &[A::DERIVE_TEMPLATE],
        };
        for parent in self.parents {
            for kind in templates {
                if let Some(AttributeValue::Template(demands)) = parent.attributes().get(*kind) {
                    add_demands(template, *kind, demands)?;
                }
            }
        }
        if self.bond == Bond::Carries { self.allow(template) } else { Ok(()) }
    }

    /// The mechanisms that all parents allow, of which the template may ask for fewer.
    fn allow(&self, template: &mut Template) -> Result<(), Status> {
        let lists = self.parents.iter().filter_map(|parent| allowed(parent.attributes()));
        let common = lists.map(<[M]>::to_vec).reduce(|mut common, list| {
            common.retain(|mechanism| list.contains(mechanism));
            common
        });
        let Some(common) = common else { return Ok(()) };
        let asked = template.get(A::ALLOWED_MECHANISMS).is_some();
        let within = match allowed(template) {
            Some(list) => list.iter().all(|mechanism| common.contains(mechanism)),
            None => !asked,
        };
        // An empty list would allow all.
        if common.is_empty() || !within {
            return Err(Status::TemplateInconsistent);
        }
        if !asked {
            template.set(A::ALLOWED_MECHANISMS, AttributeValue::Mechanisms(common));
        }
        Ok(())
    }

    fn check_uses(&self, template: &Template) -> Result<(), Status> {
        let asked = |attribute: &&Attribute| {
            is_usage(attribute.kind) && attribute.value == AttributeValue::Boolean(true)
        };
        let mut asked = template.0.iter().filter(asked);
        if asked.all(|attribute| self.permits(attribute.kind)) {
            Ok(())
        } else {
            Err(Status::TemplateInconsistent)
        }
    }

    fn any(&self, holds: impl Fn(&Object) -> bool) -> bool {
        self.parents.iter().any(|parent| holds(parent))
    }

    /// Public keys say nothing about secrets that are made for them.
    fn all_have(&self, kind: A) -> bool {
        self.bond != Bond::Unwrapped
            && self
                .parents
                .iter()
                .all(|parent| parent.is(kind) || parent.class() == ObjectClass::PUBLIC_KEY)
    }

    /// What the template of an unwrapping key says of what it unwraps.
    fn demanded(&self, kind: A) -> Option<bool> {
        self.parents.iter().find_map(|parent| match parent.attributes().get(A::UNWRAP_TEMPLATE) {
            Some(AttributeValue::Template(demands)) => demands.boolean(kind),
            _ => None,
        })
    }
}

/// Whether a copy keeps what protects the original: it may be better protected, not worse.
///
/// # Errors
/// `CKR_TEMPLATE_INCONSISTENT`: it is worse.
pub(in crate::hsm) fn check_copy(original: &Object, copy: &Template) -> Result<(), Status> {
    const KEPT: [(A, bool); 8] = [
        (A::PRIVATE, true),
        (A::SENSITIVE, true),
        (A::ALWAYS_AUTHENTICATE, true),
        (A::WRAP_WITH_TRUSTED, true),
        (A::EXTRACTABLE, false),
        (A::COPYABLE, false),
        (A::ALWAYS_SENSITIVE, false),
        (A::NEVER_EXTRACTABLE, false),
    ];
    const WHOLE: [A; 7] = [
        A::ALLOWED_MECHANISMS,
        A::WRAP_TEMPLATE,
        A::UNWRAP_TEMPLATE,
        A::DERIVE_TEMPLATE,
        A::ENCAPSULATE_TEMPLATE,
        A::DECAPSULATE_TEMPLATE,
        A::LOCAL,
    ];
    let before = original.attributes();
    let turned =
        |kind, kept| before.boolean(kind) == Some(kept) && copy.boolean(kind) != Some(kept);
    let worse = KEPT.iter().any(|(kind, kept)| turned(*kind, *kept))
        || WHOLE.iter().any(|kind| before.get(*kind) != copy.get(*kind));
    // Who may do nothing else with a key is not given it anew by way of a copy.
    let fixed = super::is_key(original.class()) && !original.is(A::MODIFIABLE);
    let gains = |attribute: &Attribute| {
        (is_usage(attribute.kind) || attribute.kind == A::MODIFIABLE)
            && attribute.value == AttributeValue::Boolean(true)
            && !original.is(attribute.kind)
    };
    if worse || (fixed && copy.0.iter().any(gains)) {
        return Err(Status::TemplateInconsistent);
    }
    Ok(())
}

/// Whether a key's value cannot be read.
fn is_unreadable(key: &Object) -> bool {
    key.is(A::SENSITIVE) || is_inside(key)
}

/// Whether a key cannot leave wrapped.
fn is_inside(key: &Object) -> bool {
    key.attributes().boolean(A::EXTRACTABLE) == Some(false)
}

/// The mechanisms that a key is restricted to; none if it is not.
fn allowed(attributes: &Template) -> Option<&[M]> {
    match attributes.get(A::ALLOWED_MECHANISMS) {
        Some(AttributeValue::Mechanisms(list)) if !list.is_empty() => Some(list),
        _ => None,
    }
}

/// Sets what a template may leave out, but not contradict.
fn keep(template: &mut Template, kind: A, value: bool) -> Result<(), Status> {
    match template.boolean(kind) {
        Some(asked) if asked != value => Err(Status::TemplateInconsistent),
        Some(_) => Ok(()),
        None => {
            template.set(kind, value);
            Ok(())
        }
    }
}

/// Adds demands on later keys to those that a template makes itself.
fn add_demands(template: &mut Template, kind: A, demands: &Template) -> Result<(), Status> {
    let mut own = match template.get(kind) {
        Some(AttributeValue::Template(own)) => own.clone(),
        _ => Template::default(),
    };
    own = with_demands(demands, own)?;
    template.set(kind, AttributeValue::Template(own));
    Ok(())
}

/// A template with what is demanded of it.
///
/// # Errors
/// `CKR_TEMPLATE_INCONSISTENT`: it contradicts that.
pub(in crate::hsm) fn with_demands(
    demands: &Template,
    mut template: Template,
) -> Result<Template, Status> {
    for demand in &demands.0 {
        match template.get(demand.kind) {
            Some(value) if *value != demand.value => return Err(Status::TemplateInconsistent),
            Some(_) => {}
            None => template.0.push(demand.clone()),
        }
    }
    Ok(template)
}
