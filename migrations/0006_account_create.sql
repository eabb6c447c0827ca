-- Why: logical accounts, what a bank's account has besides, where they come from, balances.
-- Phase: expand.

create table account (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    kind text not null check (kind in ('BANK')),
    link_id {id},
    institution_id text,
    currency text,
    name text,
    status text not null,
    lifecycle text not null check (lifecycle in ('LIVE', 'SUPERSEDED', 'REMOVED')),
    sort_date text not null,
    sort_date_rule text not null,
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
    foreign key (tenant_id, end_user_id) references end_user (tenant_id, id)
) {strict};
create index account_by_end_user on account (tenant_id, end_user_id, id);
create index account_by_link on account (tenant_id, link_id, id);

create table bank_account (
    tenant_id {id} not null,
    account_id {id} not null,
    account_type text not null,
    subtype text,
    product_name text,
    holder_name text,
    bic text,
    business {bool},
    source_status text,
    primary key (tenant_id, account_id),
    foreign key (tenant_id, account_id) references account (tenant_id, id)
) {strict};

create table account_identifier (
    tenant_id {id} not null,
    account_id {id} not null,
    ordinal {smallint} not null,
    scheme text not null,
    masked text not null,
    sealed text not null,
    data_key_id {id} not null,
    hash {bytes} not null,
    hash_key_id {id} not null,
    primary key (tenant_id, account_id, ordinal),
    foreign key (tenant_id, account_id) references account (tenant_id, id)
) {strict};
-- Serves "is this the account that we know already".
create index account_identifier_by_hash on account_identifier (tenant_id, hash);

-- `provider_account_hash` finds a source again without showing the provider's id.
create table account_source (
    tenant_id {id} not null,
    id {id} not null,
    account_id {id} not null,
    end_user_id {id} not null,
    family text not null,
    link_id {id},
    consent_id {id},
    provider_account_sealed text,
    provider_account_hash {bytes} not null,
    hash_key_id {id} not null,
    data_key_id {id} not null,
    first_seen_at {bigint} not null,
    last_seen_at {bigint} not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references account (tenant_id, id)
) {strict};
create index account_source_by_account on account_source (tenant_id, account_id, id);
create index account_source_by_hash on account_source (tenant_id, provider_account_hash);
create index account_source_by_link on account_source (tenant_id, link_id, id);

create table balance (
    tenant_id {id} not null,
    id {id} not null,
    account_id {id} not null,
    account_source_id {id} not null,
    end_user_id {id} not null,
    balance_type text not null,
    minor {bigint} not null,
    scale {smallint} not null,
    currency text not null,
    sort_date text not null,
    sort_date_rule text not null,
    as_of_date text,
    as_of {bigint},
    fetched_at {bigint} not null,
    credit_limit_included {bool},
    last_transaction_ref text,
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
    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references account (tenant_id, id)
) {strict};
-- One balance of a kind and currency per source and day; the newest day is the present one.
create unique index balance_by_account on balance
    (tenant_id, account_id, account_source_id, balance_type, currency, sort_date);
