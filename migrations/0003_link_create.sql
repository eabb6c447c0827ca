-- Why: who owns accounts, where, and with which consent.
-- Phase: expand.

create table end_user (
    tenant_id {id} not null references tenant (id),
    id {id} not null,
    external_ref text not null,
    created_at {bigint} not null,
    erased_at {bigint},
    primary key (tenant_id, id),
    unique (tenant_id, external_ref)
) {strict};

-- Reference data of the installation, from manifests; belongs to no tenant.
create table institution (
    id text not null primary key,
    family text not null,
    name text not null,
    search_text text not null,
    countries text not null,
    bic text,
    sandbox {bool} not null,
    connectable {bool} not null,
    consent_days_max {bigint} not null,
    history_days {bigint},
    updated_at {bigint} not null
) {strict};
create index institution_by_name on institution (search_text, id);

-- Owner is the operator (`owner_tenant_id` null) or one tenant. Secrets are sealed.
create table registration (
    id {id} not null primary key,
    owner_tenant_id {id} references tenant (id),
    institution_id text not null,
    environment text not null,
    client_id text not null,
    client_secret_sealed text,
    data_key_id {id} not null,
    redirect_uri text not null,
    created_at {bigint} not null,
    rotated_at {bigint},
    disabled_at {bigint}
) {strict};
create index registration_by_institution on registration (institution_id, owner_tenant_id);

create table link (
    tenant_id {id} not null,
    id {id} not null,
    end_user_id {id} not null,
    institution_id text not null,
    registration_id {id} not null references registration (id),
    current_consent_id {id},
    health text not null,
    health_until {bigint},
    progress text not null,
    last_attempt_at {bigint},
    last_success_at {bigint},
    next_due_at {bigint},
    created_seq {bigint} not null,
    changed_seq {bigint} not null,
    created_at {bigint} not null,
    disconnected_at {bigint},
    primary key (tenant_id, id),
    foreign key (tenant_id, end_user_id) references end_user (tenant_id, id)
) {strict};
create index link_by_end_user on link (tenant_id, end_user_id, id);
-- Serves the schedule: links whose next reading is due.
create index link_by_due on link (tenant_id, next_due_at) where disconnected_at is null;

create table consent (
    tenant_id {id} not null,
    id {id} not null,
    link_id {id} not null,
    end_user_id {id} not null,
    registration_id {id} not null,
    state text not null,
    reason text,
    scopes text not null,
    requested_at {bigint} not null,
    requested_until text,
    granted_until text,
    history_from text,
    bank_consent_sealed text,
    data_key_id {id} not null,
    text_shown_sha256 {bytes},
    locale text,
    activated_at {bigint},
    ended_at {bigint},
    superseded_by {id},
    reauth_evidence_at {bigint},
    revocation text not null
        check (revocation in ('NOT_NEEDED', 'PENDING', 'DONE', 'GIVEN_UP')),
    version {bigint} not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, link_id) references link (tenant_id, id)
) {strict};
create index consent_by_link on consent (tenant_id, link_id, requested_at);
-- Serves the sweep of consents whose last day is over.
create index consent_by_end on consent (tenant_id, granted_until) where ended_at is null;
-- Serves the check of revocations that the institution did not take.
create index consent_by_revocation on consent (tenant_id, revocation, id);

-- What a consent gave us, as one sealed document. `generation` is the compare-and-swap of
-- refreshes; `lease_owner` and `lease_until` let one refresher through.
create table access_grant (
    tenant_id {id} not null,
    id {id} not null,
    consent_id {id} not null,
    kind text not null,
    document_sealed text,
    data_key_id {id} not null,
    access_expires_at {bigint},
    refresh_expires_at {bigint},
    refreshable {bool} not null,
    generation {bigint} not null,
    lease_owner text,
    lease_until {bigint},
    created_at {bigint} not null,
    destroyed_at {bigint},
    primary key (tenant_id, id),
    unique (tenant_id, consent_id),
    foreign key (tenant_id, consent_id) references consent (tenant_id, id)
) {strict};

-- A look-up that finds the tenant: by the hash of the token in the hosted page's address.
create table link_session (
    id {id} not null primary key,
    tenant_id {id} not null,
    end_user_id {id} not null,
    page_token_hash {bytes} not null unique,
    browser_hash {bytes},
    institution_id text,
    link_id {id},
    consent_id {id},
    scopes text not null,
    history_from text,
    return_url text not null,
    locale text,
    state text not null,
    reason text,
    request_id text,
    result_code_hash {bytes},
    result_redeemed_at {bigint},
    created_at {bigint} not null,
    expires_at {bigint} not null,
    ended_at {bigint}
) {strict};
create index link_session_by_tenant on link_session (tenant_id, id);
-- Serves the one fetch of a result.
create index link_session_by_result on link_session (tenant_id, result_code_hash)
    where result_code_hash is not null;
create index link_session_by_expiry on link_session (expires_at) where ended_at is null;

-- A look-up that finds the tenant: by the hash of `state` in a callback. One use.
create table authorisation_attempt (
    id {id} not null primary key,
    tenant_id {id} not null,
    link_session_id {id} not null references link_session (id),
    consent_id {id} not null,
    registration_id {id} not null,
    state_hash {bytes} not null unique,
    browser_hash {bytes} not null,
    flow_sealed text not null,
    code_sealed text,
    data_key_id {id} not null,
    expected_issuer text,
    iss_required {bool} not null,
    created_at {bigint} not null,
    expires_at {bigint} not null,
    used_at {bigint},
    outcome text,
    error_code text
) {strict};
create index authorisation_attempt_by_session on authorisation_attempt
    (tenant_id, link_session_id);
