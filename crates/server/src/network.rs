//! The network threads: each serves its connections on a runtime of its own, so that a message crosses no thread on
//! its way from the socket to its record. One is enough for most machines; more are a setting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::connection::{self, Context};
use crate::door::Opened;

/// The threads, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Network {
    threads: Vec<(Handle, JoinHandle<()>)>,
    next: AtomicUsize,
    context: Arc<Context>,
    /// Every connection that is being served.
    connections: TaskTracker,
    /// Tells connections to end.
    stop: CancellationToken,
    /// Tells the threads to end, when their connections have.
    ended: CancellationToken,
}

impl Network {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system gives no more threads or descriptors.
    pub(crate) fn start(count: usize, context: Arc<Context>, stop: CancellationToken) -> std::io::Result<Network> {
        let ended = CancellationToken::new();
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let ended = ended.clone();
            let thread = std::thread::Builder::new()
                .name(format!("network-{index}"))
                .spawn(move || runtime.block_on(ended.cancelled()))?;
            threads.push((handle, thread));
        }
        Ok(Network { threads, next: AtomicUsize::new(0), context, connections: TaskTracker::new(), stop, ended })
    }

    /// Serves a connection whose handshake was done on another runtime.
    pub(crate) fn serve(&self, mut opened: Opened) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        let stream = match opened.stream.get_mut().0.detach() {
            Ok(stream) => stream,
            Err(cause) => {
                return debug!(%cause, address = %opened.address, "the connection was gone after its handshake");
            }
        };
        let (context, stop) = (self.context.clone(), self.stop.clone());
        let serve = async move {
            match opened.stream.get_mut().0.attach(stream) {
                Ok(()) => connection::serve(opened, context, stop).await,
                Err(cause) => debug!(%cause, "the connection could not change its thread"),
            }
        };
        self.connections.spawn_on(serve, &self.threads[turn].0);
    }

    /// Resolves when all connections have ended, after `stop`.
    pub(crate) async fn drained(&self) {
        self.connections.close();
        self.connections.wait().await;
    }

    /// Ends the threads. Blocks.
    pub(crate) fn join(&mut self) {
        self.ended.cancel();
        for (_, thread) in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a network thread had panicked");
            }
        }
    }
}
