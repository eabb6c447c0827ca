//! Provenance as six columns hold it, for rows that an answer may or may not have stated.

use fondaco_model::ids::RawAnswerId;
use fondaco_model::provenance::Provenance;
use fondaco_model::version::{CURRENT, SchemaVersion};
use uuid::Uuid;

use crate::error::{Result, StoreError};

/// The origin of a row; none when no answer stated it. Such a row has mapping version 0, the
/// present schema and the epoch as its instant.
#[derive(Clone, Copy)]
pub(crate) struct Origin(pub(crate) Option<Provenance>);

impl Origin {
    pub(crate) fn raw_answer_id(self) -> Option<Uuid> {
        self.0.map(|origin| origin.raw_answer_id.0)
    }

    pub(crate) fn ordinal(self) -> Option<i64> {
        self.0.map(|origin| origin.ordinal)
    }

    pub(crate) fn mapping_version(self) -> i64 {
        self.0.map_or(0, |origin| i64::from(origin.mapping_version))
    }

    pub(crate) fn schema(self) -> (i16, i16) {
        version_columns(self.0.map_or(CURRENT, |origin| origin.schema_version))
    }

    pub(crate) fn mapped_at(self) -> i64 {
        self.0.map_or(0, |origin| origin.mapped_at.micros())
    }
}

record!(Origin, |row| {
    let version = version(row.col("schema_major")?, row.col("schema_minor")?)?;
    let mapping_version = i32::try_from(row.col::<i64>("mapping_version")?).map_err(|_| {
        StoreError::Inconsistent {
            column: "mapping_version",
        }
    })?;
    let mapped_at = row.instant("mapped_at")?;
    let raw_answer_id: Option<Uuid> = row.col("raw_answer_id")?;
    let ordinal: Option<i64> = row.col("raw_ordinal")?;
    Origin(raw_answer_id.map(|id| Provenance {
        raw_answer_id: RawAnswerId(id),
        ordinal: ordinal.unwrap_or(0),
        mapping_version,
        schema_version: version,
        mapped_at,
    }))
});

/// A schema version as two columns hold it.
pub(crate) fn version_columns(version: SchemaVersion) -> (i16, i16) {
    let column = |part| i16::try_from(part).expect("schema versions are small numbers");
    (column(version.major), column(version.minor))
}

/// A schema version of two columns.
pub(crate) fn version(major: i16, minor: i16) -> Result<SchemaVersion> {
    let read = |part, column| u16::try_from(part).map_err(|_| StoreError::Inconsistent { column });
    Ok(SchemaVersion {
        major: read(major, "schema_major")?,
        minor: read(minor, "schema_minor")?,
    })
}
