//! Kill -9 at random points of imports, of a sync and of its token rotations: nothing is lost,
//! nothing is doubled.
//!
//! `FONDACO_KILL_POINTS` says how many points each kind of work has on each engine, and
//! `FONDACO_KILL_SEED` draws the same points again.

#[path = "kill/books.rs"]
mod books;
#[path = "kill/import.rs"]
mod import;
#[expect(
    dead_code,
    reason = "shared with the other tests, each of which needs a part of it"
)]
#[path = "kill/linked.rs"]
mod linked;
#[path = "kill/points.rs"]
mod points;
#[expect(
    dead_code,
    reason = "shared with the black-box tests, which need more of it"
)]
#[path = "it/program.rs"]
mod program;
#[path = "kill/rotate.rs"]
mod rotate;
#[expect(
    dead_code,
    reason = "shared with the black-box tests, which need more of it"
)]
#[path = "it/server.rs"]
mod server;
#[path = "kill/sync.rs"]
mod sync;
#[path = "kill/upload.rs"]
mod upload;
