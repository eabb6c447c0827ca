//! Reading of links against a real bank on loopback, through the real stack, on both engines.

mod bank;
mod faults;
mod kill;
mod kit;
mod reads;
mod workers;
