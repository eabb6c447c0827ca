//! One record as a small tree that borrows from its bytes.

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::DEPTH_MAX;

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    attributes: Vec<(String, String)>,
    text: Cow<'a, str>,
    children: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first element at a path below this one.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, name| {
            node.children.iter().find(|child| child.name == *name)
        })
    }

    /// The children of a name, in their order.
    pub(crate) fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Node<'a>> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element's own text without surrounding space; empty is absent.
    pub(crate) fn own_text(&self) -> Option<&str> {
        let text = self.text.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The text of the first element at a path.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.own_text()
    }
}

/// Reads a record; an error is the rule's word.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node<'_>, &'static str> {
    const BROKEN: &str = "record.not_xml";
    let input = std::str::from_utf8(bytes).map_err(|_| "record.not_utf8")?;
    let mut reader = Reader::from_str(input);
    let mut open: Vec<Node<'_>> = Vec::new();
    // Ends with the record; each round consumes at least one token of it.
    loop {
        let before = usize::try_from(reader.buffer_position()).map_err(|_| BROKEN)?;
        let event = reader.read_event().map_err(|_| BROKEN)?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err("record.too_deep");
                }
                open.push(node(input, before, &start).ok_or(BROKEN)?);
                None
            }
            Event::Empty(start) => Some(node(input, before, &start).ok_or(BROKEN)?),
            Event::End(_) => Some(open.pop().ok_or(BROKEN)?),
            Event::Text(text) => {
                append(&mut open, text.into_inner());
                None
            }
            Event::CData(text) => {
                append(&mut open, text.into_inner());
                None
            }
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().map_err(|_| BROKEN)?;
                let text = match character {
                    Some(character) => Cow::Owned(character.to_string()),
                    None => Cow::Borrowed(resolve_xml_entity(&entity).ok_or(BROKEN)?),
                };
                append(&mut open, text);
                None
            }
            Event::Comment(_) => None,
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => return Err(BROKEN),
        };
        match (closed, open.last_mut()) {
            (Some(child), Some(parent)) => parent.children.push(child),
            (Some(root), None) => return Ok(root),
            (None, _) => {}
        }
    }
}

fn node<'a>(input: &'a str, before: usize, start: &BytesStart<'_>) -> Option<Node<'a>> {
    // The event borrows from the reader; the same letters stand in the record itself.
    let from = before.checked_add(1)?;
    let name = input.get(from..from.checked_add(start.name().as_ref().len())?)?;
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .ok()?
            .into_owned();
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Some(Node {
        name,
        attributes,
        ..Node::default()
    })
}

fn append<'a>(open: &mut [Node<'a>], text: Cow<'a, str>) {
    let Some(node) = open.last_mut() else { return };
    if node.text.is_empty() {
        node.text = text;
    } else {
        node.text.to_mut().push_str(&text);
    }
}
