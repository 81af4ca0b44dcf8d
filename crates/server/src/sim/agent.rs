//! One agent, from its first connect to its last DISCONNECT. The loop in [`Agent::serve`] is one connection's life.

mod packets;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use mqtt::QoS;
use rustls::ClientConfig;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::warn;

use super::connection::{self, Behaviour, Endpoint, Gate, KEEP_ALIVE_S, Opened};
use super::fault::{Failed, Fault};
use super::outbox::Outbox;
use super::source::Source;
use super::tally::Tally;
use super::wire::Wire;
use crate::clock;

/// Before an agent that failed connects again: this, doubled with each failure in a row, up to the second.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How often an agent looks whether its connection lives. Twice within the Keep Alive.
const PROBE_EVERY: Duration = Duration::from_secs(KEEP_ALIVE_S as u64 / 2);

/// How long an agent waits at its end for what is not acknowledged.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Bytes that may wait to be written before an agent makes no more messages: some TLS records.
const OUTPUT_MAX: usize = 64 << 10;

/// A message sent this long after it was due is counted as late.
const LATE: Duration = Duration::from_millis(100);

/// What the agents of one thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) behaviour: Behaviour,
    pub(crate) gate: Arc<Gate>,
    /// Cancelled when agents may publish.
    pub(crate) go: CancellationToken,
    /// Cancelled when they are to end.
    pub(crate) stop: CancellationToken,
    tally: Mutex<Tally>,
}

impl Shared {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        behaviour: Behaviour,
        gate: Arc<Gate>,
        [go, stop]: [CancellationToken; 2],
    ) -> Shared {
        Shared { endpoint, behaviour, gate, go, stop, tally: Mutex::new(Tally::new()) }
    }

    /// Takes what was counted since the last time.
    pub(super) fn take(&self) -> Tally {
        std::mem::replace(&mut self.tally(), Tally::new())
    }

    /// Held for microseconds, and never across an await.
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who an agent is, and what it says.
pub(crate) struct Profile {
    pub(crate) client_id: String,
    pub(crate) topic: String,
    /// A filter to subscribe to.
    pub(crate) filter: Option<String>,
    /// None is plain TCP.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) source: Box<dyn Source>,
    /// Where in its first period the agent begins, 0 to 1: a fleet does not publish at one moment.
    pub(crate) offset: f64,
    /// Messages to remember, for a check.
    pub(crate) kept_max: usize,
}

/// An agent.
pub(crate) struct Agent {
    profile: Profile,
    shared: Arc<Shared>,
    outbox: Outbox,
    /// The number of the next message.
    next: u64,
    /// When the next message is due; none before the agent may publish.
    due: Option<Instant>,
    is_stopping: bool,
    onboarded: bool,
    connected_before: bool,
    kept: Kept,
}

/// What an agent remembers of its messages.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Time of each message, up to the agent's bound.
    pub(super) times_us: Vec<i64>,
    /// Whether it was acknowledged; as long as `times_us`.
    pub(super) is_acknowledged: Vec<bool>,
    /// All that were acknowledged.
    pub(super) acknowledged: u64,
}

/// One connection.
struct Connection {
    wire: Wire,
    /// Messages that may be under way on it.
    window: usize,
    /// Something was written, or came in, since the last probe; a PINGREQ of the last probe is not answered.
    has_written: bool,
    has_heard: bool,
    is_pinging: bool,
    probe: Instant,
    /// No more messages were made because too much waited to be written.
    is_full: bool,
    timer: Pin<Box<Sleep>>,
    /// The time that the timer is set to.
    alarm: Instant,
    signal: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// When the agent gives up waiting for acknowledgements.
    gives_up: Option<Instant>,
}

/// All that can wake the loop.
enum Wake {
    /// The server has sent something; nothing is its end.
    Input(io::Result<usize>),
    /// What waited is written, and there may be more.
    Room,
    /// Writing failed.
    Lost(io::Error),
    /// A message is due, or it is time for a probe.
    Time,
    /// The agent may publish, or is to end.
    Signal,
}

impl Agent {
    pub(crate) fn new(profile: Profile, shared: Arc<Shared>) -> Agent {
        let outbox = Outbox::new(shared.behaviour.window);
        Agent {
            profile,
            shared,
            outbox,
            next: 0,
            due: None,
            is_stopping: false,
            onboarded: false,
            connected_before: false,
            kept: Kept::default(),
        }
    }

    /// Connects until the server takes the agent, and disconnects.
    pub(crate) async fn onboard(mut self) -> Result<(), Failed> {
        let opened = self.connect().await?;
        self.disconnect(opened.wire).await;
        Ok(())
    }

    /// Publishes until the fleet stops. Connects again whenever a connection ends.
    pub(crate) async fn run(mut self) -> Finished {
        let stop = self.shared.stop.clone();
        let mut failures = 0;
        let mut is_settled = false;
        while !stop.is_cancelled() {
            let Some(connected) = stop.run_until_cancelled(self.connect()).await else { break };
            if !is_settled {
                self.shared.tally().counts.settled += 1;
                is_settled = true;
            }
            let failed = match connected {
                Ok(opened) => {
                    failures = 0;
                    let served = self.serve(opened).await;
                    self.shared.tally().counts.closed += 1;
                    served.err()
                }
                Err(failed) => Some(failed),
            };
            let Some(failed) = failed else { break };
            warn!(agent = self.profile.client_id, cause = %failed, "the agent connects again");
            self.shared.tally().fail(&failed);
            stop.run_until_cancelled(tokio::time::sleep(backoff(failures))).await;
            failures += 1;
        }
        Finished { client_id: self.profile.client_id, kept: self.kept }
    }

    /// Comes in. A server may close the first connect, which makes the agent; it is connected again at once.
    async fn connect(&mut self) -> Result<Opened, Failed> {
        let shared = self.shared.clone();
        let _place = shared.gate.enter().await;
        loop {
            let started = Instant::now();
            let (tls, client_id) = (self.profile.tls.as_ref(), &self.profile.client_id);
            let opened = connection::open(&shared.endpoint, tls, &shared.behaviour, client_id).await;
            let mut tally = shared.tally();
            match opened {
                Err(Failed { fault: Fault::ClosedBeforeConnack, .. }) if !self.onboarded && !self.connected_before => {
                    self.onboarded = true;
                    tally.counts.onboarded += 1;
                }
                Err(failed) => return Err(failed),
                Ok(opened) => {
                    tally.connects.record(started.elapsed());
                    tally.counts.opened += 1;
                    tally.counts.reconnected += u64::from(self.connected_before);
                    self.connected_before = true;
                    return Ok(opened);
                }
            }
        }
    }

    /// One connection's life. It ends well when the agent is to end, and otherwise with what went wrong.
    async fn serve(&mut self, opened: Opened) -> Result<(), Failed> {
        let mut connection = self.begin(opened);
        self.subscribe(&mut connection)?;
        self.send_again(&mut connection)?;
        // Some acknowledgements may have come with the CONNACK.
        self.take_input(&mut connection)?;
        loop {
            self.publish(&mut connection)?;
            let now = Instant::now();
            if self.is_stopping && (self.outbox.under_way() == 0 || connection.gives_up.is_some_and(|end| end <= now)) {
                self.disconnect(connection.wire).await;
                return Ok(());
            }
            match self.wake(&mut connection).await {
                Wake::Input(Ok(0)) if self.is_stopping => return Ok(()),
                Wake::Input(Ok(0)) => {
                    return Err(Failed::new(Fault::ConnectionLost, "the server closed the connection"));
                }
                Wake::Input(Ok(_)) => self.take_input(&mut connection)?,
                Wake::Input(Err(_)) | Wake::Lost(_) if self.is_stopping => return Ok(()),
                Wake::Input(Err(cause)) | Wake::Lost(cause) => return Err(Failed::lost(&cause)),
                Wake::Room => {}
                Wake::Time => self.probe(&mut connection)?,
                Wake::Signal => self.take_signal(&mut connection),
            }
        }
    }

    fn begin(&mut self, opened: Opened) -> Connection {
        let now = Instant::now();
        let probe = now + PROBE_EVERY;
        let signal = if self.due.is_some() { &self.shared.stop } else { &self.shared.go };
        Connection {
            wire: opened.wire,
            window: usize::from(self.shared.behaviour.window.min(opened.receive_maximum)),
            has_written: false,
            has_heard: true,
            is_pinging: false,
            probe,
            is_full: false,
            timer: Box::pin(tokio::time::sleep_until(probe.into())),
            alarm: probe,
            signal: Some(Box::pin(signal.clone().cancelled_owned())),
            gives_up: None,
        }
    }

    async fn wake(&mut self, connection: &mut Connection) -> Wake {
        let alarm = self.alarm(connection);
        if alarm != connection.alarm {
            connection.timer.as_mut().reset(alarm.into());
            connection.alarm = alarm;
        }
        let Connection { wire, timer, signal, is_full, .. } = connection;
        poll_fn(|context| {
            if let Some(waiting) = signal
                && waiting.as_mut().poll(context).is_ready()
            {
                *signal = None;
                return Poll::Ready(Wake::Signal);
            }
            let written = wire.poll_write(context);
            if let Poll::Ready(Err(cause)) = written {
                return Poll::Ready(Wake::Lost(cause));
            }
            if let Poll::Ready(read) = wire.poll_read(context) {
                return Poll::Ready(Wake::Input(read));
            }
            if written.is_ready() && *is_full {
                return Poll::Ready(Wake::Room);
            }
            timer.as_mut().poll(context).map(|()| Wake::Time)
        })
        .await
    }

    /// When the loop wakes at the latest.
    fn alarm(&self, connection: &Connection) -> Instant {
        // A message that waits for its window is sent when there is an acknowledgement.
        let waits = connection.is_full || !self.has_room(connection);
        let is_paced = self.shared.behaviour.period.is_some() && !self.is_stopping && !waits;
        let due = self.due.filter(|_| is_paced);
        [due, connection.gives_up].into_iter().flatten().fold(connection.probe, Instant::min)
    }

    fn take_signal(&mut self, connection: &mut Connection) {
        let stop = &self.shared.stop;
        if self.due.is_none() && !stop.is_cancelled() {
            let period = self.shared.behaviour.period.unwrap_or_default();
            self.due = Some(Instant::now() + period.mul_f64(self.profile.offset));
            connection.signal = Some(Box::pin(stop.clone().cancelled_owned()));
        } else {
            self.is_stopping = true;
            connection.gives_up = Some(Instant::now() + DRAIN_TIME);
        }
    }

    fn has_room(&self, connection: &Connection) -> bool {
        self.shared.behaviour.qos == QoS::AtMostOnce || self.outbox.under_way() < connection.window
    }

    /// Makes the messages that are due, as far as there is room; they leave in one write.
    fn publish(&mut self, connection: &mut Connection) -> Result<(), Failed> {
        connection.is_full = false;
        let Some(mut due) = self.due.filter(|_| !self.is_stopping) else { return Ok(()) };
        let (now, now_us) = (Instant::now(), clock::now_us());
        let period = self.shared.behaviour.period;
        let (mut sent, mut late) = (0, 0);
        while due <= now && self.has_room(connection) {
            if connection.wire.output.len() >= OUTPUT_MAX {
                connection.is_full = true;
                break;
            }
            self.send(now, now_us, &mut connection.wire.output)?;
            sent += 1;
            if let Some(period) = period {
                late += u64::from(now.duration_since(due) > LATE);
                due += period;
            }
        }
        if sent > 0 {
            self.due = Some(due);
            connection.has_written = true;
            let mut tally = self.shared.tally();
            tally.counts.sent += sent;
            tally.counts.late += late;
        }
        Ok(())
    }

    /// Asks the server whether it is there, and ends the connection if it did not answer the last time.
    fn probe(&mut self, connection: &mut Connection) -> Result<(), Failed> {
        let now = Instant::now();
        if now < connection.probe {
            return Ok(());
        }
        if connection.is_pinging && !connection.has_heard {
            return Err(Failed::new(Fault::KeepAliveTimeout, &format!("no answer within {PROBE_EVERY:?}")));
        }
        connection.is_pinging = !connection.has_written || self.outbox.under_way() > 0;
        if connection.is_pinging {
            self.ping(&mut connection.wire.output)?;
        }
        (connection.has_written, connection.has_heard) = (false, false);
        connection.probe = now + PROBE_EVERY;
        Ok(())
    }
}

/// What is left of an agent.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(super) client_id: String,
    pub(super) kept: Kept,
}

fn backoff(failures: u32) -> Duration {
    BACKOFF.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX)
}
