//! GraphQL schema, HTTP routes and consent pages.

pub mod guard;
pub mod http;
pub mod web;
