//! Messages of QoS 1 that one session waits for, in log order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The outgoing queue of a session: the entries at its front have packet ids and may be on the wire, the rest wait.
///
/// Packet ids are given when an entry enters the window, which happens only while a record is applied. So they
/// survive a crash, and a redelivery carries the id of the first delivery [MQTT-4.4.0-1].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    inflight: VecDeque<Inflight>,
    waiting: VecDeque<u64>,
    window: u16,
    last_packet_id: u16,
}

/// An entry inside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inflight {
    /// Identifies the delivery on the wire.
    pub packet_id: u16,
    /// Log position of the message.
    pub position: u64,
    /// The connection that first had it in its window; on a later one the delivery is a DUP [MQTT-3.3.1-1].
    pub epoch: u64,
}

impl Queue {
    /// A new connection's window: at most `receive_maximum` unacknowledged deliveries [MQTT-3.3.4-9].
    pub fn open_window(&mut self, epoch: u64, receive_maximum: u16) {
        self.window = receive_maximum.max(1);
        self.fill(epoch);
    }

    /// Appends a message; it enters the window at once when there is room and a connection.
    pub fn push(&mut self, position: u64, epoch: Option<u64>) {
        self.waiting.push_back(position);
        if let Some(epoch) = epoch {
            self.fill(epoch);
        }
    }

    /// Removes the delivery that the client acknowledged, and gives its message's position.
    pub fn acknowledge(&mut self, packet_id: u16, epoch: u64) -> Option<u64> {
        let index = self.inflight.iter().position(|entry| entry.packet_id == packet_id)?;
        let entry = self.inflight.remove(index)?;
        self.fill(epoch);
        Some(entry.position)
    }

    /// The entries inside the window, oldest first. An earlier connection's window may have been wider: what is behind
    /// this one's keeps its packet id, and waits.
    pub fn inflight(&self) -> impl Iterator<Item = Inflight> + '_ {
        self.inflight.iter().copied().take(usize::from(self.window))
    }

    /// Log positions of all entries.
    pub fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        self.inflight.iter().map(|entry| entry.position).chain(self.waiting.iter().copied())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.inflight.len() + self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn fill(&mut self, epoch: u64) {
        while self.inflight.len() < usize::from(self.window) {
            let Some(position) = self.waiting.pop_front() else {
                return;
            };
            let packet_id = self.free_packet_id();
            self.inflight.push_back(Inflight { packet_id, position, epoch });
        }
    }

    /// The window is at most 65,535 wide, so while there is room in it there is a free id.
    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !self.inflight.iter().any(|entry| entry.packet_id == self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_refills_in_order_as_acknowledgements_come() {
        let mut queue = Queue::default();
        queue.open_window(1, 2);
        for position in [10, 20, 30] {
            queue.push(position, Some(1));
        }
        let ids: Vec<_> = queue.inflight().map(|entry| (entry.packet_id, entry.position)).collect();
        assert_eq!(ids, [(1, 10), (2, 20)]);
        assert_eq!(queue.acknowledge(1, 1), Some(10));
        assert_eq!(queue.acknowledge(1, 1), None);
        let ids: Vec<_> = queue.inflight().map(|entry| (entry.packet_id, entry.position)).collect();
        assert_eq!(ids, [(2, 20), (3, 30)]);
    }

    #[test]
    fn packet_ids_wrap_without_meeting_one_in_flight() {
        let mut queue = Queue { last_packet_id: u16::MAX - 1, ..Queue::default() };
        queue.open_window(1, 10);
        queue.push(1, Some(1));
        queue.push(2, Some(1));
        let ids: Vec<_> = queue.inflight().map(|entry| entry.packet_id).collect();
        assert_eq!(ids, [u16::MAX, 1]);
    }

    #[test]
    fn a_narrower_window_of_a_later_connection_is_kept_to() {
        let mut queue = Queue::default();
        queue.open_window(1, 3);
        for position in [10, 20, 30, 40] {
            queue.push(position, Some(1));
        }
        queue.open_window(7, 1);
        let ids: Vec<_> = queue.inflight().map(|entry| entry.packet_id).collect();
        assert_eq!(ids, [1]);
        assert_eq!(queue.acknowledge(1, 7), Some(10));
        let entry = queue.inflight().next().unwrap();
        assert_eq!((entry.packet_id, entry.position, entry.epoch), (2, 20, 1));
        assert_eq!(queue.positions().collect::<Vec<_>>(), [20, 30, 40]);
    }

    #[test]
    fn a_redelivery_keeps_its_packet_id_and_its_first_epoch() {
        let mut queue = Queue::default();
        queue.open_window(1, 5);
        queue.push(10, Some(1));
        queue.open_window(7, 5);
        let entry = queue.inflight().next().unwrap();
        assert_eq!((entry.packet_id, entry.epoch), (1, 1));
    }
}
