//! The program itself, started as a user starts it and stopped with the proof.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::{Outcome, process};

const START_MAX: Duration = Duration::from_mins(1);

/// The line that a long-running command prints with `--json` when it is ready.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    /// Where `serve` answers queries; empty for other commands.
    #[serde(default)]
    pub(super) graphql: String,
    pub(super) api_key: Option<String>,
    /// Where `sandbox` is.
    #[serde(default)]
    pub(super) url: String,
}

/// A running command of the program. Dropping it ends the process.
pub(super) struct Server {
    child: Child,
    pub(super) ready: Ready,
    /// From the start of the process to its line.
    pub(super) started_in: Duration,
}

impl Server {
    /// Starts a command with `--json` and waits for its line; its log goes into a file.
    ///
    /// # Errors
    /// Says that it did not get ready, or what it printed instead of its line.
    pub(super) fn start(mut command: Command, log: &Path) -> Outcome<Self> {
        let log =
            std::fs::File::create(log).map_err(|error| format!("cannot write a log: {error}"))?;
        command.arg("--json");
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

    /// Asks for one answer with a key and waits for all of it.
    ///
    /// # Errors
    /// Says what came instead of an answer with status 200.
    pub(super) fn answer(&self, key: &str, query: &str) -> Outcome<String> {
        self.post(key, &serde_json::json!({ "query": query }).to_string())
    }

    /// Sends the body of a request with a key and waits for all of the answer, head included.
    ///
    /// # Errors
    /// Says what came instead of an answer with status 200.
    pub(super) fn post(&self, key: &str, body: &str) -> Outcome<String> {
        let rest = self
            .ready
            .graphql
            .strip_prefix("http://")
            .unwrap_or_default();
        let (host, path) = rest.split_once('/').ok_or("the server has no address")?;
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer \
             {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut answer = String::new();
        let spoken = TcpStream::connect(host).and_then(|mut stream| {
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        spoken.map_err(|error| format!("the server does not answer: {error}"))?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(answer)
        } else {
            Err(format!(
                "the server answers {}",
                answer.lines().next().unwrap_or_default()
            ))
        }
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
        let server = Server::start(Command::new(&file), &folder.join("log")).unwrap();
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
            assert!(
                Server::start(Command::new(&file), &folder.join("log")).is_err(),
                "{name}"
            );
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
