//! Tests of the log: what is on the list is written, everything else is dropped.

use std::sync::{Mutex, PoisonError};

use fondaco_model::Instant;
use fondaco_model::time::ManualClock;

use super::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(format: LogFormat, level: Level, act: impl FnOnce()) -> String {
    let page = Page::default();
    let out = page.clone();
    let clock = Arc::new(ManualClock::at(Instant::from_micros(0)));
    let lines = Lines {
        format,
        level,
        colour: false,
        clock,
        out: move || out.clone(),
    };
    let registry = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(registry, act);
    let bytes = page
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_field_outside_the_list_is_dropped_in_both_formats() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = written(format, Level::INFO, || {
            let span = tracing::info_span!("work", request_id = "r-1", iban = "DE02");
            let _inside = span.enter();
            tracing::info!(status = 200, token = "secret", name = %"Anna", "It was done.");
        });
        assert!(text.contains("r-1") && text.contains("It was done.") && text.contains("200"));
        for leak in ["DE02", "secret", "Anna"] {
            assert!(!text.contains(leak), "{text}");
        }
    }
}

#[test]
fn a_value_that_is_recorded_later_is_filtered_too() {
    let text = written(LogFormat::Json, Level::INFO, || {
        let empty = tracing::field::Empty;
        let span = tracing::info_span!("call", attempts = empty, body = empty);
        span.record("attempts", 3);
        span.record("body", "payload");
        let _inside = span.enter();
        tracing::info!("Done.");
    });
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["attempts"], 3);
    assert_eq!(line["at"], "1970-01-01T00:00:00Z");
    assert!(!text.contains("payload"));
}

#[test]
fn an_inner_field_wins_over_an_outer_one() {
    let text = written(LogFormat::Json, Level::INFO, || {
        let _outer = tracing::info_span!("a", job = "outer").entered();
        let _inner = tracing::info_span!("b", job = "inner").entered();
        tracing::info!("Done.");
    });
    assert!(text.contains("inner") && !text.contains("outer"), "{text}");
}

#[test]
fn events_of_dependencies_and_less_important_ones_are_left_out() {
    let text = written(LogFormat::Text, Level::INFO, || {
        tracing::info!(target: "hyper::proto", "parsed DE02120300000000202051");
        tracing::debug!("Not now.");
    });
    assert_eq!(text, "");
}

#[test]
fn a_value_can_neither_begin_a_new_line_nor_be_endless() {
    let long = format!("a\n{}", "x".repeat(VALUE_CHARS_MAX));
    let text = written(LogFormat::Text, Level::INFO, || {
        tracing::info!(error = long, "Failed.");
    });
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.len() < VALUE_CHARS_MAX + 100);
}
