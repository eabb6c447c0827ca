//! The routes from outside: requests in, answers out, over a small schema.

mod hostile;
mod kit;
mod rules;
mod wire;
