//! Which rows are authenticated, and what each is called. Objects are a kind of their own
//! (`objects`), and the audit log has its chain.

use rusqlite::{Connection, Row, types::ValueRef};

use crate::store::StoreError;

/// A table whose rows belong to the HSM as a whole, or to one partition each.
pub(super) struct Kind {
    /// Its number in the table `witness`; never changes.
    pub(super) number: u8,
    /// Whether the rows are a partition's.
    pub(super) of_partition: bool,
    /// What a row is, before its name.
    pub(super) what: &'static str,
    /// The rows, of the partition ?1 or of the HSM: first the name, unique among them, and then all
    /// that counts.
    query: &'static str,
}

macro_rules! kinds {
    ($( $name:ident = $number:literal, $of_partition:literal, $what:literal, $query:literal; )*) => {
        /// The kinds of rows that are authenticated one by one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::store) enum Table { $( $name, )* }

        impl Table {
            pub(super) const ALL: &'static [Self] = &[$( Self::$name, )*];

            pub(super) const fn kind(self) -> &'static Kind {
                match self {
                    $( Self::$name => &Kind {
                        number: $number, of_partition: $of_partition, what: $what, query: $query,
                    }, )*
                }
            }
        }
    };
}

kinds! {
    Hsm = 1, false, "the row of the HSM", "SELECT '', * FROM hsm";
    HsmPolicies = 2, false, "HSM policy", "SELECT CAST(number AS TEXT), * FROM hsm_policy";
    Settings = 3, false, "setting", "SELECT name, * FROM setting";
    NtlsClients = 4, false, "NTLS client", "SELECT name, * FROM ntls_client";
    Assignments = 5, false, "NTLS assignment",
        "SELECT client || ' to ' || partition, * FROM ntls_assignment";
    HsmEvents = 6, false, "the events of the audit log", "SELECT '', * FROM audit_events";
    Partition = 16, true, "the row of the partition",
        "SELECT '', serial, name, label, storage, generation, ouid, identity, sealed_identity \
         FROM partition WHERE serial = ?1";
    Roles = 17, true, "role", "SELECT CAST(role AS TEXT), * FROM role WHERE partition = ?1";
    Clients = 18, true, "client", "SELECT label, * FROM client WHERE partition = ?1";
    Policies = 19, true, "policy", "SELECT CAST(number AS TEXT), * FROM policy WHERE partition = ?1";
    Domains = 20, true, "domain", "SELECT label, * FROM domain WHERE partition = ?1";
    Stc = 21, true, "the settings for STC", "SELECT '', * FROM stc WHERE partition = ?1";
    Events = 22, true, "the events of the audit log",
        "SELECT '', * FROM partition_audit_events WHERE partition = ?1";
}

/// The kind of objects in the table `witness`.
pub(super) const OBJECTS: u8 = 32;

impl Table {
    /// Calls `each` with the name of every row and its content, values with their types and
    /// lengths.
    pub(super) fn each_row(
        self,
        connection: &Connection,
        owner: i64,
        mut each: impl FnMut(String, &[u8]),
    ) -> Result<(), StoreError> {
        let kind = self.kind();
        let mut statement = connection.prepare_cached(kind.query)?;
        let columns = statement.column_count();
        let mut rows =
            if kind.of_partition { statement.query([owner])? } else { statement.query([])? };
        let mut content = Vec::new();
        while let Some(row) = rows.next()? {
            content.clear();
            for column in 1..columns {
                put_value(&mut content, row, column)?;
            }
            each(row.get(0)?, &content);
        }
        Ok(())
    }
}

fn put_value(content: &mut Vec<u8>, row: &Row<'_>, column: usize) -> Result<(), StoreError> {
    let mut put = |kind, value: &[u8]| {
        content.push(kind);
        content.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
        content.extend_from_slice(value);
    };
    match row.get_ref(column)? {
        ValueRef::Null => put(0, &[]),
        ValueRef::Integer(value) => put(1, &value.to_be_bytes()),
        ValueRef::Real(value) => put(2, &value.to_be_bytes()),
        ValueRef::Text(value) => put(3, value),
        ValueRef::Blob(value) => put(4, value),
    }
    Ok(())
}
