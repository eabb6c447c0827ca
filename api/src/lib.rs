//! GraphQL schema, HTTP routes and consent pages.

pub mod connect;
pub mod guard;
pub mod http;
pub mod schema;
pub mod web;
