//! The messages of an agent that are not acknowledged yet. They outlive their connection, and are sent again on the
//! next.

use std::time::Instant;

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Free,
    /// PUBLISH is sent.
    Sent,
    /// PUBREC has come, PUBREL is sent.
    Released,
}

/// A place of the window. Its packet id is its index and one; its buffer serves one message after another.
#[derive(Debug)]
struct Slot {
    stage: Stage,
    number: u64,
    sent: Instant,
    payload: Vec<u8>,
}

/// The window.
#[derive(Debug)]
pub(super) struct Outbox {
    slots: Vec<Slot>,
    free: Vec<u16>,
    window: u16,
}

/// A message that is to be sent again: all of it, or its PUBREL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Publish(u16),
    Pubrel(u16),
}

impl Outbox {
    /// At most `window` messages; their buffers are made as they are needed.
    pub(super) fn new(window: u16) -> Outbox {
        Outbox { slots: Vec::new(), free: Vec::new(), window }
    }

    pub(super) fn under_way(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// A place for message `number`: its packet id, and an empty buffer for its payload. None while the window is full.
    pub(super) fn take(&mut self, number: u64, sent: Instant) -> Option<(u16, &mut Vec<u8>)> {
        let packet_id = match self.free.pop() {
            Some(packet_id) => packet_id,
            None => {
                let packet_id = u16::try_from(self.slots.len() + 1).ok().filter(|id| *id <= self.window)?;
                self.slots.push(Slot { stage: Stage::Free, number, sent, payload: Vec::new() });
                packet_id
            }
        };
        let slot = &mut self.slots[usize::from(packet_id) - 1];
        (slot.stage, slot.number, slot.sent) = (Stage::Sent, number, sent);
        slot.payload.clear();
        Some((packet_id, &mut slot.payload))
    }

    /// The message is done with: its number, and when it was sent first. None if there is no such message under way.
    pub(super) fn finish(&mut self, packet_id: u16) -> Option<(u64, Instant)> {
        let slot = self.slots.get_mut(usize::from(packet_id).checked_sub(1)?)?;
        if slot.stage == Stage::Free {
            return None;
        }
        slot.stage = Stage::Free;
        self.free.push(packet_id);
        Some((slot.number, slot.sent))
    }

    /// PUBREC has come. False if there is no such message under way.
    pub(super) fn release(&mut self, packet_id: u16) -> bool {
        let index = usize::from(packet_id).wrapping_sub(1);
        let slot = self.slots.get_mut(index).filter(|slot| slot.stage != Stage::Free);
        slot.map(|slot| slot.stage = Stage::Released).is_some()
    }

    pub(super) fn payload(&self, packet_id: u16) -> &[u8] {
        &self.slots[usize::from(packet_id) - 1].payload
    }

    /// What is under way, in the order in which it was sent.
    pub(super) fn pending(&self) -> Vec<Pending> {
        let mut pending: Vec<_> = (1..).zip(&self.slots).filter(|(_, slot)| slot.stage != Stage::Free).collect();
        pending.sort_unstable_by_key(|(_, slot)| slot.number);
        let how = |(packet_id, slot): (u16, &Slot)| match slot.stage {
            Stage::Released => Pending::Pubrel(packet_id),
            _ => Pending::Publish(packet_id),
        };
        pending.into_iter().map(how).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_never_exceeded_and_places_are_used_again() {
        let now = Instant::now();
        let mut outbox = Outbox::new(2);
        assert_eq!(outbox.take(0, now).unwrap().0, 1);
        assert_eq!(outbox.take(1, now).unwrap().0, 2);
        assert!(outbox.take(2, now).is_none());
        assert_eq!(outbox.finish(1), Some((0, now)));
        assert_eq!((outbox.finish(1), outbox.finish(0), outbox.finish(3)), (None, None, None));
        assert_eq!(outbox.under_way(), 1);
        assert_eq!(outbox.take(2, now).unwrap().0, 1);
    }

    #[test]
    fn what_is_sent_again_is_in_its_first_order_and_continues_where_it_was() {
        let now = Instant::now();
        let mut outbox = Outbox::new(3);
        for number in 0..3 {
            outbox.take(number, now).unwrap().1.push(b'0' + number as u8);
        }
        outbox.finish(1);
        outbox.take(3, now).unwrap().1.push(b'3');
        assert!(outbox.release(3));
        assert_eq!(outbox.pending(), [Pending::Publish(2), Pending::Pubrel(3), Pending::Publish(1)]);
        assert_eq!(outbox.payload(1), b"3");
        outbox.finish(2);
        assert!(!outbox.release(2) && !outbox.release(0) && !outbox.release(9));
    }
}
