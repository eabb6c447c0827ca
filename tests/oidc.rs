//! The whole life of a link against an authorization server that others wrote (npm oidc-provider).

mod peers;

use fondaco_store::StoreConfig;
use peers::{Folder, Node};

/// Walks through a link's life with the store that the variables lead to.
fn live(node: &Node, store: &[(&str, &str)]) {
    let folder = Folder::new("oidc");
    let settings: serde_json::Map<_, _> = store
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    let settings = serde_json::Value::Object(settings).to_string();
    let variables = [
        ("FONDACO_TEST_SETTINGS", settings.as_str()),
        ("FONDACO_TEST_FOLDER", folder.text()),
    ];
    node.run("oidc/link.mjs", &variables);
}

#[test]
fn a_link_lives_and_ends_at_a_foreign_authorization_server_on_sqlite() {
    let Some(node) = Node::find() else { return };
    live(&node, &[]);
}

#[test]
fn a_link_lives_and_ends_at_a_foreign_authorization_server_on_postgresql() {
    let Some(node) = Node::find() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a test may start a runtime");
    let database = runtime.block_on(fondaco_store::testing::postgres_or_none());
    let Some(database) = database else {
        peers::left_out("FONDACO_TEST_POSTGRES");
        return;
    };
    let StoreConfig::Postgres(config) = database.config() else {
        unreachable!("the suite asked for PostgreSQL")
    };
    let (data, token) = ("1a2b".repeat(16), "3c4d".repeat(16));
    live(
        &node,
        &[
            ("FONDACO_STORE_POSTGRES_URL", config.url.expose()),
            ("FONDACO_KEYS_DATA_VARIABLE", "TEST_KEY_DATA"),
            ("FONDACO_KEYS_TOKEN_VARIABLE", "TEST_KEY_TOKEN"),
            ("TEST_KEY_DATA", &data),
            ("TEST_KEY_TOKEN", &token),
        ],
    );
}
