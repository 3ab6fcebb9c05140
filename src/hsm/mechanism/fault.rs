//! What a primitive's failure is called, by what was being done.

use crate::{crypto::PrimitiveError as Fault, model::Status};

/// In signing, MACs and digests.
pub(super) const fn signing(fault: Fault) -> Status {
    match fault {
        Fault::DataLength => Status::DataLenRange,
        Fault::Data => Status::DataInvalid,
        other => common(other),
    }
}

/// In verification.
pub(super) const fn verifying(fault: Fault) -> Status {
    match fault {
        Fault::Signature => Status::SignatureInvalid,
        Fault::SignatureLength => Status::SignatureLenRange,
        other => signing(other),
    }
}

/// In encryption.
pub(super) const fn encrypting(fault: Fault) -> Status {
    signing(fault)
}

/// In decryption.
pub(super) const fn decrypting(fault: Fault) -> Status {
    match fault {
        Fault::DataLength => Status::EncryptedDataLenRange,
        Fault::Data => Status::EncryptedDataInvalid,
        other => common(other),
    }
}

/// In wrapping.
pub(super) const fn wrapping(fault: Fault) -> Status {
    match fault {
        Fault::DataLength | Fault::Data => Status::KeyNotWrappable,
        other => common(other),
    }
}

/// In unwrapping.
pub(super) const fn unwrapping(fault: Fault) -> Status {
    match fault {
        Fault::DataLength => Status::WrappedKeyLenRange,
        Fault::Data | Fault::Key => Status::WrappedKeyInvalid,
        other => common(other),
    }
}

/// In derivation: the data are the other party's key, which is a parameter.
pub(super) const fn deriving(fault: Fault) -> Status {
    match fault {
        Fault::Data | Fault::DataLength => Status::MechanismParamInvalid,
        other => common(other),
    }
}

/// In reading a key's attributes.
pub(super) const fn preparing(fault: Fault) -> Status {
    match fault {
        Fault::KeySize => Status::KeySizeRange,
        Fault::Library => Status::FunctionFailed,
        _ => Status::AttributeValueInvalid,
    }
}

const fn common(fault: Fault) -> Status {
    match fault {
        Fault::Key => Status::KeyTypeInconsistent,
        Fault::KeySize => Status::KeySizeRange,
        Fault::Parameters => Status::MechanismParamInvalid,
        Fault::Abandoned => Status::FunctionCanceled,
        _ => Status::FunctionFailed,
    }
}
