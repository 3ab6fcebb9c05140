//! What objects are called on the screens of both shells.

/// What Luna calls a class of objects (PKCS#11 v3.1 section 4.4).
pub(super) const fn class_name(class: u32) -> &'static str {
    match class {
        0 => "Data",
        1 => "Certificate",
        2 => "Public Key",
        3 => "Private Key",
        4 => "Symmetric Key",
        _ => "Other",
    }
}
