//! Languages of the hosted pages: messages, dates and the choice of a locale.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// Longest `Accept-Language` value that is read, in bytes; a longer one is ignored.
pub const ACCEPT_LANGUAGE_BYTES_MAX: usize = 512;
/// Most language ranges of one `Accept-Language` header that are looked at.
pub const LANGUAGE_RANGES_MAX: usize = 16;
/// Longest language tag that is read, in bytes (RFC 5646 section 4.4.1 asks for at least 35).
pub const LANGUAGE_TAG_BYTES_MAX: usize = 35;

/// Countries that have a name in the message files (ISO 3166-1 alpha-2); others show their code.
pub const COUNTRIES: [&str; 32] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU",
    "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// A language in which every page exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English, the fallback.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// All languages, in the order in which the pages offer them.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The primary language subtag, as used in `lang` and in `?locale=`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language's name in the language itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// The locale of a language tag such as `de`, `de-AT` or `en_GB`, if we speak it.
    ///
    /// Only the primary subtag counts (RFC 4647 section 3.4, lookup).
    pub fn from_tag(tag: &str) -> Option<Self> {
        if tag.len() > LANGUAGE_TAG_BYTES_MAX {
            return None;
        }
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL
            .into_iter()
            .find(|locale| locale.tag().eq_ignore_ascii_case(primary))
    }

    /// Chooses the locale: `?locale=`, then the link session's, then the browser's, then English.
    pub fn negotiate(query: Option<&str>, session: Option<&str>, headers: &HeaderMap) -> Self {
        query
            .and_then(Self::from_tag)
            .or_else(|| session.and_then(Self::from_tag))
            .or_else(|| accepted(headers))
            .unwrap_or_default()
    }
}

/// The language that the browser prefers among ours (RFC 9110 section 12.5.4).
fn accepted(headers: &HeaderMap) -> Option<Locale> {
    let value = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    if value.len() > ACCEPT_LANGUAGE_BYTES_MAX {
        return None;
    }
    let mut best: Option<(u16, Locale)> = None;
    for range in value.split(',').take(LANGUAGE_RANGES_MAX) {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let locale = if tag == "*" {
            Some(Locale::default())
        } else {
            Locale::from_tag(tag)
        };
        let quality = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(Some(1000), thousandths);
        if let (Some(locale), Some(quality)) = (locale, quality)
            && quality > best.map_or(0, |(quality, _)| quality)
        {
            best = Some((quality, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

/// A quality value in thousandths: `0`, `1`, or either with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    let part: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

/// A calendar day without a time zone, as it is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    year: u16,
    month: u8,
    number: u8,
}

impl Day {
    /// A day of the Gregorian calendar; `None` when it does not exist or the year is above 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        let exists = (1..=9999).contains(&year) && (1..=days).contains(&day);
        exists.then_some(Self {
            year,
            month,
            number: day,
        })
    }
}

/// The texts of one locale.
#[derive(Debug, Clone, Copy)]
pub struct Texts {
    locale: Locale,
}

impl Texts {
    /// The texts of `locale`.
    pub const fn new(locale: Locale) -> Self {
        Self { locale }
    }

    /// The locale of these texts.
    pub const fn locale(self) -> Locale {
        self.locale
    }

    /// A message without variables.
    pub fn text(self, key: &str) -> String {
        self.format(key, &FluentArgs::new())
    }

    /// A message with one variable.
    pub fn with(self, key: &str, name: &str, value: impl AsRef<str>) -> String {
        self.with_all(key, &[(name, value.as_ref())])
    }

    /// A message with the variables `$institution` and `$tenant`.
    pub fn between(self, key: &str, institution: &str, tenant: &str) -> String {
        self.with_all(key, &[("institution", institution), ("tenant", tenant)])
    }

    /// A message with several text variables.
    pub fn with_all(self, key: &str, variables: &[(&str, &str)]) -> String {
        let args = variables
            .iter()
            .map(|&(name, value)| (name, FluentValue::from(value)))
            .collect::<FluentArgs>();
        self.format(key, &args)
    }

    /// A message with the number `$count`, in the locale's plural form, and text variables.
    pub fn count(self, key: &str, count: u32, variables: &[(&str, &str)]) -> String {
        let mut args = variables
            .iter()
            .map(|&(name, value)| (name, FluentValue::from(value)))
            .collect::<FluentArgs>();
        args.set("count", count);
        self.format(key, &args)
    }

    /// A day in the locale's long form, with the month's name.
    pub fn date(self, day: Day) -> String {
        let month = self.text(&format!("month-{}", day.month));
        self.with_all(
            "date-long",
            &[
                ("day", &day.number.to_string()),
                ("month", &month),
                ("year", &day.year.to_string()),
            ],
        )
    }

    /// A country's name in the locale, or the code itself where the files have no name for it.
    pub fn country(self, code: &str) -> String {
        if COUNTRIES.contains(&code) {
            self.text(&format!("country-{code}"))
        } else {
            code.to_owned()
        }
    }

    /// A missing message shows its key in brackets; the tests look for these brackets.
    fn format(self, key: &str, args: &FluentArgs<'_>) -> String {
        let bundle = bundle(self.locale);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return format!("⟦{key}⟧");
        };
        let mut errors = Vec::new();
        let text = bundle
            .format_pattern(pattern, Some(args), &mut errors)
            .into_owned();
        debug_assert!(
            errors.is_empty(),
            "message {key} lacks a variable: {errors:?}"
        );
        text
    }
}

type Bundle = FluentBundle<FluentResource>;

fn bundle(locale: Locale) -> &'static Bundle {
    static EN: LazyLock<Bundle> = LazyLock::new(|| load(Locale::En));
    static DE: LazyLock<Bundle> = LazyLock::new(|| load(Locale::De));
    match locale {
        Locale::En => &EN,
        Locale::De => &DE,
    }
}

fn load(locale: Locale) -> Bundle {
    let resource = FluentResource::try_new(source(locale).to_owned())
        .expect("the embedded message files are parsed by a test");
    let tag = locale
        .tag()
        .parse()
        .expect("our tags are language identifiers");
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Names are cleaned of bidirectional controls where they enter a page, so that isolating
    // marks, which people would copy with a reference or a name, are not needed.
    bundle.set_use_isolating(false);
    bundle
        .add_resource(resource)
        .expect("a test proves that no key occurs twice");
    bundle
}

const fn source(locale: Locale) -> &'static str {
    match locale {
        Locale::En => include_str!("../../web/messages/en.ftl"),
        Locale::De => include_str!("../../web/messages/de.ftl"),
    }
}

#[cfg(test)]
mod tests;
