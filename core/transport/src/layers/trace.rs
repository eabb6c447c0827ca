//! Layer 1: one span for each logical call.

use std::sync::Arc;

use fondaco_model::Fault;
use futures_util::future::BoxFuture;
use tracing::Instrument;
use tracing::field::Empty;

use crate::{Answer, Call, Layer, Transport};

/// Opens the span `provider.call` with operation, institution, tenant, number of attempts,
/// outcome and reason; never an address's query, a header or a body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trace;

impl Layer for Trace {
    fn name(&self) -> &'static str {
        "trace"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Tracing { inner })
    }
}

struct Tracing {
    inner: Arc<dyn Transport>,
}

impl Transport for Tracing {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        let span = tracing::info_span!(
            "provider.call",
            op = call.op,
            institution = call.target.institution,
            tenant = %call.caller.tenant,
            attempts = Empty,
            outcome = Empty,
            reason = Empty,
        );
        let within = span.clone();
        Box::pin(
            async move {
                let result = self.inner.send(call).await;
                match &result {
                    Ok(_) => span.record("outcome", "OK"),
                    Err(fault) => {
                        span.record("reason", fault.get("reason"));
                        span.record("outcome", fault.kind.code())
                    }
                };
                tracing::debug!("The call to the provider is over.");
                result
            }
            .instrument(within),
        )
    }
}
