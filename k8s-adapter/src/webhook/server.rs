//! What the API server calls: MetalLB's paths (compat/metallb.md 3.4) and `/convert`.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use kube::core::conversion::{ConversionRequest, ConversionResponse, ConversionReview};
use kube::core::response::{Status, reason};
use tracing::{info, warn};

use super::conversion::convert;
use super::kinds;
use super::review::review;
use crate::telemetry::chain;
use crate::translate::{ClusterObjects, Kind, TranslateOptions};

/// Where the objects are read that a change is judged among.
pub(super) trait Present: Send + Sync + 'static {
    /// What is said where they cannot be read.
    type Error: std::error::Error + Send + 'static;

    /// All objects, as they are now, that an object of the kind may be at odds with.
    fn beside(
        &self,
        kind: Kind,
    ) -> impl Future<Output = Result<ClusterObjects, Self::Error>> + Send;
}

/// Answers the API server.
pub(super) fn router<P: Present>(present: P, options: TranslateOptions) -> Router {
    let judge = Arc::new(Judge { present, options });
    let mut router = Router::new().route("/convert", post(conversion));
    for path in PATHS {
        router = router.route(path, post(admission::<P>));
    }
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(judge)
}

struct Judge<P> {
    present: P,
    options: TranslateOptions,
}

/// Where the objects cannot be read, there is no answer, and the API server does as `failurePolicy` says.
async fn admission<P: Present>(
    State(judge): State<Arc<Judge<P>>>,
    Json(asked): Json<AdmissionReview<DynamicObject>>,
) -> Result<Json<AdmissionReview<DynamicObject>>, (StatusCode, String)> {
    let request: AdmissionRequest<DynamicObject> = match asked.try_into() {
        Ok(request) => request,
        Err(error) => return Ok(Json(AdmissionResponse::invalid(error).into_review())),
    };
    let response = AdmissionResponse::from(&request);
    let Some(kind) = kinds::kind(&request.kind.kind) else {
        return Ok(Json(response.into_review()));
    };
    let present = judge.present.beside(kind).await.map_err(|error| {
        let error = chain(&error);
        warn!(
            error,
            "an object cannot be judged, because those beside it cannot be read"
        );
        (StatusCode::INTERNAL_SERVER_ERROR, error)
    })?;
    let verdict = review(kind, &request, &present, &judge.options);
    if !verdict.refusals.is_empty() {
        info!(
            kind = request.kind.kind,
            namespace = request.namespace,
            name = request.name,
            reason = verdict.refusals.join("; "),
            "refused"
        );
    }
    Ok(Json(verdict.answer(response).into_review()))
}

async fn conversion(Json(asked): Json<ConversionReview>) -> Json<ConversionReview> {
    let response = match ConversionRequest::from_review(asked) {
        Ok(request) => convert(request),
        Err(error) => {
            ConversionResponse::invalid(Status::failure(&error.to_string(), reason::BAD_REQUEST))
        }
    };
    Json(response.into_review())
}

const PATHS: [&str; 6] = [
    "/validate-metallb-io-v1beta1-bfdprofile",
    "/validate-metallb-io-v1beta1-bgpadvertisement",
    "/validate-metallb-io-v1beta2-bgppeer",
    "/validate-metallb-io-v1beta1-community",
    "/validate-metallb-io-v1beta1-ipaddresspool",
    "/validate-metallb-io-v1beta1-l2advertisement",
];

/// More than an API server sends: it asks to convert whole lists at once.
const MAX_BODY: usize = 64 << 20;
