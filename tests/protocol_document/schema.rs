//! What the types of messages look like on the wire, asked of the code that decodes them: a
//! deserializer that gives every type what it asks for and writes down what that was.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};

/// A field's name, empty where it has none, and its type as the document writes it.
pub type Field = (String, String);

/// What a named type is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Fields, one behind the other.
    Fields(Vec<Field>),
    /// Variants with their fields, numbered from 0.
    Variants(Vec<(String, Vec<Field>)>),
}

/// Named types, as they were met.
#[derive(Debug, Default)]
pub struct Schema {
    pub shapes: BTreeMap<&'static str, Shape>,
    /// Types with variants that were met, traced or not.
    pub met: Vec<&'static str>,
}

impl Schema {
    /// Adds a type with variants: each of them is decoded once.
    pub fn with<T: DeserializeOwned>(self) -> Self {
        let this = RefCell::new(self);
        let mut traced = Vec::new();
        loop {
            let top = RefCell::new(Top { variant: traced.len(), ..Top::default() });
            let probe = Probe { schema: &this, kind: &RefCell::default(), top: Some(&top) };
            T::deserialize(probe).unwrap();
            let Top { name, variants, fields, .. } = top.into_inner();
            traced.push((variants[traced.len()].to_owned(), fields));
            if traced.len() == variants.len() {
                this.borrow_mut().shapes.insert(name, Shape::Variants(traced));
                return this.into_inner();
            }
        }
    }
}

/// The type that is being traced, and one of its variants.
#[derive(Default)]
struct Top {
    variant: usize,
    name: &'static str,
    variants: &'static [&'static str],
    fields: Vec<Field>,
}

/// Gives one value and says, in `kind`, of what type it was.
#[derive(Clone, Copy)]
struct Probe<'p> {
    schema: &'p RefCell<Schema>,
    kind: &'p RefCell<String>,
    top: Option<&'p RefCell<Top>>,
}

impl Probe<'_> {
    fn is(&self, kind: impl Into<String>) {
        *self.kind.borrow_mut() = kind.into();
    }

    /// Decodes what is inside, and says of what type that was.
    fn inside<T>(
        self,
        decode: impl FnOnce(Probe<'_>) -> Result<T, Untraceable>,
    ) -> (Result<T, Untraceable>, String) {
        let kind = RefCell::default();
        let value = decode(Probe { schema: self.schema, kind: &kind, top: None });
        (value, kind.into_inner())
    }
}

macro_rules! simple {
    ($($method:ident: $name:literal, $visit:ident $value:expr;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
            self.is($name);
            visitor.$visit($value)
        }
    )* };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Untraceable;

    simple! {
        deserialize_bool: "bool", visit_bool false;
        // A good set of algorithms.
        deserialize_u8: "u8", visit_u8 0x3f;
        deserialize_u16: "u16", visit_u16 1;
        deserialize_u32: "u32", visit_u32 1;
        deserialize_u64: "u64", visit_u64 1;
        // A good label.
        deserialize_str: "text", visit_str "a";
        deserialize_string: "text", visit_str "a";
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Untraceable> {
        Err(Untraceable("a type that the document has no name for".to_owned()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        let (value, kind) = self.inside(|probe| visitor.visit_some(probe));
        self.is(format!("option<{kind}>"));
        value
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untraceable> {
        let items = &mut Items::new(self.schema, 1);
        let value = visitor.visit_seq(&mut *items);
        let kind = items.kinds.concat();
        self.is(if kind == "u8" { "bytes".to_owned() } else { format!("list<{kind}>") });
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        let items = &mut Items::new(self.schema, length);
        let value = visitor.visit_seq(&mut *items);
        let bytes = items.kinds.iter().all(|kind| kind == "u8");
        self.is(if bytes { format!("bytes({length})") } else { items.kinds.join(" ") });
        value
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        let items = &mut Items::new(self.schema, fields.len());
        let value = visitor.visit_seq(&mut *items);
        let shape = Shape::Fields(named(fields, &items.kinds));
        self.schema.borrow_mut().shapes.insert(name, shape);
        self.is(name);
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        self.is(name);
        self.schema.borrow_mut().met.push(name);
        let top = self.top.inspect(|top| {
            let mut top = top.borrow_mut();
            (top.name, top.variants) = (name, variants);
        });
        visitor.visit_enum(Variant { schema: self.schema, top })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple_struct map
        identifier ignored_any
    }
}

/// Values of a list, a tuple or a structure.
struct Items<'p> {
    schema: &'p RefCell<Schema>,
    left: usize,
    kinds: Vec<String>,
}

impl<'p> Items<'p> {
    const fn new(schema: &'p RefCell<Schema>, left: usize) -> Self {
        Self { schema, left, kinds: Vec::new() }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_> {
    type Error = Untraceable;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Untraceable> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let kind = RefCell::default();
        let value = seed.deserialize(Probe { schema: self.schema, kind: &kind, top: None });
        self.kinds.push(kind.into_inner());
        value.map(Some)
    }
}

/// One variant: of the type that is traced the one that is its turn, of others the first.
struct Variant<'p> {
    schema: &'p RefCell<Schema>,
    top: Option<&'p RefCell<Top>>,
}

impl Variant<'_> {
    fn has(&self, fields: Vec<Field>) {
        if let Some(top) = self.top {
            top.borrow_mut().fields = fields;
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Untraceable;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), Untraceable> {
        let variant = self.top.map_or(0, |top| top.borrow().variant);
        let number = u32::try_from(variant).unwrap();
        let number: serde::de::value::U32Deserializer<Untraceable> = number.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Untraceable;

    fn unit_variant(self) -> Result<(), Untraceable> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, Untraceable> {
        let kind = RefCell::default();
        let value = seed.deserialize(Probe { schema: self.schema, kind: &kind, top: None });
        self.has(vec![(String::new(), kind.into_inner())]);
        value
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Untraceable> {
        Err(Untraceable("a variant of several fields without names".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untraceable> {
        let items = &mut Items::new(self.schema, fields.len());
        let value = visitor.visit_seq(&mut *items);
        self.has(named(fields, &items.kinds));
        value
    }
}

fn named(fields: &[&str], kinds: &[String]) -> Vec<Field> {
    fields.iter().map(|field| (*field).to_owned()).zip(kinds.iter().cloned()).collect()
}

/// Why a type could not be traced.
#[derive(Debug)]
pub struct Untraceable(String);

impl fmt::Display for Untraceable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Untraceable {}

impl serde::de::Error for Untraceable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
