//! What an operation did cost: the same model over the answer instead of the question.

use async_graphql::Value as ConstValue;
use async_graphql::parser::types::{Field, Selection, SelectionSet};

use super::cost::Priced;
use super::table::{INTROSPECTION_COST, Kind, LIST_COST};

/// Cost of an answer; never below 1, and at most what was asked unless a list was longer than
/// its table says.
pub fn actual(priced: &Priced, data: &ConstValue) -> u64 {
    set_cost(
        priced,
        priced.root(),
        &priced.operation.selection_set.node,
        data,
    )
    .max(1)
}

/// Recursion is bounded by `Limits::frames`. A branch for another type than the value's has no
/// keys in the value, so it costs nothing.
fn set_cost(priced: &Priced, ty: &str, set: &SelectionSet, value: &ConstValue) -> u64 {
    let ConstValue::Object(object) = value else {
        return 0;
    };
    let mut sum = 0_u64;
    for selection in &set.items {
        if !priced.runs(selection.node.directives()) {
            continue;
        }
        let part = match &selection.node {
            Selection::Field(field) => match object.get(&field.node.response_key().node) {
                Some(below) => field_cost(priced, ty, &field.node, below),
                None => 0,
            },
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                let ty = on.map_or(ty, |on| on.node.on.node.as_str());
                set_cost(priced, ty, &inline.node.selection_set.node, value)
            }
            Selection::FragmentSpread(spread) => {
                let fragment = priced
                    .document
                    .fragments
                    .get(&spread.node.fragment_name.node);
                fragment.map_or(0, |fragment| {
                    let on = fragment.node.type_condition.node.on.node.as_str();
                    set_cost(priced, on, &fragment.node.selection_set.node, value)
                })
            }
        };
        sum = sum.saturating_add(part);
    }
    sum
}

fn field_cost(priced: &Priced, parent: &str, field: &Field, value: &ConstValue) -> u64 {
    let name = field.name.node.as_str();
    if name == "__schema" || name == "__type" {
        return INTROSPECTION_COST;
    }
    let table = priced.table;
    let Some(row) = table.type_row(parent).and_then(|ty| ty.fields.get(name)) else {
        return 0;
    };
    let own = table.own_price(parent, name, row);
    let set = &field.selection_set.node;
    match value {
        // A mutation did its work and a price was paid even when nothing came back.
        ConstValue::Null if row.price.is_some() || parent == table.mutation() => own,
        ConstValue::Null => 0,
        ConstValue::List(items) => {
            let sum = |n: u64, item| n.saturating_add(set_cost(priced, &row.type_name, set, item));
            let below = items.iter().fold(0, sum);
            let paged = table.kind_of(parent) == Some(Kind::Connection);
            let n = items.len() as u64;
            let own = match (paged, row.price, own) {
                (true, _, own) => own.saturating_mul(n),
                (false, None, LIST_COST) => LIST_COST.max(n),
                (false, _, own) => own,
            };
            own.saturating_add(below)
        }
        one => own.saturating_add(set_cost(priced, &row.type_name, set, one)),
    }
}
