//! The GraphQL schema: types, resolvers and what they read with.
//!
//! Resolvers are thin: a right, a page, a look-up. Whatever many parents ask for goes through the
//! loaders of [`reads`], one statement for each field of a level. async-graphql 7.2.1 leaves a key
//! out of the answer when a resolver returns an error; a field that may fail is therefore an
//! `Option` of a `Result`, which becomes null with an error beside it.

mod access;
mod cursor;
mod engine;
mod examples;
mod filter;
mod inputs;
mod lists;
mod load;
mod mutation;
mod opener;
mod order;
mod page;
mod query;
mod raw;
mod reads;
mod scalars;
mod transactions;
mod types;
mod words;

pub use engine::{GraphQl, sdl};
pub use examples::examples;
