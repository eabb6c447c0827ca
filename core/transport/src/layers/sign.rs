//! Layer 7: makes the headers that are new with each attempt, then signs.

use std::sync::Arc;

use fondaco_model::exchange::Fresh;
use fondaco_model::{Effects, Fault};
use futures_util::future::BoxFuture;
use http::HeaderValue;

use crate::{Answer, Call, Layer, Transport, http_date};

/// Signs requests for institutions that ask for it.
pub trait Signer: Send + Sync {
    /// The call with its signature attached; as it was when the institution asks for none.
    ///
    /// # Errors
    /// Any fault; it ends the attempt before anything is sent.
    fn sign<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Call<'a>, Fault>>;
}

/// Fills [`Fresh`] headers for each attempt and hands the call to the signer, if there is one.
#[derive(Clone)]
pub struct Sign {
    effects: Effects,
    signer: Option<Arc<dyn Signer>>,
}

impl Sign {
    /// A layer with a signer, or without one.
    pub fn new(effects: Effects, signer: Option<Arc<dyn Signer>>) -> Self {
        Self { effects, signer }
    }

    fn refresh<'a>(&self, mut call: Call<'a>) -> Call<'a> {
        for (name, fresh) in std::mem::take(&mut call.request.fresh) {
            let text = match fresh {
                // Version 4: a request id need not tell the time.
                Fresh::Uuid => uuid::Builder::from_random_bytes(self.effects.bytes())
                    .into_uuid()
                    .hyphenated()
                    .to_string(),
                Fresh::Date => http_date::format(self.effects.now()),
            };
            let value = HeaderValue::from_str(&text).expect("ids and dates are plain ASCII");
            call.request.headers.insert(name, value);
        }
        call
    }
}

impl Layer for Sign {
    fn name(&self) -> &'static str {
        "sign"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Signing {
            inner,
            sign: self.clone(),
        })
    }
}

struct Signing {
    inner: Arc<dyn Transport>,
    sign: Sign,
}

impl Transport for Signing {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let fresh = self.sign.refresh(call);
            let signed = match &self.sign.signer {
                Some(signer) => signer.sign(fresh).await?,
                None => fresh,
            };
            self.inner.send(signed).await
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::testkit::{API, Held, Script, call, target};

    #[tokio::test]
    async fn fresh_headers_are_made_for_the_attempt_and_take_the_place_of_older_ones() {
        let script = Script::new([]);
        let stack = Sign::new(Held::new().effects(), None).wrap(script.clone());
        let target = target("a");
        let mut call = call(&target, API);
        let id = HeaderName::from_static("x-request-id");
        call.request
            .headers
            .insert(id.clone(), HeaderValue::from_static("old"));
        call.request.fresh = vec![(id, Fresh::Uuid), (http::header::DATE, Fresh::Date)];
        stack.send(call).await.unwrap();
        let id: uuid::Uuid = script.header(0, "x-request-id").parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(script.header(0, "date"), "Fri, 02 Jan 2026 03:04:05 GMT");
    }
}
