//! `C_FindObjects`: a search goes page by page, so that a call is answered from memory mostly.

use std::collections::VecDeque;

use super::{session::Session, slot::Era};
use crate::model::{
    Status,
    cryptoki::{CryptokiReply, CryptokiRequest, ObjectHandle, Template},
};

/// Objects of a page.
const PAGE: u32 = 1024;

/// A search under way.
pub(super) struct Search {
    template: Template,
    found: VecDeque<ObjectHandle>,
    /// Where the next page begins, if there is one.
    rest: Option<ObjectHandle>,
    /// What was given out last.
    given: Option<ObjectHandle>,
    /// The login under which the page was found.
    era: Option<Era>,
}

impl Session {
    /// Begins a search with its first page.
    ///
    /// # Errors
    /// A search is under way, or the partition refuses the template.
    pub(super) fn begin_search(&self, template: Template) -> Result<(), Status> {
        let mut state = self.state();
        if state.search.is_some() {
            return Err(Status::OperationActive);
        }
        let (found, era) = (VecDeque::new(), self.era(None));
        let mut search = Search { template, found, rest: None, given: None, era };
        self.next_page(&mut search, None)?;
        state.search = Some(search);
        Ok(())
    }

    /// The next objects, at most so many; none at the end.
    ///
    /// # Errors
    /// No search is under way, or the partition cannot be asked.
    pub(super) fn go_on_searching(&self, most: usize) -> Result<Vec<ObjectHandle>, Status> {
        let mut state = self.state();
        let search = state.search.as_mut().ok_or(Status::OperationNotInitialized)?;
        let era = self.era(None);
        if era.is_none() || search.era != era {
            // What the login saw that has ended is not given out any more.
            search.found.clear();
            self.next_page(search, search.given)?;
            search.era = era;
        }
        let mut found = Vec::new();
        while found.len() < most {
            if let Some(object) = search.found.pop_front() {
                search.given = Some(object);
                found.push(object);
            } else if let Some(last) = search.rest.take() {
                self.next_page(search, Some(last))?;
            } else {
                break;
            }
        }
        Ok(found)
    }

    /// Ends the search.
    ///
    /// # Errors
    /// No search is under way.
    pub(super) fn end_search(&self) -> Result<(), Status> {
        self.state().search.take().map(|_| ()).ok_or(Status::OperationNotInitialized)
    }

    fn next_page(&self, search: &mut Search, after: Option<ObjectHandle>) -> Result<(), Status> {
        let request = CryptokiRequest::FindObjects {
            session: self.id(),
            template: search.template.clone(),
            after,
            limit: PAGE,
        };
        let Some(CryptokiReply::Found { objects, more }) = self.ask(request)? else {
            return Err(Status::DeviceError);
        };
        // Rising handles make the last one the place to go on from.
        search.rest = objects.last().copied().filter(|last| more && Some(*last) > after);
        search.found.extend(objects);
        Ok(())
    }
}
