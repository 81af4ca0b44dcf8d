//! A TCP stream that remembers its first bytes, and that can move to another runtime.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are remembered: enough of a ClientHello to say what a refused peer offered.
const TEED_MAX: usize = 2048;

/// Silence after which the system asks whether the peer's machine is still there.
const KEEPALIVE_TIME: Duration = Duration::from_secs(300);

/// A peer's socket while its TLS handshake is under way, and after.
#[derive(Debug)]
pub(crate) struct Socket {
    /// None on its way from one runtime to another.
    stream: Option<TcpStream>,
    teed: Option<Vec<u8>>,
}

impl Socket {
    /// Wraps an accepted stream. Acknowledgements are small, so they are not held back (TCP_NODELAY); a peer whose
    /// machine has vanished is found out, however long it may be silent.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Socket> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_TIME))?;
        Ok(Socket { stream: Some(stream), teed: Some(Vec::new()) })
    }

    /// The first bytes that the peer sent, as far as they were read.
    pub(crate) fn teed(&self) -> &[u8] {
        self.teed.as_deref().unwrap_or_default()
    }

    /// Stops remembering and frees what is remembered.
    pub(crate) fn forget(&mut self) {
        self.teed = None;
    }

    /// Takes the socket from the runtime that it is registered with.
    pub(crate) fn detach(&mut self) -> io::Result<std::net::TcpStream> {
        self.stream.take().ok_or(io::ErrorKind::NotConnected)?.into_std()
    }

    /// Registers it with the runtime that this is called in.
    pub(crate) fn attach(&mut self, stream: std::net::TcpStream) -> io::Result<()> {
        self.stream = Some(TcpStream::from_std(stream)?);
        Ok(())
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or(io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = self.stream()?.poll_read(cx, buffer);
        if let Some(teed) = &mut self.teed {
            let fresh = &buffer.filled()[before..];
            teed.extend_from_slice(&fresh[..fresh.len().min(TEED_MAX - teed.len())]);
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
