//! 64 refreshers in two processes and one rotating grant: one token call per generation, and one
//! clear outcome when the bank acted and its answer was lost.

#[expect(
    dead_code,
    reason = "shared with the other tests, each of which needs a part of it"
)]
#[path = "kill/linked.rs"]
mod linked;
#[expect(
    dead_code,
    reason = "shared with the black-box tests, which need more of it"
)]
#[path = "it/program.rs"]
mod program;
#[path = "refresh/race.rs"]
mod race;
#[path = "refresh/refresher.rs"]
mod refresher;
#[expect(
    dead_code,
    reason = "shared with the black-box tests, which need more of it"
)]
#[path = "it/server.rs"]
mod server;
