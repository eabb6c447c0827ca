//! Outside programs that the suite brings for a test: Node with its packages, and a browser.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The variables by which `cargo xtask test` names them.
const VARIABLES: [&str; 3] = [
    "FONDACO_TEST_NODE",
    "FONDACO_TEST_CHROMIUM",
    "FONDACO_TEST_OIDC",
];

/// Node, which finds the packages and the browser in its environment.
pub(crate) struct Node {
    program: String,
}

impl Node {
    /// The suite's Node; none, and a word about it, where nobody brings what a script needs.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no configuration file"
    )]
    pub(crate) fn find() -> Option<Self> {
        let missing = VARIABLES.iter().find(|name| {
            let value = std::env::var_os(name);
            value.is_none_or(|value| value.is_empty())
        });
        if let Some(name) = missing {
            left_out(name);
            return None;
        }
        let program = std::env::var("FONDACO_TEST_NODE").expect("it was looked at just above");
        Some(Self { program })
    }

    /// Runs a script of the folder `tests` to its end, which must be good.
    pub(crate) fn run(&self, script: &str, variables: &[(&str, &str)]) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut command = Command::new(&self.program);
        command
            .arg("--test-reporter=spec")
            .arg(folder.join(script))
            .env("FONDACO_TEST_BINARY", env!("CARGO_BIN_EXE_fondaco"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null());
        let output = command.output().expect("Node runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{script}: {}\n{}\n{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

/// Says what a test was left out for; past the harness, which keeps what passing tests print.
pub(crate) fn left_out(variable: &str) {
    let text = format!("{variable} is not set: left out; `cargo xtask test` brings what it needs");
    // Nobody can be told when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A folder for a test, removed with the value.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    /// An empty folder whose name begins with a word.
    pub(crate) fn new(word: &str) -> Self {
        let name = format!("fondaco_{word}_{}", uuid::Uuid::now_v7().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the temporary folder takes a folder");
        Self(path)
    }

    /// Its path as text.
    pub(crate) fn text(&self) -> &str {
        self.0
            .to_str()
            .expect("the name of the temporary folder is text")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
