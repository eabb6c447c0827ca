-- Why: envelope encryption; destroying a subject's data key erases what it sealed.
-- Phase: expand.

-- Subject is an end user, the owner of a registration, or a tenant. `wrapped` is null once the
-- key is destroyed.
create table data_key (
    tenant_id {id} not null,
    id {id} not null,
    ring text not null check (ring in ('DATA', 'TOKEN')),
    subject_kind text not null,
    subject_id {id} not null,
    wrapped {bytes},
    created_at {bigint} not null,
    destroyed_at {bigint},
    primary key (tenant_id, id)
) {strict};
-- One living key per subject and ring; also the look-up of that key.
create unique index data_key_by_subject on data_key (tenant_id, ring, subject_kind, subject_id)
    where destroyed_at is null;

create table hash_key (
    tenant_id {id} not null,
    id {id} not null,
    purpose text not null,
    wrapped {bytes} not null,
    created_at {bigint} not null,
    retired_at {bigint},
    primary key (tenant_id, id)
) {strict};
create unique index hash_key_by_purpose on hash_key (tenant_id, purpose)
    where retired_at is null;
