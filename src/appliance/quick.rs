//! Which requests are answered where they arrive.

use crate::model::Request;

/// Whether a request is a matter of microseconds: no password is hashed, nothing is written, no
/// large number is raised to a power. The others go to threads of their own, so that they keep
/// nobody waiting; what is quick would spend more time on the way there than on its answer.
pub(super) const fn is_quick(request: &Request) -> bool {
    matches!(request, Request::Ping)
}
