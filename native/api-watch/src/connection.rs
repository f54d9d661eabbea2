//! One connection to the server, for one request at a time.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::Error;
use crate::kubeconfig::{KubeconfigError, Target};
use crate::protocol::Status;

/// For TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// A peer that is gone without a word is noticed after `IDLE` and `PROBES` times `BETWEEN`.
const IDLE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    prefix: String,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    user_agent: &'static str,
}

impl Connection {
    pub async fn open(target: &Target, user_agent: &'static str) -> Result<Self, Error> {
        let server = match target.host.contains(':') {
            true => format!("[{}]:{}", target.host, target.port),
            false => format!("{}:{}", target.host, target.port),
        };
        let header = |field, text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| KubeconfigError::Field { field, problem: "has characters that no header may have".into() })
        };
        let host = header("server", &server)?;
        let authorization =
            target.token.as_ref().map(|token| header("token", &format!("Bearer {token}"))).transpose()?;
        let failed = |error: io::Error| Error::Connect { server: server.clone(), error };
        let sender = match timeout(CONNECT, connect(target)).await {
            Ok(sender) => sender.map_err(failed)?,
            Err(_) => return Err(failed(io::Error::new(io::ErrorKind::TimedOut, "no answer"))),
        };
        Ok(Connection { sender, prefix: target.prefix.clone(), host, authorization, user_agent })
    }

    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits `limit` for the head of the answer. An answer that is no success is an error.
    pub async fn get(&mut self, path: &str, limit: Duration) -> Result<Body, Error> {
        self.send(Method::GET, path, None, limit).await
    }

    /// `content`: its media type, and what is sent.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        content: Option<(&str, Vec<u8>)>,
        limit: Duration,
    ) -> Result<Body, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, &self.host)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, self.user_agent);
        if let Some((media_type, _)) = content {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let content = content.map(|(_, bytes)| bytes).unwrap_or_default();
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(content.into())).expect("a path of ours");
        let silent = |_| Error::Silent { path: path.to_owned(), limit };
        // The request before this one may have been answered in full a moment ago.
        self.sender.ready().await?;
        let response = timeout(limit, self.sender.send_request(request)).await.map_err(silent)??;
        if response.status().is_success() {
            return Ok(Body { path: path.to_owned(), body: response.into_body() });
        }
        Err(refusal(path, response, limit).await?)
    }
}

async fn refusal(path: &str, response: Response<Incoming>, limit: Duration) -> Result<Error, Error> {
    let code = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Body { path: path.to_owned(), body: response.into_body() }.read(limit).await?;
    Ok(Error::Refused {
        path: path.to_owned(),
        status: Status::of_response(code, &body),
        retry_after: retry_after.map(Duration::from_secs),
    })
}

#[derive(Debug)]
pub struct Body {
    path: String,
    body: Incoming,
}

impl Body {
    /// What comes next; waits `limit` for it. `None` at the end.
    pub async fn piece(&mut self, limit: Duration) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = timeout(limit, self.body.frame()).await;
            let frame = frame.map_err(|_| Error::Silent { path: self.path.clone(), limit })?;
            match frame.transpose()?.map(hyper::body::Frame::into_data) {
                Some(Ok(data)) => return Ok(Some(data)),
                // Trailers.
                Some(Err(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// All of it; waits `limit` for each piece.
    pub async fn read(&mut self, limit: Duration) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(limit).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

async fn connect(target: &Target) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, BETWEEN)?;
    sockopt::set_tcp_keepcnt(&stream, PROBES)?;
    match &target.tls {
        None => handshake(stream).await,
        Some(tls) => {
            let stream = TlsConnector::from(tls.config.clone()).connect(tls.name.clone(), stream).await?;
            handshake(stream).await
        }
    }
}

async fn handshake<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends when the sender and the body of the last answer are dropped, or the peer closes. The sender learns of an error.
    tokio::spawn(connection);
    Ok(sender)
}
