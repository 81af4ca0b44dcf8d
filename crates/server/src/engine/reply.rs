//! How the answer to a record finds its way back to whoever submitted it.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use broker::SessionKey;
use tenant::{CloseReason, Message, Outcome};
use tokio::sync::{Notify, oneshot, watch};

/// Messages at QoS 0 that wait in one connection's mailbox, and their bytes; one beyond is dropped, as QoS 0 allows.
const DELIVERIES_MAX: usize = 1000;
const DELIVERIES_BYTES_MAX: usize = 1 << 20;

/// Who hears the outcome of a record.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Nobody waits for it.
    Nobody,
    /// A connection, which has many on their way and tells them apart by its tag.
    Connection(Arc<Mailbox>, Tag),
    /// A connection that wants to be the session's.
    Connect(Arc<Mailbox>, SessionKey),
    /// A task that waits for this one.
    Task(oneshot::Sender<Answer>),
}

/// The outcome of one record, and where the record stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) position: u64,
    pub(crate) outcome: Outcome,
}

/// What a connection's record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Makes the agent.
    Onboard,
    /// Makes the connection the session's.
    Connect,
    /// To be answered with PUBACK; since when it is under way.
    Puback(u16, Instant),
    /// To be answered with PUBREC; since when it is under way.
    Pubrec(u16, Instant),
    /// To be answered with PUBCOMP.
    Pubcomp(u16),
    /// To be answered with SUBACK.
    Suback(u16),
    /// To be answered with UNSUBACK.
    Unsuback(u16),
}

/// Something for a connection from outside of it.
#[derive(Debug)]
pub(crate) enum Mail {
    /// One of its records is durable and applied.
    Answer(Tag, Answer),
    /// Its session's queue has something to send.
    Wake,
    /// A message at QoS 0.
    Deliver(Arc<Message>),
    /// It has to go.
    Close(CloseReason),
}

/// One connection's mail: filled by the writer, emptied by the connection in one go.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    mail: Mutex<Mails>,
    arrived: Notify,
    /// Set with the first `Mail::Close`, for a connection that is busy sending and looks at no mail.
    closed: watch::Sender<Option<CloseReason>>,
}

#[derive(Debug, Default)]
struct Mails {
    mails: Vec<Mail>,
    deliveries: usize,
    deliveries_bytes: usize,
    dropped: u64,
}

impl Mailbox {
    /// Puts mail in. The lock is held for a push, so it is the plain one.
    pub(crate) fn put(&self, mail: Mail) {
        {
            let mut inner = self.mail.lock().expect("no panic while a mailbox is locked");
            if let Mail::Deliver(message) = &mail {
                if inner.deliveries >= DELIVERIES_MAX || inner.deliveries_bytes >= DELIVERIES_BYTES_MAX {
                    inner.dropped += 1;
                    return;
                }
                inner.deliveries += 1;
                inner.deliveries_bytes += message.payload.len();
            }
            if let Mail::Close(reason) = &mail {
                self.closed.send_replace(Some(*reason));
            }
            inner.mails.push(mail);
        }
        self.arrived.notify_one();
    }

    /// Takes the first answer out, and leaves all else where it is.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        let mut inner = self.mail.lock().expect("no panic while a mailbox is locked");
        let index = inner.mails.iter().position(|mail| matches!(mail, Mail::Answer(..)))?;
        let Mail::Answer(_, answer) = inner.mails.remove(index) else { return None };
        if !inner.mails.is_empty() {
            self.arrived.notify_one();
        }
        Some(answer)
    }

    /// Takes all mail out.
    pub(crate) fn take(&self) -> Vec<Mail> {
        let mut inner = self.mail.lock().expect("no panic while a mailbox is locked");
        (inner.deliveries, inner.deliveries_bytes) = (0, 0);
        std::mem::take(&mut inner.mails)
    }

    /// Waits until there is mail.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Waits until the connection has to go.
    pub(crate) async fn closed(&self) -> CloseReason {
        let mut closed = self.closed.subscribe();
        // The sender lives in this mailbox, so the wait cannot fail.
        let reason = closed.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        reason.unwrap_or(CloseReason::TakenOver)
    }

    /// Messages at QoS 0 that did not fit.
    pub(crate) fn dropped(&self) -> u64 {
        self.mail.lock().expect("no panic while a mailbox is locked").dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_that_comes_with_the_answer_to_connect_is_not_lost() {
        let mailbox = Mailbox::default();
        let answer = Answer { position: 7, outcome: Outcome::Connected { session_present: false } };
        mailbox.put(Mail::Answer(Tag::Connect, answer));
        mailbox.put(Mail::Close(CloseReason::Revoked));
        assert_eq!(mailbox.take_answer().map(|answer| answer.position), Some(7));
        assert!(matches!(mailbox.take()[..], [Mail::Close(CloseReason::Revoked)]));
        assert!(mailbox.take_answer().is_none());
    }

    #[test]
    fn messages_at_qos_0_beyond_the_bound_are_counted_and_nothing_else_is_dropped() {
        let mailbox = Mailbox::default();
        let message = Arc::new(Message { topic: "t".into(), payload: Vec::new() });
        for _ in 0..DELIVERIES_MAX + 5 {
            mailbox.put(Mail::Deliver(message.clone()));
        }
        mailbox.put(Mail::Wake);
        assert_eq!(mailbox.dropped(), 5);
        assert_eq!(mailbox.take().len(), DELIVERIES_MAX + 1);
    }
}
