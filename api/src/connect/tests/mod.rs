//! The routes over a real vault on both engines, with a scripted bank and a browser with cookies.

mod bank;
mod browser;
mod doors;
mod endings;
mod flow;
mod keys;
mod town;
mod uploads;
mod windows;
