//! The whole way of a request on both engines: routes, guard, schema, vault, store.

mod cursors;
mod examples;
mod kit;
mod mutations;
mod nodes;
mod pages;
mod rights;
mod sdl;
mod seed;
mod statements;
