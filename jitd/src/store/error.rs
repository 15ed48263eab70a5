//! What can go wrong with the database, in words for whoever must mend it.

/// Why the database did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was made by a later version.
    #[error(
        "{path} has schema {found}, newer than the {known} this jitd knows: install the newer jitd again"
    )]
    TooNew {
        /// The database.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The database was made by another version.
    #[error(
        "{path} has schema {found}, this jitd reads {known}: start the jitd that it belongs to, or bring it up to date by starting this one"
    )]
    OtherVersion {
        /// The database.
        path: String,
        /// Its schema.
        found: i64,
        /// The schema known here.
        known: i64,
    },
    /// It cannot be opened, or is no database.
    #[error(
        "{path} cannot be used ({cause}): restore it from a backup, or move it away to begin a new record (and take out of the roles' groups whoever is left in them), and start jitd again"
    )]
    Unusable {
        /// The database.
        path: String,
        /// SQLite's own words.
        cause: rusqlite::Error,
    },
    /// A copy could not be made.
    #[error("{path}: {cause}")]
    Copy {
        /// The copy.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// What has ended can be noted nowhere.
    #[error("{path}: {cause}")]
    Ledger {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It has something in it that jitd did not write.
    #[error("the database has {what} in it that makes no sense: {value:?}")]
    Corrupt {
        /// Which column.
        what: &'static str,
        /// What is there.
        value: String,
    },
    /// What was still to be read is in an archive now.
    #[error("a part of the record was archived while it was read; read it again")]
    ArchivedMeanwhile,
    /// SQLite's own words.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The thread could not be started, or has ended.
    #[error("the database's thread is gone: {0}")]
    Thread(String),
}
