//! The bytes of a connection, both ways: TLS on one side, the protocol's state on the other.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::config::MqttConfig;
use crate::door::Socket;

/// Bytes taken from a socket in one read: the largest TLS record.
const READ_BYTES: usize = 16 << 10;

/// Bytes that a buffer of a connection at rest may keep. Most connections rest most of the time.
const KEPT_BYTES: usize = 1 << 10;

/// How long the end of a connection waits for a peer that does not read.
const CLOSE_TIME: Duration = Duration::from_millis(500);

thread_local! {
    /// What is read goes through here, so that a connection without half a packet needs no buffer of its own.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// One connection's bytes.
pub(super) struct Wire {
    pub(super) stream: Box<TlsStream<Socket>>,
    pub(super) mqtt: mqtt::Connection,
    /// What has come and is not taken yet.
    pub(super) input: Vec<u8>,
    /// A write is under way, or was given up halfway: then nothing more can be said on this stream.
    is_sending: bool,
    /// Begin of the connection's own time.
    started: Instant,
}

impl Wire {
    pub(super) fn new(stream: Box<TlsStream<Socket>>, config: &MqttConfig) -> Wire {
        let limits = mqtt::Limits {
            payload_max: config.payload_max,
            connect_time: config.connect_time,
            ..mqtt::Limits::default()
        };
        let mqtt = mqtt::Connection::new(limits, Duration::ZERO);
        Wire { stream, mqtt, input: Vec::new(), is_sending: false, started: Instant::now() }
    }

    /// The connection's own time.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Appends what comes next to the input; 0 is the end. Nothing is lost when the future is dropped.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
                self.input.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            })
        })
        .await
    }

    /// Forgets the first `count` bytes of the input.
    pub(super) fn take(&mut self, count: usize) {
        self.input.drain(..count);
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
            self.input = Vec::new();
        }
    }

    /// Everything that waits goes out in one write: one TLS record for the acknowledgements of a whole commit. When the
    /// future is dropped before its end, the connection has to end as well.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let output = self.mqtt.transmit();
        if output.is_empty() {
            return Ok(());
        }
        self.is_sending = true;
        let result = async {
            self.stream.write_all(output).await?;
            self.stream.flush().await
        }
        .await;
        self.is_sending = result.is_err();
        output.clear();
        output.shrink_to(KEPT_BYTES);
        result
    }

    /// Sends what waits and closes, in limited time.
    pub(super) async fn close(&mut self) {
        if self.is_sending {
            return;
        }
        let _ = tokio::time::timeout(CLOSE_TIME, async {
            self.flush().await?;
            self.stream.shutdown().await
        })
        .await;
    }
}
