//! Searches (PKCS#11 v3.1 section 5.7.7).

use super::Caller;
use crate::model::{
    Status,
    cryptoki::{CryptokiReply, ObjectHandle, Template},
};

/// Handles in one answer at most.
const MOST: u32 = 10_000;

impl Caller<'_> {
    /// The objects that match and that the caller sees, by rising handles: token objects first,
    /// behind them the application's own.
    pub(super) fn find(
        &self,
        template: Template,
        after: Option<ObjectHandle>,
        limit: u32,
    ) -> Result<CryptokiReply, Status> {
        let Some(template) = &distinct(template) else {
            return Ok(CryptokiReply::Found { objects: Vec::new(), more: false });
        };
        let limit = usize::try_from(limit.clamp(1, MOST)).unwrap_or(1);
        let sought = limit + 1;
        let vault = &self.known.vault;
        let mut objects = vault.public(self.hsm, |shelf| shelf.find(template, after, sought))?;
        if let Some(open) = self.unlocked.as_ref().filter(|_| self.sees_private()) {
            let found = vault.private(self.hsm, open, |shelf| shelf.find(template, after, sought));
            objects.extend(found?);
            objects.sort_unstable();
        }
        if objects.len() < sought {
            let own = self.link.application().objects();
            let found = own.with(|shelf| shelf.find(template, after, sought));
            objects.extend(found.into_iter().filter(|one| self.object(*one).is_ok()));
        }
        let more = objects.len() > limit;
        objects.truncate(limit);
        Ok(CryptokiReply::Found { objects, more })
    }
}

/// A search without what it says twice: each of its attributes is looked for in each candidate.
/// None if it asks for two values of one attribute, which nothing has.
fn distinct(template: Template) -> Option<Template> {
    let mut distinct = Template(Vec::with_capacity(template.0.len()));
    for attribute in template.0 {
        match distinct.get(attribute.kind) {
            Some(value) if *value == attribute.value => {}
            Some(_) => return None,
            None => distinct.0.push(attribute),
        }
    }
    Some(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cryptoki::{Attribute, AttributeType as A};

    #[test]
    fn what_is_said_twice_is_looked_for_once() {
        let attribute = |value: bool| Attribute { kind: A::SIGN, value: value.into() };
        let twice = Template(vec![attribute(true); 100]);
        assert_eq!(distinct(twice), Some(Template(vec![attribute(true)])));
        let both = Template(vec![attribute(true), attribute(false)]);
        assert_eq!(distinct(both), None);
    }
}
