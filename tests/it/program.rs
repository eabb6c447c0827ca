//! Runs the program as a person would, each test in a folder and a database of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use fondaco_store::StoreConfig;
use fondaco_store::testing::TestDb;
use serde_json::Value;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// One installation: a data folder, and the options that lead to its store.
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    pub(crate) postgres: Option<TestDb>,
    /// Variables that every command gets.
    pub(crate) keys: Vec<(String, String)>,
}

/// What a run of the program printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The run, which must have ended with this code.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self
    }

    /// Each line of standard output as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line);
        let lines: Result<Vec<Value>, _> = self.out.lines().map(parse).collect();
        lines.unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The only line of standard output as JSON.
    pub(crate) fn line(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.out);
        lines.remove(0)
    }

    /// The error that a program reads on standard error.
    pub(crate) fn error(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(last).unwrap_or_default();
        value["error"].clone()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A fresh installation on each engine; on SQLite alone where the suite names no server.
pub(crate) fn homes() -> Vec<Home> {
    let mut homes = vec![Home::embedded()];
    match postgres() {
        Some(postgres) => homes.push(Home::at_scale(postgres)),
        None => eprintln!("FONDACO_TEST_POSTGRES is not set: this test ran on SQLite only"),
    }
    homes
}

impl Home {
    /// An empty data folder.
    pub(crate) fn embedded() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fondaco_it_{}_{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("the temporary folder takes a folder");
        Self {
            folder,
            postgres: None,
            keys: Vec::new(),
        }
    }

    /// A migrated PostgreSQL database and two named master keys.
    fn at_scale(postgres: TestDb) -> Self {
        let mut home = Self::embedded();
        home.postgres = Some(postgres);
        for (ring, word) in [("DATA", "1a2b"), ("TOKEN", "3c4d")] {
            let variable = format!("TEST_MASTER_KEY_{ring}");
            home.keys
                .push((format!("FONDACO_KEYS_{ring}_VARIABLE"), variable.clone()));
            home.keys.push((variable, word.repeat(16)));
        }
        home.run(&["migrate"]).ended(0);
        home
    }

    /// The engine's name, for messages.
    pub(crate) fn engine(&self) -> &'static str {
        if self.postgres.is_some() {
            "postgres"
        } else {
            "sqlite"
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The program with arguments, in the installation's folder and with a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fondaco"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .stdin(Stdio::null());
        if let Some(postgres) = &self.postgres {
            command.env("FONDACO_STORE_POSTGRES_URL", url(postgres));
        }
        command.envs(self.keys.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments)
            .output()
            .expect("the program runs")
            .into()
    }

    /// Runs the program for another program: with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Ran {
        let ran = self.command(arguments).arg("--json").output();
        ran.expect("the program runs").into()
    }

    /// Makes a tenant for tests.
    pub(crate) fn tenant(&self, name: &str) -> Value {
        let privacy = "https://budget.example/privacy";
        let create = [
            "tenants",
            "create",
            name,
            "--privacy-url",
            privacy,
            "--support",
            "help",
        ];
        self.json(&create).ended(0).line()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left behind lies in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A database of the server that the suite started, dropped with the value.
fn postgres() -> Option<TestDb> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a test may start a runtime");
    runtime.block_on(fondaco_store::testing::postgres_or_none())
}

/// The address of a test's database.
fn url(database: &TestDb) -> &str {
    match database.config() {
        StoreConfig::Postgres(config) => config.url.expose(),
        StoreConfig::Sqlite(_) => unreachable!("the suite asked for PostgreSQL"),
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
