//! The whole way of a request on both engines: routes, guard, schema, vault, store.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod counterparties;
mod cursors;
mod examples;
mod imports;
mod inputs;
mod kit;
mod mutations;
mod nodes;
mod pages;
mod raws;
mod refreshes;
mod rights;
mod sdl;
mod seed;
mod statements;
