//! Every command with `--json` against the tables of the guide, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::documented::Guide;
use crate::program::{Home, repository};
use crate::server::Server;

const FIXTURES: &str = "connectors/src/providers/statement_file/fixtures";

/// The commands that print no line of JSON, or whose lines another document describes.
const ELSEWHERE: [&str; 6] = [
    "completions",
    "export accounts",
    "export transactions",
    "institutions show",
    "schema canonical",
    "schema graphql",
];

/// Runs commands and keeps what each of them printed.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<Value>>);

impl Seen {
    /// Runs a command, whose first words name it, to its end.
    fn run(&mut self, home: &Home, name: &str, more: &[&str]) -> Value {
        self.ends(home, name, more, 0)
    }

    /// The same with an exit code; the first line.
    fn ends(&mut self, home: &Home, name: &str, more: &[&str], code: i32) -> Value {
        let words: Vec<&str> = name.split(' ').collect();
        let lines = home.json(&[&words[..], more].concat()).ended(code).lines();
        assert!(!lines.is_empty(), "{name} printed nothing");
        let first = lines[0].clone();
        self.0.entry(name.to_owned()).or_default().extend(lines);
        first
    }

    /// Starts a command that runs until it is told to stop.
    fn serve(&mut self, home: &Home, name: &str, more: &[&str]) {
        let server = Server::command(home, &[&[name], more].concat());
        self.0
            .entry(name.to_owned())
            .or_default()
            .push(server.ready.clone());
        assert_eq!(server.stop("TERM").0, Some(0), "{name}");
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn fixture(name: &str) -> String {
    let path = repository(&format!("{FIXTURES}/{name}"));
    path.display().to_string()
}

fn tenants_and_keys(seen: &mut Seen, home: &Home) {
    let details = [
        "--privacy-url",
        "https://one.example/p",
        "--support",
        "help",
    ];
    let create = [&["One"], &details[..]].concat();
    let tenant = seen.run(home, "tenants create", &create);
    seen.run(home, "tenants update", &["One", "--support", "other"]);
    seen.run(home, "tenants list", &[]);
    for (kind, value) in [
        ("return-url", "https://one.example/banks"),
        ("origin", "https://one.example"),
    ] {
        for action in ["add", "remove"] {
            seen.run(home, &format!("tenants {kind} {action}"), &[value]);
        }
        seen.run(home, &format!("tenants {kind} list"), &[]);
    }
    let key = seen.run(home, "keys create", &[]);
    seen.run(home, "keys list", &[]);
    seen.run(home, "keys revoke", &[text(&key, "id")]);
    let statement = fixture("v02_household.xml");
    seen.run(home, "import", &[&statement, "--end-user", "u", "--create"]);
    let partial = fixture("v08_quarantine.xml");
    seen.ends(
        home,
        "import",
        &[&partial, "--end-user", "u", "--create"],
        3,
    );
    seen.run(home, "keys rotate-hash", &[]);
    for what in ["export accounts", "export transactions"] {
        seen.run(home, what, &[]);
    }
    seen.run(home, "tenants disable", &[text(&tenant, "id")]);
}

fn registrations(seen: &mut Seen, home: &Home) {
    let bank = ["--institution", "sandbox_bank", "--client-id", "a"];
    let add = [&bank[..], &["--no-secret"]].concat();
    let made = seen.run(home, "registrations add", &add);
    let id = text(&made, "id");
    seen.run(home, "registrations list", &[]);
    // Nobody opened the bank.
    seen.ends(home, "registrations test", &[id], 1);
    let rotated = [id, "--client-id", "b", "--no-secret"];
    seen.run(home, "registrations rotate", &rotated);
    seen.run(home, "registrations disable", &[id]);
}

fn offline(seen: &mut Seen, home: &Home) {
    seen.run(home, "institutions list", &[]);
    seen.run(home, "institutions show", &["sandbox_bank"]);
    seen.run(home, "map", &[&fixture("v02_household.xml")]);
    seen.ends(home, "map", &[&fixture("v08_quarantine.xml")], 3);
    seen.run(home, "config", &[]);
    seen.run(home, "migrate", &[]);
    seen.run(home, "migrate --check", &[]);
}

/// The program's commands without subcommands, by what its help lists.
fn leaves(home: &Home, words: &[&str]) -> BTreeSet<String> {
    let help = home.run(&[words, &["--help"]].concat()).ended(0).out;
    let Some((_, listed)) = help.split_once("Commands:\n") else {
        return BTreeSet::from([words.join(" ")]);
    };
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| {
        let line = line.strip_prefix("  ")?;
        let is_name = !line.starts_with(' ');
        line.split(' ')
            .next()
            .filter(|name| is_name && *name != "help")
    });
    names
        .flat_map(|name| leaves(home, &[words, &[name]].concat()))
        .collect()
}

#[test]
fn every_command_prints_the_keys_that_the_guide_lists_and_no_others() {
    let guide = Guide::read();
    let home = Home::embedded();
    let mut seen = Seen::default();
    offline(&mut seen, &home);
    tenants_and_keys(&mut seen, &home);
    registrations(&mut seen, &home);
    seen.run(&home, "doctor", &["--ledger"]);
    let listen = ["--listen", "127.0.0.1:0"];
    seen.serve(&home, "work", &[]);
    seen.serve(&home, "sandbox", &listen);
    seen.serve(&home, "serve", &listen);
    seen.serve(
        &Home::embedded(),
        "serve",
        &[&["--sandbox"], &listen[..]].concat(),
    );

    let mut problems = Vec::new();
    let mut lists_seen = BTreeSet::new();
    for (name, keys) in &guide.commands {
        let Some(keys) = keys else {
            assert!(ELSEWHERE.contains(&name.as_str()), "{name} has no keys");
            continue;
        };
        let lines = seen.0.get(name).map_or(&[][..], Vec::as_slice);
        if lines.is_empty() {
            problems.push(format!("{name} is documented and was not run"));
        }
        for line in lines {
            if let Err(problem) = keys.describe(line) {
                problems.push(format!("{name}: {problem}"));
            }
            let first = name.split(' ').next().unwrap_or_default();
            for (key, value) in line.as_object().into_iter().flatten() {
                let objects = value.as_array().into_iter().flatten();
                for object in objects.filter(|one| one.is_object()) {
                    let list = (first.to_owned(), key.clone());
                    let verdict = guide.lists.get(&list).map(|keys| keys.describe(object));
                    if let Err(problem) = verdict.unwrap_or(Err("no keys".to_owned())) {
                        problems.push(format!("{name}, {key}: {problem}"));
                    }
                    lists_seen.insert(list);
                }
            }
        }
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let unseen: Vec<_> = guide
        .lists
        .keys()
        .filter(|list| !lists_seen.contains(*list))
        .collect();
    assert!(
        unseen.is_empty(),
        "documented lists that nothing filled: {unseen:?}"
    );
}

#[test]
fn the_guide_has_every_command_of_the_program_and_no_other() {
    let home = Home::embedded();
    let real = leaves(&home, &[]);
    let guide = Guide::read();
    let plain = |name: &String| name.split(" --").next().unwrap_or_default().to_owned();
    let told: BTreeSet<String> = guide.commands.keys().map(plain).collect();
    assert_eq!(told, real);
}
