//! `POST /v1/statements`: a statement file is received, sealed piece by piece, and waits for the
//! mutation that imports it.

#![expect(
    clippy::unnecessary_box_returns,
    reason = "a refusal is much larger than a success"
)]

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fondaco_model::Instant;
use fondaco_model::ids::{DataKeyId, EndUserId, RawAnswerId, UploadId};
use fondaco_model::provider::Resource;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::raw::{self, NewRawAnswer, UNNAMED_SECONDS};
use fondaco_store::repo::upload::{self, UploadRow, Waiting};
use fondaco_store::repo::{end_user, tenant};
use fondaco_store::{Db, OPERATOR, StoreError, in_tx};
use fondaco_vault::VaultError;
use fondaco_vault::access::{Authenticated, check_end_user_ref};
use fondaco_vault::raw::RawWriter;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::ConnectState;
use super::body::Pieces;
use super::places::{Full, UPLOADS_OF_KEY};
use super::stop::limited;
use super::visit::Visit;
use crate::http::code::Code;
use crate::http::problem::Problem;
use crate::http::{bearer, cors, problem_response};

/// Seconds after which an upload that nobody imported is deleted: one day. Its content goes
/// [`UNNAMED_SECONDS`] later, unless another upload or import has the same.
pub const UPLOAD_SECONDS: i64 = 86_400;

/// Most uploads of a person that wait for their import at the same time.
pub const WAITING_MAX: i64 = 20;

/// When to come again while the key's places are taken.
const PLACE_WAIT: Duration = Duration::from_secs(10);

/// Names the person by the tenant's own reference, like `?endUser=` but outside the address.
const END_USER: HeaderName = HeaderName::from_static("fondaco-end-user");
/// Media types of statements; a file's format is told by its content.
const MEDIA: [&str; 3] = ["application/xml", "text/xml", "application/octet-stream"];

/// What pages may send here.
const CORS: cors::Allowed = cors::Allowed {
    allow: "POST, OPTIONS",
    methods: "POST",
    headers: "authorization, content-type, fondaco-end-user, x-request-id",
};

/// A refused upload; boxed, because it is much larger than a success.
type Refused = Box<Problem>;

fn refuse(code: Code, message: impl Into<String>) -> Refused {
    Box::new(Problem::new(code, message))
}

fn http(status: StatusCode, message: &str) -> Refused {
    Box::new(Problem::http(status, message))
}

fn too_large(max: u64) -> Refused {
    let message = format!("The statement is too large: the limit is {max} bytes.");
    Box::new(Problem {
        status: Some(StatusCode::PAYLOAD_TOO_LARGE),
        ..Problem::new(Code::QueryTooLarge, message)
    })
}

/// Answers a method that is not taken.
pub(super) async fn wrong_method(request: Request<Body>) -> Response {
    let (visit, _) = Visit::of(request);
    problem_response(Problem::method(CORS.allow), &visit.request_id)
}

/// Answers the preflight of a page.
pub(super) async fn preflight(State(state): State<ConnectState>, headers: HeaderMap) -> Response {
    let known = match cors::foreign_origin(&headers) {
        Ok(Some(origin)) if registered(&state, origin).await => Some(origin),
        _ => None,
    };
    cors::answer_preflight(known, &CORS)
}

/// Whether any tenant registered an origin; when that cannot be looked up, none did.
async fn registered(state: &ConnectState, origin: &str) -> bool {
    let Ok(mut session) = state.vault().db().read(OPERATOR).await else {
        return false;
    };
    tenant::origin_registered(&mut session, origin)
        .await
        .unwrap_or(false)
}

/// Receives a statement.
pub(super) async fn receive(State(state): State<ConnectState>, request: Request<Body>) -> Response {
    let (visit, body) = Visit::of(request);
    let mut pieces = Pieces::new(body, &state.0.pause);
    let origin = cors::foreign_origin(&visit.headers).ok().flatten();
    let admitted = admit(&state, &visit).await;
    let readable = match (&admitted, origin) {
        (_, None) => false,
        (Ok(_), Some(_)) => true,
        // A page of a registered origin may read that its token is over.
        (Err(problem), Some(origin)) => {
            problem.code != Code::Forbidden && registered(&state, origin).await
        }
    };
    let taken = match admitted {
        Ok(caller) => take(&state, &visit, &caller, &mut pieces).await,
        Err(problem) => Err(problem),
    };
    let mut response = match taken {
        Ok(upload) => created(&upload),
        Err(problem) => {
            pieces.drain(&visit.headers).await;
            problem_response(*problem, &visit.request_id)
        }
    };
    if let Some(origin) = origin.filter(|_| readable) {
        cors::admit(response.headers_mut(), origin);
    }
    response
}

struct Upload {
    id: UploadId,
    bytes: i64,
    expires_at: Instant,
}

fn created(upload: &Upload) -> Response {
    let body = json!({
        "uploadId": upload.id,
        "bytes": upload.bytes,
        "expiresAt": upload.expires_at,
    });
    (
        StatusCode::CREATED,
        [(CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

/// Finds the caller and checks the page that sends for it.
async fn admit(state: &ConnectState, visit: &Visit) -> Result<Authenticated, Refused> {
    if let Err(stop) = state.admit_peer(visit) {
        return Err(Box::new(Problem::rate_limited(limited(&stop))));
    }
    check_content(&visit.headers, state.0.import_bytes_max)?;
    let origin = cors::foreign_origin(&visit.headers)?;
    let caller = authenticate(state, visit).await?;
    cors::check(origin, &caller.origins)?;
    Ok(caller)
}

async fn take(
    state: &ConnectState,
    visit: &Visit,
    caller: &Authenticated,
    pieces: &mut Pieces,
) -> Result<Upload, Refused> {
    if !caller.may(KeyScope::ImportWrite) {
        return Err(refuse(
            Code::Forbidden,
            "The key needs the scope import:write.",
        ));
    }
    let person = person_of(caller, visit)?;
    let _place = state.0.uploads.take(caller.key).map_err(no_place)?;
    let person = known_person(state, visit, caller, person).await?;
    let now = state.vault().effects().now();
    let waiting = waiting(state, caller, person, now).await;
    let waiting = waiting.map_err(|error| failed(visit, &error.into()))?;
    if waiting.count >= WAITING_MAX {
        return Err(too_many(now, &waiting));
    }
    let writer = begin(state, caller, person)
        .await
        .map_err(|error| failed(visit, &error))?;
    write(state, visit, &writer, pieces).await?;
    let kept = keep(state, caller, (person, writer)).await;
    match kept.map_err(|error| failed(visit, &error))? {
        Kept::Waits(upload) => Ok(upload),
        Kept::TooMany(waiting) => Err(too_many(now, &waiting)),
    }
}

fn no_place(full: Full) -> Refused {
    match full {
        Full::Share => {
            let message = format!(
                "This key receives {UPLOADS_OF_KEY} statements at the same time; send the next \
                 one when one of them has arrived."
            );
            Box::new(Problem {
                wait: Some(PLACE_WAIT),
                ..Problem::new(Code::RateLimited, message)
            })
        }
        Full::All => refuse(
            Code::Unavailable,
            "Too many statements are being received; try again soon.",
        ),
    }
}

fn too_many(now: Instant, waiting: &Waiting) -> Refused {
    let seconds = waiting.first_expires_at.seconds_since(now).max(1);
    let message = format!(
        "{WAITING_MAX} statements of this person wait for their import: import them, or wait \
         until the first of them expires."
    );
    Box::new(Problem {
        wait: u64::try_from(seconds).ok().map(Duration::from_secs),
        ..Problem::new(Code::RateLimited, message)
    })
}

async fn waiting(
    state: &ConnectState,
    caller: &Authenticated,
    person: EndUserId,
    now: Instant,
) -> Result<Waiting, StoreError> {
    let mut read = state.vault().db().read(caller.tenant).await?;
    upload::waiting(&mut read, person, now).await
}

fn failed(visit: &Visit, error: &VaultError) -> Refused {
    tracing::error!(request_id = visit.request_id, %error, "upload failed");
    Box::new(Problem::internal())
}

/// Refuses by media type and announced size, before any key is looked up.
fn check_content(headers: &HeaderMap, max: u64) -> Result<(), Refused> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let media = text(CONTENT_TYPE).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    if !MEDIA
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        let message = "Send the file as application/xml, text/xml or application/octet-stream.";
        return Err(http(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        let message = "Send the file as it is, without a content encoding.";
        return Err(http(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let announced = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    Ok(())
}

async fn authenticate(state: &ConnectState, visit: &Visit) -> Result<Authenticated, Refused> {
    let found = match bearer(&visit.headers) {
        Some(bearer) => state.vault().authenticate(bearer).await.map_err(|error| {
            tracing::error!(request_id = visit.request_id, %error, "keys cannot be looked up");
            refuse(Code::Unavailable, "Keys cannot be looked up now.")
        })?,
        None => None,
    };
    found.ok_or_else(
        || match visit.peer.map(|peer| state.0.failures.note(peer)) {
            Some(Err(wait)) => Box::new(Problem::rate_limited(wait)),
            Some(Ok(())) | None => refuse(Code::Unauthenticated, "A valid key is needed."),
        },
    )
}

/// The reference of the person whose statement it is; a frontend token's person is known.
fn person_of(caller: &Authenticated, visit: &Visit) -> Result<Option<String>, Refused> {
    let header = visit
        .headers
        .get(END_USER)
        .and_then(|value| value.to_str().ok());
    let person = match (visit.param("endUser"), header) {
        (Some(query), None) => query,
        (None, Some(header)) => header.to_owned(),
        (None, None) if caller.end_user.is_some() => return Ok(None),
        (None, None) | (Some(_), Some(_)) => {
            let message = "Name the person once: ?endUser= or the header Fondaco-End-User.";
            return Err(refuse(Code::BadRequest, message));
        }
    };
    match check_end_user_ref(&person) {
        Ok(()) => Ok(Some(person)),
        Err(_) => Err(refuse(
            Code::BadRequest,
            "An end user's reference has 1 to 255 characters.",
        )),
    }
}

async fn begin(
    state: &ConnectState,
    caller: &Authenticated,
    person: EndUserId,
) -> Result<RawWriter, VaultError> {
    let effects = state.vault().effects();
    let now = effects.now();
    let new = NewRawAnswer {
        id: RawAnswerId::new(effects),
        end_user_id: person,
        link_id: None,
        family: state.0.statement_family.to_owned(),
        resource: Resource::Statement.as_str().to_owned(),
        request_fingerprint: None,
        // The writer puts the person's own key here.
        data_key_id: DataKeyId(Uuid::nil()),
        http_status: None,
        file_name_sealed: None,
        fetched_at: now,
        // From the start: a process that ends between content and upload leaves neither.
        retention_until: Some(now.plus_seconds(UPLOAD_SECONDS + UNNAMED_SECONDS)),
    };
    Ok(state.vault().raw_writer(caller.tenant, new).await?)
}

/// The person whose statement it is: made at first use by a server, fixed for a frontend token.
async fn known_person(
    state: &ConnectState,
    visit: &Visit,
    caller: &Authenticated,
    reference: Option<String>,
) -> Result<EndUserId, Refused> {
    let found = match (caller.end_user, reference) {
        (Some(own), None) => return Ok(own),
        (Some(own), Some(named)) => is_person(state, caller, (own, &named)).await,
        (None, Some(named)) => made_person(state, caller, &named).await.map(Some),
        (None, None) => Ok(None),
    };
    let found = found.map_err(|error| failed(visit, &error.into()))?;
    found.ok_or_else(|| {
        refuse(
            Code::Forbidden,
            "A frontend token uploads statements of its own person only.",
        )
    })
}

/// The token's own person, when the reference names them.
async fn is_person(
    state: &ConnectState,
    caller: &Authenticated,
    (own, named): (EndUserId, &str),
) -> Result<Option<EndUserId>, StoreError> {
    let mut read = state.vault().db().read(caller.tenant).await?;
    let found = end_user::by_ref(&mut read, named).await?;
    Ok(found.map(|person| person.id).filter(|id| *id == own))
}

async fn made_person(
    state: &ConnectState,
    caller: &Authenticated,
    reference: &str,
) -> Result<EndUserId, StoreError> {
    let (db, effects) = (state.vault().db(), state.vault().effects());
    let (fresh, now) = (EndUserId::new(effects), effects.now());
    in_tx!(db, caller.tenant, |tx| {
        let person = end_user::get_or_create(tx, reference, fresh, now).await?;
        Ok::<_, StoreError>(person.id)
    })
}

/// Hands the body on as it arrives; never more than one piece of it is here.
async fn write(
    state: &ConnectState,
    visit: &Visit,
    writer: &RawWriter,
    pieces: &mut Pieces,
) -> Result<(), Refused> {
    let max = state.0.import_bytes_max;
    let mut bytes = 0_u64;
    while let Some(piece) = pieces.next().await? {
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > max {
            return Err(too_large(max));
        }
        writer
            .write(&piece)
            .await
            .map_err(|error| failed(visit, &error))?;
    }
    if bytes == 0 {
        return Err(refuse(Code::BadRequest, "The file is empty."));
    }
    Ok(())
}

/// What became of a body that arrived.
enum Kept {
    /// It waits for its import.
    Waits(Upload),
    /// Others of the same person were faster.
    TooMany(Waiting),
}

async fn keep(
    state: &ConnectState,
    caller: &Authenticated,
    (person, writer): (EndUserId, RawWriter),
) -> Result<Kept, VaultError> {
    let written = writer.finish().await?;
    let (db, effects): (&Db, _) = (state.vault().db(), state.vault().effects());
    let now = effects.now();
    let row = UploadRow {
        id: UploadId::new(effects),
        end_user_id: Some(person),
        raw_answer_id: written.id,
        api_key_id: Some(caller.key),
        created_at: now,
        expires_at: now.plus_seconds(UPLOAD_SECONDS),
        consumed_at: None,
    };
    let full = in_tx!(db, caller.tenant, |tx| {
        // Of two that look at the same time one waits here and counts the other.
        tx.lock_tenant().await?;
        let waiting = upload::waiting(tx, person, now).await?;
        if waiting.count >= WAITING_MAX {
            let at = now.plus_seconds(UNNAMED_SECONDS);
            raw::retire(tx, &[row.raw_answer_id], at).await?;
            return Ok(Some(waiting));
        }
        upload::insert(tx, &row).await?;
        Ok::<_, StoreError>(None)
    })?;
    Ok(match full {
        Some(waiting) => Kept::TooMany(waiting),
        None => Kept::Waits(Upload {
            id: row.id,
            bytes: written.content_bytes,
            expires_at: row.expires_at,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> Result<(), StatusCode> {
        let headers = pairs
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        check_content(&headers, 100)
            .map_err(|problem| problem.status.unwrap_or(problem.code.status()))
    }

    #[test]
    fn a_statement_comes_as_xml_or_bytes_without_encoding_and_within_the_limit() {
        let xml = ("content-type", "application/xml");
        assert_eq!(check(&[xml]), Ok(()));
        assert_eq!(
            check(&[("content-type", "Text/XML; charset=utf-8")]),
            Ok(())
        );
        assert_eq!(check(&[xml, ("content-length", "100")]), Ok(()));
        let media = Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(check(&[]), media);
        assert_eq!(check(&[("content-type", "multipart/form-data")]), media);
        assert_eq!(check(&[xml, ("content-encoding", "gzip")]), media);
        let large = Err(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(check(&[xml, ("content-length", "101")]), large);
    }
}
