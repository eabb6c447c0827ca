//! Black-box tests of the program: what a person types, what it prints, how it ends.

mod config;
mod consent;
mod house;
mod import;
mod offline;
mod program;
mod serve;
mod server;
