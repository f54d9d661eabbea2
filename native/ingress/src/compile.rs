//! From the objects of the API to the table that requests are looked up in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::access::Guards;
use crate::annotations::{self, Limits, Options};
use crate::certificates::{Certificate, Certificates};
use crate::cluster::Cluster;
use crate::external_auth;
use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::objects::{Backend, Ingress, Key, key_of};
use crate::passwords::Users;
use crate::routes::{CanaryRoute, Matcher, Route, Table};
use crate::upstream::{NoPort, Upstream, UpstreamKey};

/// Paths of all hosts of an Ingress that are served at most.
const ROUTES: usize = 1_000;
/// Memory of the pattern of a path.
const PATTERN: usize = 64 << 10;
/// Problems of an Ingress that are told one by one.
const PROBLEMS: usize = 20;

/// Something in an Ingress that its owner has to mend: an Event of the type Warning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    pub ingress: Key,
    pub reason: &'static str,
    pub message: String,
}

/// What outlives a table: counts, and what takes long to make.
#[derive(Debug, Default)]
pub struct Kept {
    pub upstreams: HashMap<UpstreamKey, Arc<Upstream>>,
    limiters: HashMap<Key, Arc<Limiter>>,
    certificates: HashMap<Key, Read<Certificate>>,
    users: HashMap<(Key, bool), Read<Users>>,
    /// Of the last compilation, by their text; `None`: it is no pattern.
    patterns: HashMap<String, Option<Regex>>,
    /// Those that Ingresses name, whether they exist or not.
    pub secrets: HashSet<Key>,
}

/// What a version of a Secret gave.
type Read<T> = (String, Result<Arc<T>, String>);

#[derive(Debug)]
pub struct Compiled {
    pub table: Table,
    pub certificates: Certificates,
    pub problems: Vec<Problem>,
}

pub fn compile(cluster: &Cluster, kept: &mut Kept, metrics: &Metrics, default: Option<&Certificate>) -> Compiled {
    kept.secrets.clear();
    let mut compiler = Compiler {
        cluster,
        kept: &mut *kept,
        metrics,
        claims: HashMap::new(),
        routes: Vec::new(),
        canaries: Vec::new(),
        certificates: Certificates::new(default),
        secrets: HashMap::new(),
        tls_hosts: HashSet::new(),
        patterns: HashMap::new(),
        problems: Problems::default(),
    };
    for ingress in cluster.own_ingresses() {
        compiler.tls(ingress);
    }
    for ingress in cluster.own_ingresses() {
        compiler.ingress(ingress);
    }
    compiler.attach_canaries();
    let Compiler { routes, certificates, problems, patterns, .. } = compiler;
    kept.patterns = patterns;
    let used: HashSet<UpstreamKey> = routes
        .iter()
        .flat_map(|(_, route)| {
            let canaries = route.canaries.iter().map(|canary| &canary.upstream);
            [&route.upstream].into_iter().chain(&route.guards.auth).chain(canaries)
        })
        .map(|upstream| upstream.key.clone())
        .collect();
    kept.forget(cluster, &used);
    metrics.keep(|key| cluster.ingresses.contains_key(key));
    Compiled { table: Table::new(routes), certificates, problems: problems.told() }
}

/// Those that were found, each once.
#[derive(Default)]
struct Problems {
    told: Vec<Problem>,
    seen: HashSet<Problem>,
    counts: HashMap<Key, usize>,
}

impl Problems {
    fn add(&mut self, problem: Problem) {
        if !self.seen.insert(problem.clone()) {
            return;
        }
        let count = self.counts.entry(problem.ingress.clone()).or_default();
        *count += 1;
        if *count <= PROBLEMS {
            self.told.push(problem);
        }
    }

    fn told(mut self) -> Vec<Problem> {
        let mut more: Vec<_> = self.counts.into_iter().filter(|(_, count)| *count > PROBLEMS).collect();
        more.sort();
        self.told.extend(more.into_iter().map(|(ingress, count)| {
            let message = format!("and {} more", count - PROBLEMS);
            Problem { ingress, reason: "MoreProblems", message }
        }));
        self.told
    }
}

impl Kept {
    fn forget(&mut self, cluster: &Cluster, used: &HashSet<UpstreamKey>) {
        self.upstreams.retain(|key, _| used.contains(key));
        self.limiters.retain(|key, _| cluster.ingresses.contains_key(key));
        self.certificates.retain(|key, _| cluster.secrets.contains_key(key));
        self.users.retain(|(key, _), _| cluster.secrets.contains_key(key));
    }

    fn limiter(&mut self, ingress: Key, limits: &Limits) -> Arc<Limiter> {
        let known = self.limiters.entry(ingress).or_default();
        if known.limits() != limits {
            *known = Limiter::new(limits.clone());
        }
        known.clone()
    }
}

/// Host, whether the path is exact, and the path.
type Claim = (String, bool, String);

struct Compiler<'a> {
    cluster: &'a Cluster,
    kept: &'a mut Kept,
    metrics: &'a Metrics,
    claims: HashMap<Claim, (Key, usize)>,
    routes: Vec<(String, Route)>,
    canaries: Vec<(Claim, CanaryRoute)>,
    certificates: Certificates,
    /// The Secret whose certificate each host has, and the Ingress that names it.
    secrets: HashMap<String, (Key, Key)>,
    /// Those for which an Ingress wants TLS, with or without a certificate.
    tls_hosts: HashSet<String>,
    patterns: HashMap<String, Option<Regex>>,
    problems: Problems,
}

impl Compiler<'_> {
    fn problem(&mut self, ingress: &Ingress, reason: &'static str, message: String) {
        self.problems.add(Problem { ingress: key_of(&ingress.metadata), reason, message });
    }

    /// The certificates that an Ingress names for its hosts.
    fn tls(&mut self, ingress: &Ingress) {
        for tls in &ingress.spec.tls {
            let lower = |host: &String| host.to_ascii_lowercase();
            let mut hosts: HashSet<String> = match tls.hosts.is_empty() {
                true => ingress.spec.rules.iter().map(|rule| lower(&rule.host)).collect(),
                false => tls.hosts.iter().map(lower).collect(),
            };
            if hosts.is_empty() || hosts.contains("") {
                // As the certificate of all other hosts it would be shown in the name of other namespaces.
                let message = format!("the certificate of Secret {:?} is served for named hosts only", tls.secret_name);
                self.problem(ingress, "BadCertificate", message);
            }
            if hosts.remove("") {
                self.tls_hosts.insert(String::new());
            }
            let mut hosts: Vec<String> = hosts.into_iter().collect();
            hosts.sort_unstable();
            let certificate = match tls.secret_name.as_str() {
                "" => None,
                name => self.certificate(ingress, &Key::new(&ingress.metadata.namespace, name)),
            };
            let secret = Key::new(&ingress.metadata.namespace, &tls.secret_name);
            for host in hosts {
                self.tls_hosts.insert(host.clone());
                let Some(certificate) = &certificate else { continue };
                if let Some((other, owner)) = self.secrets.get(&host) {
                    if *other != secret {
                        let message = format!("host {host:?} has the certificate of Secret {other} by Ingress {owner}");
                        self.problem(ingress, "HostClaimed", message);
                    }
                    continue;
                }
                self.secrets.insert(host.clone(), (secret.clone(), key_of(&ingress.metadata)));
                if !certificate.covers(&host) {
                    let message = format!("the certificate of Secret {secret} is not for host {host:?}");
                    self.problem(ingress, "BadCertificate", message);
                }
                self.certificates.add(&host, certificate);
            }
        }
    }

    fn certificate(&mut self, ingress: &Ingress, key: &Key) -> Option<Arc<Certificate>> {
        self.kept.secrets.insert(key.clone());
        let Some(secret) = self.cluster.secrets.get(key) else {
            self.problem(ingress, "BadCertificate", format!("Secret {key} does not exist"));
            return None;
        };
        let version = &secret.metadata.resource_version;
        let known = self.kept.certificates.get(key).filter(|(read, _)| read == version);
        let read = match known {
            Some((_, read)) => read.clone(),
            None => {
                let read = Certificate::from_secret(secret).map(Arc::new);
                self.kept.certificates.insert(key.clone(), (version.clone(), read.clone()));
                read
            }
        };
        read.inspect_err(|why| self.problem(ingress, "BadCertificate", format!("Secret {key}: {why}"))).ok()
    }

    fn ingress(&mut self, ingress: &Ingress) {
        let parsed = annotations::parse(&ingress.metadata);
        for problem in parsed.problems {
            self.problem(ingress, "BadAnnotation", problem);
        }
        let options = Arc::new(parsed.options);
        let mut denied = parsed.denied;
        let guards = Arc::new(self.guards(ingress, &options, &mut denied));
        let mut left = ROUTES;
        for rule in &ingress.spec.rules {
            let aliases = options.aliases.iter().map(String::as_str);
            for host in [rule.host.as_str()].into_iter().chain(aliases) {
                for path in rule.http.iter().flat_map(|http| &http.paths) {
                    if !self.has_room(ingress, &mut left) {
                        return;
                    }
                    let exact = path.path_type == "Exact";
                    let path_text = if path.path.is_empty() { "/" } else { path.path.as_str() };
                    let Some(matcher) = self.matcher(ingress, path_text, exact, &options) else { continue };
                    let claim = (host.to_ascii_lowercase(), exact, path_text.to_owned());
                    self.route(ingress, claim, matcher, &path.backend, (&options, &guards, denied));
                }
                if let Some(backend) = &ingress.spec.default_backend {
                    if !self.has_room(ingress, &mut left) {
                        return;
                    }
                    let claim = (host.to_ascii_lowercase(), false, String::new());
                    self.route(ingress, claim, Matcher::Fallback, backend, (&options, &guards, denied));
                }
            }
        }
        if let (Some(backend), true) = (&ingress.spec.default_backend, ingress.spec.rules.is_empty()) {
            let claim = Claim::default();
            self.route(ingress, claim, Matcher::Fallback, backend, (&options, &guards, denied));
        }
    }

    fn has_room(&mut self, ingress: &Ingress, left: &mut usize) -> bool {
        if *left == 0 {
            let message = format!("it has more than {ROUTES} paths, with those of its aliases: the rest is not served");
            self.problem(ingress, "TooManyPaths", message);
            return false;
        }
        *left -= 1;
        true
    }

    fn matcher(&mut self, ingress: &Ingress, path: &str, exact: bool, options: &Options) -> Option<Matcher> {
        if exact {
            return Some(Matcher::Exact);
        }
        if !options.use_regex && options.rewrite_target.is_none() {
            return Some(Matcher::Prefix);
        }
        // A pattern that takes too much memory is an error here, and the matching itself takes linear time.
        let known = self.patterns.get(path).or_else(|| self.kept.patterns.get(path)).cloned();
        let pattern = known.unwrap_or_else(|| {
            let mut builder = RegexBuilder::new(&format!("^{path}"));
            builder.case_insensitive(true).size_limit(PATTERN).build().ok()
        });
        self.patterns.insert(path.to_owned(), pattern.clone());
        if pattern.is_none() {
            let message = format!("path {path:?} is no regular expression, or a too large one: it is not served");
            self.problem(ingress, "BadPath", message);
        }
        pattern.map(Matcher::Pattern)
    }

    fn route(
        &mut self,
        ingress: &Ingress,
        claim: Claim,
        matcher: Matcher,
        backend: &Backend,
        (options, guards, denied): (&Arc<Options>, &Arc<Guards>, bool),
    ) {
        let Some(upstream) = self.upstream(ingress, backend) else { return };
        let key = key_of(&ingress.metadata);
        if let Some(rule) = &options.canary {
            self.canaries.push((claim, CanaryRoute { ingress: key, rule: rule.clone(), upstream }));
            return;
        }
        if let Some((owner, _)) = self.claims.get(&claim) {
            if *owner != key {
                let message = format!("host {:?} path {:?} is served by the older Ingress {owner}", claim.0, claim.2);
                self.problem(ingress, "HostClaimed", message);
            }
            return;
        }
        self.claims.insert(claim.clone(), (key.clone(), self.routes.len()));
        let (host, _, path) = claim;
        let route = Route {
            ingress: key,
            path,
            matcher,
            options: options.clone(),
            denied,
            tls: self.tls_hosts.contains(&host) || self.has_wildcard_tls(&host),
            upstream,
            guards: guards.clone(),
            series: self.metrics.series(&key_of(&ingress.metadata)),
            canaries: Vec::new(),
        };
        self.routes.push((host, route));
    }

    fn has_wildcard_tls(&self, host: &str) -> bool {
        host.find('.').is_some_and(|dot| self.tls_hosts.contains(&format!("*{}", &host[dot..])))
    }

    fn attach_canaries(&mut self) {
        for (claim, canary) in std::mem::take(&mut self.canaries) {
            match self.claims.get(&claim) {
                Some((_, index)) => self.routes[*index].1.canaries.push(canary),
                None => {
                    let message = format!("canary: no other Ingress serves host {:?} path {:?}", claim.0, claim.2);
                    self.problems.add(Problem { ingress: canary.ingress, reason: "NoMainIngress", message });
                }
            }
        }
    }

    fn upstream(&mut self, ingress: &Ingress, backend: &Backend) -> Option<Arc<Upstream>> {
        let Some(service) = &backend.service else {
            let message = "a backend that is a resource is not supported: its paths are not served".to_owned();
            self.problem(ingress, "BadBackend", message);
            return None;
        };
        let service_key = Key::new(&ingress.metadata.namespace, &service.name);
        let key = UpstreamKey { service: service_key, port: service.port.clone() };
        Some(self.upstream_of(ingress, key))
    }

    fn upstream_of(&mut self, ingress: &Ingress, key: UpstreamKey) -> Arc<Upstream> {
        let addresses = self.cluster.addresses(&key);
        let why = match &addresses {
            Err(NoPort::External) => Some("is of the type ExternalName, which is not supported"),
            Err(NoPort::NoSuchPort) => Some("has no such TCP port"),
            // It may be about to be created.
            Err(NoPort::Missing) | Ok(_) => None,
        };
        if let Some(why) = why {
            let port = if key.port.name.is_empty() { key.port.number.to_string() } else { key.port.name.clone() };
            self.problem(ingress, "BadBackend", format!("Service {} port {port}: the Service {why}", key.service));
        }
        let upstream = self.kept.upstreams.entry(key.clone()).or_insert_with(|| Arc::new(Upstream::new(key)));
        upstream.set(&addresses.unwrap_or_default());
        upstream.clone()
    }

    fn guards(&mut self, ingress: &Ingress, options: &Options, denied: &mut bool) -> Guards {
        let users = options.basic_auth.as_ref().and_then(|auth| {
            let read = self.users(&auth.secret, auth.map);
            let why = read.as_ref().err().cloned();
            if let Some(why) = why {
                *denied = true;
                let message = format!("Secret {} {why}; requests get 503 until it is mended", auth.secret);
                self.problem(ingress, "BadSecret", message);
            }
            read.ok()
        });
        let auth = options.external_auth.as_ref().and_then(|auth| {
            match external_auth::service_of(auth, &ingress.metadata.namespace) {
                Some(key) => Some(self.upstream_of(ingress, key)),
                None => {
                    *denied = true;
                    let message = format!(
                        "auth-url {}: must be a URL of a Service of the namespace of the Ingress: \
                     http://NAME.NAMESPACE.svc.cluster.local[:PORT]/PATH; \
                     requests get 503 until it is mended",
                        auth.url
                    );
                    self.problem(ingress, "BadAnnotation", message);
                    None
                }
            }
        });
        Guards {
            allow: options.allow.clone(),
            deny: options.deny.clone(),
            limiter: self.kept.limiter(key_of(&ingress.metadata), &options.limits),
            users,
            auth,
            realm: options.basic_auth.as_ref().map(|auth| auth.realm.clone()).unwrap_or_default(),
        }
    }

    fn users(&mut self, key: &Key, map: bool) -> Result<Arc<Users>, String> {
        self.kept.secrets.insert(key.clone());
        let secret = self.cluster.secrets.get(key).ok_or("does not exist")?;
        let version = &secret.metadata.resource_version;
        let cache_key = (key.clone(), map);
        if let Some((read, users)) = self.kept.users.get(&cache_key)
            && read == version
        {
            return users.clone();
        }
        let users = Users::read(secret, map).map(Arc::new);
        self.kept.users.insert(cache_key, (version.clone(), users.clone()));
        users
    }
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
