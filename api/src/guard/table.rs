//! What the fields of the schema cost, read from its SDL.

use std::collections::HashMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};
use async_graphql::{Name, Positioned};

/// Cost of one entity.
pub const ENTITY_COST: u64 = 1;
/// Cost of a list field without paging, its entities included.
pub const LIST_COST: u64 = 5;
/// Elements that a list field without paging is taken to have.
pub const LIST_SIZE: u64 = 5;
/// Cost of a connection itself.
pub const CONNECTION_COST: u64 = 2;
/// Cost of the field `count` of a connection.
pub const COUNT_COST: u64 = 10;
/// Cost of a mutation.
pub const MUTATION_COST: u64 = 10;
/// Cost of `__schema` or `__type`.
pub const INTROSPECTION_COST: u64 = 10;

/// What kind of thing a type is, for its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A thing with an identity of its own.
    Entity,
    /// A part of an entity: money, a party, page information, a payload.
    Value,
    /// A page of entities, sized by `first` or `last`.
    Connection,
}

/// Cost-relevant facts of one field.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldRow {
    pub(super) type_name: String,
    pub(super) list: bool,
    pub(super) paged: bool,
    pub(super) price: Option<u64>,
    pub(super) size: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct TypeRow {
    pub(super) kind: Kind,
    pub(super) fields: HashMap<String, FieldRow>,
}

/// Costs of every field of a schema.
#[derive(Clone, Debug)]
pub struct CostTable {
    types: HashMap<String, TypeRow>,
    query: String,
    mutation: String,
}

/// Why no cost table could be made; only at start-up.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The SDL cannot be parsed.
    #[error("the schema's SDL cannot be parsed: {0}")]
    Sdl(String),
    /// An override names a type or field that the schema does not have.
    #[error("the schema has no {0}")]
    Unknown(String),
}

impl CostTable {
    /// Reads a table from a schema's SDL.
    ///
    /// A type named `…Connection` is a connection; any other type with a field `id: ID!` is an
    /// entity; the rest are values. [`Self::kind`] overrides.
    ///
    /// # Errors
    /// When the SDL cannot be parsed.
    pub fn from_sdl(sdl: &str) -> Result<Self, TableError> {
        let document = parse_schema(sdl).map_err(|error| TableError::Sdl(error.to_string()))?;
        let mut table = Self {
            types: HashMap::new(),
            query: "Query".to_owned(),
            mutation: "Mutation".to_owned(),
        };
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let root = |name: Option<Positioned<Name>>| name.map(|n| n.node.to_string());
                    table.query = root(schema.node.query).unwrap_or(table.query);
                    table.mutation = root(schema.node.mutation).unwrap_or(table.mutation);
                }
                TypeSystemDefinition::Type(definition) => {
                    let name = definition.node.name.node.to_string();
                    match definition.node.kind {
                        TypeKind::Object(object) => table.insert(name, &object.fields),
                        TypeKind::Interface(interface) => table.insert(name, &interface.fields),
                        TypeKind::Union(_) => table.insert(name, &[]),
                        TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
                    }
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(table)
    }

    fn insert(&mut self, name: String, definitions: &[Positioned<FieldDefinition>]) {
        let mut kind = if name.ends_with("Connection") {
            Kind::Connection
        } else {
            Kind::Value
        };
        let mut fields = HashMap::new();
        for definition in definitions.iter().map(|definition| &definition.node) {
            let (type_name, list) = named(&definition.ty.node);
            let field = definition.name.node.as_str();
            if field == "id" && type_name == "ID" && kind == Kind::Value {
                kind = Kind::Entity;
            }
            let paged = definition
                .arguments
                .iter()
                .any(|arg| arg.node.name.node == "first");
            let row = FieldRow {
                type_name: type_name.to_owned(),
                list,
                paged,
                ..Default::default()
            };
            fields.insert(field.to_owned(), row);
        }
        self.types.insert(name, TypeRow { kind, fields });
    }

    /// Says what kind a type is.
    ///
    /// # Errors
    /// When the schema has no such type.
    pub fn kind(mut self, type_name: &str, kind: Kind) -> Result<Self, TableError> {
        let row = self.types.get_mut(type_name);
        row.ok_or_else(|| TableError::Unknown(type_name.to_owned()))?
            .kind = kind;
        Ok(self)
    }

    /// Sets the own cost of a field, named `Type.field`; what is selected below comes on top.
    ///
    /// # Errors
    /// When the schema has no such field.
    pub fn price(mut self, field: &str, cost: u64) -> Result<Self, TableError> {
        self.row_mut(field)?.price = Some(cost);
        Ok(self)
    }

    /// Sets how many elements a list field without paging, named `Type.field`, is taken to have.
    ///
    /// # Errors
    /// When the schema has no such field.
    pub fn size(mut self, field: &str, elements: u64) -> Result<Self, TableError> {
        self.row_mut(field)?.size = Some(elements);
        Ok(self)
    }

    fn row_mut(&mut self, field: &str) -> Result<&mut FieldRow, TableError> {
        field
            .split_once('.')
            .and_then(|(ty, field)| self.types.get_mut(ty)?.fields.get_mut(field))
            .ok_or_else(|| TableError::Unknown(field.to_owned()))
    }

    pub(super) fn type_row(&self, name: &str) -> Option<&TypeRow> {
        self.types.get(name)
    }

    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        self.types.get(name).map(|row| row.kind)
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    pub(super) fn mutation(&self) -> &str {
        &self.mutation
    }

    /// What a field costs by itself, its kind and the rules of the model applied.
    pub(super) fn own_price(&self, parent: &str, name: &str, row: &FieldRow) -> u64 {
        if let Some(price) = row.price {
            return price;
        }
        if parent == self.mutation {
            return MUTATION_COST;
        }
        let parent_kind = self.kind_of(parent);
        if name == "count" && parent_kind == Some(Kind::Connection) {
            return COUNT_COST;
        }
        match self.kind_of(&row.type_name) {
            Some(Kind::Connection) => CONNECTION_COST,
            Some(_) if row.list && parent_kind != Some(Kind::Connection) => LIST_COST,
            Some(Kind::Entity) => ENTITY_COST,
            Some(Kind::Value) | None => 0,
        }
    }
}

fn named(ty: &Type) -> (&str, bool) {
    let (mut base, mut list) = (&ty.base, false);
    loop {
        match base {
            BaseType::Named(name) => return (name.as_str(), list),
            BaseType::List(inner) => (base, list) = (&inner.base, true),
        }
    }
}
