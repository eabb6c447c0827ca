-- Why: a tenant is one frontend with its end users; every other row hangs on it.
-- Phase: expand.

-- `seq` is the last number of the tenant's sequence. It is taken under this row's lock until
-- commit, so that the order of numbers is the order of commits.
create table tenant (
    id {id} not null primary key,
    display_name text not null,
    privacy_url text not null,
    support_contact text not null,
    mode text not null check (mode in ('TEST', 'LIVE')),
    seq {bigint} not null default 0,
    created_at {bigint} not null,
    disabled_at {bigint}
) {strict};

create table tenant_return_url (
    tenant_id {id} not null references tenant (id),
    url text not null,
    primary key (tenant_id, url)
) {strict};

create table tenant_origin (
    tenant_id {id} not null references tenant (id),
    origin text not null,
    primary key (tenant_id, origin)
) {strict};
-- Serves the preflight of a browser, which names an origin and no tenant.
create index tenant_origin_by_origin on tenant_origin (origin);

-- A look-up that finds the tenant: by the hash of what a server presents.
create table api_key (
    id {id} not null primary key,
    tenant_id {id} not null references tenant (id),
    secret_hash {bytes} not null unique,
    hint text not null,
    label text not null,
    class text not null check (class in ('SERVER', 'JOB')),
    scopes text not null,
    created_at {bigint} not null,
    last_used_at {bigint},
    revoked_at {bigint}
) {strict};
create index api_key_by_tenant on api_key (tenant_id, created_at);

-- A look-up that finds the tenant: by the hash of what a browser presents.
create table frontend_token (
    secret_hash {bytes} not null primary key,
    tenant_id {id} not null references tenant (id),
    end_user_id {id} not null,
    api_key_id {id} not null references api_key (id),
    scopes text not null,
    created_at {bigint} not null,
    expires_at {bigint} not null
) {strict};
create index frontend_token_by_expiry on frontend_token (expires_at);
