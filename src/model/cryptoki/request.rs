//! What an application asks of its partition's objects, and what it hears.
//!
//! The numbers on the wire are the order of the variants: new ones go at the end.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    attribute::{AttributeType, AttributeValue, Template},
    bounds,
    mechanism::Mechanism,
    mechanism_type::MechanismInfo,
    object::{ObjectHandle, SessionId},
};
use crate::model::{MAXIMUM_ATTRIBUTES, Password, Status};

/// A request about objects and keys. Each function of PKCS#11 v3.1 section 5 that needs the token
/// is one of these, or a chain of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CryptokiRequest {
    /// `C_OpenSession`. The number is the client's choice and not in use on this link.
    OpenSession {
        /// The session's number.
        session: SessionId,
        /// Whether it may change token objects.
        read_write: bool,
    },
    /// `C_CloseSession`: its objects and operations go; with the last one the login.
    CloseSession {
        /// The session.
        session: SessionId,
    },
    /// `C_CloseAllSessions`.
    CloseAllSessions,
    /// `C_Login` with `CKU_CONTEXT_SPECIFIC`: permits one use of a key with
    /// `CKA_ALWAYS_AUTHENTICATE` in this session.
    LoginContext {
        /// The session.
        session: SessionId,
        /// The password of the role that is logged in.
        password: Password,
    },
    /// `C_CreateObject`.
    CreateObject {
        /// The session.
        session: SessionId,
        /// The object's attributes.
        template: Template,
    },
    /// `C_CopyObject`.
    CopyObject {
        /// The session.
        session: SessionId,
        /// The original.
        object: ObjectHandle,
        /// What is different in the copy.
        template: Template,
    },
    /// `C_DestroyObject`.
    DestroyObject {
        /// The session.
        session: SessionId,
        /// The object.
        object: ObjectHandle,
    },
    /// `C_GetObjectSize`.
    ObjectSize {
        /// The session.
        session: SessionId,
        /// The object.
        object: ObjectHandle,
    },
    /// `C_GetAttributeValue`.
    GetAttributes {
        /// The session.
        session: SessionId,
        /// The object.
        object: ObjectHandle,
        /// The attributes asked for.
        #[serde(deserialize_with = "bounds::list::<MAXIMUM_ATTRIBUTES, _, _>")]
        types: Vec<AttributeType>,
    },
    /// `C_SetAttributeValue`.
    SetAttributes {
        /// The session.
        session: SessionId,
        /// The object.
        object: ObjectHandle,
        /// The new values.
        template: Template,
    },
    /// `C_FindObjects`: the objects that match, by rising handles.
    FindObjects {
        /// The session.
        session: SessionId,
        /// What has to match; an empty template matches every object.
        template: Template,
        /// Only those behind this one.
        after: Option<ObjectHandle>,
        /// At most so many.
        limit: u32,
    },
    /// `C_GenerateKey`.
    GenerateKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The key's attributes.
        template: Template,
    },
    /// `C_GenerateKeyPair`.
    GenerateKeyPair {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The public key's attributes.
        public: Template,
        /// The private key's attributes.
        private: Template,
    },
    /// `C_WrapKey`.
    WrapKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The key that wraps.
        wrapping_key: ObjectHandle,
        /// The key to be wrapped.
        key: ObjectHandle,
    },
    /// `C_UnwrapKey`.
    UnwrapKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The key that unwraps.
        unwrapping_key: ObjectHandle,
        /// The wrapped key.
        wrapped: Vec<u8>,
        /// The new key's attributes.
        template: Template,
    },
    /// `C_DeriveKey`.
    DeriveKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The key to derive from.
        base_key: ObjectHandle,
        /// The new key's attributes.
        template: Template,
    },
    /// `C_EncapsulateKey` (version 3.2).
    EncapsulateKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The public key.
        public_key: ObjectHandle,
        /// The new key's attributes.
        template: Template,
    },
    /// `C_DecapsulateKey` (version 3.2).
    DecapsulateKey {
        /// The session.
        session: SessionId,
        /// The mechanism.
        mechanism: Mechanism,
        /// The private key.
        private_key: ObjectHandle,
        /// The ciphertext.
        ciphertext: Vec<u8>,
        /// The new key's attributes.
        template: Template,
    },
    /// An operation with its data in one part: initialization and function in one step.
    Perform {
        /// The session.
        session: SessionId,
        /// What.
        operation: Operation,
        /// How.
        mechanism: Mechanism,
        /// The key; none for a digest.
        key: Option<ObjectHandle>,
        /// The data.
        data: Zeroizing<Vec<u8>>,
        /// The signature to be verified; empty otherwise.
        signature: Vec<u8>,
    },
    /// Starts an operation in parts (`C_EncryptInit` and its kind). A session has at most one of
    /// each [`Operation`].
    Begin {
        /// The session.
        session: SessionId,
        /// What.
        operation: Operation,
        /// How.
        mechanism: Mechanism,
        /// The key; none for a digest.
        key: Option<ObjectHandle>,
    },
    /// Takes the next part (`C_EncryptUpdate` and its kind).
    Update {
        /// The session.
        session: SessionId,
        /// What.
        operation: Operation,
        /// The part.
        data: Zeroizing<Vec<u8>>,
    },
    /// Digests a key's value as the next part (`C_DigestKey`).
    UpdateWithKey {
        /// The session.
        session: SessionId,
        /// The key.
        key: ObjectHandle,
    },
    /// Ends an operation in parts (`C_EncryptFinal` and its kind).
    Finish {
        /// The session.
        session: SessionId,
        /// What.
        operation: Operation,
        /// The signature to be verified; empty otherwise.
        signature: Vec<u8>,
    },
    /// Gives an operation in parts up.
    Cancel {
        /// The session.
        session: SessionId,
        /// What.
        operation: Operation,
    },
    /// `C_GenerateRandom`: so many bytes, at most 1 MiB.
    Random {
        /// How many.
        bytes: u32,
    },
    /// `C_GetMechanismList` and `C_GetMechanismInfo`, under the policies in force.
    Mechanisms,
}

/// What a mechanism is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Encryption.
    Encrypt,
    /// Decryption.
    Decrypt,
    /// A signature or a MAC.
    Sign,
    /// Its verification.
    Verify,
    /// A digest.
    Digest,
    /// A signature from which the data can be recovered.
    SignRecover,
    /// Its verification.
    VerifyRecover,
}

/// The answer to a [`CryptokiRequest`] that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CryptokiReply {
    /// An object was made.
    Object(ObjectHandle),
    /// A key pair was made.
    KeyPair {
        /// The public key.
        public: ObjectHandle,
        /// The private key.
        private: ObjectHandle,
    },
    /// A key was made, and its ciphertext.
    Encapsulated {
        /// The ciphertext.
        ciphertext: Vec<u8>,
        /// The key.
        key: ObjectHandle,
    },
    /// An object's size in bytes.
    Size(u64),
    /// Attributes, in the order asked for.
    Attributes(Vec<AttributeRead>),
    /// Objects found.
    Found {
        /// Their handles, rising.
        objects: Vec<ObjectHandle>,
        /// Whether there are more.
        more: bool,
    },
    /// What an operation gave; empty where it gives nothing yet.
    Bytes(Zeroizing<Vec<u8>>),
    /// The mechanisms.
    Mechanisms(Vec<MechanismInfo>),
}

/// One attribute, as `C_GetAttributeValue` reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeRead {
    /// Its value.
    Value(AttributeValue),
    /// It has none to show: [`Status::AttributeSensitive`] or [`Status::AttributeTypeInvalid`].
    Refused(Status),
}
