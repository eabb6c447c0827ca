//! Maps the head of a statement: account, balances and numbers (`AccountStatement`).

use std::fmt::Write as _;

use fondaco_model::draft::{AccountDraft, BalanceDraft, Identifier, StatementDraft};
use fondaco_model::v1::BalanceType;
use fondaco_model::{Currency, Date};
use sha2::{Digest, Sha256};

use super::SUPPORTED;
use super::party;
use super::values::{Need, Notes};
use crate::core::codes;
use crate::core::xml::Node;

pub(super) fn map(root: &Node<'_>, ordinal: i32, notes: &mut Notes) -> Option<StatementDraft> {
    let message = root.attribute("message").unwrap_or_default();
    if message.is_empty() {
        notes.note("", "message.no_namespace", "");
    } else if !SUPPORTED.contains(&message) {
        notes.note("", "message.version_lenient", message);
    }
    let Some(account) = root.at(&["Acct"]) else {
        notes.fatal("Acct", "account.missing", "");
        return None;
    };
    let account = account_draft(account, notes)?;
    let balances = root.all("Bal").enumerate();
    let balances = balances
        .filter_map(|(index, node)| balance(node, index, notes))
        .collect();
    let page = page(root, notes);
    let text = |path: &[&str]| root.text_at(path).map(str::to_owned);
    Some(StatementDraft {
        ordinal,
        statement_id: text(&["Id"]),
        sequence: text(&["ElctrncSeqNb"]),
        page,
        account,
        from: bound(root, "FrDtTm", "FrDt", notes),
        to: bound(root, "ToDtTm", "ToDt", notes),
        balances,
    })
}

fn page(root: &Node<'_>, notes: &mut Notes) -> Option<u32> {
    let original = root.text_at(&["StmtPgntn", "PgNb"])?;
    let number = original.parse().ok();
    if number.is_none() {
        notes.note("StmtPgntn/PgNb", "page.not_a_number", original);
    }
    number
}

fn bound(root: &Node<'_>, instant: &str, day: &str, notes: &mut Notes) -> Option<Date> {
    let period = root.at(&["FrToDt"])?;
    let (name, node) = match (period.at(&[instant]), period.at(&[day])) {
        (Some(node), _) => (instant, node),
        (None, node) => (day, node?),
    };
    let found = notes.day_of(node, &format!("FrToDt/{name}"), Need::Optional);
    found.map(|(day, _)| day)
}

fn account_draft(account: &Node<'_>, notes: &mut Notes) -> Option<AccountDraft> {
    let Some(identifier) = notes.account_id(account, "Acct") else {
        notes.fatal("Acct/Id", "account.no_identifier", "");
        return None;
    };
    let currency = notes.currency(account.text_at(&["Ccy"]), "Acct/Ccy");
    let code = account.text_at(&["Tp", "Cd"]);
    let text = |path: &[&str]| account.text_at(path).map(str::to_owned);
    Some(AccountDraft {
        provider_account_id: account_key(&identifier, currency),
        currency,
        account_type: codes::account_type(code),
        subtype: code.map(str::to_owned).or_else(|| text(&["Tp", "Prtry"])),
        name: text(&["Nm"]),
        product_name: None,
        holder_name: text(&["Ownr", "Nm"]),
        identifiers: vec![identifier],
        bic: account.at(&["Svcr"]).and_then(party::bic),
        source_status: None,
        business: None,
    })
}

/// A file has no id for an account but its number, which is personal: its digest stands in, with
/// the currency, because one number may stand for an account in each currency.
fn account_key(identifier: &Identifier, currency: Option<Currency>) -> String {
    let currency = currency.map_or("", Currency::code);
    let scheme = identifier.scheme.as_str();
    let text = format!("{scheme}|{}|{currency}", identifier.value.expose());
    let digest = Sha256::digest(text);
    let mut key = String::with_capacity(32);
    for byte in &digest[..16] {
        write!(key, "{byte:02x}").expect("a string takes what is written");
    }
    key
}

fn balance(node: &Node<'_>, index: usize, notes: &mut Notes) -> Option<BalanceDraft> {
    let path = format!("Bal[{index}]");
    let code = node.text_at(&["Tp", "CdOrPrtry", "Cd"]);
    let Some(code) = code.or_else(|| node.text_at(&["Tp", "CdOrPrtry", "Prtry"])) else {
        notes.note(&format!("{path}/Tp"), "balance.no_type", "");
        return None;
    };
    let amount = notes.signed(node, &path, Need::Optional)?;
    let day = notes.day(node.at(&["Dt"]), &format!("{path}/Dt"), Need::Optional);
    let included = node
        .at(&["CdtLine"])
        .and_then(|line| line.text_at(&["Incl"]));
    Some(BalanceDraft {
        balance_type: BalanceType::from_word(code),
        amount,
        as_of_date: day.map(|(day, _)| day),
        as_of: day.and_then(|(_, instant)| instant),
        credit_limit_included: included.map(|word| matches!(word, "true" | "1")),
        last_transaction_ref: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::xml;

    #[test]
    fn the_number_of_a_page_is_read_and_what_is_none_is_left_out_with_a_remark() {
        let pagination = |number: &str| {
            format!("<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>")
        };
        for (stated, expected, remarks) in [
            (pagination("2"), Some(2), 0),
            (pagination("00017"), Some(17), 0),
            (pagination("99999"), Some(99_999), 0),
            (pagination("-1"), None, 1),
            (pagination("II"), None, 1),
            (String::new(), None, 0),
        ] {
            let text = format!(
                "<Stmt message=\"camt.053.001.08\"><Id>S1</Id>{stated}<Acct><Id>\
                 <IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct></Stmt>"
            );
            let root = xml::parse(text.as_bytes()).unwrap();
            let mut notes = Notes::new("Stmt[0]".to_owned());
            let head = map(&root, 0, &mut notes).unwrap();
            assert_eq!(head.page, expected, "{stated}");
            let left = notes.into_remarks();
            assert_eq!(left.len(), remarks, "{stated}");
            for remark in left {
                assert_eq!(remark.rule, "page.not_a_number");
                assert_eq!(remark.field, "Stmt[0]/StmtPgntn/PgNb");
            }
        }
    }
}
