//! Tests of the statement files: folders of fixtures, their schemas, hostile input, the verdict.

mod folder;
mod hostile;
mod schema;
mod verdict;

use std::io::BufRead;
use std::sync::LazyLock;

use fondaco_model::Fault;
use fondaco_model::draft::{Draft, Mapped};
use fondaco_model::provider::{Manifest, Resource};

use super::StatementFile;
use crate::core::testing::{Keep, Kept, NOW, manifest};
use crate::core::{Connector, Cx, Stream, file_head};

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| manifest("statement_file"));

fn split(mut body: impl BufRead) -> (Vec<Kept>, Result<(), Fault>) {
    let mut keep = Keep::default();
    let head = file_head();
    let stream = Stream::of(Resource::Statement);
    let cx = Cx::new(&MANIFEST, NOW);
    let outcome = StatementFile.page(&cx, &stream, &head, &mut body, &mut keep);
    (keep.kept, outcome.map(|_| ()))
}

fn map(kept: &Kept) -> Mapped {
    let stream = Stream::of(Resource::Statement);
    StatementFile.map(&Cx::new(&MANIFEST, NOW), &stream, &kept.record())
}

fn entries(mapped: &[Mapped]) -> usize {
    let drafts = mapped.iter().flat_map(|mapped| &mapped.drafts);
    drafts
        .filter(|draft| matches!(draft, Draft::Transaction(_)))
        .count()
}
