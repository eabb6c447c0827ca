//! Depth and width of a parsed document with its fragments expanded, without expanding them.
//!
//! Each fragment is measured once, in the order of their spreads, so that a document whose
//! expansion would be astronomically large is refused in linear time.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::limits::{Limits, Refusal};

/// Lists of the introspection types; one below another multiplies the whole schema by itself.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
const INTROSPECTION_ROOTS: [&str; 2] = ["__schema", "__type"];

/// Measures of one selection set, fragments expanded; depths count from this set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Selections.
    pub expanded: u64,
    /// Fields of this set itself.
    pub roots: u64,
    /// Fields below each other, introspection left out.
    pub depth: usize,
    /// Fields and fragments inside each other.
    pub frames: usize,
    /// Fields below each other if this set stood in introspection.
    as_meta_depth: usize,
    /// Whether an introspection list is in this set, and whether one is below another.
    lists: bool,
    lists_nested: bool,
    /// The same two measures of the introspection roots in this set.
    meta_depth: usize,
    meta_nested: bool,
}

/// Measures a document and refuses it above the limits of depth and width.
///
/// # Errors
/// `QUERY_INVALID` for fragments that spread themselves; `QUERY_TOO_LARGE` above a limit.
pub fn measure(document: &ExecutableDocument, limits: &Limits) -> Result<Shape, Refusal> {
    let mut known = HashMap::new();
    for name in spread_order(document)? {
        let set = &document.fragments[name].node.selection_set.node;
        known.insert(name, shape_of(set, &known));
    }
    let mut whole = Shape::default();
    for (_, operation) in document.operations.iter() {
        let shape = shape_of(&operation.node.selection_set.node, &known);
        whole.add(&shape);
    }
    check(&whole, limits)?;
    // A fragment that no operation uses still goes through the validator.
    for shape in known.values() {
        check_frames(shape, limits)?;
    }
    Ok(whole)
}

fn check(shape: &Shape, limits: &Limits) -> Result<(), Refusal> {
    check_frames(shape, limits)?;
    if shape.roots > limits.root_fields as u64 {
        return Err(Refusal::too_many("fields at the top", limits.root_fields));
    }
    if shape.depth > limits.depth {
        return Err(Refusal::too_many("fields below each other", limits.depth));
    }
    if shape.meta_depth > limits.introspection_depth {
        let max = limits.introspection_depth;
        return Err(Refusal::too_many(
            "introspection fields below each other",
            max,
        ));
    }
    if shape.meta_nested {
        return Err(Refusal::too_many("introspection lists below each other", 1));
    }
    Ok(())
}

fn check_frames(shape: &Shape, limits: &Limits) -> Result<(), Refusal> {
    if shape.expanded > limits.expanded {
        return Err(Refusal::too_many(
            "selections after its fragments",
            limits.expanded,
        ));
    }
    if shape.frames > limits.frames {
        return Err(Refusal::too_many(
            "fields and fragments inside each other",
            limits.frames,
        ));
    }
    Ok(())
}

/// Names of the fragments, each after those that it spreads.
fn spread_order(document: &ExecutableDocument) -> Result<Vec<&str>, Refusal> {
    let mut waits: HashMap<&str, usize> = HashMap::new();
    let mut users: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, fragment) in &document.fragments {
        let mut spreads = Vec::new();
        collect_spreads(&fragment.node.selection_set.node, &mut spreads);
        spreads.sort_unstable();
        spreads.dedup();
        spreads.retain(|used| document.fragments.contains_key(*used));
        waits.insert(name.as_str(), spreads.len());
        for used in spreads {
            users.entry(used).or_default().push(name.as_str());
        }
    }
    let mut order: Vec<&str> = waits
        .iter()
        .filter(|(_, n)| **n == 0)
        .map(|(name, _)| *name)
        .collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for user in users.get(done).into_iter().flatten() {
            let left = waits
                .get_mut(user)
                .expect("every user is a fragment of the document");
            *left -= 1;
            if *left == 0 {
                order.push(user);
            }
        }
    }
    if order.len() < document.fragments.len() {
        return Err(Refusal::invalid("A fragment spreads itself."));
    }
    Ok(order)
}

/// Recursion is bounded by the bracket nesting that the scanner lets through.
fn collect_spreads<'a>(set: &'a SelectionSet, into: &mut Vec<&'a str>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, into),
            Selection::InlineFragment(inline) => {
                collect_spreads(&inline.node.selection_set.node, into);
            }
            Selection::FragmentSpread(spread) => into.push(&spread.node.fragment_name.node),
        }
    }
}

/// Recursion is bounded by the bracket nesting that the scanner lets through.
fn shape_of(set: &SelectionSet, known: &HashMap<&str, Shape>) -> Shape {
    let mut whole = Shape::default();
    for selection in &set.items {
        let part = match &selection.node {
            Selection::Field(field) => {
                let below = shape_of(&field.node.selection_set.node, known);
                below.under_field(&field.node.name.node)
            }
            Selection::InlineFragment(inline) => {
                shape_of(&inline.node.selection_set.node, known).under_fragment()
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                known
                    .get(name)
                    .copied()
                    .unwrap_or_default()
                    .under_fragment()
            }
        };
        whole.add(&part);
    }
    whole
}

impl Shape {
    /// Whether introspection is asked.
    pub fn introspects(&self) -> bool {
        self.meta_depth > 0
    }

    fn under_field(self, name: &str) -> Self {
        let mut shape = Self {
            expanded: self.expanded.saturating_add(1),
            roots: 1,
            frames: self.frames + 1,
            ..self
        };
        if INTROSPECTION_ROOTS.contains(&name) {
            return Self {
                depth: 1,
                meta_depth: self.as_meta_depth + 1,
                meta_nested: self.lists_nested,
                ..shape
            };
        }
        let listing = INTROSPECTION_LISTS.contains(&name);
        shape.depth = self.depth + 1;
        shape.as_meta_depth = self.as_meta_depth + 1;
        shape.lists_nested = self.lists_nested || (listing && self.lists);
        shape.lists = self.lists || listing;
        shape
    }

    fn under_fragment(self) -> Self {
        Self {
            expanded: self.expanded.saturating_add(1),
            frames: self.frames + 1,
            ..self
        }
    }

    fn add(&mut self, other: &Self) {
        self.expanded = self.expanded.saturating_add(other.expanded);
        self.roots = self.roots.saturating_add(other.roots);
        self.depth = self.depth.max(other.depth);
        self.frames = self.frames.max(other.frames);
        self.as_meta_depth = self.as_meta_depth.max(other.as_meta_depth);
        self.meta_depth = self.meta_depth.max(other.meta_depth);
        self.lists |= other.lists;
        self.lists_nested |= other.lists_nested;
        self.meta_nested |= other.meta_nested;
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
pub(crate) mod tests;
