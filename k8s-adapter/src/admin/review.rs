//! Who may read metrics: the API server is asked (TokenReview, SubjectAccessReview), and its answers are kept for a
//! while.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::telemetry::chain;

/// What is known about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its owner may.
    Admitted,
    /// Nobody has this token.
    Unknown,
    /// Its owner may not.
    Forbidden {
        /// The owner.
        user: String,
    },
    /// The API server does not answer.
    Undecided,
}

/// Asks the API server.
pub(super) struct Reviewer {
    tokens: Api<TokenReview>,
    access: Api<SubjectAccessReview>,
    verdicts: Mutex<BTreeMap<Asked, (Instant, Verdict)>>,
    questions: Semaphore,
}

/// A token, which is not kept itself, and a path.
type Asked = ([u8; 32], String);

impl Reviewer {
    pub(super) fn new(api: Client) -> Self {
        Self {
            tokens: Api::all(api.clone()),
            access: Api::all(api),
            verdicts: Mutex::default(),
            questions: Semaphore::new(QUESTIONS),
        }
    }

    /// Whether the owner of the token may `get` the path.
    pub(super) async fn review(&self, token: &str, path: &str) -> Verdict {
        let asked = (Sha256::digest(token.as_bytes()).into(), path.to_owned());
        if let Some(verdict) = self.remembered(&asked) {
            return verdict;
        }
        let answer = async {
            let Ok(_turn) = self.questions.acquire().await else {
                return Ok(Verdict::Undecided);
            };
            // Whoever had the turn before may have asked the same.
            match self.remembered(&asked) {
                Some(verdict) => Ok(verdict),
                None => self.ask(token, path).await,
            }
        };
        match timeout(PATIENCE, answer).await {
            Ok(Ok(verdict)) => {
                self.remember(asked, &verdict);
                verdict
            }
            Ok(Err(error)) => {
                warn!(error = chain(&error), "who may read metrics is not known");
                Verdict::Undecided
            }
            Err(_) => {
                warn!("the API server does not say in time who may read metrics");
                Verdict::Undecided
            }
        }
    }

    async fn ask(&self, token: &str, path: &str) -> kube::Result<Verdict> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let review = self.tokens.create(&PostParams::default(), &review).await?;
        let status = review.status.unwrap_or_default();
        if status.authenticated != Some(true) {
            return Ok(Verdict::Unknown);
        }
        let user = status.user.unwrap_or_default();
        let name = user.username.clone().unwrap_or_default();
        let review = SubjectAccessReview {
            spec: access_of(user, path),
            ..SubjectAccessReview::default()
        };
        let review = self.access.create(&PostParams::default(), &review).await?;
        Ok(if review.status.is_some_and(|status| status.allowed) {
            Verdict::Admitted
        } else {
            Verdict::Forbidden { user: name }
        })
    }

    fn remembered(&self, asked: &Asked) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, verdict) = verdicts.get(asked)?;
        (Instant::now() < *until).then(|| verdict.clone())
    }

    fn remember(&self, asked: Asked, verdict: &Verdict) {
        let now = Instant::now();
        let time = match verdict {
            Verdict::Admitted => ADMITTED_TIME,
            Verdict::Unknown | Verdict::Forbidden { .. } => REFUSED_TIME,
            Verdict::Undecided => return,
        };
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.retain(|_, (until, _)| now < *until);
        if verdicts.len() < REMEMBERED {
            verdicts.insert(asked, (now + time, verdict.clone()));
        }
    }
}

fn access_of(user: UserInfo, path: &str) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        non_resource_attributes: Some(NonResourceAttributes {
            path: Some(path.to_owned()),
            verb: Some("get".to_owned()),
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

/// For how long an answer counts: a few rounds of a scraper, and less than anybody waits who was just given the right.
const ADMITTED_TIME: Duration = Duration::from_secs(60);
const REFUSED_TIME: Duration = Duration::from_secs(10);

/// How many answers are kept. There are few scrapers; who tries out tokens shall not fill the memory.
const REMEMBERED: usize = 256;

/// How many questions the API server is asked at a time: who tries out tokens shall not keep it busy.
const QUESTIONS: usize = 4;

/// What the API server may take for both questions. A scrape takes 10 s at most by default.
const PATIENCE: Duration = Duration::from_secs(8);
