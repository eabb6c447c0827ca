//! Contrast of the style sheet's two palettes (WCAG 2.2, success criteria 1.4.3 and 1.4.11).

use std::collections::HashMap;

use super::assets::style;

/// Text and the ground on which it stands: at least 4.5 to 1.
const TEXT_PAIRS: [(&str, &str); 20] = [
    ("ink", "page"),
    ("ink", "card"),
    ("ink", "soft"),
    ("ink", "bad-soft"),
    ("muted", "page"),
    ("muted", "card"),
    ("muted", "soft"),
    ("accent", "page"),
    ("accent", "card"),
    ("accent", "soft"),
    ("accent-strong", "page"),
    ("accent-strong", "card"),
    ("accent-strong", "soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("bad", "card"),
    ("bad", "bad-soft"),
    ("good", "card"),
    ("test", "test-soft"),
    ("accent-strong", "bad-soft"),
];

/// Borders of controls, focus rings and signs: at least 3 to 1.
const PART_PAIRS: [(&str, &str); 8] = [
    ("control", "card"),
    ("control", "soft"),
    ("focus", "page"),
    ("focus", "card"),
    ("focus", "soft"),
    ("focus", "bad-soft"),
    ("accent", "line"),
    ("bad", "card"),
];

/// The colours of one block of custom properties.
fn palette(block: &str) -> HashMap<&str, [u8; 3]> {
    block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
        .map(|(name, value)| {
            let number = u32::from_str_radix(value.trim_end_matches(';'), 16).unwrap();
            let [_, red, green, blue] = number.to_be_bytes();
            (name, [red, green, blue])
        })
        .collect()
}

fn palettes() -> [HashMap<&'static str, [u8; 3]>; 2] {
    let mut blocks = style().body.split(":root {").skip(1);
    let mut next = || palette(blocks.next().unwrap().split('}').next().unwrap());
    [next(), next()]
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn contrast_is_computed_as_wcag_defines_it() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.001);
    assert!((contrast([0x77; 3], [255; 3]) - 4.478).abs() < 0.001);
}

#[test]
fn both_palettes_have_the_same_colours() {
    let [light, dark] = palettes();
    let names = |palette: &HashMap<&'static str, _>| {
        let mut names: Vec<&str> = palette.keys().copied().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&light), names(&dark));
    assert_eq!(light.len(), 16);
}

#[test]
fn every_pair_has_enough_contrast_in_light_and_dark() {
    for (theme, palette) in ["light", "dark"].into_iter().zip(palettes()) {
        let check = |pairs: &[(&str, &str)], least: f64| {
            for (front, back) in pairs {
                let ratio = contrast(palette[front], palette[back]);
                assert!(ratio >= least, "{theme}: {front} on {back} has {ratio:.2}");
            }
        };
        check(&TEXT_PAIRS, 4.5);
        check(&PART_PAIRS, 3.0);
    }
}

#[test]
fn colours_stand_in_the_palettes_only() {
    let rules = style().body.rsplit_once("*::after").unwrap().1;
    assert!(
        !rules.contains('#'),
        "a colour outside the palettes escapes the contrast test"
    );
}
