//! How long the lists are that a message may bring, held while it is read: a list that is too long
//! is refused before it takes memory or time.

use std::{cell::Cell, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::attribute::{Attribute, Template};
use crate::model::{MAXIMUM_ATTRIBUTES, MAXIMUM_TEMPLATE_DEPTH};

/// Reads a list of at most `MOST` elements.
///
/// # Errors
/// It is longer, or an element cannot be read.
pub(in crate::model) fn list<'de, const MOST: usize, D, T>(
    deserializer: D,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(List::<MOST, T>(PhantomData))
}

struct List<const MOST: usize, T>(PhantomData<T>);

impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for List<MOST, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list that is not too long")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let too_long = || de::Error::custom("a list is too long");
        // What it says of its length costs nothing to look at.
        let said = list.size_hint().unwrap_or(0);
        if said > MOST {
            return Err(too_long());
        }
        let mut elements = Vec::with_capacity(said);
        while let Some(element) = list.next_element()? {
            if elements.len() == MOST {
                return Err(too_long());
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

thread_local! {
    /// Templates around the one that is being read, and attributes that the outermost may still
    /// have.
    static READING: Cell<(u8, usize)> = const { Cell::new((0, 0)) };
}

impl<'de> Deserialize<'de> for Template {
    /// Reads a template that has no more than [`MAXIMUM_ATTRIBUTES`], those of templates inside it
    /// included, and is not nested so deep that reading it could exhaust the stack.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (depth, left) = READING.get();
        if depth >= MAXIMUM_TEMPLATE_DEPTH {
            return Err(de::Error::custom("templates are nested too deep"));
        }
        let outermost = depth == 0;
        READING.set((depth + 1, if outermost { MAXIMUM_ATTRIBUTES } else { left }));
        let attributes = deserializer.deserialize_seq(Attributes);
        let (_, left) = READING.get();
        READING.set((depth, left));
        attributes.map(Self)
    }
}

/// The attributes of a template, counted over all templates around it.
struct Attributes;

impl<'de> Visitor<'de> for Attributes {
    type Value = Vec<Attribute>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Attribute>, A::Error> {
        let too_many = || de::Error::custom("a template has too many attributes");
        let said = list.size_hint().unwrap_or(0);
        if said > READING.get().1 {
            return Err(too_many());
        }
        let mut attributes = Vec::with_capacity(said);
        while let Some(attribute) = list.next_element()? {
            let (depth, left) = READING.get();
            let left = left.checked_sub(1).ok_or_else(too_many)?;
            READING.set((depth, left));
            attributes.push(attribute);
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cryptoki::{AttributeType, AttributeValue};

    fn nested(depth: usize) -> Vec<u8> {
        // One attribute whose value is a template, again and again, and an empty one inside.
        let mut bytes = [1, 0x11, 4].repeat(depth);
        bytes.push(0);
        bytes
    }

    fn flat(attributes: usize) -> Template {
        let numbers = 0..u64::try_from(attributes).unwrap();
        Template(
            numbers
                .map(|number| Attribute {
                    kind: AttributeType(0x1_0000 + number),
                    value: AttributeValue::Boolean(true),
                })
                .collect(),
        )
    }

    fn read(template: &Template) -> bool {
        postcard::from_bytes::<Template>(&postcard::to_stdvec(template).unwrap()).is_ok()
    }

    #[test]
    fn templates_are_read_only_so_deep() {
        assert!(postcard::from_bytes::<Template>(&nested(2)).is_ok());
        assert!(postcard::from_bytes::<Template>(&nested(3)).is_err());
        assert!(postcard::from_bytes::<Template>(&nested(1_000_000)).is_err());
        // What failed leaves nothing behind for the next.
        assert!(postcard::from_bytes::<Template>(&nested(2)).is_ok());
    }

    #[test]
    fn attributes_are_counted_inside_each_other_too() {
        assert!(read(&flat(MAXIMUM_ATTRIBUTES)) && !read(&flat(MAXIMUM_ATTRIBUTES + 1)));
        let holding = |inner, outer| {
            let mut template = flat(outer);
            template.0.push(Attribute {
                kind: AttributeType::WRAP_TEMPLATE,
                value: AttributeValue::Template(flat(inner)),
            });
            template
        };
        assert!(read(&holding(MAXIMUM_ATTRIBUTES - 56, 55)));
        assert!(!read(&holding(MAXIMUM_ATTRIBUTES - 56, 56)));
        assert!(!read(&holding(MAXIMUM_ATTRIBUTES, 0)), "the one around it counts too");
        assert!(read(&flat(MAXIMUM_ATTRIBUTES)), "what was refused counts no longer");
    }

    #[test]
    fn a_claimed_length_is_refused_unread() {
        // A length of 2^56 and more, and nothing behind it.
        let claimed = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(postcard::from_bytes::<Template>(&claimed).is_err());
    }
}
