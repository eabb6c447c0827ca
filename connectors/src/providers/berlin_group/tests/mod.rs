//! Tests of the family: mapping, paging, requests, the consent flow and faults.

mod flow;
mod mapping;
mod paging;

use fondaco_model::exchange::{Response, ResponseHead};
use fondaco_model::provider::Manifest;
use http::{HeaderMap, StatusCode};
use url::Url;

use super::BerlinGroup;
use crate::core::testing::{Keep, NOW, manifest};
use crate::core::{Client, Connector, Cx, Next, Stream};

fn client() -> Client {
    Client {
        id: "client-1".to_owned(),
        redirect_uri: Url::parse("https://fondaco.example/callback/reg_1").unwrap(),
    }
}

fn context<'a>(manifest: &'a Manifest, client: &'a Client) -> Cx<'a> {
    Cx {
        client: Some(client),
        consent_ref: Some("consent-1"),
        ..Cx::new(manifest, NOW)
    }
}

fn head(status: u16) -> ResponseHead {
    ResponseHead {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
    }
}

fn response(status: u16, body: &str) -> Response {
    Response {
        head: head(status),
        body: body.as_bytes().to_vec(),
    }
}

fn page(stream: &Stream, body: &[u8], keep: &mut Keep) -> Result<Next, fondaco_model::Fault> {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    BerlinGroup.page(&cx, stream, &head(200), &mut &body[..], keep)
}
