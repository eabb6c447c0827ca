//! Logs: one line for each event, as text or JSON, with fields from a list and no others.
//!
//! What is not on [`FIELDS`] is dropped, so that a careless field cannot carry a name, an account
//! number or a token into a log. Only events of our own crates are written: what a dependency says
//! may quote what it was given.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use fondaco_model::time::{Clock, SystemClock};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::config::environment;
use crate::config::sections::{Log, LogFormat, LogLevel};

/// The fields that may be written; `message` is the event's own fixed sentence.
const FIELDS: &[&str] = &[
    "account",
    "address",
    "applied",
    "attempt",
    "attempts",
    "cause",
    "code",
    "column",
    "consent",
    "count",
    "end_user",
    "error",
    "event",
    "family",
    "fault",
    "file",
    "grant",
    "institution",
    "job",
    "kind",
    "line",
    "left",
    "link",
    "message",
    "migration",
    "ms",
    "op",
    "outcome",
    "place",
    "raw",
    "reason",
    "registration",
    "request_id",
    "resource",
    "run",
    "seconds",
    "session",
    "state",
    "status",
    "tenant",
    "worker",
];

/// Characters of one value; a longer one is cut.
const VALUE_CHARS_MAX: usize = 500;

/// What begins the target of our own events.
const OWN_TARGET: &str = "fondaco";

/// Sends this process's events to standard error, and panics too, without their payload.
pub(crate) fn start(log: Log) {
    let colour = io::stderr().is_terminal() && !environment::no_color();
    let lines = Lines {
        format: log.format,
        level: level(log.level),
        colour,
        clock: Arc::new(SystemClock),
        out: || io::stderr().lock(),
    };
    let registry = tracing_subscriber::registry().with(lines);
    // A second call, as in a test, keeps the first subscriber.
    let _ = tracing::subscriber::set_global_default(registry);
    std::panic::set_hook(Box::new(|panic| {
        // The payload may quote data; the place is enough to find the defect.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "The program met a defect in itself.");
    }));
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

/// The layer that writes lines. `out` opens what they are written to.
struct Lines<F> {
    format: LogFormat,
    level: Level,
    colour: bool,
    clock: Arc<dyn Clock>,
    out: F,
}

/// Fields of an event or a span that are on the list.
#[derive(Debug, Default, Clone)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if FIELDS.contains(&field.name()) {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, cut(value).into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(&format!("{value:?}")).into());
    }
}

/// One line, not too long: a value cannot forge another line.
fn cut(text: &str) -> String {
    let plain = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(VALUE_CHARS_MAX).collect()
}

impl<S, F, W> Layer<S> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn() -> W + 'static,
    W: Write,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with(OWN_TARGET)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = cx.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in cx.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                // The innermost span speaks first and wins.
                for (name, value) in &outer.0 {
                    fields
                        .0
                        .entry(name.clone())
                        .or_insert_with(|| value.clone());
                }
            }
        }
        event.record(&mut fields);
        let line = self.line(event.metadata(), fields.0);
        // A log that cannot be written must not stop the work.
        let _ = (self.out)().write_all(line.as_bytes());
    }
}

impl<F> Lines<F> {
    fn line(&self, metadata: &Metadata<'_>, mut fields: Map<String, Value>) -> String {
        let at = self.clock.now().to_string();
        let level = metadata.level().as_str();
        let message = fields.remove("message").unwrap_or_default();
        let mut line = String::new();
        match self.format {
            LogFormat::Json => {
                let mut object = Map::new();
                object.insert("at".to_owned(), at.into());
                object.insert("level".to_owned(), level.into());
                object.insert("target".to_owned(), metadata.target().into());
                object.insert("message".to_owned(), message);
                object.append(&mut fields);
                let _ = write!(line, "{}", Value::Object(object));
            }
            LogFormat::Text => {
                let message = message.as_str().unwrap_or_default();
                let (before, after) = if self.colour {
                    (colour(level), "\u{1b}[0m")
                } else {
                    ("", "")
                };
                let _ = write!(line, "{at} {before}{level:>5}{after} {message}");
                for (name, value) in fields {
                    let _ = match value {
                        Value::String(text) if !text.contains(' ') => {
                            write!(line, " {name}={text}")
                        }
                        value => write!(line, " {name}={value}"),
                    };
                }
            }
        }
        line.push('\n');
        line
    }
}

fn colour(level: &str) -> &'static str {
    match level {
        "ERROR" => "\u{1b}[31m",
        "WARN" => "\u{1b}[33m",
        "INFO" => "\u{1b}[32m",
        _ => "\u{1b}[2m",
    }
}

#[cfg(test)]
mod tests;
