//! How much of a client's work is under way [4.9].

use crate::publish::Publish;
use crate::qos::QoS;
use crate::version::Version;

/// Counts what a client has sent and not been answered, so that it cannot grow what the server holds for it.
///
/// Two counts, because two things need a bound:
/// - *owed*: answers that only the server can give, to PUBLISH of QoS 1 and 2, PUBREL, SUBSCRIBE and UNSUBSCRIBE. At the
///   limit nothing more is taken. Between PUBREC and PUBREL nothing is owed: it is the client's turn, and not to listen
///   to it then would be to wait for ever.
/// - *quota*: what version 5 counts against Receive Maximum. A QoS 2 message is in it until PUBCOMP. One more is an error.
#[derive(Debug)]
pub(crate) struct Flow {
    receive_maximum: usize,
    owed_max: usize,
    owed: usize,
    /// Packet ids in the quota, at most Receive Maximum of them; only in version 5.
    quota: Option<Vec<u16>>,
}

impl Flow {
    pub(crate) fn new(version: Version, receive_maximum: u16) -> Flow {
        let receive_maximum = usize::from(receive_maximum);
        match version {
            Version::V311 => Flow { receive_maximum, owed_max: receive_maximum, owed: 0, quota: None },
            // A client that fills its quota may have as much of the rest under way; the quota's end is told apart by that.
            Version::V5 => Flow { receive_maximum, owed_max: 2 * receive_maximum, owed: 0, quota: Some(Vec::new()) },
        }
    }

    /// Whether there is room for another packet.
    pub(crate) fn has_room(&self) -> bool {
        self.owed < self.owed_max
    }

    /// Whether a message fits Receive Maximum.
    pub(crate) fn admits(&self, publish: &Publish<'_>) -> bool {
        let is_full = self.quota.as_ref().is_some_and(|quota| quota.len() >= self.receive_maximum);
        !is_full || publish.qos == QoS::AtMostOnce || self.is_repeated(publish)
    }

    /// A QoS 2 message that is sent again ends with the PUBCOMP of the first, so it is counted once.
    fn is_repeated(&self, publish: &Publish<'_>) -> bool {
        let quota = self.quota.as_deref().unwrap_or_default();
        publish.qos == QoS::ExactlyOnce && publish.packet_id.is_some_and(|packet_id| quota.contains(&packet_id))
    }

    /// A message has come.
    pub(crate) fn publish(&mut self, publish: &Publish<'_>) {
        let Some(packet_id) = publish.packet_id else { return };
        let is_repeated = self.is_repeated(publish);
        self.owe();
        if let Some(quota) = &mut self.quota
            && !is_repeated
        {
            quota.push(packet_id);
        }
    }

    /// Something else has come that has to be answered.
    pub(crate) fn owe(&mut self) {
        self.owed += 1;
    }

    /// An answer is given.
    pub(crate) fn answer(&mut self) {
        self.owed = self.owed.saturating_sub(1);
    }

    /// The answer that ends the delivery of a message is given.
    pub(crate) fn complete(&mut self, packet_id: u16) {
        self.answer();
        if let Some(quota) = &mut self.quota
            && let Some(index) = quota.iter().position(|counted| *counted == packet_id)
        {
            quota.swap_remove(index);
        }
    }
}
