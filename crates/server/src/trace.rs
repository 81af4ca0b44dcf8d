//! Watching one client live: every packet and verdict, for whoever asks, while they ask. Nobody watching costs a load.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::clock;

/// Watchers at one time, over all clients.
const WATCHERS_MAX: usize = 100;

/// Lines that wait for one watcher; those beyond are lost, and the next line says how many.
const LINES_MAX: usize = 1000;

/// Something that happened on a connection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    timestamp: String,
    /// `in` from the client, `out` to it, `note` about it.
    direction: &'static str,
    /// What it is, as `PUBLISH`, `verdict`.
    what: String,
    detail: String,
    /// As text, bytes that are no UTF-8 replaced; only for a watcher that asked for payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// Lines lost before this one, because the watcher did not keep up.
    lost: u64,
}

/// What happened, before anybody's eyes.
#[derive(Debug)]
pub(crate) struct Happening<'a> {
    pub(crate) direction: &'static str,
    pub(crate) what: &'a str,
    pub(crate) detail: String,
    pub(crate) payload: Option<&'a [u8]>,
}

/// All watchers.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    count: AtomicUsize,
    by_client: Mutex<HashMap<String, Vec<Watcher>>>,
}

#[derive(Debug)]
struct Watcher {
    sender: Sender<Line>,
    payloads: bool,
    lost: Arc<AtomicU64>,
}

/// The lines of one watcher. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watch {
    traces: Arc<Traces>,
    client_id: String,
    pub(crate) lines: Receiver<Line>,
}

impl Traces {
    /// Watches a client from now on. None: there are as many watchers as there may be.
    pub(crate) fn watch(self: &Arc<Traces>, client_id: &str, payloads: bool) -> Option<Watch> {
        let mut by_client = self.by_client();
        if self.count.load(Ordering::Relaxed) >= WATCHERS_MAX {
            return None;
        }
        let (sender, lines) = channel(LINES_MAX);
        let watcher = Watcher { sender, payloads, lost: Arc::default() };
        by_client.entry(client_id.to_owned()).or_default().push(watcher);
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(Watch { traces: self.clone(), client_id: client_id.to_owned(), lines })
    }

    /// Whether anybody watches this client.
    pub(crate) fn is_watched(&self, client_id: &str) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.by_client().contains_key(client_id)
    }

    /// Tells those who watch this client.
    pub(crate) fn tell(&self, client_id: &str, happening: &Happening<'_>) {
        let by_client = self.by_client();
        for watcher in by_client.get(client_id).into_iter().flatten() {
            let payload = happening.payload.filter(|_| watcher.payloads);
            let line = Line {
                timestamp: ingest::format_time(clock::now_us()),
                direction: happening.direction,
                what: happening.what.to_owned(),
                detail: happening.detail.clone(),
                payload: payload.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
                lost: watcher.lost.swap(0, Ordering::Relaxed),
            };
            if let Err(refused) = watcher.sender.try_send(line) {
                watcher.lost.fetch_add(refused.into_inner().lost + 1, Ordering::Relaxed);
            }
        }
    }

    fn by_client(&self) -> MutexGuard<'_, HashMap<String, Vec<Watcher>>> {
        self.by_client.lock().expect("no panic while the watchers are locked")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.lines.close();
        let mut by_client = self.traces.by_client();
        if let Some(watchers) = by_client.get_mut(&self.client_id) {
            let before = watchers.len();
            watchers.retain(|watcher| !watcher.sender.is_closed());
            self.traces.count.fetch_sub(before - watchers.len(), Ordering::Relaxed);
            if watchers.is_empty() {
                by_client.remove(&self.client_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(payload: &[u8]) -> Happening<'_> {
        Happening { direction: "in", what: "PUBLISH", detail: "t".to_owned(), payload: Some(payload) }
    }

    #[test]
    fn a_payload_is_shown_to_those_who_ask_for_it_alone() {
        let traces = Arc::new(Traces::default());
        let mut plain = traces.watch("acme_press", false).unwrap();
        let mut curious = traces.watch("acme_press", true).unwrap();
        traces.tell("acme_press", &happening(b"secret"));
        traces.tell("acme_other", &happening(b"other"));
        assert_eq!(plain.lines.try_recv().unwrap().payload, None);
        assert_eq!(curious.lines.try_recv().unwrap().payload.as_deref(), Some("secret"));
        assert!(plain.lines.try_recv().is_err());
    }

    #[test]
    fn a_watcher_that_does_not_keep_up_is_told_what_it_missed() {
        let traces = Arc::new(Traces::default());
        let mut watch = traces.watch("acme_press", false).unwrap();
        for _ in 0..LINES_MAX + 7 {
            traces.tell("acme_press", &happening(b""));
        }
        while watch.lines.try_recv().is_ok() {}
        traces.tell("acme_press", &happening(b""));
        assert_eq!(watch.lines.try_recv().unwrap().lost, 7);
    }

    #[test]
    fn watches_are_bounded_and_given_back() {
        let traces = Arc::new(Traces::default());
        let mut watches: Vec<_> = (0..WATCHERS_MAX).map(|_| traces.watch("acme_press", false).unwrap()).collect();
        assert!(traces.watch("acme_lathe", false).is_none());
        watches.clear();
        assert!(!traces.is_watched("acme_press"));
        assert!(traces.watch("acme_lathe", false).is_some());
    }
}
