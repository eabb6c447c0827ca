//! The program itself, started as a user starts it and stopped with the proof.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::{Outcome, process};

const START_MAX: Duration = Duration::from_mins(1);

/// The line that `fondaco serve --json` prints when it is ready.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    pub(super) graphql: String,
    pub(super) api_key: Option<String>,
}

/// A running `fondaco serve`. Dropping it ends the process.
pub(super) struct Server {
    child: Child,
    pub(super) ready: Ready,
    pub(super) started_in: Duration,
}

impl Server {
    /// Starts the program on a free port with its files in `data`, its log beside them.
    ///
    /// # Errors
    /// Says that it did not get ready, or what it printed instead of its line.
    pub(super) fn start(binary: &Path, data: &Path, more: &[&str]) -> Outcome<Self> {
        let log = std::fs::File::create(data.join("server.log"))
            .map_err(|error| format!("cannot write a log: {error}"))?;
        let mut command = Command::new(binary);
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let start = Instant::now();
        let shown = process::show(&command);
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start `{shown}`: {error}"))?;
        let output = child
            .stdout
            .take()
            .expect("standard output is piped just above");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            if let Some(line) = lines.next() {
                // The receiver may have given up; then nobody needs the line.
                let _ = sender.send(line);
            }
            lines.for_each(drop);
        });
        let line = receiver.recv_timeout(START_MAX);
        let started_in = start.elapsed();
        let ready = line
            .map_err(|_| format!("`{shown}` did not get ready"))
            .and_then(|line| {
                serde_json::from_str(&line)
                    .map_err(|error| format!("`{shown}` printed {line}: {error}"))
            });
        match ready {
            Ok(ready) => Ok(Self {
                child,
                ready,
                started_in,
            }),
            Err(problem) => {
                end(&mut child);
                Err(problem)
            }
        }
    }

    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The demo's key.
    ///
    /// # Errors
    /// Fails when the server was started without the sandbox.
    pub(super) fn api_key(&self) -> Outcome<&str> {
        self.ready
            .api_key
            .as_deref()
            .ok_or_else(|| "the server printed no apiKey".to_owned())
    }

    /// Memory in use by the process, in KiB, as the kernel counts it (`VmRSS`).
    ///
    /// # Errors
    /// Fails when the process has ended.
    pub(super) fn resident_kib(&self) -> Outcome<u64> {
        let path = format!("/proc/{}/status", self.process_id());
        let status = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix("VmRSS:")?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .ok_or_else(|| format!("{path} has no VmRSS"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself, which the proof has noticed by then.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A folder with a program in it that stands for the real one.
    fn program(name: &str, body: &str) -> (PathBuf, PathBuf) {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("program");
        std::fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, file)
    }

    #[test]
    fn a_server_is_ready_with_its_line_and_ends_with_its_owner() {
        let line = r#"{"graphql":"http://127.0.0.1:1/graphql","explorer":"x","apiKey":"k"}"#;
        let (folder, file) = program("ready", &format!("echo '{line}'; exec cat /dev/zero"));
        let server = Server::start(&file, &folder, &[]).unwrap();
        assert_eq!(server.api_key(), Ok("k"));
        assert!(server.resident_kib().unwrap() > 0);
        let process = format!("/proc/{}", server.process_id());
        drop(server);
        assert!(!Path::new(&process).exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_server_that_says_something_else_or_nothing_is_an_error() {
        for (name, body) in [("other", "echo hello"), ("nothing", "exit 1")] {
            let (folder, file) = program(name, body);
            assert!(Server::start(&file, &folder, &[]).is_err(), "{name}");
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
