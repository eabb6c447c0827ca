//! A running server, and what speaks to it over plain sockets: a browser with cookies, a client.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use crate::program::Home;

/// Redirects that a browser follows one after another.
const REDIRECTS_MAX: usize = 10;
/// The longest wait for something that a server does in the background.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// The longest pause between two looks while nothing is logged.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A running program that serves or works; killed when the test ends early.
pub(crate) struct Server {
    child: Child,
    log: Receiver<String>,
    seen: String,
    /// The line that it printed when it was ready.
    pub(crate) ready: Value,
}

impl Server {
    /// `fondaco serve` on a free port.
    pub(crate) fn start(home: &Home, more: &[&str]) -> Self {
        let base = ["serve", "--listen", "127.0.0.1:0", "--log-level", "debug"];
        Self::command(home, &[&base[..], more].concat())
    }

    /// A command that prints a line when it is ready.
    pub(crate) fn command(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.command(&[arguments, &["--json"]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, log) = channel();
        let errors = BufReader::new(child.stderr.take().expect("standard error is piped"));
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output is piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("the line is text");
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let server = Self {
            child,
            log,
            seen: String::new(),
            ready,
        };
        assert!(
            server.ready.is_object(),
            "not ready: {line}{}",
            server.rest_of_the_log()
        );
        server
    }

    /// A value of the ready line.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_default()
    }

    /// What it logged so far.
    pub(crate) fn seen(&self) -> &str {
        &self.seen
    }

    /// An address below the server's own.
    pub(crate) fn url(&self, path: &str) -> Url {
        let graphql = Url::parse(self.text("graphql")).expect("the line has an address");
        graphql.join(path).expect("a path is one")
    }

    /// Status and body of a page.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let answer = exchange("GET", &self.url(path), &[], b"");
        (answer.status, answer.body)
    }

    /// The answer to a GraphQL document.
    pub(crate) fn query(&self, key: &str, query: &str) -> Value {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &bearer),
        ];
        let body = json!({ "query": query }).to_string();
        let answer = exchange("POST", &self.url("/graphql"), &headers, body.as_bytes());
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body))
    }

    /// Uploads a statement of a person; the answer.
    pub(crate) fn upload(&self, key: &str, person: &str, file: &std::path::Path) -> Value {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("Content-Type", "application/xml"),
            ("Authorization", bearer.as_str()),
            ("Fondaco-End-User", person),
        ];
        let body = std::fs::read(file).expect("the file is there");
        let answer = exchange("POST", &self.url("/v1/statements"), &headers, &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("the answer is JSON")
    }

    /// Looks again after each line of the log, and now and then besides, until something is seen.
    pub(crate) fn wait<T>(&mut self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = Instant::now() + WAIT_MAX;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "waited in vain; the log: {}",
                self.seen
            );
            if let Ok(line) = self.log.recv_timeout(LOOK_EVERY) {
                self.note(&line);
            }
            while let Ok(line) = self.log.try_recv() {
                self.note(&line);
            }
        }
    }

    fn note(&mut self, line: &str) {
        self.seen.push_str(line);
        self.seen.push('\n');
    }

    fn rest_of_the_log(&self) -> String {
        self.log.iter().collect::<Vec<_>>().join("\n")
    }

    /// Tells the program to stop; its exit code and its whole log.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill is there").success());
        let rest = self.rest_of_the_log();
        let code = self.child.wait().expect("the program ends").code();
        (code, std::mem::take(&mut self.seen) + &rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An ended one cannot be killed again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The first header of a name in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// One request over a connection of its own.
pub(crate) fn exchange(method: &str, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    let length = body.len().to_string();
    head.extend(["Content-Length: ", &length, "\r\n\r\n"]);
    let mut stream = TcpStream::connect(host).expect("the server listens");
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream.write_all(body).expect("the server reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server answers");
    answer(&String::from_utf8_lossy(&bytes))
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    let mut answer = Answer {
        status: status.expect("an answer has a status"),
        headers: headers.collect(),
        body: body.to_owned(),
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = joined(body);
    }
    answer
}

/// A body without the sizes of its chunks (RFC 9112 section 7.1).
fn joined(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or_default();
        if size == 0 {
            break;
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    body
}

/// A browser without JavaScript: cookies, redirects, forms.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Where it stands.
    pub(crate) at: Option<Url>,
    /// The page that it shows.
    pub(crate) page: String,
}

impl Browser {
    /// Opens an address and follows redirects.
    pub(crate) fn open(&mut self, url: &str) {
        let url = Url::parse(url).expect("an address is one");
        self.send("GET", url, "");
    }

    /// Follows the first link to another host, as the page between here and the bank does.
    pub(crate) fn leave(&mut self) {
        let own = self.at.as_ref().expect("a page is open").origin();
        let hrefs = self
            .page
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let urls = hrefs.filter_map(|href| Url::parse(&plain(href)).ok());
        let away: Vec<Url> = urls.filter(|url| url.origin() != own).collect();
        let away = away
            .first()
            .unwrap_or_else(|| panic!("no way out: {}", self.page));
        self.send("GET", away.clone(), "");
    }

    /// Sends the first form whose action ends like this, with some fields filled in.
    pub(crate) fn submit(&mut self, action: &str, filled: &[(&str, &str)]) {
        let forms = self
            .page
            .split("<form")
            .skip(1)
            .map(|rest| rest.split("</form>").next().unwrap_or_default());
        let form = forms.into_iter().find(|form| {
            let to = attribute(form, "action").unwrap_or_default();
            form.to_lowercase().contains("method=\"post\"") && to.ends_with(action)
        });
        let form = form.unwrap_or_else(|| panic!("no form {action}: {}", self.page));
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for tag in form
            .split('<')
            .filter(|tag| tag.starts_with("input") || tag.starts_with("button"))
        {
            if let Some(name) = attribute(tag, "name") {
                fields
                    .entry(name)
                    .or_insert(attribute(tag, "value").unwrap_or_default());
            }
        }
        fields.extend(
            filled
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        let at = self.at.as_ref().expect("a page is open");
        let to = attribute(form, "action").unwrap_or_default();
        let url = at.join(&to).expect("an action is an address");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.send("POST", url, &body);
    }

    fn send(&mut self, method: &str, url: Url, body: &str) {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..REDIRECTS_MAX {
            let answer = self.once(method, &url, body);
            let Some(next) = answer.header("location") else {
                self.at = Some(url);
                self.page = answer.body;
                return;
            };
            url = url.join(next).expect("a redirect is an address");
            (method, body) = ("GET", "");
        }
        panic!("redirects without end: {url}");
    }

    fn once(&mut self, method: &str, url: &Url, body: &str) -> Answer {
        let place = url.origin().ascii_serialization();
        let jar = self.cookies.entry(place.clone()).or_default();
        let cookies: Vec<_> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("User-Agent", "Mozilla/5.0"), ("Cookie", cookies.as_str())];
        if method == "POST" {
            headers.push(("Origin", place.as_str()));
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = exchange(method, url, &headers, body.as_bytes());
        for (_, value) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            let pair = value.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(plain)
}

/// Text of an attribute without its references.
fn plain(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}
