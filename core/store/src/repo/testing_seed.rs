//! Rows that repository tests need and do not look at.

use fondaco_model::ids::{AccountId, EndUserId};
use uuid::Uuid;

use crate::engine::Tx;

statements! {
    TENANT = "insert into tenant (id, display_name, privacy_url, support_contact, mode, created_at)
        values ($1, 'Example', 'https://example.com/privacy', 'help@example.com', 'TEST', 0)";
    END_USER = "insert into end_user (tenant_id, id, external_ref, created_at)
        values ($1, $2, $3, 0)";
    ACCOUNT = "insert into account (tenant_id, id, end_user_id, kind, status, lifecycle, sort_date,
        sort_date_rule, data_key_id, created_seq, changed_seq, mapping_version, schema_major,
        schema_minor, mapped_at, content_sha256)
        values ($1, $2, $3, 'BANK', 'OPEN', 'LIVE', '2026-01-01', 'FIRST_SEEN', $2, 1, 1, 1, 1, 0,
        0, $4)";
}

/// The session's tenant with end users and an account for each.
pub(crate) async fn tenant_with_accounts(tx: &mut Tx, accounts: &[(EndUserId, AccountId)]) {
    let tenant: Uuid = tx.tenant().0;
    execute!(tx, TENANT, tenant).expect("a tenant is written");
    for (end_user, account) in accounts {
        let reference = end_user.to_string();
        execute!(tx, END_USER, tenant, end_user.0, reference).expect("an end user is written");
        let digest = vec![0_u8; 32];
        execute!(tx, ACCOUNT, tenant, account.0, end_user.0, digest)
            .expect("an account is written");
    }
}
