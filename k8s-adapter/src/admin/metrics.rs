//! `/metrics`: OpenMetrics for those who ask for it, else Prometheus' older text format.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::review::{Reviewer, Verdict};

/// Shows the metrics to whom `reviewer` lets; without one, to everybody.
pub(super) fn router(metrics: Arc<Registry>, reviewer: Option<Reviewer>) -> Router {
    let router = Router::new()
        .route("/metrics", get(show))
        .with_state(metrics);
    match reviewer {
        Some(reviewer) => router.layer(from_fn_with_state(Arc::new(reviewer), admit)),
        None => router,
    }
}

async fn admit(State(reviewer): State<Arc<Reviewer>>, request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return unauthorized();
    };
    match reviewer.review(token, request.uri().path()).await {
        Verdict::Admitted => next.run(request).await,
        Verdict::Unknown => unauthorized(),
        Verdict::Forbidden { user } => {
            let path = request.uri().path();
            let text = format!("{user} must be allowed to get the nonResourceURL {path}\n");
            (StatusCode::FORBIDDEN, text).into_response()
        }
        Verdict::Undecided => {
            let text = "the API server does not say who may read metrics\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

fn unauthorized() -> Response {
    let text = "a token of a Kubernetes user or service account is needed\n";
    (
        StatusCode::UNAUTHORIZED,
        [(WWW_AUTHENTICATE, "Bearer")],
        text,
    )
        .into_response()
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

pub(super) async fn show(State(metrics): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    let open = headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|text| text.contains(OPEN_METRICS))
    });
    let format = if open { Format::Open } else { Format::Text };
    match render(&metrics, format) {
        Ok(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// How metrics are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// OpenMetrics 1.0.
    Open,
    /// The text format 0.0.4.
    Text,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

fn render(metrics: &Registry, format: Format) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, metrics)?;
    Ok(match format {
        Format::Open => text,
        Format::Text => in_text_format(&text),
    })
}

/// The metrics in the text format, for tests of other modules.
#[cfg(test)]
pub(crate) fn in_text(metrics: &Registry) -> Result<String, fmt::Error> {
    render(metrics, Format::Text)
}

/// The older format has no end mark, and describes a counter under the name that its values have. There a counter may
/// have any name: in OpenMetrics those that do not end in `_total` are of no type.
fn in_text_format(open: &str) -> String {
    let counters: Vec<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open.len());
    for line in open.lines().filter(|&line| line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                text.push_str(&format!("# {what} {name}_total {rest}"));
            }
            (Some("#"), Some("TYPE"), Some(name), Some("unknown")) => {
                text.push_str(&format!("# TYPE {name} counter"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

const OPEN_METRICS: &str = "application/openmetrics-text";
