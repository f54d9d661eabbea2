//! The way of a request: its route, whether it gets through, and its answer.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, UPGRADE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::access_log::AccessLog;
use crate::body::{self, AtEnd, Body, Download, Phase, Progress};
use crate::call::{Call, Refusal};
use crate::canary;
use crate::exchange::{Answer, Exchange, Failed};
use crate::external_auth;
use crate::headers::{self, Client, Forwarded};
use crate::limiter::Admitted;
use crate::metrics::Metrics;
use crate::passwords::Users;
use crate::paths;
use crate::pool::Pool;
use crate::routes::{Matcher, Route, Table};
use crate::upstream::Upstream;
use crate::visit::Visit;

pub struct Proxy {
    table: RwLock<Arc<Table>>,
    pub pool: Arc<Pool>,
    pub metrics: Arc<Metrics>,
    pub log: AccessLog,
    /// Where http is redirected to.
    pub https_port: u16,
    /// Passwords that are checked at the same time: one takes a processor for a while.
    pub passwords: Arc<tokio::sync::Semaphore>,
}

impl Proxy {
    pub fn new(metrics: Arc<Metrics>, log: AccessLog, https_port: u16) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
        Proxy {
            table: RwLock::default(),
            pool: Pool::new(),
            metrics,
            log,
            https_port,
            passwords: Arc::new(tokio::sync::Semaphore::new(threads.div_ceil(2))),
        }
    }

    pub fn set(&self, table: Table) {
        *self.table.write().expect("no poisoned lock") = Arc::new(table);
    }

    pub async fn handle(self: Arc<Self>, client: Client, mut request: Request<Incoming>) -> Response<Body> {
        let upgrade = (request.version() == Version::HTTP_11).then(|| headers::upgrade_of(request.headers())).flatten();
        let on_upgrade = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let mut visit = Visit::new(&self.log, client, &parts);
        let method = parts.method.clone();
        let mut response = match self.serve(client, parts, body, upgrade.zip(on_upgrade), &mut visit).await {
            Ok(response) => return response,
            Err(refusal) => refused(refusal),
        };
        if method == Method::HEAD {
            *response.body_mut() = body::empty();
        }
        let (parts, body) = response.into_parts();
        let at_end = visit.at_end(parts.status.as_u16(), None);
        Response::from_parts(parts, Download::new(body, std::time::Duration::MAX, at_end).boxed_unsync())
    }

    async fn serve(
        self: &Arc<Self>,
        client: Client,
        mut parts: Parts,
        body: Incoming,
        upgrade: Option<(HeaderValue, OnUpgrade)>,
        visit: &mut Visit,
    ) -> Result<Response<Body>, Refusal> {
        if parts.method == Method::CONNECT {
            return Err(Refusal::new(405));
        }
        let (sent_host, host) = headers::host_of(&parts).ok_or(Refusal::new(400))?;
        let path = paths::normalized(parts.uri.path()).ok_or(Refusal::new(400))?;
        let table = self.table.read().expect("no poisoned lock").clone();
        let Some(route) = table.find(&host, &path) else {
            self.metrics.unmatched.fetch_add(1, Relaxed);
            return Err(Refusal::new(404));
        };
        visit.series = Some(route.series.clone());
        visit.entry.ingress = route.ingress.to_string();
        let call = Call { parts: &parts, client, host: &host, path: &path };
        let (admitted, user, added) = self.admit(route, &call).await?;
        visit.entry.user = user;
        let upstream = chosen_upstream(route, &parts.headers);
        visit.entry.upstream = upstream.name();
        let options = &route.options;
        let target = match route.rewritten(&path, parts.uri.query()) {
            Some(target) => target,
            None => parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        };
        if too_large(&parts.headers, options.body_limit) {
            return Err(Refusal::new(413));
        }
        let session = options.affinity.as_ref().and_then(|affinity| canary::cookie(&parts.headers, &affinity.cookie));
        let session = session.map(str::to_owned);
        let forwarded = Forwarded {
            client,
            host: &sent_host,
            upstream_host: options.upstream_host.as_deref(),
            prefix: options.forwarded_prefix.as_deref(),
            target: &target,
            request_id: &visit.entry.id,
            protocol: options.protocol,
            upgrade: upgrade.as_ref().map(|(protocol, _)| protocol.clone()),
        };
        headers::forward(&mut parts, &forwarded).ok_or(Refusal::new(400))?;
        if route.guards.users.is_some() {
            // The password was for this door.
            parts.headers.remove(AUTHORIZATION);
        }
        for (name, value) in added {
            match value {
                Some(value) => parts.headers.insert(name, value),
                None => parts.headers.remove(name),
            };
        }
        let progress = Progress::new();
        visit.progress = Some(progress.clone());
        let exchange = Exchange { pool: &self.pool, upstream: &upstream, options, session: session.as_deref() };
        let answer = exchange.send(parts, body, &progress).await.map_err(|failed| self.failed(failed))?;
        if answer.response.status() == StatusCode::SWITCHING_PROTOCOLS && upgrade.is_none() {
            return Err(Refusal::new(502));
        }
        visit.entry.endpoint = answer.place.address.to_string();
        route.series.retries.fetch_add(answer.retries, Relaxed);
        Ok(self.answer(route, answer, admitted, (session, client), upgrade, visit))
    }

    fn failed(&self, failed: Failed) -> Refusal {
        let mut refusal = Refusal::new(failed.status());
        // What is left of the request's body is not read, so the connection cannot carry another request.
        if matches!(failed, Failed::TooLarge | Failed::ClientLate) {
            refusal.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        refusal
    }

    /// Whether the request gets through; with the user, and the headers that the endpoint gets beside the client's.
    async fn admit(&self, route: &Route, call: &Call<'_>) -> Result<Admission, Refusal> {
        let (options, guards) = (&route.options, &route.guards);
        if route.denied {
            return Err(Refusal::new(503));
        }
        let redirects = options.force_ssl_redirect || (route.tls && options.ssl_redirect.unwrap_or(true));
        if redirects && !call.client.tls {
            return Err(self.to_https(call));
        }
        if let Some((status, to)) = &options.redirect {
            return Err(Refusal::to(*status, to));
        }
        if let (Some(root), "/") = (&options.app_root, call.path) {
            return Err(Refusal::to(302, root));
        }
        let admitted = guards.limiter.admit(call.client.ip, Instant::now()).map_err(|()| Refusal::new(503))?;
        if !guards.lets_in(call.client.ip) {
            return Err(Refusal::new(403));
        }
        let user = match &guards.users {
            Some(users) => self.user(users, &call.parts.headers).await.ok_or_else(|| challenge(&guards.realm))?,
            None => String::new(),
        };
        let added = match (&options.external_auth, &guards.auth) {
            (Some(auth), Some(upstream)) => external_auth::ask(&self.pool, auth, upstream, call).await?,
            _ => Vec::new(),
        };
        Ok((admitted, user, added))
    }

    fn to_https(&self, call: &Call<'_>) -> Refusal {
        if call.host.is_empty() {
            return Refusal::new(400);
        }
        let port = if self.https_port == 443 { String::new() } else { format!(":{}", self.https_port) };
        let target = call.parts.uri.path_and_query().map_or("/", |target| target.as_str());
        Refusal::to(308, &format!("https://{}{port}{target}", call.host))
    }

    async fn user(&self, users: &Arc<Users>, headers: &HeaderMap) -> Option<String> {
        let (user, password) = Users::credentials(headers.get(AUTHORIZATION)?.to_str().ok()?)?;
        if users.remembers(&user, &password) {
            return Some(user);
        }
        let permit = self.passwords.clone().acquire_owned().await.ok()?;
        let users = users.clone();
        // The check goes on when the client is gone, and so does its permit.
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            users.verify(&user, &password).then_some(user)
        });
        checked.await.ok().flatten()
    }

    fn answer(
        self: &Arc<Self>,
        route: &Route,
        answer: Answer,
        admitted: Option<Admitted>,
        (session, client): (Option<String>, Client),
        upgrade: Option<(HeaderValue, OnUpgrade)>,
        visit: &mut Visit,
    ) -> Response<Body> {
        let Answer { mut response, turn, place, sender, .. } = answer;
        let status = response.status();
        let to_endpoint = (status == StatusCode::SWITCHING_PROTOCOLS).then(|| hyper::upgrade::on(&mut response));
        let protocol = response.headers().get(UPGRADE).cloned();
        headers::remove_hop_headers(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        if let Some(affinity) = &route.options.affinity
            && session.as_deref() != Some(turn.0.id.as_str())
        {
            let has_text = matches!(route.matcher, Matcher::Exact | Matcher::Prefix);
            let path = if has_text { &route.path } else { "/" };
            headers::set_session(response.headers_mut(), affinity, &turn.0.id, path, client.tls);
        }
        let read = route.options.timeouts.read;
        let pool = self.pool.clone();
        if let (Some(endpoint), Some((_, client))) = (to_endpoint, upgrade) {
            let at_end = visit.at_end(status.as_u16(), None);
            tokio::spawn(async move {
                let sent = crate::tunnel::run(client, endpoint, read).await;
                drop((turn, admitted, sender));
                at_end(true, sent);
            });
            let (mut parts, _) = response.into_parts();
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.extend(protocol.map(|protocol| (UPGRADE, protocol)));
            return Response::from_parts(parts, body::empty());
        }
        let progress = visit.progress.clone();
        let release: AtEnd = Box::new(move |whole, _| {
            // An endpoint may answer before it has all of the request: then the connection is not free yet.
            if whole && progress.is_some_and(|progress| progress.phase() == Phase::Sent) {
                pool.put(place, sender);
            }
            drop((turn, admitted));
        });
        let at_end = visit.at_end(status.as_u16(), Some(release));
        response.map(|body| Download::new(body.map_err(Into::into).boxed_unsync(), read, at_end).boxed_unsync())
    }
}

type Admission = (Option<Admitted>, String, external_auth::Headers);

/// That of the route, or of the first canary that takes the request.
fn chosen_upstream(route: &Route, headers: &HeaderMap) -> Arc<Upstream> {
    let draw = |below: u32| rand::random_range(0..below);
    let canary = route.canaries.iter().find(|canary| canary::takes(&canary.rule, headers, draw));
    canary.map_or(&route.upstream, |canary| &canary.upstream).clone()
}

fn too_large(headers: &HeaderMap, limit: Option<u64>) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    limit.zip(length).is_some_and(|(limit, length)| length > limit)
}

fn challenge(realm: &str) -> Refusal {
    let mut refusal = Refusal::new(401);
    if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{realm}\"")) {
        refusal.headers.insert(WWW_AUTHENTICATE, value);
    }
    refusal
}

fn refused(refusal: Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = match refusal.status {
        404 => "page not found",
        499 => "client closed the request",
        _ => status.canonical_reason().unwrap_or("refused"),
    };
    let mut response = Response::new(body::text(format!("{} {reason}\n", refusal.status)));
    *response.status_mut() = status;
    *response.headers_mut() = refusal.headers;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
