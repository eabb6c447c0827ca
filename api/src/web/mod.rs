//! Hosted consent pages: what people see between a tenant's frontend and their bank.
//!
//! Everything here is pure: [`pages`] says what a page holds, [`view`] turns it into HTML with the
//! texts of [`i18n`], [`respond`] adds the protecting headers, [`assets`] are the embedded files
//! and [`cookie`] binds a flow to its browser. The flow itself, who may see which page when,
//! belongs to the vault; the routes belong to `http`.

pub mod assets;
pub mod cookie;
#[doc(hidden)]
pub mod gallery;
pub mod i18n;
mod outcome;
pub mod pages;
pub mod parts;
pub mod respond;
pub mod view;

#[cfg(test)]
mod palette_tests;
#[cfg(test)]
mod tests;
