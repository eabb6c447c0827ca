//! How the money moved, from the bank transaction code.

use fondaco_model::v1::{BankTransactionCode, Method};

/// The method that a bank transaction code stands for; none when the code tells nothing.
///
/// Source: ISO 20022 external bank transaction codes, domains PMNT, ACMT, CAMT, FORX, LDAS, DERV.
pub fn method(code: &BankTransactionCode) -> Option<Method> {
    let word = |value: &Option<String>| value.as_deref().map(str::to_ascii_uppercase);
    let family = word(&code.family);
    let sub_family = word(&code.sub_family);
    // The sub-family is the more exact word: a fee on a transfer is a fee.
    if let Some(found) = sub_family.as_deref().and_then(by_sub_family) {
        return Some(found);
    }
    match word(&code.domain).as_deref() {
        Some("FORX") => return Some(Method::ForeignExchange),
        Some("PMNT" | "ACMT") | None => {}
        Some(_) => return None,
    }
    match family.as_deref()? {
        "CCRD" | "MCRD" => Some(Method::Card),
        "RCDT" | "ICDT" | "RRCT" | "IRCT" => Some(Method::Transfer),
        "RDDT" | "IDDT" => Some(Method::DirectDebit),
        "CNTR" => Some(Method::Cash),
        "RCHQ" | "ICHQ" => Some(Method::Cheque),
        _ => None,
    }
}

fn by_sub_family(word: &str) -> Option<Method> {
    match word {
        "STDO" => Some(Method::StandingOrder),
        "CHRG" | "FEES" | "COMM" | "COMI" | "COME" => Some(Method::Fee),
        "INTR" | "DINT" | "CINT" => Some(Method::Interest),
        "RIMB" => Some(Method::Refund),
        "CHKB" => Some(Method::Chargeback),
        "CWDL" | "CDPT" => Some(Method::Cash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domain: &str, family: &str, sub_family: &str, expected: Option<&Method>) {
        let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let code = BankTransactionCode {
            domain: word(domain),
            family: word(family),
            sub_family: word(sub_family),
            ..BankTransactionCode::default()
        };
        assert_eq!(
            method(&code).as_ref(),
            expected,
            "{domain}-{family}-{sub_family}"
        );
    }

    #[test]
    fn the_more_exact_word_of_a_code_decides() {
        check("PMNT", "RCDT", "ESCT", Some(&Method::Transfer));
        check("PMNT", "ICDT", "STDO", Some(&Method::StandingOrder));
        check("PMNT", "ICDT", "CHRG", Some(&Method::Fee));
        check("PMNT", "CCRD", "POSD", Some(&Method::Card));
        check("PMNT", "CCRD", "CWDL", Some(&Method::Cash));
        check("PMNT", "RDDT", "ESDD", Some(&Method::DirectDebit));
        check("FORX", "SPOT", "OTHR", Some(&Method::ForeignExchange));
        check("LDAS", "FTLN", "OTHR", None);
        check("pmnt", "rcdt", "", Some(&Method::Transfer));
        check("", "", "", None);
    }
}
