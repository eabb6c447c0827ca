-- Why: background work, fair and exclusive per link, in our own table; answers of mutations
-- that must not act twice; day budgets of unattended reads.
-- Phase: expand.

-- A look-up that finds the tenant: workers claim over all tenants. Holds ids, no personal data.
create table job (
    id {id} not null primary key,
    tenant_id {id} not null,
    kind text not null,
    priority {smallint} not null,
    due_at {bigint} not null,
    institution_id text,
    exclusion_key text,
    deduplication_key text,
    state text not null check (state in ('WAITING', 'RUNNING', 'DONE', 'DEAD')),
    attempt {bigint} not null,
    -- In a row, from workers that were gone: a job that kills its process is given up.
    taken_over {bigint} not null,
    lease_owner text,
    lease_until {bigint},
    presence text not null,
    request_id text,
    payload text not null,
    payload_version {smallint} not null,
    last_fault text,
    created_at {bigint} not null,
    ended_at {bigint}
) {strict};
create index job_waiting on job (priority, due_at, id) where state = 'WAITING';
create index job_running on job (lease_until) where state = 'RUNNING';
-- One running job per exclusion key: a race becomes a conflict instead of two runs.
create unique index job_exclusion on job (tenant_id, exclusion_key)
    where state = 'RUNNING' and exclusion_key is not null;
create unique index job_deduplication on job (tenant_id, deduplication_key)
    where state = 'WAITING' and deduplication_key is not null;
-- Serves the pruning of jobs that ended.
create index job_ended on job (ended_at) where ended_at is not null;
create index job_by_tenant on job (tenant_id, state, due_at);

create table idempotency (
    tenant_id {id} not null,
    operation text not null,
    key_hash {bytes} not null,
    input_sha256 {bytes} not null,
    state text not null check (state in ('RUNNING', 'DONE')),
    answer_sealed text,
    data_key_id {id},
    created_at {bigint} not null,
    expires_at {bigint} not null,
    primary key (tenant_id, operation, key_hash)
) {strict};
create index idempotency_by_expiry on idempotency (tenant_id, expires_at);

create table access_budget (
    tenant_id {id} not null,
    consent_id {id} not null,
    account_source_id {id} not null,
    operation text not null,
    allowed {bigint} not null,
    remaining {bigint} not null,
    basis text not null,
    window_resets_at {bigint} not null,
    primary key (tenant_id, consent_id, account_source_id, operation)
) {strict};
