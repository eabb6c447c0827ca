//! A PostgreSQL cluster for one run of the suite: unprivileged, temporary, and never left over.
//!
//! The server runs under a small shell that waits for the end of its standard input. This
//! process holds the other end: when it stops, for whatever reason, the shell stops the server
//! and removes its files. A `Drop` alone would not run when a person presses Ctrl-C.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::scratch;
use crate::{Outcome, process};

const START_MAX: Duration = Duration::from_mins(1);
/// Another program may take the free port before PostgreSQL does.
const ATTEMPTS_MAX: u32 = 3;
const CONNECTIONS_MAX: u32 = 200;
/// The system's limit for the path of a socket is 108 bytes; the socket's own name takes 20.
const SOCKET_FOLDER_BYTES_MAX: usize = 80;
const SUPERUSER: &str = "fondaco";

/// Stops the server and removes its files when standard input ends. `$1` is the folder, which
/// stays behind empty: its parent belongs to another user.
const GUARD: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" &
server=$!
read -r _
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"/* && exit 0
"#;

/// The two programs that a cluster needs.
pub(super) struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl Programs {
    /// Looks on `PATH`, then where Debian puts the versions, newest first.
    pub(super) fn find() -> Option<Self> {
        if let (Some(initdb), Some(postgres)) = (process::find("initdb"), process::find("postgres"))
        {
            return Some(Self { initdb, postgres });
        }
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((
                    entry.file_name().to_str()?.parse().ok()?,
                    entry.path().join("bin"),
                ))
            })
            .collect();
        versions.sort_unstable();
        versions.into_iter().rev().find_map(|(_, bin)| {
            let (initdb, postgres) = (bin.join("initdb"), bin.join("postgres"));
            let both = process::is_program(&initdb) && process::is_program(&postgres);
            both.then_some(Self { initdb, postgres })
        })
    }
}

/// A running cluster. Dropping it stops the server and removes its files.
pub(crate) struct Cluster {
    guard: Child,
    port: u16,
    folder: PathBuf,
}

impl Cluster {
    /// Where the server keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a cluster with the programs of this machine.
    ///
    /// # Errors
    /// Says that they are missing, or as [`Self::start`].
    pub(crate) fn start_found(root: &Path) -> Outcome<Self> {
        let missing = "PostgreSQL is missing: `cargo xtask test --plan` says how to get it";
        Self::start(&Programs::find().ok_or(missing)?, root)
    }

    /// Makes a cluster and waits until it accepts connections.
    ///
    /// # Errors
    /// Says which of the two programs failed and where its log is.
    pub(super) fn start(programs: &Programs, root: &Path) -> Outcome<Self> {
        let user = user()?;
        let log = scratch(root).join("postgresql.log");
        let mut last = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let folder = data_folder(root, user.as_deref())?;
            initialise(programs, &folder, user.as_deref())?;
            match Self::launch(programs, &folder, user.as_deref(), &log) {
                Ok(cluster) => return Ok(cluster),
                Err(problem) => last = problem,
            }
        }
        Err(format!("{last}; see {}", log.display()))
    }

    fn launch(programs: &Programs, folder: &Path, user: Option<&str>, log: &Path) -> Outcome<Self> {
        let port = free_port()?;
        let mut command = as_user(user, Path::new("/bin/sh"))?;
        command
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg(&programs.postgres);
        command.arg("-D").arg(folder).args(settings(folder, port));
        command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut guard = command
            .spawn()
            .map_err(|error| format!("cannot start PostgreSQL: {error}"))?;
        let errors = guard
            .stderr
            .take()
            .expect("standard error is piped just above");
        let cluster = Self {
            guard,
            port,
            folder: folder.to_path_buf(),
        };
        let ready = watch(errors, log)?;
        match ready.recv_timeout(START_MAX) {
            Ok(()) => Ok(cluster),
            Err(_) => Err(format!(
                "PostgreSQL was not ready within {} s",
                START_MAX.as_secs()
            )),
        }
    }

    /// The address for the superuser of this cluster.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    /// Says with which status the server's guard ended.
    pub(crate) fn stop(mut self) -> Outcome {
        self.end()
    }

    fn end(&mut self) -> Outcome {
        let Some(input) = self.guard.stdin.take() else {
            return Ok(());
        };
        drop(input);
        let waited = self.guard.wait();
        let status = waited.map_err(|error| format!("cannot wait for PostgreSQL: {error}"))?;
        if !status.success() {
            return Err(format!("the guard of PostgreSQL ended with {status}"));
        }
        std::fs::remove_dir(&self.folder)
            .map_err(|error| format!("cannot remove {}: {error}", self.folder.display()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(problem) = self.end() {
            eprintln!("warning: {problem}");
        }
    }
}

/// Copies the server's log into a file; the receiver hears when connections are accepted, and
/// is disconnected when the server ends before that.
fn watch(errors: ChildStderr, log: &Path) -> Outcome<mpsc::Receiver<()>> {
    let problem = |error: std::io::Error| format!("cannot write {}: {error}", log.display());
    let folder = log.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(problem)?;
    let mut file = std::fs::File::create(log).map_err(problem)?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            // A full disk must not block the server: its log may then have a hole.
            let _ = writeln!(file, "{line}");
            if line.contains("ready to accept connections") {
                let _ = sender.send(());
            }
        }
    });
    Ok(receiver)
}

/// Nothing here outlives the run, so the server need not wait for the disk.
fn settings(folder: &Path, port: u16) -> Vec<String> {
    let sockets = if folder.as_os_str().len() <= SOCKET_FOLDER_BYTES_MAX {
        folder.to_string_lossy()
    } else {
        "".into()
    };
    [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={sockets}"),
        format!("max_connections={CONNECTIONS_MAX}"),
        "fsync=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "lc_messages=C".to_owned(),
    ]
    .into_iter()
    .flat_map(|setting| ["-c".to_owned(), setting])
    .collect()
}

fn initialise(programs: &Programs, folder: &Path, user: Option<&str>) -> Outcome {
    let mut command = as_user(user, &programs.initdb)?;
    command.current_dir("/").arg("--pgdata").arg(folder).args([
        "--username",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    process::read(&mut command).map(drop)
}

fn free_port() -> Outcome<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("there is no free port: {error}"))
}

/// PostgreSQL refuses to run as root, so root lends it another user.
fn user() -> Outcome<Option<String>> {
    if !process::is_root()? {
        return Ok(None);
    }
    let known = |name: &&str| process::read(Command::new("id").args(["-u", name])).is_ok();
    let user = ["postgres", "nobody"].into_iter().find(known);
    user.map(|name| Some(name.to_owned())).ok_or_else(|| {
        "PostgreSQL must not run as root, and there is neither `postgres` nor `nobody`".to_owned()
    })
}

/// Who runs the server, for the plan.
pub(super) fn who() -> String {
    match user() {
        Ok(Some(name)) => format!("user {name}"),
        Ok(None) => "this user".to_owned(),
        Err(problem) => problem,
    }
}

fn as_user(user: Option<&str>, program: &Path) -> Outcome<Command> {
    let Some(user) = user else {
        return Ok(Command::new(program));
    };
    // `setpriv` replaces itself with the program; `runuser` stays its parent.
    if let Some(setpriv) = process::find("setpriv") {
        let group = process::read(Command::new("id").args(["-g", user]))?;
        let mut command = Command::new(setpriv);
        command
            .args(["--reuid", user, "--regid", &group, "--clear-groups", "--"])
            .arg(program);
        return Ok(command);
    }
    let runuser = process::find("runuser")
        .ok_or("neither setpriv nor runuser is here: run the suite as an ordinary user")?;
    let mut command = Command::new(runuser);
    command.args(["-u", user, "--"]).arg(program);
    Ok(command)
}

/// A new empty folder that the server's user may reach: under target, or else where temporary
/// files go, because a home folder is often closed to other users.
fn data_folder(root: &Path, user: Option<&str>) -> Outcome<PathBuf> {
    let name = format!("postgresql-{}-{}", std::process::id(), free_port()?);
    for parent in [scratch(root), std::env::temp_dir()] {
        let folder = parent.join(&name);
        if std::fs::create_dir_all(&folder).is_err() {
            continue;
        }
        if let Some(user) = user {
            process::read(Command::new("chown").arg(user).arg(&folder))?;
        }
        let mut probe = as_user(user, Path::new("/usr/bin/test"))?;
        if process::read(probe.current_dir("/").arg("-w").arg(&folder)).is_ok() {
            return Ok(folder);
        }
        std::fs::remove_dir(&folder).map_err(|error| format!("cannot tidy up: {error}"))?;
    }
    Err("there is no folder that the server's user may write to".to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    /// Without PostgreSQL on the machine there is nothing to start, and nothing to test.
    fn cluster() -> Option<Cluster> {
        let found = Programs::find();
        if found.is_none() {
            eprintln!("PostgreSQL is not installed: nothing tested");
        }
        Some(Cluster::start(&found?, &crate::tree::root()).unwrap())
    }

    fn accepts(port: u16) -> bool {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    }

    #[test]
    fn a_cluster_accepts_connections_until_it_is_stopped() {
        let Some(cluster) = cluster() else { return };
        let port = cluster.port;
        assert!(accepts(port));
        cluster.stop().unwrap();
        assert!(!accepts(port));
    }

    #[test]
    fn a_cluster_ends_and_leaves_no_files_when_its_owner_forgets_it() {
        let Some(cluster) = cluster() else { return };
        let (port, folder) = (cluster.port, cluster.folder.clone());
        drop(cluster);
        assert!(!accepts(port));
        assert!(!folder.exists());
    }
}
