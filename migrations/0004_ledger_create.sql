-- Why: an append-only chain of everything that touches consents, tokens, keys and tenants.
-- Phase: expand.

-- `hash` covers `prev_hash`, the facts and the digest of the personal part, which stands sealed
-- beside: erasing the person leaves the chain whole.
create table ledger_event (
    tenant_id {id} not null references tenant (id),
    seq {bigint} not null,
    id {id} not null,
    at {bigint} not null,
    kind text not null,
    actor text not null,
    end_user_id {id},
    link_id {id},
    consent_id {id},
    facts text not null,
    personal_sealed text,
    personal_digest {bytes},
    data_key_id {id},
    prev_hash {bytes} not null,
    hash {bytes} not null,
    primary key (tenant_id, seq)
) {strict};
create index ledger_event_by_consent on ledger_event (tenant_id, consent_id, seq);
