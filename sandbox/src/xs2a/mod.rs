//! The Berlin Group's `NextGenPSD2` 1.3.x account information service.

mod accounts;
mod admit;
mod consents;
mod refusal;
mod request;
mod rows;
mod transactions;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::consent::Approach;
use crate::state::Shared;

/// Base path of the API whose consents are approved at the authorization server.
pub(crate) const OAUTH_BASE: &str = "/psd2/v1";
/// Base path of the API whose consents are approved by a plain redirect.
pub(crate) const REDIRECT_BASE: &str = "/redirect-bank/psd2/v1";
/// Page that a plain redirect leads to.
const REDIRECT_PAGE: &str = "/redirect-bank/authorize";

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .nest(OAUTH_BASE, api(Approach::OAuth))
        .nest(REDIRECT_BASE, api(Approach::Redirect))
        .route(REDIRECT_PAGE, get(consents::open_page))
}

fn base_of(approach: Approach) -> &'static str {
    match approach {
        Approach::OAuth => OAUTH_BASE,
        Approach::Redirect => REDIRECT_BASE,
    }
}

fn api(approach: Approach) -> Router<Shared> {
    Router::new()
        .route("/consents", post(consents::create))
        .route("/consents/{id}", get(consents::show).delete(consents::end))
        .route("/consents/{id}/status", get(consents::status))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", get(accounts::detail))
        .route("/accounts/{id}/balances", get(accounts::balances))
        .route("/accounts/{id}/transactions", get(transactions::list))
        .route(
            "/accounts/{id}/transactions/{transaction}",
            get(transactions::detail),
        )
        .fallback(refusal::no_such_path)
        .method_not_allowed_fallback(refusal::no_such_method)
        .layer(middleware::from_fn(echo_request_id))
        .layer(Extension(approach))
}

/// Every answer carries the X-Request-ID of its request.
async fn echo_request_id(req: Request, next: Next) -> Response {
    let id = req.headers().get(request::REQUEST_ID).cloned();
    let mut response = next.run(req).await;
    if let Some(id) = id {
        response.headers_mut().insert(request::REQUEST_ID, id);
    }
    response
}
