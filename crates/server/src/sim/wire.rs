//! The bytes of an agent's connection, both ways, over TLS or without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a connection's input buffer begins with; acknowledgements are small.
const INPUT_BYTES: usize = 4 << 10;

/// Bytes of the largest packet that an agent takes.
pub(super) const PACKET_SIZE_MAX: usize = 1 << 20;

/// A TCP or a TLS stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream with its buffers. What is appended to `output` leaves together: one write, and one TLS record up to 16 kB.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// Initialised once; the first `filled` bytes have come in.
    input: Vec<u8>,
    filled: usize,
    pub(super) output: Vec<u8>,
    /// Bytes of `output` that the stream has taken.
    written: usize,
    is_flushed: bool,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Wire {
        Wire { stream, input: vec![0; INPUT_BYTES], filled: 0, output: Vec::new(), written: 0, is_flushed: true }
    }

    /// What has come in and is not taken, and where answers go.
    pub(super) fn parts(&mut self) -> (&[u8], &mut Vec<u8>) {
        (&self.input[..self.filled], &mut self.output)
    }

    /// Forgets what was taken of the input, all but its last `left` bytes.
    pub(super) fn keep(&mut self, left: usize) {
        self.input.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        if self.filled == self.input.len() {
            // The decoder refuses larger packets, so this ends.
            self.input.resize(self.filled * 2, 0);
        }
    }

    /// Reads; 0 is the end.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.input[self.filled..]);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        self.filled += read;
        Poll::Ready(Ok(read))
    }

    /// Writes; ready when nothing is left to write.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            self.is_flushed = false;
            let written = Pin::new(&mut self.stream).poll_write(context, &self.output[self.written..]);
            match std::task::ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.output.clear();
        self.written = 0;
        if !self.is_flushed {
            std::task::ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes everything.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_write(context)).await
    }

    /// Reads something; 0 is the end.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|context| self.poll_read(context)).await
    }

    /// Writes everything and says that there will be no more.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        tokio::io::AsyncWriteExt::shutdown(&mut self.stream).await
    }
}
