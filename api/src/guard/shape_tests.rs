//! Tests of the measures of depth and width.

use std::fmt::Write as _;

use async_graphql::parser::parse_query;

use super::*;
use crate::http::code::Code;

/// The introspection query of graphql-js 16, as its `getIntrospectionQuery` writes it with every
/// option on.
pub(crate) const STANDARD_INTROSPECTION: &str = "
query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations
      args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL
  fields(includeDeprecated: true) {
    name description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name } } } } } } } } }
}";

fn shape(document: &str) -> Result<Shape, Code> {
    let document = parse_query(document).unwrap();
    measure(&document, &Limits::default()).map_err(|refusal| refusal.code)
}

fn nested(n: usize) -> String {
    format!("{}a{}", "{a".repeat(n - 1) + "{", "}".repeat(n))
}

#[test]
fn data_may_be_twelve_fields_deep() {
    assert_eq!(shape(&nested(12)).unwrap().depth, 12);
    assert_eq!(shape(&nested(13)), Err(Code::QueryTooLarge));
}

#[test]
fn a_fragment_adds_its_depth_where_it_is_spread() {
    let through = |n: usize| format!("{{a{{...f}}}} fragment f on T{}", nested(n));
    assert_eq!(shape(&through(11)).unwrap().depth, 12);
    assert_eq!(shape(&through(12)), Err(Code::QueryTooLarge));
}

#[test]
fn the_standard_introspection_query_passes() {
    let seen = shape(STANDARD_INTROSPECTION).unwrap();
    assert!(seen.introspects() && seen.depth == 1);
}

#[test]
fn introspection_lists_below_each_other_are_refused() {
    let circular = "{__schema{types{fields{type{fields{name}}}}}}";
    let mixed = "{__type(name:\"Q\"){interfaces{possibleTypes{name}}}}";
    let hidden = "{__schema{types{fields{type{...f}}}}} fragment f on __Type{inputFields{name}}";
    for text in [circular, mixed, hidden] {
        assert_eq!(shape(text), Err(Code::QueryTooLarge), "{text}");
    }
    // The same names in data are data.
    assert!(shape("{form{fields{type{fields{name}}}}}").is_ok());
}

#[test]
fn deep_introspection_is_refused() {
    let deep = format!("{{__schema{{t{}}}}}", nested(20));
    assert_eq!(shape(&deep), Err(Code::QueryTooLarge));
}

#[test]
fn fragments_that_double_forty_times_are_refused_without_expansion() {
    let mut text = "{...f0}".to_owned();
    for i in 0..40 {
        write!(
            text,
            "fragment f{i} on Query{{...f{} ...f{}}}",
            i + 1,
            i + 1
        )
        .unwrap();
    }
    text.push_str("fragment f40 on Query{__typename}");
    assert_eq!(shape(&text), Err(Code::QueryTooLarge));
}

#[test]
fn expansion_may_reach_its_limit_and_no_more() {
    let text = |n: usize| {
        let spreads = "...f ".repeat(n);
        format!(
            "{{{spreads}}} fragment f on Query{{a{{{}}}}}",
            "b ".repeat(98)
        )
    };
    // Each spread counts itself, its field and ninety-eight below: one hundred.
    let limits = Limits {
        root_fields: 1_000,
        ..Limits::default()
    };
    let check = |n| measure(&parse_query(text(n)).unwrap(), &limits).map(|shape| shape.expanded);
    assert_eq!(check(100), Ok(10_000));
    assert_eq!(check(101).unwrap_err().code, Code::QueryTooLarge);
}

#[test]
fn fragments_that_spread_themselves_are_refused() {
    let own = "{...a} fragment a on Query{...a}";
    let ring = "{...a} fragment a on Query{x{...b}} fragment b on Query{...a}";
    let unused = "{x} fragment a on Query{...b} fragment b on Query{...a}";
    for text in [own, ring, unused] {
        assert_eq!(shape(text), Err(Code::QueryInvalid), "{text}");
    }
    // A missing one is the validator's to name.
    assert!(shape("{...missing}").is_ok());
}

#[test]
fn root_fields_are_counted_through_fragments() {
    let text = |n: usize| format!("{{...f}} fragment f on Query{{{}}}", "a ".repeat(n));
    assert_eq!(shape(&text(20)).unwrap().roots, 20);
    assert_eq!(shape(&text(21)), Err(Code::QueryTooLarge));
}

#[test]
fn fragments_inside_each_other_count_as_frames() {
    let text = |n: usize| format!("{}a{}", "{...".repeat(n) + "{", "}".repeat(n + 1));
    assert!(shape(&text(31)).is_ok());
    assert_eq!(shape(&text(32)), Err(Code::QueryTooLarge));
}
