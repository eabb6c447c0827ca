//! Amounts in integer minor units, their text, and conversion at a stated rate.

/// Decimal places of a rate's text.
const RATE_DECIMALS: u32 = 4;

/// Signed decimal text with exactly `decimals` places, as the Berlin Group writes amounts.
pub(crate) fn text(minor: i64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let magnitude = minor.unsigned_abs();
    let sign = if minor < 0 { "-" } else { "" };
    let whole = magnitude / unit;
    if decimals == 0 {
        return format!("{sign}{whole}");
    }
    let width = usize::try_from(decimals).unwrap_or(0);
    format!("{sign}{whole}.{:0width$}", magnitude % unit)
}

/// A rate given in ten-thousandths, as text.
pub(crate) fn rate_text(rate_e4: i64) -> String {
    text(rate_e4, RATE_DECIMALS)
}

/// What a positive amount is worth in another currency, rounded half up to its minor unit.
pub(crate) fn convert(minor: i64, from_decimals: u32, rate_e4: i64, to_decimals: u32) -> i64 {
    let numerator = minor * rate_e4 * 10_i64.pow(to_decimals);
    let denominator = 10_i64.pow(from_decimals + RATE_DECIMALS);
    (numerator + denominator / 2) / denominator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_the_places_of_the_currency() {
        assert_eq!(text(-290, 2), "-2.90");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(0, 3), "0.000");
        assert_eq!(text(1_250_750, 3), "1250.750");
        assert_eq!(text(-48_000, 0), "-48000");
    }

    #[test]
    fn conversion_rounds_half_up() {
        assert_eq!(convert(30_000, 2, 1_632_415, 0), 48_972);
        assert_eq!(convert(1_000, 3, 4_895_000, 0), 490);
        assert_eq!(convert(2_450, 2, 8_612, 2), 2_110);
    }
}
