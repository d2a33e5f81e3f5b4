//! Requests become calls, and what they come to becomes a response.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use axum::extract::{Path, State};
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use macadamia::{Cache, Error, detect};
use serde_json::{Map, Value, json};

use super::shop::{self, Failure};
use super::world::World;

/// What every handler has.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) cache: Cache,
    /// It has been told to stop: whoever is here is served, and asked to go elsewhere next time.
    pub(crate) leaving: Arc<AtomicBool>,
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/products/{id}", get(product).put(rename))
        .route("/season", post(season))
        .route("/reports/{month}", get(report))
        .route("/rates", get(rates))
        .route("/offer", get(offer))
        .route("/search/{words}", get(search))
        .route("/health", get(health))
        .route("/stats", get(stats))
        .route("/admin/supplier/{mood}", post(supplier))
        .layer(map_response_with_state(shared.clone(), farewell))
        .with_state(shared)
}

async fn product(State(shared): State<Shared>, Path(id): Path<u64>) -> Response {
    told(async {
        match shop::product(&shared.world, id).await? {
            Some(product) => Ok(Json(product).into_response()),
            None => Ok((StatusCode::NOT_FOUND, "there is no such product\n").into_response()),
        }
    })
    .await
}

async fn rename(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
    name: String,
) -> Result<StatusCode, Failure> {
    shop::rename(&shared.world, id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn season() -> StatusCode {
    shop::new_season().await;
    StatusCode::NO_CONTENT
}

async fn report(State(shared): State<Shared>, Path(month): Path<u32>) -> Response {
    told(async { Ok(Json(shop::report(&shared.world, month).await?)) }).await
}

async fn rates(State(shared): State<Shared>) -> Response {
    told(async { Ok(Json(shop::rates(&shared.world).await?)) }).await
}

async fn offer(State(shared): State<Shared>) -> Result<Json<u64>, Failure> {
    Ok(Json(shop::offer(&shared.world).await?))
}

async fn search(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(words): Path<String>,
) -> Result<Json<Option<String>>, Failure> {
    let client = headers.get("x-client").and_then(|client| client.to_str().ok()).unwrap_or("nobody");
    Ok(Json(shop::search(&shared.world, client, &words).await?))
}

async fn supplier(State(shared): State<Shared>, Path(mood): Path<String>) -> StatusCode {
    shared.world.supplier_is_down(mood == "down");
    StatusCode::NO_CONTENT
}

/// A cache that is down makes the service slower and not ill; a service that is about to end is to be left alone.
async fn health(State(shared): State<Shared>) -> Response {
    let cache = match shared.cache.ping("are you there").await {
        Ok(_) => "up".to_owned(),
        Err(error) => error.to_string(),
    };
    let leaving = shared.leaving.load(SeqCst);
    let status = if leaving { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(json!({ "cache": cache, "leaving": leaving }))).into_response()
}

async fn stats(State(shared): State<Shared>) -> Response {
    let functions = macadamia::registry().into_iter().map(|function| {
        let stats = function.stats();
        let told = json!({
            "hits": stats.hits, "stale": stats.stale, "joined": stats.joined, "computed": stats.computed,
            "refreshed": stats.refreshed, "rejected": stats.rejected,
        });
        (function.name.to_owned(), told)
    });
    let functions: Map<String, Value> = functions.collect();
    let (queries, asked) = (shared.world.queries(), shared.world.asked());
    Json(json!({ "queries": queries, "asked": asked, "functions": functions })).into_response()
}

/// The answer as a response, with how the cache came to it: `x-cache: hit`.
async fn told<T: IntoResponse>(answer: impl Future<Output = Result<T, Failure>>) -> Response {
    let (answer, calls) = detect(answer).await;
    let mut response = answer.into_response();
    let outcome = calls.first().map(|call| format!("{:?}", call.outcome).to_lowercase());
    if let Some(Ok(outcome)) = outcome.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert("x-cache", outcome);
    }
    response
}

async fn farewell(State(shared): State<Shared>, mut response: Response) -> Response {
    if shared.leaving.load(SeqCst) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text, again) = match &self {
            Self::Table(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), None),
            Self::Supplier(error) => (StatusCode::BAD_GATEWAY, error.to_string(), None),
            Self::Refused(error) => {
                let status = match error {
                    Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                (status, error.to_string(), error.retry_after())
            }
        };
        let mut response = (status, text + "\n").into_response();
        if let Some(again) = again {
            // Whole seconds, and none too early.
            let seconds = again.as_secs() + u64::from(again.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
