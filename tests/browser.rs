//! The consent pages, the explorer and the first guide in a real browser.
//!
//! Each test is a script of tests/browser. They share one server with a simulated bank; every
//! person in them has a browser profile and a link of their own. The ways through a consent are
//! walked a second time at an authorization server that others wrote (npm oidc-provider).

mod peers;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use peers::{Folder, Node};

/// The server that tests of this file share while one of them runs.
static TOWN: Mutex<Weak<Town>> = Mutex::new(Weak::new());

/// `fondaco serve --sandbox` on a free port; killed with the value.
struct Town {
    child: Child,
    /// The line that it printed when it was ready.
    ready: String,
    folder: Folder,
}

impl Town {
    /// The one that runs, or a new one.
    fn shared() -> Arc<Self> {
        let mut town = TOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = town.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *town = Arc::downgrade(&started);
        started
    }

    fn start() -> Self {
        let folder = Folder::new("browser");
        let log = std::fs::File::create(folder.0.join("log")).expect("the folder takes a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fondaco"));
        command
            .args(["serve", "--sandbox", "--json", "--listen", "127.0.0.1:0"])
            .current_dir(&folder.0)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().expect("the program starts");
        let out = child.stdout.take().expect("standard output is piped");
        let mut ready = String::new();
        let read = BufReader::new(out).read_line(&mut ready);
        let town = Self {
            child,
            ready,
            folder,
        };
        assert!(
            read.is_ok() && town.ready.starts_with('{'),
            "not ready: {}",
            town.log()
        );
        town
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.0.join("log")).unwrap_or_default()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        // An ended one cannot be killed again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn drive(script: &str, more: &[(&str, &str)]) {
    let Some(node) = Node::find() else { return };
    let town = Town::shared();
    let house = [
        ("FONDACO_TEST_HOUSE", town.ready.as_str()),
        ("FONDACO_TEST_FOLDER", town.folder.text()),
    ];
    node.run(script, &[&house[..], more].concat());
    let log = town.log();
    assert!(!log.contains(" ERROR "), "{log}");
}

/// Lets a script start a house of its own, whose bank has the other authorization server.
fn abroad(script: &str) {
    let Some(node) = Node::find() else { return };
    let folder = Folder::new("abroad");
    let variables = [
        ("FONDACO_TEST_BANK", "authority"),
        ("FONDACO_TEST_SETTINGS", "{}"),
        ("FONDACO_TEST_FOLDER", folder.text()),
    ];
    node.run(script, &variables);
}

#[test]
fn people_allow_deny_go_back_and_click_twice_at_a_foreign_authorization_server() {
    abroad("browser/ways.mjs");
}

#[test]
fn a_flow_belongs_to_its_browser_and_tab_at_a_foreign_authorization_server_too() {
    abroad("browser/places.mjs");
}

#[test]
fn people_allow_deny_cancel_go_back_and_click_twice() {
    drive("browser/ways.mjs", &[]);
}

#[test]
fn a_flow_belongs_to_the_browser_and_the_tab_that_began_it() {
    drive("browser/places.mjs", &[]);
}

#[test]
fn a_keyboard_is_enough_and_neither_scripts_nor_english_are_needed() {
    drive("browser/people.mjs", &[]);
}

#[test]
fn the_explorer_hides_its_key_and_runs_the_saved_examples() {
    drive("browser/explorer.mjs", &[]);
}

#[test]
fn every_state_of_every_page_is_accessible_in_light_and_dark() {
    let Some(_) = Node::find() else { return };
    let folder = Folder::new("gallery");
    for (name, html) in fondaco_api::web::gallery::gallery() {
        std::fs::write(folder.0.join(format!("{name}.html")), html).unwrap();
    }
    drive(
        "browser/gallery.mjs",
        &[("FONDACO_TEST_GALLERY", folder.text())],
    );
}

#[test]
fn the_first_guide_leads_to_a_list_of_transactions() {
    drive("browser/guide.mjs", &[]);
}
