//! Which requests may be sent again when nobody knows whether they were performed.

use crate::model::{Request, cryptoki::CryptokiRequest};

/// Whether a request changes nothing, so that it does not matter whether it was performed.
pub(super) const fn asks_only(request: &Request) -> bool {
    repeatable(request) && !matches!(request, Request::Clear | Request::OpenApplication(_))
}

/// Whether performing the request twice does no harm.
pub(super) const fn repeatable(request: &Request) -> bool {
    match request {
        Request::Ping
        | Request::Assigned
        | Request::Describe
        | Request::DescribeRole { .. }
        | Request::Clients
        | Request::Identity
        | Request::Contents
        | Request::Policies
        | Request::Domains
        | Request::DomainProof { .. }
        | Request::TransferProof { .. }
        | Request::StcSettings
        | Request::ExportObject { .. }
        | Request::OpenApplication(_)
        | Request::Clear => true,
        // Sessions and logins end with their link; these two need neither.
        Request::Cryptoki(request) => {
            matches!(request, CryptokiRequest::Mechanisms | CryptokiRequest::Random { .. })
        }
        Request::Activate { .. }
        | Request::Open { .. }
        | Request::JoinApplication(_)
        | Request::CloseApplication(_)
        | Request::Initialize { .. }
        | Request::Login { .. }
        | Request::Logout
        | Request::CreateRole { .. }
        | Request::ChangePassword { .. }
        | Request::RegisterClient { .. }
        | Request::DeregisterClient { .. }
        | Request::DeregisterSelf
        | Request::ChangePolicies { .. }
        | Request::ChangeLabel { .. }
        | Request::ResetPassword { .. }
        | Request::LogOutOthers { .. }
        | Request::AddDomain { .. }
        | Request::DeleteDomain { .. }
        | Request::RenameDomain { .. }
        | Request::ChangeStcSettings(_)
        | Request::ImportObject { .. } => false,
    }
}
