//! Connections that changed their protocol, such as WebSocket: bytes go both ways until one side ends, or nobody sends anything.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes that went to the client.
pub async fn run(client: OnUpgrade, endpoint: OnUpgrade, patience: Duration) -> u64 {
    let (Ok(client), Ok(endpoint)) = tokio::join!(client, endpoint) else { return 0 };
    let io = |upgraded: Upgraded| tokio::io::split(TokioIo::new(upgraded));
    let (from_client, to_client) = io(client);
    let (from_endpoint, to_endpoint) = io(endpoint);
    let clock = Clock { begun: Instant::now(), last: AtomicU64::new(0) };
    let (down, up) = (AtomicU64::new(0), AtomicU64::new(0));
    // The end of one direction leaves the other open; an error ends both.
    let _ = tokio::try_join!(
        pump(from_endpoint, to_client, &clock, patience, &down),
        pump(from_client, to_endpoint, &clock, patience, &up),
    );
    down.load(Relaxed)
}

struct Clock {
    begun: Instant,
    last: AtomicU64,
}

impl Clock {
    fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Relaxed);
    }

    fn idle(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_millis(self.last.load(Relaxed)))
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    clock: &Clock,
    patience: Duration,
    moved: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = loop {
            match tokio::time::timeout(patience.saturating_sub(clock.idle()), from.read(&mut buffer)).await {
                Ok(count) => break count?,
                Err(_) if clock.idle() >= patience => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {}
            }
        };
        clock.touch();
        if count == 0 {
            return to.shutdown().await;
        }
        let written = tokio::time::timeout(patience, to.write_all(&buffer[..count])).await;
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        to.flush().await?;
        moved.fetch_add(count as u64, Relaxed);
    }
}
