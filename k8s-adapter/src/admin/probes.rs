//! `/healthz` and `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::Readiness;

/// Answers from what `readiness` says at the moment of the question.
pub(super) fn router<R>(readiness: R) -> Router
where
    R: Fn() -> Readiness + Send + Sync + 'static,
{
    let readiness = Arc::new(readiness);
    Router::new()
        .route("/healthz", get("ok"))
        .route("/readyz", get(async move || answer(readiness())))
}

pub(super) fn answer(readiness: Readiness) -> Response {
    match readiness {
        Readiness::Ready => "ok".into_response(),
        Readiness::Waiting(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
        }
    }
}
