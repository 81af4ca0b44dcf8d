//! Reading many frames in order.

use std::io;
use std::sync::Arc;

use crate::damage::{Damage, DamageReason};
use crate::frame::Frame;
use crate::position::Position;
use crate::reader::{Extent, LogReader, missing};
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::walk::{Step, Walk};

/// Frames in order, up to what was committed when the scan began; see [`LogReader::scan`].
#[derive(Debug)]
pub struct Scan {
    reader: LogReader,
    from: u64,
    end: u64,
    /// The next segment starts here or behind.
    next: u64,
    /// End of the segment before, if there was one.
    previous_end: Option<u64>,
    walk: Option<(Arc<Extent>, Walk)>,
}

impl Scan {
    pub(crate) fn new(reader: LogReader, from: u64) -> Scan {
        let (next, end) = (reader.0.start_of(from), reader.end().0);
        Scan { reader, from, end, next, previous_end: None, walk: None }
    }

    /// Goes to the next segment. `None` at the end; `Err` is damage between or at the segments.
    fn enter(&mut self) -> Option<Result<(), Damage>> {
        let (extent, is_oldest) = self.reader.0.next_extent(self.next)?;
        if extent.start >= self.end {
            return None;
        }
        // A gap before the oldest one is what was removed meanwhile.
        if let Some(expected) = self.previous_end.replace(extent.start)
            && expected < extent.start
            && !is_oldest
        {
            return Some(Err(missing(expected, extent.start)));
        }
        (self.next, self.previous_end) = (extent.start + 1, Some(extent.end()));
        match self.begin(&extent) {
            Ok(walk) => self.walk = walk.map(|walk| (extent.clone(), walk)),
            Err(cause) => return Some(Err(extent.damage(DamageReason::Medium(cause.to_string()), 0, extent.bytes))),
        }
        match &extent.fault {
            Some((reason, from, to)) if extent.start + to > self.from => {
                Some(Err(extent.damage(reason.clone(), *from, *to)))
            }
            _ => Some(Ok(())),
        }
    }

    fn begin(&self, extent: &Extent) -> io::Result<Option<Walk>> {
        let Some(file) = self.reader.0.open(extent)? else { return Ok(None) };
        let mut walk = Walk::new(file, extent.codec, extent.start, extent.limit(self.end));
        if let Some(offset) = self.from.checked_sub(extent.start).filter(|offset| *offset > SEGMENT_HEADER_BYTES) {
            walk.skip_to(offset)?;
        }
        Ok(Some(walk))
    }

    /// One step in the segment; `None` at its end.
    fn step(&mut self) -> Option<Result<Frame, Damage>> {
        let (extent, walk) = self.walk.as_mut()?;
        let offset = walk.offset();
        let failed = |cause: io::Error| extent.damage(DamageReason::Medium(cause.to_string()), offset, extent.bytes);
        let item = match walk.step() {
            Ok(None) => None,
            Ok(Some(Step::Hole { from, to })) => Some(Err(extent.damage(DamageReason::Frame, from, to))),
            Ok(Some(Step::Frame(head))) => match walk.frame(&head) {
                Ok(Some(frame)) => Some(Ok(frame)),
                // It was good a moment ago.
                Ok(None) => Some(Err(extent.damage(DamageReason::Frame, offset, walk.offset()))),
                Err(cause) => Some(Err(failed(cause))),
            },
            Err(cause) => Some(Err(failed(cause))),
        };
        let goes_on = match &item {
            None => false,
            Some(Err(damage)) => !matches!(damage.reason, DamageReason::Medium(_)),
            Some(Ok(_)) => true,
        };
        if !goes_on {
            self.walk = None;
        }
        item
    }
}

impl Iterator for Scan {
    type Item = Result<Frame, Damage>;

    fn next(&mut self) -> Option<Result<Frame, Damage>> {
        loop {
            match self.step() {
                Some(Ok(frame)) if frame.position().0 < self.from => {}
                Some(Err(damage)) if damage.to <= Position(self.from) => {}
                Some(item) => return Some(item),
                None => {
                    if let Err(damage) = self.enter()? {
                        return Some(Err(damage));
                    }
                }
            }
        }
    }
}
