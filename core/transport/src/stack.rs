//! The stack: layers in their one order over a client.

use std::fmt;
use std::sync::Arc;

use crate::{Layer, Transport};

/// The layers, outermost first; `client` is the transport under them.
///
/// The order carries meaning: the breaker stands inside retry so that each attempt counts, the
/// limit inside the breaker so that an open circuit costs nothing, signing inside authorization so
/// that a signature covers the token, the timeout inside retry so that it is per attempt.
pub const LAYERS: &[&str] = &[
    "trace",
    "deadline",
    "retry",
    "breaker",
    "limit",
    "authorize",
    "sign",
    "timeout",
    "classify",
    "record",
    "client",
];

/// The layers were not named in the order of [`LAYERS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderError {
    /// What was named, outermost first, without the client.
    pub named: Vec<&'static str>,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "transport layers are [{}], not in their order",
            self.named.join(", ")
        )
    }
}

impl std::error::Error for OrderError {}

/// Collects the layers, outermost first, and builds the transport.
#[derive(Default)]
pub struct Stack {
    layers: Vec<Box<dyn Layer>>,
}

impl Stack {
    /// An empty stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same stack with one more layer inside the ones before.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The transport: all layers around the client.
    ///
    /// # Errors
    /// [`OrderError`] when a layer is missing, named twice or out of order.
    pub fn over(self, client: Arc<dyn Transport>) -> Result<Arc<dyn Transport>, OrderError> {
        self.over_watched(client, &|_, transport| transport)
    }

    /// The transport, with something put around each part as it is built: probes and chaos in
    /// tests. `watch` is given a layer's name and the transport that begins with it.
    ///
    /// # Errors
    /// [`OrderError`] as in [`over`](Self::over).
    pub fn over_watched(
        self,
        client: Arc<dyn Transport>,
        watch: &dyn Fn(&'static str, Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> Result<Arc<dyn Transport>, OrderError> {
        let named: Vec<_> = self.layers.iter().map(|layer| layer.name()).collect();
        let (innermost, above) = LAYERS.split_last().expect("the table ends with the client");
        if named != above {
            return Err(OrderError { named });
        }
        let mut transport = watch(innermost, client);
        for layer in self.layers.iter().rev() {
            transport = watch(layer.name(), layer.wrap(transport));
        }
        Ok(transport)
    }
}

#[cfg(test)]
mod tests;
