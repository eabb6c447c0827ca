//! The text of docs/errors.md, made from the three closed lists.

use super::code::Code;
use super::job_fault;
use super::user_code::UserErrorCode;

/// The text of docs/errors.md.
pub fn errors_markdown() -> String {
    let mut text = String::from(HEAD);
    for code in Code::all() {
        let retry = if code.retryable() { "yes" } else { "no" };
        let status = code.status().as_u16().to_string();
        let cells = [&status, retry, code.meaning(), code.advice()];
        push_row(&mut text, code.as_str(), &cells);
    }
    text.push_str(AFTER_CODES);
    for code in UserErrorCode::ALL {
        push_row(&mut text, code.as_str(), &[code.meaning(), code.advice()]);
    }
    text.push_str(AFTER_USER_CODES);
    for fault in job_fault::all() {
        push_row(&mut text, fault.word, &[fault.meaning, fault.advice]);
    }
    text
}

fn push_row(text: &mut String, word: &str, cells: &[&str]) {
    text.push_str("| `");
    text.push_str(word);
    text.push_str("` | ");
    text.push_str(&cells.join(" | "));
    text.push_str(" |\n");
}

const HEAD: &str = "# Errors

Three closed lists: errors of a request or a field, what a caller can correct in a mutation's
input, and faults of work in the background. The words are for programs and do not change; the
texts are for people and may. This file is generated from `api/src/http/code.rs`,
`user_code.rs` and `job_fault.rs` beside it.

## Errors of a request or a field

Every entry of `errors` carries `extensions.code` from this list, `extensions.retryable` and
`extensions.requestId`.

Errors of a whole request have no `data` key. Under
`Accept: application/graphql-response+json` they come with the HTTP status below. Under
`Accept: application/json` the three `QUERY_INVALID`, `QUERY_TOO_LARGE` and
`QUERY_TOO_EXPENSIVE` come with 200, as GraphQL-over-HTTP asks; all others keep their status.
A value that its type refuses, in the document or in a variable, and an `idempotencyKey` that is
empty or longer than 255 characters are errors of the whole request: nothing runs.
Errors of a single field stand beside partial `data`, with 200 and a `path`.

| Code | HTTP | Retry | Meaning | What to do |
| --- | --- | --- | --- | --- |
";

const AFTER_CODES: &str = "
`BAD_REQUEST` comes with a more exact status where HTTP has one: 405 with `Allow` for a wrong
method, 406 for an `Accept` that cannot be met, 408 for a body that does not arrive, 415 for a
media type or content encoding that is not taken. `QUERY_TOO_LARGE` comes with 413 when the body
itself is too large.

Further fields that may stand in `extensions`: `retryAfterMs`, `retryAt`, `scope`, `provider`,
`connection`, `link`, `oldest`, `cost`.

## What a caller can correct

`userErrors` of a mutation's payload: `code`, `field` (the path of the input's field) and `message`.
When it is not empty, nothing was done, and the idempotency key is free again.

| Code | Meaning | What to do |
| --- | --- | --- |
";

const AFTER_USER_CODES: &str = "
## Faults of work in the background

`ImportJob.fault` holds the word of the last fault of an import. A reading of a link fails with the
same words, in the log and in the record of its runs; clients see them as the link's `health`, and
as the `state` and `reason` of its consent.

| Code | Meaning | What to do |
| --- | --- | --- |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == errors_markdown(),
            "docs/errors.md is not what the code says"
        );
    }
}
