-- Why: raw first. What was received is kept, sealed, before it is understood.
-- Phase: expand.

create table raw_answer (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    link_id {id},
    family text not null,
    resource text not null,
    request_fingerprint {bytes},
    content_sha256 {bytes} not null,
    content_bytes {bigint} not null,
    chunk_count {bigint} not null,
    data_key_id {id} not null,
    http_status {smallint},
    file_name_sealed text,
    complete {bool} not null,
    fetched_at {bigint} not null,
    retention_until {bigint},
    primary key (tenant_id, id)
) {strict};
-- Serves "an unchanged answer is stored once" and "the same file again".
create index raw_answer_by_content on raw_answer (tenant_id, end_user_id, content_sha256);
-- Serves the sweep over content that nobody imported.
create index raw_answer_by_retention on raw_answer (tenant_id, retention_until)
    where retention_until is not null;

-- One chunk is at most 1 MiB before sealing.
create table raw_chunk (
    tenant_id {id} not null,
    raw_answer_id {id} not null,
    number {bigint} not null,
    sealed {bytes} not null,
    primary key (tenant_id, raw_answer_id, number),
    foreign key (tenant_id, raw_answer_id) references raw_answer (tenant_id, id)
) {strict};

-- What its import did stands beside an upload, so that who handed it in can ask for it: the lines
-- of its statements sealed, because they hold balances.
create table upload (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id},
    raw_answer_id {id} not null,
    api_key_id {id},
    created_at {bigint} not null,
    expires_at {bigint} not null,
    consumed_at {bigint},
    outcome text check (outcome in ('OK', 'PARTIAL', 'FAILED')),
    fault_code text,
    fault_line {bigint},
    fault_rule text,
    statement_count {bigint},
    report_sealed text,
    data_key_id {id},
    primary key (tenant_id, id)
) {strict};
-- Serves the count of a person's uploads that wait.
create index upload_waiting on upload (tenant_id, end_user_id) where consumed_at is null;

-- One reading of one stream, or one import of one file.
create table sync_run (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    link_id {id},
    account_source_id {id},
    resource text not null,
    cause text not null,
    state text not null check (state in ('RUNNING', 'DONE')),
    outcome text,
    fault_code text,
    window_from text,
    window_to text,
    resume_sealed text,
    records {bigint} not null default 0,
    inserted {bigint} not null default 0,
    changed {bigint} not null default 0,
    unchanged {bigint} not null default 0,
    quarantined {bigint} not null default 0,
    request_id text,
    started_at {bigint} not null,
    ended_at {bigint},
    primary key (tenant_id, id)
) {strict};
create index sync_run_by_link on sync_run (tenant_id, link_id, started_at);
create index sync_run_by_source on sync_run (tenant_id, account_source_id, started_at);
-- Serves the search for imports whose process is gone.
create index sync_run_of_files on sync_run (tenant_id, started_at)
    where state = 'RUNNING' and link_id is null;

-- Presence is recorded per page: `claimed` holds the ids of the stored rows that the page
-- stated, 16 bytes each, in order.
create table run_page (
    tenant_id {id} not null,
    run_id {id} not null,
    number {bigint} not null,
    raw_answer_id {id} not null,
    claimed {bytes} not null,
    created_at {bigint} not null,
    primary key (tenant_id, run_id, number),
    foreign key (tenant_id, run_id) references sync_run (tenant_id, id)
) {strict};

-- The durable position of a stream; moves only with the last page of a run.
create table stream (
    tenant_id {id} not null,
    link_id {id} not null,
    resource text not null,
    parent text not null,
    cursor_sealed text,
    data_key_id {id},
    complete_through text,
    history_from text,
    last_success_at {bigint},
    next_due_at {bigint},
    primary key (tenant_id, link_id, resource, parent)
) {strict};

-- A file's records between reading and resolving, in the order in which they are resolved.
create table staged_record (
    tenant_id {id} not null,
    run_id {id} not null,
    statement {bigint} not null,
    sort_date text not null,
    currency text not null,
    minor {bigint} not null,
    scale {smallint} not null,
    ordinal {bigint} not null,
    sealed {bytes} not null,
    primary key (tenant_id, run_id, statement, sort_date, currency, minor, scale, ordinal)
) {strict};

create table quarantine (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    run_id {id} not null,
    raw_answer_id {id} not null,
    ordinal {bigint} not null,
    resource text not null,
    field text not null,
    rule text not null,
    original_sealed text not null,
    data_key_id {id} not null,
    created_at {bigint} not null,
    resolved_at {bigint},
    primary key (tenant_id, id)
) {strict};
create unique index quarantine_by_record on quarantine (tenant_id, raw_answer_id, ordinal);
create index quarantine_by_run on quarantine (tenant_id, run_id);

create table remark (
    tenant_id {id} not null,
    raw_answer_id {id} not null,
    ordinal {bigint} not null,
    number {bigint} not null,
    end_user_id {id} not null,
    target_id {id},
    field text not null,
    rule text not null,
    original_sealed text not null,
    data_key_id {id} not null,
    primary key (tenant_id, raw_answer_id, ordinal, number)
) {strict};
create index remark_by_target on remark (tenant_id, target_id);
