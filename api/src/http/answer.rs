//! Builds HTTP answers: body, status and headers.

use std::time::Duration;

use async_graphql::Value as ConstValue;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::accept::Media;
use super::code::Code;
use super::problem::{ErrorBody, Problem};
use crate::guard::rate::{KeyClass, Level};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What one operation cost, and the bucket after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) requested: u32,
    pub(super) actual: u32,
    pub(super) level: Level,
}

enum Content {
    Ran(ConstValue, Vec<ErrorBody>),
    Refused(Vec<ErrorBody>),
    Problem(Problem),
    CostOnly,
}

/// An answer before its media type is known.
pub(super) struct Answer {
    content: Content,
    bucket: Option<(Level, KeyClass)>,
    cost: Option<Cost>,
}

impl Answer {
    fn of(content: Content) -> Self {
        Self {
            content,
            bucket: None,
            cost: None,
        }
    }

    pub(super) fn ran(data: ConstValue, errors: Vec<ErrorBody>) -> Self {
        Self::of(Content::Ran(data, errors))
    }

    pub(super) fn refused(errors: Vec<ErrorBody>) -> Self {
        Self::of(Content::Refused(errors))
    }

    pub(super) fn problem(problem: Problem) -> Self {
        Self::of(Content::Problem(problem))
    }

    pub(super) fn cost_only() -> Self {
        Self::of(Content::CostOnly)
    }

    pub(super) fn with(self, level: Level, class: KeyClass, cost: Option<Cost>) -> Self {
        Self {
            bucket: Some((level, class)),
            cost,
            ..self
        }
    }

    /// The answer in its media type.
    pub(super) fn into_response(self, media: Media, request_id: &str) -> Response {
        let cost = self.cost.map(CostBody::from);
        let status = self.status(media);
        let extensions = cost.map(|cost| Extensions { cost });
        let mut headers = HeaderMap::new();
        let body = match self.content {
            Content::Ran(data, errors) => Body {
                data: Some(data),
                errors,
                extensions,
            },
            Content::Refused(errors) => Body {
                data: None,
                errors,
                extensions,
            },
            Content::CostOnly => Body {
                data: Some(ConstValue::Null),
                errors: Vec::new(),
                extensions,
            },
            Content::Problem(problem) => {
                problem_headers(&problem, &mut headers);
                Body {
                    data: None,
                    errors: vec![problem.to_error(request_id)],
                    extensions,
                }
            }
        };
        if let Some((level, class)) = self.bucket {
            rate_headers(level, class, &mut headers);
        }
        let content_type = HeaderValue::from_static(media.content_type());
        headers.insert(header::CONTENT_TYPE, content_type);
        let text = serde_json::to_vec(&body).expect("strings, numbers and maps with text keys");
        (status, headers, text).into_response()
    }

    fn status(&self, media: Media) -> StatusCode {
        let (status, about_the_document) = match &self.content {
            Content::Ran(..) | Content::CostOnly => return StatusCode::OK,
            Content::Problem(problem) => {
                let status = problem.status.unwrap_or(problem.code.status());
                (status, problem.is_about_the_document())
            }
            Content::Refused(errors) => refused_status(errors),
        };
        if about_the_document && media == Media::Json {
            StatusCode::OK
        } else {
            status
        }
    }
}

/// Status by the first error's code: the executor may refuse for another reason than the
/// document, for example because a store is away.
fn refused_status(errors: &[ErrorBody]) -> (StatusCode, bool) {
    let word = errors
        .first()
        .and_then(|error| error.extensions.get("code")?.as_str());
    let code = word.and_then(Code::parse).unwrap_or(Code::QueryInvalid);
    let problem = Problem::new(code, "");
    (code.status(), problem.is_about_the_document())
}

fn problem_headers(problem: &Problem, headers: &mut HeaderMap) {
    if let Some(allow) = problem.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(wait) = problem.wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    if problem.code == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The two fields of draft-ietf-httpapi-ratelimit-headers, in cost units.
fn rate_headers(level: Level, class: KeyClass, headers: &mut HeaderMap) {
    let (name, capacity) = (class.as_str(), level.size.capacity);
    let window = capacity.get().div_ceil(level.size.per_second.get());
    let policy = format!("\"{name}\";q={capacity};w={window};qu=\"cost\"");
    let (left, seconds) = (level.available, level.seconds_to_full());
    let now = format!("\"{name}\";r={left};t={seconds}");
    for (header, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
        let value = HeaderValue::from_str(&text).expect("letters, digits and quotes");
        headers.insert(header, value);
    }
}

#[derive(Serialize)]
struct Body {
    /// Absent when the request was refused, null when nothing was to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ConstValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Serialize)]
struct Extensions {
    cost: CostBody,
}

#[derive(Serialize)]
struct CostBody {
    requested: u32,
    actual: u32,
    bucket: BucketBody,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BucketBody {
    capacity: u32,
    available: u32,
    restore_per_second: u32,
}

impl From<Cost> for CostBody {
    fn from(cost: Cost) -> Self {
        let Level { size, available } = cost.level;
        let bucket = BucketBody {
            capacity: size.capacity.get(),
            available,
            restore_per_second: size.per_second.get(),
        };
        Self {
            requested: cost.requested,
            actual: cost.actual,
            bucket,
        }
    }
}
