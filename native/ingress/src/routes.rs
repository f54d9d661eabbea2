//! Which rule serves a request: by host, then by path.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use crate::access::Guards;
use crate::annotations::{Canary, Options};
use crate::metrics::Series;
use crate::objects::Key;
use crate::paths;
use crate::upstream::Upstream;

#[derive(Debug)]
pub enum Matcher {
    Exact,
    Prefix,
    /// For the beginning of the path; and for the part that a rewrite takes its groups from.
    Pattern(Regex),
    /// What no path of its host matches.
    Fallback,
}

/// A path of an Ingress, ready to be served.
#[derive(Debug)]
pub struct Route {
    pub ingress: Key,
    pub path: String,
    pub matcher: Matcher,
    pub options: Arc<Options>,
    /// Requests get 503: what guards the Ingress could not be set up.
    pub denied: bool,
    /// Whether the Ingress has TLS for the host: then http leads to https.
    pub tls: bool,
    pub upstream: Arc<Upstream>,
    pub guards: Arc<Guards>,
    pub series: Arc<Series>,
    pub canaries: Vec<CanaryRoute>,
}

#[derive(Debug)]
pub struct CanaryRoute {
    pub ingress: Key,
    pub rule: Canary,
    pub upstream: Arc<Upstream>,
}

impl Route {
    pub fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.path,
            Matcher::Prefix => paths::has_prefix(path, &self.path),
            Matcher::Pattern(pattern) => pattern.is_match(path),
            Matcher::Fallback => true,
        }
    }

    /// Exact paths first, then longer ones.
    fn order(&self) -> (bool, std::cmp::Reverse<usize>) {
        (!matches!(self.matcher, Matcher::Exact), std::cmp::Reverse(self.path.len()))
    }

    /// Path and query that the endpoint gets instead of `path`; `None`: what the client sent.
    pub fn rewritten(&self, path: &str, query: Option<&str>) -> Option<String> {
        let target = self.options.rewrite_target.as_deref()?;
        let Matcher::Pattern(pattern) = &self.matcher else {
            return Some(joined(&paths::escaped(target), query));
        };
        let groups = pattern.captures(path)?;
        let mut result = String::with_capacity(target.len() + path.len());
        let mut rest = target.chars().peekable();
        while let Some(c) = rest.next() {
            match (c, rest.peek().and_then(|digit| digit.to_digit(10))) {
                ('$', Some(group)) => {
                    rest.next();
                    result.push_str(groups.get(group as usize).map_or("", |found| found.as_str()));
                }
                _ => result.push(c),
            }
        }
        let (path, own_query) = match target.contains('?').then(|| result.split_once('?')).flatten() {
            Some((path, own)) => (path.to_owned(), Some(own.to_owned())),
            None => (result, None),
        };
        let rooted = if path.starts_with('/') { path } else { format!("/{path}") };
        let query = match (own_query, query) {
            (Some(own), Some(query)) => Some(format!("{own}&{query}")),
            (own, query) => own.or_else(|| query.map(str::to_owned)),
        };
        Some(joined(&paths::escaped(&rooted), query.as_deref()))
    }
}

fn joined(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

#[derive(Debug, Default)]
pub struct Host {
    /// By precedence.
    routes: Vec<Arc<Route>>,
    fallback: Option<Arc<Route>>,
}

#[derive(Debug, Default)]
pub struct Table {
    hosts: HashMap<String, Host>,
    /// By what stands behind `*`: `.example.com`.
    wildcards: HashMap<String, Host>,
    any: Host,
}

impl Table {
    pub fn new(routes: Vec<(String, Route)>) -> Self {
        let mut table = Table::default();
        for (name, route) in routes {
            let host = match name.strip_prefix('*') {
                Some(suffix) => table.wildcards.entry(suffix.to_owned()).or_default(),
                None if name.is_empty() => &mut table.any,
                None => table.hosts.entry(name).or_default(),
            };
            match route.matcher {
                Matcher::Fallback => host.fallback = Some(Arc::new(route)),
                _ => host.routes.push(Arc::new(route)),
            }
        }
        let all = table.hosts.values_mut().chain(table.wildcards.values_mut()).chain([&mut table.any]);
        for host in all {
            host.routes.sort_by_key(|route| route.order());
        }
        table
    }

    /// `host` is in lower case, without port. The rules of the host itself come first, then those of a wildcard, then those
    /// for all hosts; default backends come after all rules, in the same order.
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        // A wildcard stands for one label.
        let wildcard = host.find('.').and_then(|dot| self.wildcards.get(&host[dot..]));
        let hosts = [self.hosts.get(host), wildcard, Some(&self.any)];
        let by_rule = || hosts.iter().flatten().find_map(|host| host.routes.iter().find(|route| route.matches(path)));
        by_rule().or_else(|| hosts.iter().flatten().find_map(|host| host.fallback.as_ref()))
    }

    pub fn len(&self) -> usize {
        let hosts = self.hosts.values().chain(self.wildcards.values()).chain([&self.any]);
        hosts.map(|host| host.routes.len() + usize::from(host.fallback.is_some())).sum()
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
