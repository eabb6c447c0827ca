//! An installation for a proof: its files, its store, and the program that works in it.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Bench;
use super::server::Server;
use crate::{Outcome, process};

/// Bytes of a master key.
const KEY_BYTES: usize = 32;
/// Where people return to in a proof.
pub(super) const RETURN_URL: &str = "https://budget.example/banks";
/// The built-in institution that `fondaco sandbox` plays at its usual address.
pub(super) const INSTITUTION: &str = "sandbox_bank";
/// Cost that may be spent at once, and comes back each second: no proof spends it, and a bucket is
/// full again before an answer says how full it is.
const CAPACITY: &str = "1000000";
const PER_SECOND: &str = "1000000000";

/// An empty data folder and the variables that every command gets.
pub(super) struct House {
    binary: PathBuf,
    pub(super) data: PathBuf,
    variables: Vec<(String, String)>,
    /// Master keys that this house was given; the embedded store makes its own.
    pub(super) master_keys: Vec<String>,
}

impl House {
    /// With the embedded store.
    pub(super) fn embedded(bench: &Bench, binary: &Path, name: &str) -> Outcome<Self> {
        Ok(Self {
            binary: binary.to_path_buf(),
            data: bench.fresh_folder(name)?,
            variables: Vec::new(),
            master_keys: Vec::new(),
        })
    }

    /// On a PostgreSQL database, migrated.
    pub(super) fn at_scale(bench: &Bench, binary: &Path, name: &str, url: &str) -> Outcome<Self> {
        let mut house = Self::embedded(bench, binary, name)?;
        house.set("FONDACO_STORE_POSTGRES_URL", url);
        for ring in ["DATA", "TOKEN"] {
            let variable = format!("PROOF_MASTER_KEY_{ring}");
            let key = random_hex()?;
            house.set(&format!("FONDACO_KEYS_{ring}_VARIABLE"), &variable);
            house.set(&variable, &key);
            house.master_keys.push(key);
        }
        process::read(house.command(&["migrate"]).arg("--json"))?;
        Ok(house)
    }

    /// Sets a variable for every command.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Lifts the limits on cost.
    pub(super) fn lift_limits(&mut self) {
        for class in ["SERVER", "BROWSER"] {
            self.set(&format!("FONDACO_API_{class}_CAPACITY"), CAPACITY);
            self.set(&format!("FONDACO_API_{class}_PER_SECOND"), PER_SECOND);
        }
    }

    /// Gives the limits on cost back that were lifted.
    pub(super) fn keep_limits(&mut self) {
        self.variables
            .retain(|(name, _)| !name.starts_with("FONDACO_API_"));
    }

    /// The program with arguments.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--data").arg(&self.data);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end; the first line of its JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let text = process::read(self.command(arguments).arg("--json"))?;
        let first = text.lines().next().unwrap_or("null");
        serde_json::from_str(first).map_err(|error| format!("`{first}` is no JSON: {error}"))
    }

    /// Makes a test tenant; its key with these scopes.
    pub(super) fn tenant(&self, name: &str, scopes: &str) -> Outcome<String> {
        let privacy = format!("https://{name}.example/privacy");
        let support = format!("support@{name}.example");
        self.json(&[
            "tenants",
            "create",
            name,
            "--mode",
            "test",
            "--privacy-url",
            &privacy,
            "--support",
            &support,
        ])?;
        self.json(&["tenants", "return-url", "add", "--tenant", name, RETURN_URL])?;
        let key = self.json(&["keys", "create", "--tenant", name, "--scopes", scopes])?;
        let key = key["apiKey"].as_str();
        Ok(key
            .ok_or("`keys create --json` printed no apiKey")?
            .to_owned())
    }

    /// Registers the operator at the simulated bank, which is opened with the redirect URI; the
    /// server's address from now on is the one that the URI names.
    pub(super) fn open_bank(&mut self) -> Outcome<Server> {
        let listen = free_address()?;
        self.set("FONDACO_SERVER_LISTEN", &listen);
        let secret = self.data.join("bank.secret");
        crate::generate::write(&secret, super::BANK_SECRET)?;
        let added = self.json(&[
            "registrations",
            "add",
            "--institution",
            INSTITUTION,
            "--client-id",
            super::BANK_CLIENT,
            "--secret-file",
            &secret.display().to_string(),
        ]);
        std::fs::remove_file(&secret).map_err(|error| format!("cannot tidy up: {error}"))?;
        let added = added?;
        let uri = added["redirectUri"]
            .as_str()
            .ok_or("a registration has no redirectUri")?;
        let command = self.command(&["sandbox", "--redirect-uri", uri]);
        Server::start(command, &self.data.join("bank.log"))
    }

    /// `fondaco serve` with its log in the data folder.
    pub(super) fn serve(&self, more: &[&str]) -> Outcome<Server> {
        let log = self.data.join("server.log");
        Server::start(self.command(&[&["serve"], more].concat()), &log)
    }
}

fn random_hex() -> Outcome<String> {
    let mut bytes = [0; KEY_BYTES];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| format!("there is no randomness: {error}"))?;
    let number = bytes.chunks(8).map(|part| {
        let part = part.try_into().expect("a key is four times eight bytes");
        format!("{:016x}", u64::from_be_bytes(part))
    });
    Ok(number.collect::<Vec<_>>().concat())
}

fn free_address() -> Outcome<String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.to_string())
        .map_err(|error| format!("there is no free port: {error}"))
}
