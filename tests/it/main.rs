//! Black-box tests of the program: what a person types, what it prints, how it ends.

mod commands;
mod config;
mod consent;
mod documented;
mod house;
mod import;
mod offline;
mod program;
mod progress;
mod requests;
mod samples;
mod secrets;
mod serve;
mod server;
