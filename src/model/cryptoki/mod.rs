//! The words of PKCS#11: objects, attributes, mechanisms and the requests about them.
//!
//! Names and numbers are those of PKCS#11 (OASIS Standard, version 3.1; ML-KEM and ML-DSA as in
//! version 3.2). What C passes as memory has a type here: numbers are `u64`, Booleans are `bool`,
//! mechanism parameters are spelled out. So both ends of a link agree on every value, whatever
//! machine they run on.

mod attribute;
pub(super) mod bounds;
mod mechanism;
mod mechanism_type;
mod numbers;
mod object;
mod request;

pub use attribute::{Attribute, AttributeKind, AttributeType, AttributeValue, Template};
pub use mechanism::{
    GcmLike, HkdfSalt, Iterations, KeyDerivation, MaskHash, Mechanism, OaepParameters, Parameters,
    PrfData, PssParameters,
};
pub use mechanism_type::{MechanismFlags, MechanismInfo, MechanismType};
pub use object::{KeyType, ObjectClass, ObjectHandle, SessionId};
pub use request::{AttributeRead, CryptokiReply, CryptokiRequest, Operation};
