//! Which requests may be sent again when nobody knows whether they were performed.

use crate::model::Request;

/// Whether performing the request twice does no harm.
pub(super) const fn repeatable(request: &Request) -> bool {
    match request {
        Request::Ping
        | Request::Describe
        | Request::DescribeRole { .. }
        | Request::Clients
        | Request::Identity
        | Request::Contents => true,
        Request::Activate { .. }
        | Request::Initialize { .. }
        | Request::Login { .. }
        | Request::Logout
        | Request::CreateRole { .. }
        | Request::ChangePassword { .. }
        | Request::RegisterClient { .. }
        | Request::DeregisterClient { .. }
        | Request::DeregisterSelf => false,
    }
}
