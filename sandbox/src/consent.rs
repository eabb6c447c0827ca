//! Account information consents: what was asked, what the person granted, and their states.

use std::collections::BTreeMap;

use crate::data::{ACCOUNTS, AccountRef, account_ref};
use crate::date::Day;
use crate::rng;

/// The client follows one of two ways to the person's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approach {
    OAuth,
    Redirect,
}

/// Consent states of the Berlin Group that this bank uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Received,
    Valid,
    Rejected,
    RevokedByPsu,
    Expired,
    TerminatedByTpp,
}

impl Status {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Valid => "valid",
            Self::Rejected => "rejected",
            Self::RevokedByPsu => "revokedByPsu",
            Self::Expired => "expired",
            Self::TerminatedByTpp => "terminatedByTpp",
        }
    }
}

/// What a consent asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Accounts, balances and transactions of all accounts (`allPsd2`).
    AllPsd2,
    /// The list of accounts, perhaps with balances (`availableAccounts[WithBalance]`).
    List { balances: bool },
    /// Named accounts; `Some` with an empty list lets the person choose at the bank.
    Named {
        accounts: Option<Vec<AccountRef>>,
        balances: Option<Vec<AccountRef>>,
        transactions: Option<Vec<AccountRef>>,
    },
}

/// An account in a granted consent.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) account: usize,
    /// The account's address under this consent; another consent has another one.
    pub(crate) resource_id: String,
    pub(crate) balances: bool,
    pub(crate) transactions: bool,
}

/// A consent and its history.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) approach: Approach,
    pub(crate) status: Status,
    pub(crate) access: Access,
    pub(crate) recurring: bool,
    pub(crate) valid_until: Day,
    pub(crate) frequency: u32,
    pub(crate) last_action: Day,
    pub(crate) redirect_uri: String,
    pub(crate) nok_redirect_uri: Option<String>,
    /// Prefills the login page.
    pub(crate) psu_id: Option<String>,
    /// Index of the person who approved.
    pub(crate) person: Option<usize>,
    pub(crate) granted: Vec<Granted>,
    /// Unattended reads by (day, account, endpoint).
    pub(crate) reads: BTreeMap<(i32, usize, &'static str), u32>,
}

impl Consent {
    /// Moves a consent whose time is over to `expired`.
    pub(crate) fn age(&mut self, today: Day) {
        if self.status == Status::Valid && today > self.valid_until {
            self.status = Status::Expired;
        }
    }

    /// The accounts of the person that this consent can cover, or `None` when it names one that
    /// the person does not own.
    pub(crate) fn candidates(&self, owned: &[usize]) -> Option<Vec<usize>> {
        let Access::Named {
            accounts,
            balances,
            transactions,
        } = &self.access
        else {
            return Some(owned.to_vec());
        };
        let named: Vec<&AccountRef> = [accounts, balances, transactions]
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        if named.is_empty() {
            return Some(owned.to_vec());
        }
        let of = |wanted: &AccountRef| {
            owned
                .iter()
                .copied()
                .find(|at| account_ref(&ACCOUNTS[*at]) == *wanted)
        };
        let mut found = Vec::new();
        for wanted in named {
            let at = of(wanted)?;
            if !found.contains(&at) {
                found.push(at);
            }
        }
        found.sort_unstable();
        Some(found)
    }

    /// Whether the person chooses the accounts at the bank.
    pub(crate) fn is_open_choice(&self) -> bool {
        match &self.access {
            Access::AllPsd2 | Access::List { .. } => false,
            Access::Named {
                accounts,
                balances,
                transactions,
            } => [accounts, balances, transactions]
                .into_iter()
                .flatten()
                .all(Vec::is_empty),
        }
    }

    /// The person's approval of the chosen accounts.
    pub(crate) fn approve(&mut self, id: &str, person: usize, chosen: &[usize], today: Day) {
        self.granted = chosen
            .iter()
            .map(|account| self.grant(id, *account))
            .collect();
        self.person = Some(person);
        self.status = Status::Valid;
        self.last_action = today;
    }

    fn grant(&self, id: &str, account: usize) -> Granted {
        let reference = account_ref(&ACCOUNTS[account]);
        let open = self.is_open_choice();
        let covers = |list: &Option<Vec<AccountRef>>| {
            list.as_ref()
                .is_some_and(|list| open || list.contains(&reference))
        };
        let (balances, transactions) = match &self.access {
            Access::AllPsd2 => (true, true),
            Access::List { balances } => (*balances, false),
            Access::Named {
                balances,
                transactions,
                ..
            } => (covers(balances), covers(transactions)),
        };
        let number = u64::try_from(account).unwrap_or(0);
        let (high, low) = (
            rng::mix(&[rng::text_key(id), number]),
            rng::mix(&[number, rng::text_key(id)]),
        );
        Granted {
            account,
            resource_id: format!("{high:016x}{low:016x}"),
            balances,
            transactions,
        }
    }

    pub(crate) fn end(&mut self, status: Status, today: Day) {
        if matches!(self.status, Status::Received | Status::Valid) {
            self.status = status;
            self.last_action = today;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(access: Access) -> Consent {
        Consent {
            approach: Approach::OAuth,
            status: Status::Received,
            access,
            recurring: true,
            valid_until: Day(20_000),
            frequency: 4,
            last_action: Day(19_000),
            redirect_uri: String::new(),
            nok_redirect_uri: None,
            psu_id: None,
            person: None,
            granted: Vec::new(),
            reads: BTreeMap::new(),
        }
    }

    #[test]
    fn a_foreign_account_cannot_be_granted() {
        let named = Access::Named {
            accounts: None,
            balances: Some(vec![account_ref(&ACCOUNTS[3])]),
            transactions: None,
        };
        let asked = consent(named);
        assert_eq!(asked.candidates(&[0, 1, 2]), None);
        assert_eq!(asked.candidates(&[3, 4, 5]), Some(vec![3]));
    }

    #[test]
    fn rights_follow_what_was_asked() {
        let mut list = consent(Access::List { balances: true });
        list.approve("c", 0, &[0], Day(19_000));
        assert!(list.granted[0].balances && !list.granted[0].transactions);

        let mut open = consent(Access::Named {
            accounts: Some(Vec::new()),
            balances: None,
            transactions: Some(Vec::new()),
        });
        assert!(open.is_open_choice());
        open.approve("c", 0, &[1], Day(19_000));
        assert!(!open.granted[0].balances && open.granted[0].transactions);
    }

    #[test]
    fn a_consent_is_valid_through_its_last_day() {
        let mut asked = consent(Access::AllPsd2);
        asked.approve("c", 0, &[0], Day(19_000));
        asked.age(Day(20_000));
        assert_eq!(asked.status, Status::Valid);
        asked.age(Day(20_001));
        assert_eq!(asked.status, Status::Expired);
    }

    #[test]
    fn account_addresses_differ_between_consents() {
        let asked = consent(Access::AllPsd2);
        assert_ne!(
            asked.grant("one", 0).resource_id,
            asked.grant("two", 0).resource_id
        );
    }
}
