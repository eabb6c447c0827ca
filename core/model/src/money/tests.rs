use super::*;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

fn check(lexeme: &str, code: &str, expected: Result<(i64, u8, &str), MoneyError>) {
    let parsed = Money::parse(lexeme, currency(code));
    match (parsed, expected) {
        (Ok(money), Ok((minor, scale, text))) => {
            assert_eq!(
                (money.minor(), money.scale()),
                (minor, scale),
                "{lexeme} {code}"
            );
            assert_eq!(money.amount(), text, "{lexeme} {code}");
        }
        (parsed, expected) => {
            assert_eq!(
                parsed.map(Money::amount),
                expected.map(|e| e.2.to_owned()),
                "{lexeme}"
            );
        }
    }
}

#[test]
fn a_lexeme_is_kept_exactly_at_the_currency_exponent_or_finer() {
    check("12.30", "EUR", Ok((1230, 2, "12.30")));
    check("12.3", "EUR", Ok((1230, 2, "12.30")));
    check("-12.3000", "EUR", Ok((-1230, 2, "-12.30")));
    check("66.9670625", "USD", Ok((669_670_625, 7, "66.9670625")));
    check("1500", "JPY", Ok((1500, 0, "1500")));
    check("1500.50", "JPY", Ok((15005, 1, "1500.5")));
    check("1.234", "KWD", Ok((1234, 3, "1.234")));
    check("+7", "EUR", Ok((700, 2, "7.00")));
    check("-0.00", "EUR", Ok((0, 2, "0.00")));
    check(
        "0.000000000000000001",
        "EUR",
        Ok((1, 18, "0.000000000000000001")),
    );
}

#[test]
fn what_is_not_a_plain_decimal_is_refused() {
    for lexeme in [
        "", "-", "+", ".", "1.", ".5", "1,5", "1e3", " 1", "1 ", "1.2.3", "NaN", "--1",
    ] {
        check(lexeme, "EUR", Err(MoneyError::NotDecimal));
    }
    check(
        &"1".repeat(LEXEME_MAX + 1),
        "EUR",
        Err(MoneyError::NotDecimal),
    );
}

#[test]
fn the_limits_of_size_and_precision_hold_on_both_sides() {
    check(
        "92233720368547758.07",
        "EUR",
        Ok((i64::MAX, 2, "92233720368547758.07")),
    );
    check("92233720368547758.08", "EUR", Err(MoneyError::TooLarge));
    check(
        "-92233720368547758.08",
        "EUR",
        Ok((i64::MIN, 2, "-92233720368547758.08")),
    );
    check("-92233720368547758.09", "EUR", Err(MoneyError::TooLarge));
    check("1.0000000000000000001", "EUR", Err(MoneyError::TooFine));
    check(
        "9.223372036854775807",
        "EUR",
        Ok((i64::MAX, 18, "9.223372036854775807")),
    );
    check("9.223372036854775808", "EUR", Err(MoneyError::TooLarge));
    assert_eq!(
        Money::new(1, SCALE_MAX + 1, currency("EUR")),
        Err(MoneyError::TooFine)
    );
}

#[test]
fn codes_outside_the_standard_or_without_minor_units_are_unknown() {
    for code in ["XXX", "XAU", "EURO", "eur", "", "ZZZ", "XTS"] {
        assert_eq!(
            Currency::from_code(code),
            Err(MoneyError::UnknownCurrency),
            "{code}"
        );
    }
}

#[test]
fn amounts_compare_and_add_by_value_across_scales() {
    let coarse = Money::parse("1.50", currency("USD")).unwrap();
    let fine = Money::parse("1.5001", currency("USD")).unwrap();
    assert_eq!(coarse.compare(fine), Ok(Ordering::Less));
    assert_eq!(coarse.checked_add(fine).unwrap().amount(), "3.0001");
    let back = fine
        .checked_add(Money::parse("-0.0001", currency("USD")).unwrap())
        .unwrap();
    assert_eq!(back, coarse, "the sum is canonical again");
    let euro = Money::parse("1.50", currency("EUR")).unwrap();
    assert_eq!(coarse.compare(euro), Err(MoneyError::CurrenciesDiffer));
    assert_eq!(coarse.checked_add(euro), Err(MoneyError::CurrenciesDiffer));
}

#[test]
fn a_direction_sets_the_sign_and_the_smallest_value_is_refused_not_wrapped() {
    let money = Money::parse("5", currency("EUR")).unwrap();
    assert_eq!(money.signed(Direction::Debit).unwrap().amount(), "-5.00");
    assert_eq!(
        money.signed(Direction::Debit).unwrap().direction(),
        Direction::Debit
    );
    let smallest = Money::new(i64::MIN, 2, currency("EUR")).unwrap();
    assert_eq!(
        smallest.signed(Direction::Credit),
        Err(MoneyError::TooLarge)
    );
    assert_eq!(smallest.negated(), Err(MoneyError::TooLarge));
}

#[test]
fn every_representable_amount_survives_text_and_back() {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let minor = i64::from_ne_bytes(state.to_ne_bytes()) >> (state % 60);
        let scale = u8::try_from(state % 19).unwrap();
        for code in ["EUR", "JPY", "KWD", "CLF"] {
            let Ok(money) = Money::new(minor, scale, currency(code)) else {
                continue;
            };
            assert_eq!(Money::parse(&money.amount(), currency(code)), Ok(money));
            let json = serde_json::to_string(&money).unwrap();
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }
    }
}
