//! Values of arguments and variables, checked against the schema before anything runs.
//!
//! The executor's validator looks into no custom scalar, passes over an argument in which a
//! variable is absent, and lets a text stand for an input object; it would find each only while it
//! runs, and answer with an error of a field. GraphQL (September 2025, section 6.1.2 and 5.6)
//! wants one of the request.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, FieldDefinition, InputValueDefinition,
    OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{ErrorExtensionValues, Pos, Positioned, ServerError, Variables};
use async_graphql_value::{ConstValue, Value};

use super::mutation::IDEMPOTENCY_KEY_CHARS_MAX;
use super::scalars;
use crate::http::code::Code;

/// Levels of lists and input objects in one value; the guard lets through fewer brackets.
const VALUE_DEPTH_MAX: usize = 128;

/// The field of inputs that makes a repeated write answer the same.
const IDEMPOTENCY_KEY: &str = "idempotencyKey";

/// One argument, or one field of an input object.
struct Slot {
    ty: Type,
    required: bool,
}

type Slots = HashMap<String, Slot>;

/// A field of an object or an interface.
struct FieldInputs {
    arguments: Slots,
    type_name: String,
}

/// What the schema takes as input.
pub(super) struct InputTable {
    fields: HashMap<String, HashMap<String, FieldInputs>>,
    inputs: HashMap<String, Slots>,
    enums: HashMap<String, HashSet<String>>,
}

impl InputTable {
    /// The inputs of a schema's SDL.
    ///
    /// # Errors
    /// When the SDL cannot be parsed; a defect of this build.
    pub(super) fn from_sdl(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut table = Self {
            fields: HashMap::new(),
            inputs: HashMap::new(),
            enums: HashMap::new(),
        };
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    table.fields.insert(name, fields(&object.fields));
                }
                TypeKind::Interface(interface) => {
                    table.fields.insert(name, fields(&interface.fields));
                }
                TypeKind::InputObject(input) => {
                    table.inputs.insert(name, slots(&input.fields));
                }
                TypeKind::Enum(words) => {
                    let words = words.values.iter();
                    let words = words.map(|word| word.node.value.node.to_string());
                    table.enums.insert(name, words.collect());
                }
                TypeKind::Scalar | TypeKind::Union(_) => {}
            }
        }
        Ok(table)
    }

    /// Refuses an operation with a value that its type does not take.
    pub(super) fn check(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
    ) -> Result<(), ServerError> {
        // The executor speaks about an operation that is not there.
        let Some(definition) = chosen(document, operation) else {
            return Ok(());
        };
        let walk = Walk {
            table: self,
            definition,
            variables,
        };
        let root = match definition.ty {
            OperationType::Query | OperationType::Subscription => "Query",
            OperationType::Mutation => "Mutation",
        };
        walk.set(root, &definition.selection_set.node)?;
        // Each fragment once: how often it is spread changes nothing about its values.
        for fragment in document.fragments.values() {
            let on = fragment.node.type_condition.node.on.node.as_str();
            walk.set(on, &fragment.node.selection_set.node)?;
        }
        Ok(())
    }
}

fn fields(definitions: &[Positioned<FieldDefinition>]) -> HashMap<String, FieldInputs> {
    let row = |definition: &FieldDefinition| FieldInputs {
        arguments: slots(&definition.arguments),
        type_name: innermost(&definition.ty.node).to_owned(),
    };
    definitions
        .iter()
        .map(|definition| (definition.node.name.node.to_string(), row(&definition.node)))
        .collect()
}

fn slots(definitions: &[Positioned<InputValueDefinition>]) -> Slots {
    let slot = |definition: &InputValueDefinition| Slot {
        required: !definition.ty.node.nullable && definition.default_value.is_none(),
        ty: definition.ty.node.clone(),
    };
    definitions
        .iter()
        .map(|definition| {
            (
                definition.node.name.node.to_string(),
                slot(&definition.node),
            )
        })
        .collect()
}

fn innermost(ty: &Type) -> &str {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::Named(name) => return name.as_str(),
            BaseType::List(inner) => base = &inner.base,
        }
    }
}

fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(only), _) => Some(&only.node),
        (DocumentOperations::Multiple(many), Some(name)) => many.get(name).map(|one| &one.node),
        (DocumentOperations::Multiple(many), None) => many.values().next().map(|one| &one.node),
    }
}

struct Walk<'a> {
    table: &'a InputTable,
    definition: &'a OperationDefinition,
    variables: &'a Variables,
}

impl Walk<'_> {
    /// Recursion is bounded by the guard's `Limits::frames`.
    fn set(&self, ty: &str, set: &SelectionSet) -> Result<(), ServerError> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    // The validator speaks about fields and arguments that do not exist.
                    let known = self.table.fields.get(ty);
                    let name = field.node.name.node.as_str();
                    let Some(row) = known.and_then(|fields| fields.get(name)) else {
                        continue;
                    };
                    for (argument, value) in &field.node.arguments {
                        let name = argument.node.as_str();
                        if let Some(slot) = row.arguments.get(name) {
                            let at = (name, value.pos);
                            self.value(&slot.ty, &value.node, at, VALUE_DEPTH_MAX)?;
                        }
                    }
                    self.set(&row.type_name, &field.node.selection_set.node)?;
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let ty = on.map_or(ty, |on| on.node.on.node.as_str());
                    self.set(ty, &inline.node.selection_set.node)?;
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn value(
        &self,
        ty: &Type,
        value: &Value,
        at: (&str, Pos),
        depth: usize,
    ) -> Result<(), ServerError> {
        if depth == 0 {
            return Err(refuse(at, "it is nested too deeply"));
        }
        match (&ty.base, value) {
            // A variable that is absent or null is the validator's to judge.
            (_, Value::Variable(name)) => match self.variable(name) {
                Some(ConstValue::Null) | None => Ok(()),
                Some(found) => {
                    let found = found.clone().into_value();
                    self.value(ty, &found, at, depth - 1)
                }
            },
            (_, Value::Null) if ty.nullable => Ok(()),
            (_, Value::Null) => Err(refuse(at, "it may not be null")),
            (BaseType::List(inner), Value::List(items)) => items
                .iter()
                .try_for_each(|item| self.value(inner, item, at, depth - 1)),
            (BaseType::List(inner), one) => self.value(inner, one, at, depth - 1),
            (BaseType::Named(name), value) => self.named(name, value, at, depth - 1),
        }
    }

    fn named(
        &self,
        name: &str,
        value: &Value,
        at: (&str, Pos),
        depth: usize,
    ) -> Result<(), ServerError> {
        if let Some(slots) = self.table.inputs.get(name) {
            return match value {
                Value::Object(given) => self.object((name, slots), given, at.1, depth),
                _ => Err(refuse(at, &format!("an input object `{name}` is wanted"))),
            };
        }
        if let Some(words) = self.table.enums.get(name) {
            let word = match value {
                Value::Enum(word) => Some(word.as_str()),
                // In JSON an enum's word is a text.
                Value::String(word) => Some(word.as_str()),
                _ => None,
            };
            return match word {
                Some(word) if words.contains(word) => Ok(()),
                _ => Err(refuse(at, &format!("no word of `{name}`"))),
            };
        }
        match value.clone().into_const() {
            Some(value) => scalars::check(name, value)
                .map_err(|reason| refuse(at, &format!("no `{name}`: {reason}"))),
            // A list or object for a scalar that holds variables.
            None => Err(refuse(at, &format!("no `{name}`"))),
        }
    }

    fn object(
        &self,
        (type_name, slots): (&str, &Slots),
        given: &async_graphql::indexmap::IndexMap<async_graphql::Name, Value>,
        pos: Pos,
        depth: usize,
    ) -> Result<(), ServerError> {
        for (name, value) in given {
            let Some(slot) = slots.get(name.as_str()) else {
                return Err(refuse(
                    (name, pos),
                    &format!("`{type_name}` has no such field"),
                ));
            };
            self.value(&slot.ty, value, (name, pos), depth)?;
            if name == IDEMPOTENCY_KEY {
                self.idempotency_key(value, (name, pos))?;
            }
        }
        let missing = slots
            .iter()
            .find(|(name, slot)| slot.required && !given.contains_key(name.as_str()));
        match missing {
            Some((name, _)) => Err(refuse((name, pos), "it is required")),
            None => Ok(()),
        }
    }

    /// A key that cannot be kept is refused before a write begins.
    fn idempotency_key(&self, value: &Value, at: (&str, Pos)) -> Result<(), ServerError> {
        let text = match value {
            Value::String(text) => Some(text),
            Value::Variable(name) => match self.variable(name) {
                Some(ConstValue::String(text)) => Some(text),
                _ => None,
            },
            _ => None,
        };
        let fits = |text: &String| (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.chars().count());
        match text {
            Some(text) if !fits(text) => Err(refuse(
                at,
                &format!("it has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters"),
            )),
            _ => Ok(()),
        }
    }

    /// The value of a variable, its default when the request gives none.
    fn variable(&self, name: &str) -> Option<&ConstValue> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.definition.variable_definitions.iter();
            let found = definitions.find(|definition| definition.node.name.node == name)?;
            found.node.default_value()
        })
    }
}

fn refuse((name, pos): (&str, Pos), reason: &str) -> ServerError {
    let mut error = ServerError::new(format!("Invalid value for `{name}`: {reason}."), Some(pos));
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", Code::QueryInvalid.as_str());
    error.extensions = Some(extensions);
    error
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
