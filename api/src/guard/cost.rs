//! Requested cost and nodes of an operation, computed before anything runs.

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Positioned, Variables};
use async_graphql_value::{ConstValue, Value};

use super::limits::{Limits, Refusal};
use super::rate::KeyClass;
use super::table::{CostTable, FieldRow, INTROSPECTION_COST, Kind, LIST_SIZE};
use crate::http::code::Code;

/// Largest `first` or `last` of browser and server keys.
pub const PAGE_MAX: u64 = 250;
/// Largest `first` or `last` of job keys.
pub const JOB_PAGE_MAX: u64 = 1_000;

/// An operation with all that its cost depends on.
#[derive(Clone, Copy)]
pub struct Priced<'a> {
    /// Costs of the schema's fields.
    pub table: &'a CostTable,
    /// The document; its fragments hold no cycle and expand within the limits.
    pub document: &'a ExecutableDocument,
    /// The operation that will run.
    pub operation: &'a OperationDefinition,
    /// Values of the variables.
    pub variables: &'a Variables,
}

/// Requested cost and requested nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cost units.
    pub cost: u64,
    /// Entities, edges and list elements.
    pub nodes: u64,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            nodes: self.nodes.saturating_add(other.nodes),
        }
    }

    fn times(self, n: u64) -> Self {
        Self {
            cost: self.cost.saturating_mul(n),
            nodes: self.nodes.saturating_mul(n),
        }
    }
}

/// Cost that an operation asks for; never below 1.
///
/// An upper bound: branches of interfaces are added up, and a page is taken to be full.
///
/// # Errors
/// `QUERY_INVALID` for a page size outside 1 to the class's maximum; `QUERY_TOO_EXPENSIVE` above
/// the class's cost or the number of nodes.
pub fn requested(priced: &Priced, class: KeyClass, limits: &Limits) -> Result<Tally, Refusal> {
    let page_max = if class == KeyClass::Job {
        JOB_PAGE_MAX
    } else {
        PAGE_MAX
    };
    let walk = Walk { priced, page_max };
    let root = priced.root();
    let mut tally = walk.set(root, &priced.operation.selection_set.node, None)?;
    tally.cost = tally.cost.max(1);
    if tally.nodes > limits.nodes {
        let message = format!("The query asks for more than {} nodes.", limits.nodes);
        return Err(Refusal::new(Code::QueryTooExpensive, message));
    }
    let max = class.request_cost_max();
    if tally.cost > max {
        let cost = tally.cost;
        let message = format!("The query's cost is {cost}; this key may ask {max} at once.");
        return Err(Refusal::new(Code::QueryTooExpensive, message));
    }
    Ok(tally)
}

impl Priced<'_> {
    pub(super) fn root(&self) -> &str {
        match self.operation.ty {
            OperationType::Query | OperationType::Subscription => self.table.query(),
            OperationType::Mutation => self.table.mutation(),
        }
    }

    /// Whether a selection runs, as far as `@skip` and `@include` decide it.
    pub(super) fn runs(&self, directives: &[Positioned<Directive>]) -> bool {
        directives
            .iter()
            .map(|directive| &directive.node)
            .all(|directive| {
                let unless = match directive.name.node.as_str() {
                    "skip" => true,
                    "include" => false,
                    _ => return true,
                };
                let value = directive
                    .get_argument("if")
                    .map(|value| self.see(&value.node));
                value != Some(Seen::Boolean(unless))
            })
    }

    /// What the cost needs of an argument; nothing when it is absent or null.
    fn argument(&self, field: &Field, name: &str) -> Option<Seen> {
        let seen = self.see(&field.get_argument(name)?.node);
        (seen != Seen::Null).then_some(seen)
    }

    /// Looks at a value where it is: an expanded fragment may ask for one ten thousand times.
    fn see(&self, value: &Value) -> Seen {
        match value {
            Value::Variable(name) => self.variable(name).map_or(Seen::Null, see_const),
            Value::Null => Seen::Null,
            Value::Number(number) => Seen::Number(number.as_u64()),
            Value::Boolean(value) => Seen::Boolean(*value),
            Value::List(items) => Seen::List(items.len() as u64),
            Value::String(_) | Value::Enum(_) | Value::Binary(_) | Value::Object(_) => Seen::Other,
        }
    }

    fn variable(&self, name: &str) -> Option<&ConstValue> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == name)?;
            definition.node.default_value()
        })
    }
}

/// As much of a value as the cost depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Null,
    /// A number, if it is a whole one from zero.
    Number(Option<u64>),
    Boolean(bool),
    /// Elements of a list.
    List(u64),
    Other,
}

fn see_const(value: &ConstValue) -> Seen {
    match value {
        ConstValue::Null => Seen::Null,
        ConstValue::Number(number) => Seen::Number(number.as_u64()),
        ConstValue::Boolean(value) => Seen::Boolean(*value),
        ConstValue::List(items) => Seen::List(items.len() as u64),
        ConstValue::String(_)
        | ConstValue::Enum(_)
        | ConstValue::Binary(_)
        | ConstValue::Object(_) => Seen::Other,
    }
}

struct Walk<'a> {
    priced: &'a Priced<'a>,
    page_max: u64,
}

impl Walk<'_> {
    /// Recursion is bounded by `Limits::frames`; `page` is the size of the connection that
    /// `set` selects from.
    fn set(&self, ty: &str, set: &SelectionSet, page: Option<u64>) -> Result<Tally, Refusal> {
        let mut sum = Tally::default();
        for selection in &set.items {
            let selection = &selection.node;
            if !self.priced.runs(selection.directives()) {
                continue;
            }
            let part = match selection {
                Selection::Field(field) => self.field(ty, &field.node, page)?,
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let ty = on.map_or(ty, |on| on.node.on.node.as_str());
                    self.set(ty, &inline.node.selection_set.node, page)?
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    match self.priced.document.fragments.get(name) {
                        Some(fragment) => {
                            let on = fragment.node.type_condition.node.on.node.as_str();
                            self.set(on, &fragment.node.selection_set.node, page)?
                        }
                        None => Tally::default(),
                    }
                }
            };
            sum = sum.plus(part);
        }
        Ok(sum)
    }

    fn field(&self, parent: &str, field: &Field, page: Option<u64>) -> Result<Tally, Refusal> {
        let name = field.name.node.as_str();
        if name == "__schema" || name == "__type" {
            return Ok(Tally {
                cost: INTROSPECTION_COST,
                nodes: 0,
            });
        }
        let table = self.priced.table;
        // The validator speaks about fields that do not exist.
        let Some(row) = table.type_row(parent).and_then(|ty| ty.fields.get(name)) else {
            return Ok(Tally::default());
        };
        let own = table.own_price(parent, name, row);
        let kind = table.kind_of(&row.type_name);
        let size = self.page_size(field, row, kind)?;
        let below = self.set(&row.type_name, &field.selection_set.node, size)?;
        let node = Tally {
            cost: 0,
            nodes: u64::from(kind == Some(Kind::Entity)),
        };
        let one = below.plus(node);
        Ok(match (row.list, page) {
            // `nodes` and `edges` of a connection: as many as its page.
            (true, Some(n)) => one
                .plus(Tally {
                    cost: own,
                    nodes: 0,
                })
                .times(n),
            (true, None) if kind.is_some() => {
                let n = self.list_size(field, row);
                let own = if row.price.is_none() { own.max(n) } else { own };
                Tally {
                    cost: own,
                    nodes: 0,
                }
                .plus(one.times(n))
            }
            _ => Tally {
                cost: own,
                nodes: 0,
            }
            .plus(one),
        })
    }

    /// Elements of a list without paging: as many as `ids` were given, or what the table says.
    fn list_size(&self, field: &Field, row: &FieldRow) -> u64 {
        match self.priced.argument(field, "ids") {
            Some(Seen::List(ids)) => ids,
            Some(_) => 1,
            None => row.size.unwrap_or(LIST_SIZE),
        }
    }

    fn page_size(
        &self,
        field: &Field,
        row: &FieldRow,
        kind: Option<Kind>,
    ) -> Result<Option<u64>, Refusal> {
        if kind != Some(Kind::Connection) {
            return Ok(None);
        }
        if !row.paged {
            return Ok(Some(row.size.unwrap_or(LIST_SIZE)));
        }
        let argument = |name| self.priced.argument(field, name);
        let given = match (argument("first"), argument("last")) {
            (Some(size), None) | (None, Some(size)) => Some(size),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let size = match given {
            Some(Seen::Number(size)) => size,
            _ => None,
        };
        match size {
            Some(size) if (1..=self.page_max).contains(&size) => Ok(Some(size)),
            _ => Err(self.wrong_page(field)),
        }
    }

    fn wrong_page(&self, field: &Field) -> Refusal {
        let (name, max) = (&field.name.node, self.page_max);
        let message = format!("`{name}` needs `first` or `last`, one of them, from 1 to {max}.");
        Refusal::invalid(message).at(field.name.pos)
    }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
