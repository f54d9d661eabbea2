//! List, then watch, for as long as the program runs.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::connection::{Body, Connection};
use crate::error::Error;
use crate::objects::Object;
use crate::protocol::{Bookmark, Line, Lines, List, Status, encoded};

/// Objects of a page, as in client-go.
const PAGE: usize = 500;
/// For the head of an answer, and between two pieces of a list.
const ANSWER: Duration = Duration::from_secs(60);
/// The server ends a watch after so long. Bookmarks come about every minute.
const WATCH_SECONDS: u64 = 290;
const WATCH_SILENCE: Duration = Duration::from_secs(295);
/// An object has at most about 3 MiB in the reference's storage.
const LONGEST_EVENT: usize = 32 << 20;
/// A watch that ends sooner, without an event, is a failure: one after the other would be a busy loop.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
pub enum Event<K> {
    /// All objects that there are. What was known before and is not among them is gone.
    Listed(Vec<K>),
    /// Is new or changed.
    Put(K),
    /// As it was last.
    Gone(K),
}

/// Which objects of a kind.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub label_selector: String,
    pub field_selector: String,
}

/// Tells `on_event` of the objects, and `on_error` of what went wrong before it is tried again. Never returns.
pub async fn follow<K: Object>(
    client: &Client,
    query: &Query,
    on_event: impl FnMut(Event<K>),
    mut on_error: impl FnMut(&Error),
) -> Infallible {
    let mut follower = Follower {
        client,
        query,
        on_event,
        connection: None,
        version: None,
        in_pages: true,
        kind: std::marker::PhantomData,
    };
    let mut backoff = Backoff::at_start();
    let mut listed = false;
    loop {
        let result = match follower.version.clone() {
            None => follower.list().await,
            Some(version) => follower.watch(version).await,
        };
        if !listed && follower.version.is_some() {
            listed = true;
            backoff = Backoff::default();
        }
        let Err(error) = result else { continue };
        follower.connection = None;
        if error.needs_list() {
            follower.version = None;
        }
        on_error(&error);
        tokio::time::sleep(backoff.next(error.retry_after())).await;
    }
}

struct Follower<'a, K, F> {
    client: &'a Client,
    query: &'a Query,
    on_event: F,
    connection: Option<Connection>,
    /// Where a watch starts; `None` until a list was read.
    version: Option<String>,
    in_pages: bool,
    kind: std::marker::PhantomData<K>,
}

impl<K: Object, F: FnMut(Event<K>)> Follower<'_, K, F> {
    async fn list(&mut self) -> Result<(), Error> {
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let limit = if self.in_pages { format!("limit={PAGE}") } else { String::new() };
            let place = if next.is_empty() { String::new() } else { format!("continue={}", encoded(&next)) };
            let path = self.path(&[limit, place]);
            let page = async {
                let body = self.get(&path).await?.read(ANSWER).await?;
                serde_json::from_slice::<List<K>>(&body)
                    .map_err(|error| Error::Unreadable { path: path.clone(), error })
            };
            let page = match page.await {
                Ok(page) => page,
                // The next page may be expired as well, so the next list is read at once.
                Err(error) => {
                    self.in_pages = next.is_empty() || !error.needs_list();
                    return Err(error);
                }
            };
            objects.extend(page.items);
            next = page.metadata.next;
            if next.is_empty() {
                self.in_pages = true;
                self.version = Some(page.metadata.resource_version);
                (self.on_event)(Event::Listed(objects));
                return Ok(());
            }
        }
    }

    async fn watch(&mut self, version: String) -> Result<(), Error> {
        let path = self.path(&[
            "watch=true".to_owned(),
            "allowWatchBookmarks=true".to_owned(),
            format!("timeoutSeconds={WATCH_SECONDS}"),
            format!("resourceVersion={}", encoded(&version)),
        ]);
        let begun = Instant::now();
        let mut body = self.get(&path).await?;
        let mut lines = Lines::default();
        let mut silent = true;
        while let Some(piece) = body.piece(WATCH_SILENCE).await? {
            lines.push(&piece);
            while let Some(line) = lines.next() {
                silent = false;
                self.event(&path, &line)?;
            }
            if lines.pending() > LONGEST_EVENT {
                return Err(Error::TooLong { path, limit: LONGEST_EVENT });
            }
        }
        match () {
            () if lines.pending() > 0 => Err(Error::Cut { path }),
            () if silent && begun.elapsed() < SHORTEST_WATCH => Err(Error::EndedAtOnce { path }),
            () => Ok(()),
        }
    }

    fn event(&mut self, path: &str, line: &[u8]) -> Result<(), Error> {
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let line: Line = serde_json::from_slice(line).map_err(unreadable)?;
        let text = line.object.get();
        match line.kind {
            "ADDED" | "MODIFIED" | "DELETED" => {
                let object: K = serde_json::from_str(text).map_err(unreadable)?;
                self.version = Some(object.metadata().resource_version.clone());
                (self.on_event)(if line.kind == "DELETED" { Event::Gone(object) } else { Event::Put(object) });
            }
            "BOOKMARK" => {
                let bookmark: Bookmark = serde_json::from_str(text).map_err(unreadable)?;
                self.version = Some(bookmark.metadata.resource_version);
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(text).map_err(unreadable)?;
                return Err(Error::Refused { path: path.to_owned(), status, retry_after: None });
            }
            // A type of a later version of the API.
            _ => {}
        }
        Ok(())
    }

    async fn get(&mut self, path: &str) -> Result<Body, Error> {
        // The server may have closed it between two requests.
        if self.connection.as_ref().is_some_and(Connection::is_closed) {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect().await?,
        };
        self.connection.insert(connection).get(path, ANSWER).await
    }

    fn path(&self, parameters: &[String]) -> String {
        let Query { label_selector, field_selector } = self.query;
        let selector = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("{name}={}", encoded(value)) }
        };
        let selectors = [selector("labelSelector", label_selector), selector("fieldSelector", field_selector)];
        let parameters: Vec<&str> =
            parameters.iter().chain(&selectors).map(String::as_str).filter(|text| !text.is_empty()).collect();
        if parameters.is_empty() { K::PATH.to_owned() } else { format!("{}?{}", K::PATH, parameters.join("&")) }
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
