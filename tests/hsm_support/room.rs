//! A disk that becomes full.

use std::path::Path;

use rusqlite::Connection;

/// A disk with room for so many more changes of rows, and then for none; without a number for as
/// many as come. What fails is SQLite's own write, which is rolled back as one that finds no room.
pub fn room_for(directory: &Path, changes: Option<i64>) {
    let database = Connection::open(directory.join("appliance.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database
        .execute_batch("PRAGMA synchronous = OFF; BEGIN IMMEDIATE; DROP TABLE IF EXISTS room")
        .unwrap();
    let names = |kind: &str, like: &str| -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = ?1 AND name LIKE ?2 \
                   AND name NOT LIKE 'sqlite_%'";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([kind, like], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for name in names("trigger", "room_%") {
        database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    if let Some(changes) = changes {
        let tables = names("table", "%");
        let room = format!("CREATE TABLE room (left); INSERT INTO room VALUES ({changes})");
        database.execute_batch(&room).unwrap();
        for (table, act) in
            tables.iter().flat_map(|table| ["INSERT", "UPDATE", "DELETE"].map(|act| (table, act)))
        {
            let trigger = format!(
                "CREATE TRIGGER room_{table}_{act} BEFORE {act} ON {table} BEGIN \
                 SELECT raise(ABORT, 'no room') FROM room WHERE left = 0; \
                 UPDATE room SET left = left - 1; END"
            );
            database.execute_batch(&trigger).unwrap();
        }
    }
    database.execute_batch("COMMIT").unwrap();
}
