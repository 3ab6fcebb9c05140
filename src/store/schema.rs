//! The tables of the two databases. Released steps never change.

use super::{
    Schema, audit, audit_archive, audit_events, confirmed, live, ntls, objects, roles, stc, witness,
};

/// The appliance's database: `application_id` is "LHSM".
pub(super) const APPLIANCE: Schema = Schema {
    kind: "an appliance's database",
    store: "appliance",
    application: 0x4c48_534d,
    steps: &[
        VERSION_1,
        POLICIES,
        ntls::TABLES,
        DOMAINS,
        objects::TABLES,
        audit::TABLES,
        stc::TABLES,
        audit_events::TABLES,
        roles::HANDOVER,
        audit_archive::TABLES,
        confirmed::TABLES,
        live::COLUMNS,
        witness::TABLES,
    ],
};

const VERSION_1: &str = "
CREATE TABLE hsm (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    serial INTEGER NOT NULL,
    label TEXT,
    memory INTEGER, passes INTEGER, lanes INTEGER, salt BLOB, verifier BLOB,
    failures INTEGER NOT NULL DEFAULT 0,
    domain BLOB
) STRICT;
CREATE TABLE partition (
    serial INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    label TEXT,
    storage INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    ouid BLOB NOT NULL,
    identity BLOB NOT NULL,
    sealed_identity BLOB NOT NULL
) STRICT;
CREATE TABLE role (
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    role INTEGER NOT NULL,
    memory INTEGER NOT NULL, passes INTEGER NOT NULL, lanes INTEGER NOT NULL,
    salt BLOB NOT NULL, verifier BLOB NOT NULL, wrapped_key BLOB NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    must_change INTEGER NOT NULL,
    PRIMARY KEY (partition, role)
) STRICT;
CREATE TABLE client (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    label TEXT NOT NULL,
    key BLOB NOT NULL,
    UNIQUE (partition, label),
    UNIQUE (partition, key)
) STRICT;
";

/// Policies that were changed from their defaults.
const POLICIES: &str = "
CREATE TABLE hsm_policy (
    number INTEGER PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
CREATE TABLE policy (
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (partition, number)
) STRICT;
";

/// Cloning domains; one without a secret is the default domain.
const DOMAINS: &str = "
CREATE TABLE domain (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    partition INTEGER NOT NULL REFERENCES partition (serial) ON DELETE CASCADE,
    label TEXT NOT NULL,
    is_primary INTEGER NOT NULL,
    sealed BLOB,
    UNIQUE (partition, label)
) STRICT;
";

/// The client's token: `application_id` is "LSTC".
pub(super) const TOKEN: Schema = Schema {
    kind: "a client token",
    store: "token",
    application: 0x4c53_5443,
    steps: &[TOKEN_VERSION_1],
};

const TOKEN_VERSION_1: &str = "
CREATE TABLE token (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    label TEXT NOT NULL,
    serial INTEGER NOT NULL
) STRICT;
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    label TEXT NOT NULL,
    public BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE partition (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial INTEGER NOT NULL UNIQUE,
    label TEXT,
    key BLOB NOT NULL
) STRICT;
";
