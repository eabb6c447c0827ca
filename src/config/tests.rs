//! Tests of the configuration: layers, places of mistakes, and what is printed.

use std::path::{Path, PathBuf};

use super::*;

fn load_text(name: &str, text: &str) -> Result<Loaded, ConfigError> {
    let folder = std::env::temp_dir().join(format!("fondaco-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    load_from(Some(&path), &[], Layer::options())
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load_variables(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load_from(None, &variables(pairs), Layer::options())
}

fn line(error: &ConfigError) -> usize {
    match error.origin {
        Origin::File { line, .. } => line,
        _ => 0,
    }
}

#[test]
fn the_manual_alone_is_a_whole_configuration() {
    let loaded = load_from(None, &[], Layer::options()).unwrap();
    assert_eq!(loaded.config.data, Path::new("data"));
    assert_eq!(loaded.config.import.max_bytes, 1 << 30);
    assert!(loaded.config.store.is_embedded());
}

#[test]
fn every_key_of_the_manual_is_a_setting_and_the_other_way_round() {
    let loaded = load_from(None, &[], Layer::options()).unwrap();
    let values = serde_json::to_value(&loaded.config).unwrap();
    let mut fields = Vec::new();
    for (section, value) in values.as_object().unwrap() {
        match value.as_object() {
            Some(keys) => fields.extend(keys.keys().map(|key| format!("{section}.{key}"))),
            None => fields.push(section.clone()),
        }
    }
    let mut keys: Vec<_> = manual::entries().iter().map(manual::Entry::path).collect();
    fields.sort();
    keys.sort();
    assert_eq!(fields, keys);
}

#[test]
fn options_win_over_variables_and_variables_over_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\nstop_seconds = 3\n[log]\nlevel = \"warn\"\n";
    let folder = std::env::temp_dir().join(format!("fondaco-layers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.toml");
    std::fs::write(&file, text).unwrap();
    let set = variables(&[
        ("FONDACO_SERVER_LISTEN", "127.0.0.1:2"),
        ("FONDACO_LOG_LEVEL", "error"),
    ]);
    let mut options = Layer::options();
    options.set("server.listen", "--listen", "127.0.0.1:3");
    let loaded = load_from(Some(&file), &set, options).unwrap();
    assert_eq!(loaded.config.server.listen.port(), 3);
    assert_eq!(loaded.config.server.stop_seconds, 3);
    assert_eq!(loaded.config.log.level, sections::LogLevel::Error);
    assert_eq!(
        loaded.origin("server.listen"),
        Origin::Option { name: "--listen" }
    );
    let variable = Origin::Variable {
        name: "FONDACO_LOG_LEVEL".to_owned(),
    };
    assert_eq!(loaded.origin("log.level"), variable);
    assert_eq!(
        loaded.origin("server.stop_seconds"),
        Origin::File {
            path: file,
            line: 3
        }
    );
    assert_eq!(loaded.origin("store.file"), Origin::Default);
}

/// The text of a file, the key and the line that the error names, and a part of what it says.
const MISTAKES: &[(&str, Option<&str>, usize, &str)] = &[
    (
        "\n[server]\nlisen = \"x\"\n",
        Some("server.lisen"),
        3,
        "did you mean server.listen?",
    ),
    ("datta = \"x\"\n", Some("datta"), 1, "did you mean data?"),
    (
        "[sever]\nlisten = 1\n",
        Some("sever"),
        1,
        "did you mean server?",
    ),
    (
        "[store]\nreaders = \"4\"\n",
        Some("store.readers"),
        2,
        "whole number",
    ),
    (
        "[store]\nreaders = -4\n",
        Some("store.readers"),
        2,
        "whole number",
    ),
    (
        "[server]\nstop_seconds = 1.5\n",
        Some("server.stop_seconds"),
        2,
        "whole number",
    ),
    ("[log]\n\nlevel = \"loud\"\n", Some("log.level"), 3, "loud"),
    (
        "[store]\nreaders = 65\n",
        Some("store.readers"),
        2,
        "from 1 to 64",
    ),
    (
        "[server]\nlisten = \"here\"\n",
        Some("server.listen"),
        2,
        "socket address",
    ),
    ("[store]\nreaders = 4\n[\n", None, 3, "no TOML"),
];

#[test]
fn a_mistake_in_a_file_names_key_file_and_line() {
    for (number, (text, key, at, part)) in MISTAKES.iter().enumerate() {
        let name = format!("mistake{number}.toml");
        let error = load_text(&name, text).unwrap_err();
        assert_eq!(error.key.as_deref(), *key, "{error}");
        assert_eq!(line(&error), *at, "{error}");
        let said = error.to_string();
        assert!(said.contains(part) && said.contains(&name), "{said}");
    }
}

#[test]
fn limits_of_numbers_hold_on_both_sides() {
    for (value, good) in [("0", false), ("1", true), ("64", true), ("65", false)] {
        let loaded = load_variables(&[("FONDACO_STORE_READERS", value)]);
        assert_eq!(loaded.is_ok(), good, "{value}");
    }
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    let error = load_variables(&[("FONDACO_SERVER_LISEN", "x")]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("FONDACO_SERVER_LISEN"), "{text}");
    assert!(
        text.contains("did you mean FONDACO_SERVER_LISTEN?"),
        "{text}"
    );
    let error = load_variables(&[("FONDACO_SERVER_WORK", "yes")]).unwrap_err();
    assert!(
        error.to_string().contains("is not true or false"),
        "{error}"
    );
}

#[test]
fn a_text_of_digits_stays_a_text_and_a_list_stands_apart_by_commas() {
    let loaded = load_variables(&[
        ("FONDACO_STORE_FILE", "2026"),
        ("FONDACO_KEYS_DATA_OLDER_FILES", "a.key, b.key"),
    ])
    .unwrap();
    assert_eq!(loaded.config.store.file, PathBuf::from("2026"));
    let older = loaded.config.keys.older(keys::RingName::Data);
    assert_eq!(older, [PathBuf::from("a.key"), PathBuf::from("b.key")]);
}

#[test]
fn a_secret_is_neither_printed_nor_named_in_an_error() {
    let url = "postgres://someone:hunter2@db/x";
    let loaded = load_variables(&[("FONDACO_STORE_POSTGRES_URL", url)]).unwrap();
    let shown = [
        to_text(&loaded),
        serde_json::to_string(&settings(&loaded)).unwrap(),
        format!("{loaded:?}"),
    ];
    for text in &shown {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(shown[0].contains(secret::HIDDEN) && shown[1].contains(secret::HIDDEN));
    let error = load_variables(&[("FONDACO_STORE_POSTGRES_URL", "mysql://hunter2")]).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn the_printed_configuration_can_be_read_again() {
    let loaded = load_variables(&[("FONDACO_SERVER_LISTEN", "127.0.0.1:9")]).unwrap();
    let again = load_text("printed.toml", &to_text(&loaded)).unwrap();
    assert_eq!(again.config.server.listen.port(), 9);
}

#[test]
fn a_public_address_is_an_origin() {
    for (url, good) in [
        ("https://money.example.com", true),
        ("http://127.0.0.1:8080/", true),
        ("http://localhost:8080", true),
        ("http://money.example.com", false),
        ("https://money.example.com/fondaco", false),
        ("https://user@money.example.com", false),
        ("ftp://money.example.com", false),
    ] {
        let loaded = load_variables(&[("FONDACO_SERVER_PUBLIC_URL", url)]);
        assert_eq!(loaded.is_ok(), good, "{url}");
    }
}

#[test]
fn a_master_key_comes_from_one_place_and_at_scale_never_from_a_made_file() {
    let both = [
        ("FONDACO_KEYS_DATA_FILE", "a"),
        ("FONDACO_KEYS_DATA_VARIABLE", "B"),
    ];
    assert!(load_variables(&both).is_err());
    let config = load_variables(&[]).unwrap().config;
    let data = Path::new("d");
    let own = config.keys.source(keys::RingName::Token, data, true);
    assert_eq!(
        own,
        Some(keys::Source::OwnFile(PathBuf::from("d/token.key")))
    );
    assert_eq!(config.keys.source(keys::RingName::Token, data, false), None);
}
