//! The second pass: staged records, batch after batch, become transactions.

use fondaco_connectors::core::{Record, Stream};
use fondaco_connectors::registry::verdict::verdict;
use fondaco_model::draft::Draft;
use fondaco_model::ids::CoverageId;
use fondaco_model::provider::Resource;
use fondaco_normalize::resolve::BATCH_MAX;
use fondaco_store::in_tx;
use fondaco_store::repo::coverage::{self, CoverageProof, CoverageRow, CoverageState};
use fondaco_store::repo::staged::{self, StagedRow};

use super::snapshots::Snapshots;
use super::stage::{Staged, Statement, account_target};
use super::{ImportError, Job, Progress};
use crate::ingest::{
    AccountError, Claims, IngestError, Target, Understood, Wrote, balances, write_batch,
};

/// Resolves everything that was staged, then writes each statement's balances and coverage.
pub(super) async fn resolve(job: &Job<'_>, staged: &mut Staged) -> Result<(), ImportError> {
    let limit = u32::try_from(BATCH_MAX).unwrap_or(u32::MAX);
    let mut snapshots = Snapshots::new(&staged.statements);
    let (mut number, mut done) = (0, 0_u64);
    loop {
        let mut session = job.vault.db().read(job.request.tenant).await?;
        let mut rows = staged::next(&mut session, job.run, None, limit).await?;
        drop(session);
        let Some(first) = rows.first().map(|row| row.key.clone()) else {
            break;
        };
        rows.retain(|row| row.key.statement == first.statement);
        let page = i32::try_from(first.statement).unwrap_or(i32::MAX);
        let claims = snapshots.begin(page, first.sort_date);
        if let Some((statement, claims)) = staged.statements.get_mut(&page).zip(claims)
            && let Some(wrote) = batch(job, statement, number, &rows, claims).await?
        {
            snapshots.keep(page, wrote);
        }
        number += 1;
        done += u64::try_from(rows.len()).unwrap_or(0);
        (job.listener)(Progress::Resolved(done, staged.records));
    }
    for statement in staged.statements.values() {
        close(job, statement).await?;
    }
    Ok(())
}

async fn batch(
    job: &Job<'_>,
    statement: &mut Statement,
    number: i64,
    rows: &[StagedRow],
    claims: &Claims,
) -> Result<Option<Wrote>, ImportError> {
    let Some(found) = statement.found else {
        return Ok(None);
    };
    let target = Target {
        reading: job.reading(),
        account_id: found.account_id,
        source_id: found.source_id,
        states_whole_days: false,
    };
    let records = understood(job, rows)?;
    let last = rows.last().map(|row| row.key.clone());
    let wrote = in_tx!(job.vault.db(), job.request.tenant, |tx| {
        // A reading of the same account must not resolve beside this batch.
        tx.lock_tenant().await?;
        let wrote = write_batch(tx, &target, number, &records, claims).await?;
        if let Some(last) = &last {
            staged::delete_through(tx, job.run, last).await?;
        }
        Ok::<_, IngestError>(wrote)
    })?;
    statement.counts += wrote.counts;
    Ok(Some(wrote))
}

/// Opens and maps the records of a batch again; mapping is pure, so nothing can differ.
fn understood(job: &Job<'_>, rows: &[StagedRow]) -> Result<Vec<Understood>, ImportError> {
    let (cx, stream) = (job.cx(), Stream::of(Resource::Statement));
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let bytes = job
            .sealer
            .open_staged(job.run, row.key.ordinal, &row.sealed)?;
        let group = i32::try_from(row.key.statement).unwrap_or(i32::MAX);
        let record = Record {
            ordinal: row.key.ordinal,
            group,
            bytes: &bytes,
        };
        let mapped = job.connector.map(&cx, &stream, &record);
        let draft = mapped.drafts.into_iter().find_map(|draft| match draft {
            Draft::Transaction(draft) => Some(draft),
            Draft::Account(_) | Draft::Balance(_) | Draft::Statement(_) => None,
        });
        records.push(Understood {
            ordinal: row.key.ordinal,
            draft,
            remarks: mapped.remarks,
        });
    }
    Ok(records)
}

async fn close(job: &Job<'_>, statement: &Statement) -> Result<(), ImportError> {
    let Some(found) = statement.found else {
        return Ok(());
    };
    let target = account_target(job, statement.ordinal);
    let closes = verdict(&statement.draft, &statement.sums).closes == Some(true);
    let whole = closes && statement.counts.quarantined == 0;
    let coverage = statement
        .draft
        .from
        .zip(statement.draft.to)
        .map(|(from, to)| CoverageRow {
            id: CoverageId::new(job.vault.effects()),
            account_id: found.account_id,
            account_source_id: found.source_id,
            end_user_id: job.request.end_user,
            from,
            to,
            state: if whole {
                CoverageState::Complete
            } else {
                CoverageState::Partial
            },
            proof: CoverageProof::Statement,
            run_id: job.run,
            recorded_at: target.reading.now,
        });
    in_tx!(job.vault.db(), job.request.tenant, |tx| {
        balances(tx, &target, &found, &statement.draft.balances).await?;
        if let Some(row) = &coverage {
            coverage::insert(tx, row).await?;
        }
        Ok::<_, AccountError>(())
    })?;
    Ok(())
}
