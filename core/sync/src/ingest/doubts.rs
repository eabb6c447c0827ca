//! What could not be understood: records in quarantine, and remarks about fields.

use std::collections::HashMap;

use fondaco_model::draft::Remark;
use fondaco_model::ids::{QuarantineId, TransactionId};
use fondaco_store::Tx;
use fondaco_store::repo::quarantine::{self, QuarantineRow, RemarkRow};
use uuid::Uuid;

use super::sealer::spot;
use super::{IngestError, Reading, Target, Understood};

/// Writes the refused records of a batch into quarantine and every remark beside its record.
///
/// The original values are sealed: they may be anything that a source sent.
pub(super) async fn write(
    tx: &mut Tx,
    target: &Target<'_>,
    records: &[Understood],
    refusals: &[(i64, Remark)],
    rows: &HashMap<i64, TransactionId>,
) -> Result<(), IngestError> {
    let quarantined: Result<Vec<_>, IngestError> = refusals
        .iter()
        .map(|(ordinal, remark)| self::refused(&target.reading, *ordinal, remark))
        .collect();
    quarantine::insert(tx, &quarantined?).await?;
    let mut remarks = Vec::new();
    for record in records {
        let row = rows.get(&record.ordinal).map(|id| id.0);
        for (number, remark) in (0_u32..).zip(&record.remarks) {
            remarks.push(remark_row(
                &target.reading,
                record.ordinal,
                (number, remark),
                row,
            )?);
        }
    }
    quarantine::insert_remarks(tx, &remarks).await?;
    Ok(())
}

/// The quarantine entry of a record that cannot become a transaction.
///
/// # Errors
/// [`IngestError::Seal`].
pub fn refused(
    reading: &Reading<'_>,
    ordinal: i64,
    remark: &Remark,
) -> Result<QuarantineRow, IngestError> {
    let id = QuarantineId::new(reading.effects);
    let original = reading.sealer.text(
        spot(id.0, "quarantine", "original_sealed"),
        &remark.original,
    )?;
    Ok(QuarantineRow {
        id,
        end_user_id: reading.end_user_id,
        run_id: reading.run_id,
        raw_answer_id: reading.raw_answer_id,
        ordinal,
        resource: "transactions".to_owned(),
        field: remark.field.clone(),
        rule: remark.rule.to_owned(),
        original_sealed: original,
        data_key_id: reading.sealer.data_key_id(),
        created_at: reading.now,
        resolved_at: None,
    })
}

/// A remark about a record, with the stored row that the record became.
///
/// # Errors
/// [`IngestError::Seal`].
pub fn remark_row(
    reading: &Reading<'_>,
    ordinal: i64,
    (number, remark): (u32, &Remark),
    row: Option<Uuid>,
) -> Result<RemarkRow, IngestError> {
    let number = i64::from(number);
    let place = quarantine::remark_place(reading.raw_answer_id, ordinal, number);
    let place = spot(place, "remark", "original_sealed");
    Ok(RemarkRow {
        raw_answer_id: reading.raw_answer_id,
        ordinal,
        number,
        end_user_id: reading.end_user_id,
        target_id: row,
        field: remark.field.clone(),
        rule: remark.rule.to_owned(),
        original_sealed: reading.sealer.text(place, &remark.original)?,
        data_key_id: reading.sealer.data_key_id(),
    })
}
