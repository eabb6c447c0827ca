//! The texts of `migrations/`, in order. A test compares this list with the folder.

use super::Migration;

/// Every migration that this build knows.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_tenant_create.sql",
        text: include_str!("../../../../migrations/0001_tenant_create.sql"),
    },
    Migration {
        name: "0002_key_create.sql",
        text: include_str!("../../../../migrations/0002_key_create.sql"),
    },
    Migration {
        name: "0003_link_create.sql",
        text: include_str!("../../../../migrations/0003_link_create.sql"),
    },
    Migration {
        name: "0004_ledger_create.sql",
        text: include_str!("../../../../migrations/0004_ledger_create.sql"),
    },
    Migration {
        name: "0005_raw_create.sql",
        text: include_str!("../../../../migrations/0005_raw_create.sql"),
    },
    Migration {
        name: "0006_account_create.sql",
        text: include_str!("../../../../migrations/0006_account_create.sql"),
    },
    Migration {
        name: "0007_transaction_create.sql",
        text: include_str!("../../../../migrations/0007_transaction_create.sql"),
    },
    Migration {
        name: "0008_job_create.sql",
        text: include_str!("../../../../migrations/0008_job_create.sql"),
    },
];
