//! Who banks here and what happens on their accounts: made up, seeded, the same every time.

mod entry;
mod generate;
mod habits;
mod ledger;
mod people;
mod special;
mod tables;

pub(crate) use entry::{AccountRef, Entry};
pub(crate) use ledger::{GENESIS, Ledger};
pub(crate) use people::{ACCOUNTS, Account, PASSWORD, PEOPLE, account_ref, accounts_of};
