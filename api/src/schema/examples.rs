//! Saved example queries of the explorer; a test runs each.

use crate::http::explorer::Example;

macro_rules! example {
    ($title:literal, $file:literal) => {
        (
            $title,
            include_str!(concat!("../../web/explorer/examples/", $file, ".graphql")),
            "",
        )
    };
    ($title:literal, $file:literal, variables) => {
        (
            $title,
            include_str!(concat!("../../web/explorer/examples/", $file, ".graphql")),
            include_str!(concat!("../../web/explorer/examples/", $file, ".json")),
        )
    };
}

/// Title, document and variables of each, in the order of the menu.
const EXAMPLES: &[(&str, &str, &str)] = &[
    example!("Who am I", "viewer"),
    example!("Accounts with their balances", "accounts"),
    example!("Latest transactions", "transactions"),
    example!("Search transactions", "search", variables),
    example!("Changes since last time", "changes"),
    example!("Links, consents and health", "links"),
    example!("Institutions", "institutions"),
    example!("Start a link", "start-link", variables),
];

/// The saved queries of the explorer.
pub fn examples() -> Vec<Example> {
    let example = |(title, query, variables): &(&str, &str, &str)| Example {
        title: (*title).to_owned(),
        query: (*query).to_owned(),
        variables: (*variables).to_owned(),
    };
    EXAMPLES.iter().map(example).collect()
}
