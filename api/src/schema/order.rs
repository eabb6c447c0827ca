//! The order of an answer's fields: that of the query (GraphQL, October 2021, section 7.2.2).
//!
//! The executor puts fields down as they become ready, so that two runs of one query differ. A
//! reader of JSON need not care; a cache, a test and whoever compares two answers do.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Selection, SelectionSet,
};
use async_graphql::{Name, Value};

/// Selections that are followed; a document beyond them keeps the order it has.
const SELECTIONS_MAX: u32 = 20_000;

/// The response keys of a selection set in their order, those of its fragments among them.
#[derive(Debug, Default)]
pub(super) struct Order {
    fields: IndexMap<Name, Order>,
}

impl Order {
    /// The order of an operation; none when the document has no such operation or is too large.
    pub(super) fn of(document: &ExecutableDocument, operation: Option<&str>) -> Option<Self> {
        let operation = match (&document.operations, operation) {
            (DocumentOperations::Single(single), _) => single,
            (DocumentOperations::Multiple(all), Some(name)) => all.get(name)?,
            (DocumentOperations::Multiple(all), None) => all.values().next()?,
        };
        let (mut order, mut left) = (Self::default(), SELECTIONS_MAX);
        order.add(&operation.node.selection_set.node, document, &mut left)?;
        Some(order)
    }

    fn add(
        &mut self,
        set: &SelectionSet,
        document: &ExecutableDocument,
        left: &mut u32,
    ) -> Option<()> {
        for selection in &set.items {
            *left = left.checked_sub(1)?;
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    let below = self.fields.entry(key).or_default();
                    below.add(&field.node.selection_set.node, document, left)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.add(&fragment.node.selection_set.node, document, left)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = document.fragments.get(name)?;
                    self.add(&fragment.node.selection_set.node, document, left)?;
                }
            }
        }
        Some(())
    }

    /// The value with its fields in this order.
    pub(super) fn apply(&self, value: Value) -> Value {
        match value {
            Value::Object(mut object) => {
                let mut ordered = IndexMap::with_capacity(object.len());
                for (key, below) in &self.fields {
                    if let Some(value) = object.swap_remove(key) {
                        ordered.insert(key.clone(), below.apply(value));
                    }
                }
                // A scalar that is an object has fields that nobody selected.
                ordered.extend(object);
                Value::Object(ordered)
            }
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.apply(item)).collect())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;

    use super::*;

    fn check(query: &str, data: &str, expected: &str) {
        let document = parse_query(query).unwrap();
        let value: Value = serde_json::from_str(data).unwrap();
        let order = Order::of(&document, None).unwrap();
        assert_eq!(
            serde_json::to_string(&order.apply(value)).unwrap(),
            expected
        );
    }

    #[test]
    fn fields_stand_in_the_order_of_the_query() {
        check("{ a b }", r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#);
        check("{ b: a a: b }", r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#);
        check(
            "{ a { x y } }",
            r#"{"a":[{"y":1,"x":2},null,{"x":3,"y":4}]}"#,
            r#"{"a":[{"x":2,"y":1},null,{"x":3,"y":4}]}"#,
        );
    }

    #[test]
    fn fragments_stand_where_they_are_spread_and_equal_fields_are_one() {
        check(
            "{ c ...F ... on Q { d a { y } } } fragment F on Q { b a { x } }",
            r#"{"d":4,"a":{"y":1,"x":2},"b":3,"c":5}"#,
            r#"{"c":5,"b":3,"a":{"x":2,"y":1},"d":4}"#,
        );
    }

    #[test]
    fn what_was_not_selected_stays_as_it_is() {
        check("{ a }", r#"{"a":{"z":1,"b":2}}"#, r#"{"a":{"z":1,"b":2}}"#);
    }

    #[test]
    fn a_document_without_the_operation_or_without_end_has_no_order() {
        let two = parse_query("query A { a } query B { b }").unwrap();
        assert!(Order::of(&two, Some("B")).is_some());
        assert!(Order::of(&two, Some("C")).is_none());
        let mut text = "{ ...f0 } fragment f30 on Q { a }".to_owned();
        for n in 0..30 {
            let next = n + 1;
            write!(text, " fragment f{n} on Q {{ ...f{next} ...f{next} }}").unwrap();
        }
        assert!(Order::of(&parse_query(&text).unwrap(), None).is_none());
    }
}
