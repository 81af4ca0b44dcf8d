//! Keep Alive: a client that is silent for too long is gone [3.1.2.10].

use std::time::Duration;

/// How long a client has been silent, not counting the time in which nobody listened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepAlive {
    /// None is for ever.
    silence_max: Option<Duration>,
    /// The last packet; later when nobody listened meanwhile.
    heard: Duration,
    /// Since when nobody listens.
    suspended: Option<Duration>,
}

impl KeepAlive {
    /// `seconds` is the Keep Alive; with 0 the client may be silent for `idle_max`.
    pub(crate) fn new(seconds: u16, idle_max: Option<Duration>, now: Duration) -> KeepAlive {
        let silence_max = match seconds {
            0 => idle_max,
            // One and a half times the Keep Alive [MQTT-3.1.2-22].
            seconds => Some(Duration::from_millis(u64::from(seconds) * 1_500)),
        };
        KeepAlive { silence_max, heard: now, suspended: None }
    }

    /// The Keep Alive that ends when a silence of `idle_max` does, in seconds.
    pub(crate) fn seconds(idle_max: Duration) -> u16 {
        u16::try_from(idle_max.as_millis() / 1_500).unwrap_or(u16::MAX).max(1)
    }

    /// A packet has come.
    pub(crate) fn hear(&mut self, now: Duration) {
        self.heard = self.heard.max(now);
        self.suspended = self.suspended.map(|since| since.max(now));
    }

    /// The clock stands from here on; nothing if it does already.
    pub(crate) fn suspend(&mut self, now: Duration) {
        self.suspended = self.suspended.or(Some(now));
    }

    /// The clock goes on from where it stopped; nothing if it goes.
    pub(crate) fn resume(&mut self, now: Duration) {
        if let Some(since) = self.suspended.take() {
            self.heard = self.heard.saturating_add(now.saturating_sub(since));
        }
    }

    /// When the client counts as gone; none while the clock stands.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.suspended {
            Some(_) => None,
            None => self.silence_max.map(|silence| self.heard.saturating_add(silence)),
        }
    }
}
