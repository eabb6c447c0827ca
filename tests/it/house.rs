//! The installation: its store and keys, tenants, their keys, registrations, and the doctor.

use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Home, Ran, homes};

#[test]
fn a_tenant_and_its_keys_go_there_and_back() {
    for home in homes() {
        let tenant = home.tenant("My Budget");
        assert_eq!(tenant["mode"], "TEST", "{}", home.engine());
        let scopes = "transactions:read,accounts:read";
        let made = home.json(&["keys", "create", "--scopes", scopes, "--label", "reports"]);
        let made = made.ended(0).line();
        let secret = made["apiKey"].as_str().unwrap();
        assert!(secret.starts_with("fdk_test_"), "{secret}");
        assert_eq!(
            made["scopes"],
            serde_json::json!(["accounts:read", "transactions:read"])
        );
        assert_eq!(made["tenant"], tenant["id"]);

        let id = made["id"].as_str().unwrap();
        let listed = home
            .json(&["keys", "list", "--tenant", "My Budget"])
            .ended(0);
        assert!(!listed.out.contains(secret), "a key is shown once");
        assert_eq!(listed.line()["id"], made["id"]);
        home.json(&["keys", "revoke", id]).ended(0);
        home.json(&["keys", "revoke", id]).ended(4);
        let again = home.json(&["keys", "list"]).ended(0).line();
        assert!(again["revokedAt"].is_string(), "{again}");
    }
}

#[test]
fn a_tenant_is_found_by_name_or_id_and_a_name_of_two_is_refused() {
    let home = Home::embedded();
    home.json(&["keys", "list"]).ended(4);
    let first = home.tenant("Twin");
    home.json(&["keys", "list", "--tenant", "Twin"]).ended(0);
    home.tenant("Twin");
    let ran = home.json(&["keys", "list", "--tenant", "Twin"]).ended(4);
    assert!(
        ran.error()["hint"].as_str().unwrap().contains("its id"),
        "{}",
        ran.err
    );
    home.json(&["keys", "list", "--tenant", first["id"].as_str().unwrap()])
        .ended(0);
    home.json(&["keys", "list"]).ended(4);
    home.json(&["tenants", "disable", first["id"].as_str().unwrap()])
        .ended(0);
    home.json(&["keys", "list"]).ended(0);
}

#[test]
fn addresses_of_a_tenant_are_checked_kept_and_taken_back() {
    for home in homes() {
        home.tenant("One");
        let url = "https://budget.example/banks";
        let all = home
            .json(&["tenants", "return-url", "add", url])
            .ended(0)
            .line();
        assert_eq!(all["returnUrls"], serde_json::json!([url]));
        let none = home
            .json(&["tenants", "return-url", "remove", url])
            .ended(0)
            .line();
        assert_eq!(none["returnUrls"], serde_json::json!([]));
        for bad in [
            "http://budget.example/",
            "https://a@budget.example/",
            "javascript:alert(1)",
        ] {
            home.json(&["tenants", "return-url", "add", bad]).ended(2);
        }
        home.json(&["tenants", "origin", "add", "https://budget.example"])
            .ended(0);
        home.json(&["tenants", "origin", "add", "https://budget.example/"])
            .ended(2);
    }
}

#[test]
fn a_registration_takes_its_secret_from_a_file_and_never_shows_it() {
    let home = Home::embedded();
    let file = home.folder.join("bank.secret");
    std::fs::write(&file, "s3cret-of-the-bank\n").unwrap();
    let file = file.display().to_string();
    let add = [
        "registrations",
        "add",
        "--institution",
        "sandbox_bank",
        "--client-id",
        "abc",
    ];
    let ran = home
        .json(&[&add[..], &["--secret-file", &file]].concat())
        .ended(0);
    let made = ran.line();
    let id = made["id"].as_str().unwrap();
    let uri = made["redirectUri"].as_str().unwrap();
    assert_eq!(uri, format!("http://127.0.0.1:8080/callback/{id}"));
    let listed = home.json(&["registrations", "list"]).ended(0);
    assert_eq!(listed.line()["hasSecret"], true);
    for text in [&ran.out, &ran.err, &listed.out, &listed.err] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    let database = std::fs::read(home.data().join("fondaco.db")).unwrap();
    assert!(
        !database
            .windows(18)
            .any(|window| window == b"s3cret-of-the-bank")
    );
    home.json(&add).ended(2);
    let unknown = [
        "registrations",
        "add",
        "--institution",
        "x",
        "--client-id",
        "y",
        "--no-secret",
    ];
    home.json(&unknown).ended(4);
}

#[test]
fn the_embedded_store_makes_its_keys_for_its_owner_alone_and_misses_them_when_they_are_gone() {
    let home = Home::embedded();
    let ran = home.json(&["tenants", "list"]).ended(0);
    assert!(ran.err.contains("keep a copy apart"), "{}", ran.err);
    for name in ["data.key", "token.key", "fondaco.db"] {
        let facts = std::fs::metadata(home.data().join(name)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o077, 0, "{name}");
    }
    std::fs::rename(home.data().join("data.key"), home.folder.join("kept.key")).unwrap();
    let ran = home.json(&["tenants", "list"]).ended(1);
    assert!(
        ran.error()["hint"]
            .as_str()
            .unwrap()
            .contains("put your copy of it back")
    );
    std::fs::rename(home.folder.join("kept.key"), home.data().join("data.key")).unwrap();
    home.json(&["tenants", "list"]).ended(0);
}

#[test]
fn at_scale_nothing_starts_without_named_master_keys() {
    let home = Home::embedded();
    let url = "postgres://nobody@127.0.0.1:1/none";
    let ran = home.json(&["tenants", "list", "--database", url]).ended(2);
    assert!(
        ran.error()["message"]
            .as_str()
            .unwrap()
            .contains("no master key"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("nobody"), "{}", ran.err);
}

#[test]
fn a_master_key_may_come_from_a_command() {
    let home = Home::embedded();
    let run = |word: &str| {
        let mut command = home.command(&["tenants", "list", "--json"]);
        let key = format!("printf,%s,{}", word.repeat(16));
        Ran::from(
            command
                .env("FONDACO_KEYS_DATA_COMMAND", key)
                .output()
                .unwrap(),
        )
    };
    run("1a2b").ended(0);
    assert!(!home.data().join("data.key").exists());
    let refused = run("zzzz").ended(2);
    assert!(!refused.err.contains("zzzzz"), "{}", refused.err);
}

#[test]
fn the_doctor_finds_a_healthy_house_with_unbroken_ledgers() {
    for home in homes() {
        home.tenant("One");
        home.json(&["keys", "create"]).ended(0);
        let report = home.json(&["doctor", "--ledger"]).ended(0).lines();
        let ledgers: Vec<_> = report
            .iter()
            .filter(|line| line["check"] == "ledger")
            .collect();
        assert_eq!(ledgers.len(), 2, "{}", home.engine());
        assert!(
            ledgers[1]["text"].as_str().unwrap().contains("2 entries"),
            "{}",
            ledgers[1]
        );
    }
}

#[test]
fn the_doctor_says_what_is_missing_and_changes_nothing() {
    let home = Home::embedded();
    let report = home.json(&["doctor"]).ended(1).lines();
    let database = report
        .iter()
        .find(|line| line["check"] == "database")
        .unwrap();
    assert_eq!(database["ok"], false);
    assert!(!home.data().exists());
    home.run(&["migrate", "--check"]).ended(5);
    home.run(&["migrate"]).ended(0);
    home.run(&["migrate", "--check"]).ended(0);
}
