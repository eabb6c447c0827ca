//! Configuration as a person meets it: what is refused, and where it says so.

use crate::program::Home;

#[test]
fn an_unknown_key_is_refused_with_its_file_and_line() {
    let home = Home::embedded();
    std::fs::write(
        home.folder.join("fondaco.toml"),
        "[server]\nlisen = \"x\"\n",
    )
    .unwrap();
    let ran = home.run(&["config"]).ended(2);
    assert!(
        ran.err.contains("server.lisen, fondaco.toml, line 2"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("did you mean server.listen?"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
}

#[test]
fn an_unknown_variable_is_refused_and_those_of_the_suite_are_not() {
    let home = Home::embedded();
    let refused = home
        .command(&["config", "--json"])
        .env("FONDACO_SERVER_PORT", "1")
        .output();
    let ran = crate::program::Ran::from(refused.unwrap()).ended(2);
    assert_eq!(ran.error()["code"], "USAGE");
    assert!(ran.err.contains("FONDACO_SERVER_PORT"), "{}", ran.err);
    let taken = home
        .command(&["config"])
        .env("FONDACO_TEST_POSTGRES", "x")
        .output();
    crate::program::Ran::from(taken.unwrap()).ended(0);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let home = Home::embedded();
    let ran = home.run(&["config", "--config", "other.toml"]).ended(2);
    assert!(ran.err.contains("other.toml"), "{}", ran.err);
}

#[test]
fn the_printed_configuration_is_a_configuration_and_shows_no_secret() {
    let home = Home::embedded();
    let url = "postgres://someone:hunter2@db.example/x";
    let printed = home
        .command(&["config"])
        .env("FONDACO_STORE_POSTGRES_URL", url)
        .output();
    let printed = crate::program::Ran::from(printed.unwrap()).ended(0);
    assert!(!printed.out.contains("hunter2"), "{}", printed.out);
    std::fs::write(home.folder.join("fondaco.toml"), &printed.out).unwrap();
    let again = home.json(&["config"]).ended(0).line();
    let settings = again["settings"].as_array().unwrap();
    let listen = settings
        .iter()
        .find(|setting| setting["key"] == "server.listen")
        .unwrap();
    assert_eq!(listen["origin"]["kind"], "file");
    assert_eq!(listen["variable"], "FONDACO_SERVER_LISTEN");
    assert_eq!(listen["value"], "127.0.0.1:8080");
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_two() {
    let home = Home::embedded();
    home.run(&["frobnicate"]).ended(2);
    home.run(&["map", "x.xml", "--family", "a", "--institution", "b"])
        .ended(2);
    home.run(&["keys", "create", "--scopes", "everything"])
        .ended(2);
    let help = home.run(&["keys", "--help"]).ended(0);
    assert!(help.out.contains("Examples:"), "{}", help.out);
}

#[test]
fn completions_are_made_for_each_shell() {
    let home = Home::embedded();
    for shell in ["bash", "zsh", "fish"] {
        let ran = home.run(&["completions", shell]).ended(0);
        assert!(ran.out.contains("registrations"), "{shell}");
    }
}
