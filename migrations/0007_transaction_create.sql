-- Why: one table for what every kind of transaction shares, so that one keyset pages banks and
-- processors together; a kind's own fields stand beside it.
-- Phase: expand.

create table "transaction" (
    tenant_id {id} not null,
    id {id} not null,
    account_id {id} not null,
    account_source_id {id} not null,
    end_user_id {id} not null,
    kind text not null check (kind in ('BANK')),
    minor {bigint} not null,
    scale {smallint} not null,
    currency text not null,
    direction text not null check (direction in ('CREDIT', 'DEBIT')),
    sort_date text not null,
    sort_date_rule text not null,
    status text not null check (status in ('PENDING', 'POSTED', 'OTHER')),
    description text,
    search_text text not null,
    lifecycle text not null check (lifecycle in ('LIVE', 'SUPERSEDED', 'REMOVED')),
    data_key_id {id} not null,
    created_seq {bigint} not null,
    changed_seq {bigint} not null,
    raw_answer_id {id},
    raw_ordinal {bigint},
    mapping_version {bigint} not null,
    schema_major {smallint} not null,
    schema_minor {smallint} not null,
    mapped_at {bigint} not null,
    content_sha256 {bytes} not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references account (tenant_id, id),
    check ((minor >= 0 and direction = 'CREDIT') or (minor <= 0 and direction = 'DEBIT'))
) {strict};
-- Serves: order POSTED over a tenant, an end user, an account; candidates of identity.
create index transaction_posted on "transaction" (tenant_id, sort_date, id);
create index transaction_posted_by_end_user on "transaction"
    (tenant_id, end_user_id, sort_date, id);
create index transaction_posted_by_account on "transaction"
    (tenant_id, account_id, sort_date, id);
-- Serves: orders CREATED and CHANGED, the walk of a reconciliation job.
create index transaction_created on "transaction" (tenant_id, created_seq, id);
create index transaction_changed on "transaction" (tenant_id, changed_seq, id);
-- Serves: the pending rows of a source, at the end of a reading that may have stopped to state one.
create index transaction_pending on "transaction" (tenant_id, account_source_id, sort_date, id)
    where status = 'PENDING' and lifecycle = 'LIVE';

-- Lists (remittance lines, fees, categories, flags) are JSON texts: they are read whole and never
-- searched by path. `counterparty_more` is such a list: the other side's identifiers after the
-- first, each masked, sealed and hashed.
create table bank_transaction (
    tenant_id {id} not null,
    transaction_id {id} not null,
    booking_status text not null,
    reversal {bool} not null,
    identity_confidence text not null,
    booking_date text,
    value_date text,
    transaction_date text,
    booked_at {bigint},
    authorised_at {bigint},
    original_minor {bigint},
    original_scale {smallint},
    original_currency text,
    fx_rate text,
    fx_unit_currency text,
    fx_quoted_currency text,
    fx_rate_type text,
    fx_contract_id text,
    fx_quoted_on text,
    gross_minor {bigint},
    gross_scale {smallint},
    gross_currency text,
    fees text,
    running_minor {bigint},
    running_scale {smallint},
    running_currency text,
    remittance_unstructured text,
    remittance_structured text,
    remittance_reference text,
    remittance_reference_scheme text,
    additional_information text,
    end_to_end_id text,
    mandate_id text,
    creditor_id text,
    uetr text,
    check_number text,
    purpose_code text,
    category_purpose_code text,
    code_domain text,
    code_family text,
    code_sub_family text,
    code_proprietary text,
    code_issuer text,
    method text not null,
    counterparty_name text,
    counterparty_type text not null,
    counterparty_scheme text,
    counterparty_masked text,
    counterparty_sealed text,
    counterparty_hash {bytes},
    counterparty_hash_key_id {id},
    counterparty_more text,
    counterparty_agent_bic text,
    counterparty_agent_clearing_system text,
    counterparty_agent_member_id text,
    counterparty_agent_name text,
    counterparty_ultimate_name text,
    counterparty_address_sealed text,
    merchant_name text,
    merchant_id text,
    merchant_category_code text,
    merchant_location text,
    merchant_terminal text,
    card_last4 text,
    categories text,
    flags text,
    primary key (tenant_id, transaction_id),
    foreign key (tenant_id, transaction_id) references "transaction" (tenant_id, id)
) {strict};
create index bank_transaction_by_counterparty on bank_transaction
    (tenant_id, counterparty_hash);

create table transaction_detail (
    tenant_id {id} not null,
    transaction_id {id} not null,
    ordinal {bigint} not null,
    id {id} not null,
    end_user_id {id} not null,
    minor {bigint},
    scale {smallint},
    currency text,
    end_to_end_id text,
    mandate_id text,
    reference text,
    counterparty_name text,
    counterparty_type text not null,
    counterparty_scheme text,
    counterparty_masked text,
    counterparty_sealed text,
    counterparty_hash {bytes},
    counterparty_hash_key_id {id},
    counterparty_more text,
    counterparty_agent_bic text,
    counterparty_agent_clearing_system text,
    counterparty_agent_member_id text,
    counterparty_agent_name text,
    counterparty_ultimate_name text,
    counterparty_address_sealed text,
    remittance_unstructured text,
    remittance_structured text,
    remittance_reference text,
    remittance_reference_scheme text,
    primary key (tenant_id, transaction_id, ordinal),
    foreign key (tenant_id, transaction_id) references "transaction" (tenant_id, id)
) {strict};

create table transaction_ref (
    tenant_id {id} not null,
    account_source_id {id} not null,
    kind text not null,
    value text not null,
    transaction_id {id} not null,
    end_user_id {id} not null,
    stability text not null,
    first_seen_at {bigint} not null,
    -- By value before kind: a batch asks for values, whatever kind stated them (candidates).
    primary key (tenant_id, account_source_id, value, kind, transaction_id)
) {strict};
create index transaction_ref_by_transaction on transaction_ref (tenant_id, transaction_id);

create table revision (
    tenant_id {id} not null,
    transaction_id {id} not null,
    seq {bigint} not null,
    id {id} not null,
    end_user_id {id} not null,
    cause text not null,
    changed_fields text not null,
    before_sealed text,
    data_key_id {id} not null,
    raw_answer_id {id},
    schema_major {smallint} not null,
    schema_minor {smallint} not null,
    recorded_at {bigint} not null,
    primary key (tenant_id, transaction_id, seq)
) {strict};

-- The outbox: written in the transaction of the change, one number per event.
create table change_event (
    tenant_id {id} not null,
    seq {bigint} not null,
    end_user_id {id},
    entity text not null,
    entity_id {id} not null,
    op text not null check (op in ('CREATED', 'UPDATED', 'DELETED', 'RESTORED')),
    cause text not null,
    at {bigint} not null,
    primary key (tenant_id, seq)
) {strict};

create table match_evidence (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    transaction_id {id} not null,
    run_id {id} not null,
    rule text not null,
    score {smallint} not null,
    fields text not null,
    decision text not null
        check (decision in ('AUTO', 'SUGGESTED', 'CONFIRMED', 'REJECTED', 'UNDONE')),
    seq {bigint} not null,
    decided_at {bigint} not null,
    primary key (tenant_id, id)
) {strict};
create index match_evidence_by_transaction on match_evidence (tenant_id, transaction_id, id);

create table coverage_interval (
    tenant_id {id} not null,
    id {id} not null,
    account_id {id} not null,
    account_source_id {id} not null,
    end_user_id {id} not null,
    from_date text not null,
    to_date text not null,
    state text not null check (state in ('COMPLETE', 'PARTIAL', 'UNAVAILABLE', 'NOT_REQUESTED')),
    proof text not null
        check (proof in ('BALANCE_CONTINUITY', 'PROVIDER_ASSERTED', 'STATEMENT', 'NONE')),
    run_id {id} not null,
    recorded_at {bigint} not null,
    primary key (tenant_id, id)
) {strict};
create index coverage_interval_by_account on coverage_interval
    (tenant_id, account_id, from_date, to_date);

-- The user layer: what people set stands apart from what sources state.
create table field_override (
    tenant_id {id} not null,
    target_id {id} not null,
    field text not null,
    end_user_id {id} not null,
    value text,
    actor text not null,
    at {bigint} not null,
    primary key (tenant_id, target_id, field)
) {strict};

create table user_tombstone (
    tenant_id {id} not null,
    target_id {id} not null,
    end_user_id {id} not null,
    actor text not null,
    at {bigint} not null,
    primary key (tenant_id, target_id)
) {strict};
