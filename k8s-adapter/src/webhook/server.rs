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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    /// A server whose other objects are known or not.
    struct Fixed(Option<ClusterObjects>);

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct NoAnswer;

    impl Present for Fixed {
        type Error = NoAnswer;

        async fn beside(&self, _: Kind) -> Result<ClusterObjects, NoAnswer> {
            self.0.clone().ok_or(NoAnswer)
        }
    }

    async fn ask(
        present: Option<ClusterObjects>,
        request: Value,
    ) -> Result<Value, (StatusCode, String)> {
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: planner::snapshot::Options::default(),
        };
        let present = Fixed(present);
        let asked = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
        let asked = Json(serde_json::from_value(asked).unwrap());
        let answer = admission(State(Arc::new(Judge { present, options })), asked).await?;
        Ok(serde_json::to_value(answer.0).unwrap())
    }

    fn request(kind: &str, addresses: &str) -> Value {
        let object = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": kind,
            "metadata": { "name": "web", "namespace": "metallb-system" },
            "spec": { "addresses": [addresses], "autoAssign": true, "avoidBuggyIPs": false },
        });
        json!({
            "uid": "1-2-3",
            "kind": { "group": "metallb.io", "version": "v1beta1", "kind": kind },
            "resource": { "group": "metallb.io", "version": "v1beta1", "resource": "" },
            "operation": "CREATE", "userInfo": {}, "object": object,
        })
    }

    #[tokio::test]
    async fn the_answer_is_an_admission_review_to_the_question() {
        let there = || Some(ClusterObjects::default());
        let good = ask(there(), request("IPAddressPool", "198.51.100.0/24"))
            .await
            .unwrap();
        assert_eq!(good["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(good["kind"], "AdmissionReview");
        assert_eq!(good["response"]["uid"], "1-2-3");
        assert_eq!(good["response"]["allowed"], true);
        let wrong = ask(there(), request("IPAddressPool", "nonsense"))
            .await
            .unwrap();
        assert_eq!(wrong["response"]["allowed"], false);
        let message = wrong["response"]["status"]["message"].as_str().unwrap();
        assert!(message.starts_with("spec.addresses[0]: "), "{message}");
    }

    #[tokio::test]
    async fn what_cannot_be_judged_is_no_refusal_but_a_failure() {
        let answer = ask(None, request("IPAddressPool", "198.51.100.0/24")).await;
        assert_eq!(
            answer,
            Err((StatusCode::INTERNAL_SERVER_ERROR, "no answer".to_owned()))
        );
    }

    #[tokio::test]
    async fn other_kinds_are_allowed_unseen() {
        let answer = ask(None, request("ServiceL2Status", "nonsense"))
            .await
            .unwrap();
        assert_eq!(answer["response"]["allowed"], true);
    }

    #[test]
    fn the_manifest_names_each_path_once() {
        let text = include_str!("../../../deploy/manifests/webhook.yaml");
        let (_, configuration) = text.rsplit_once("---\n").unwrap();
        let configuration: Value = serde_saphyr::from_str(configuration).unwrap();
        let webhooks = configuration["webhooks"].as_array().unwrap();
        let paths = webhooks.iter().map(|webhook| {
            webhook
                .pointer("/clientConfig/service/path")
                .unwrap()
                .as_str()
                .unwrap()
        });
        let paths: Vec<&str> = paths.collect();
        assert_eq!(paths.len(), PATHS.len());
        assert_eq!(BTreeSet::from_iter(paths), BTreeSet::from(PATHS));
    }
}
