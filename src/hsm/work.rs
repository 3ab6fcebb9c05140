//! What kind of work a request is: the appliance gives each kind its own threads.

use super::{Hsm, LinkSession};
use crate::model::{
    Request,
    cryptoki::{
        AttributeType as A, CryptokiRequest, KeyType, Mechanism, MechanismType, ObjectClass,
        Parameters, Template,
    },
};

/// Iterations of a password's derivation that are a matter of a tenth of a second.
const FEW_ITERATIONS: u64 = 50_000;

/// What a request that is not quick costs most of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A processor, for less than a tenth of a second or so.
    Computing,
    /// A processor, perhaps for seconds.
    Lengthy,
    /// The disk.
    Storing,
}

impl Hsm {
    /// What a request costs most of, if it is not quick.
    pub fn work(request: &Request) -> Work {
        match request {
            Request::Cryptoki(request) => cryptoki(request),
            // Passwords are hashed, or keys made of them.
            Request::Login { .. }
            | Request::ChangePassword { .. }
            | Request::CreateRole { .. }
            | Request::ResetPassword { .. }
            | Request::Initialize { .. }
            | Request::DomainProof { .. }
            | Request::ExportObject { .. }
            | Request::ImportObject { .. }
            | Request::Contents => Work::Computing,
            _ => Work::Storing,
        }
    }

    /// Whether a request is what a login is for: its link waits with those who are logged in.
    pub fn logs_in(request: &Request) -> bool {
        matches!(
            request,
            Request::Login { .. } | Request::Cryptoki(CryptokiRequest::LoginContext { .. })
        )
    }

    /// Whether a request gives memory back, or takes none.
    pub fn gives_back(request: &Request) -> bool {
        matches!(
            request,
            Request::Ping
                | Request::Logout
                | Request::CloseApplication(_)
                | Request::Cryptoki(
                    CryptokiRequest::CloseSession { .. }
                        | CryptokiRequest::CloseAllSessions
                        | CryptokiRequest::DestroyObject { .. }
                        | CryptokiRequest::Cancel { .. }
                )
        )
    }

    /// Whether nobody is logged in over a link.
    pub fn is_guest(&self, link: &LinkSession) -> bool {
        self.known(link.serial()).is_none_or(|known| link.role(known.generation).is_none())
    }
}

fn cryptoki(request: &CryptokiRequest) -> Work {
    match request {
        CryptokiRequest::GenerateKeyPair { mechanism, .. }
            if mechanism.mechanism == MechanismType::RSA_PKCS_KEY_PAIR_GEN =>
        {
            Work::Lengthy
        }
        CryptokiRequest::GenerateKeyPair { private, .. } => made(private),
        CryptokiRequest::GenerateKey { mechanism, template, .. } => generated(mechanism, template),
        CryptokiRequest::CreateObject { template, .. } => created(template),
        CryptokiRequest::DeriveKey { template, .. }
        | CryptokiRequest::EncapsulateKey { template, .. }
        | CryptokiRequest::DecapsulateKey { template, .. } => made(template),
        CryptokiRequest::UnwrapKey { .. }
        | CryptokiRequest::WrapKey { .. }
        | CryptokiRequest::LoginContext { .. }
        | CryptokiRequest::Perform { .. }
        | CryptokiRequest::Begin { .. }
        | CryptokiRequest::Update { .. }
        | CryptokiRequest::UpdateWithKey { .. }
        | CryptokiRequest::Finish { .. }
        | CryptokiRequest::FindObjects { .. }
        | CryptokiRequest::Random { .. } => Work::Computing,
        CryptokiRequest::OpenSession { .. }
        | CryptokiRequest::CloseSession { .. }
        | CryptokiRequest::CloseAllSessions
        | CryptokiRequest::CopyObject { .. }
        | CryptokiRequest::DestroyObject { .. }
        | CryptokiRequest::ObjectSize { .. }
        | CryptokiRequest::GetAttributes { .. }
        | CryptokiRequest::SetAttributes { .. }
        | CryptokiRequest::Cancel { .. }
        | CryptokiRequest::Mechanisms => Work::Storing,
    }
}

/// A key that is made in no time: where it is to be kept, that takes longest.
fn made(template: &Template) -> Work {
    if template.boolean(A::TOKEN) == Some(true) { Work::Storing } else { Work::Computing }
}

fn generated(mechanism: &Mechanism, template: &Template) -> Work {
    match &mechanism.parameters {
        Parameters::Pbkdf2 { iterations, .. } if iterations.0 > FEW_ITERATIONS => Work::Lengthy,
        Parameters::Pbkdf2 { .. } => Work::Computing,
        _ => made(template),
    }
}

/// The parts of an RSA private key are computed from each other.
fn created(template: &Template) -> Work {
    let is = |kind, number| template.number(kind) == Some(number);
    if is(A::CLASS, ObjectClass::PRIVATE_KEY.0) && is(A::KEY_TYPE, KeyType::RSA.0) {
        Work::Computing
    } else {
        Work::Storing
    }
}
