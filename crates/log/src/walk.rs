//! The frames of one segment, in order, and the holes between them.

use std::io;
use std::sync::Arc;

use crate::frame::{Codec, FRAME_HEADER_BYTES, Frame, Head};
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::storage::SegmentFile;
use crate::window::Window;

/// Up to where a segment has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// To this offset, exactly: whatever is no frame before it is damaged.
    Exactly(u64),
    /// Nobody knows; zeros before this offset may be preallocated room.
    AtMost(u64),
}

/// What a walk comes to next. Offsets in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Frame(Head),
    /// Bytes that are no frame, before the next frame or before the end of what was written.
    Hole {
        from: u64,
        to: u64,
    },
}

/// What is at an offset.
enum Found {
    Good(Head),
    /// A good header of a frame whose body is not, or that is left over from a batch that was cut off.
    Broken(Head),
    Nothing,
}

/// The frames of one segment, in order, and the holes between them.
#[derive(Debug)]
pub(crate) struct Walk {
    window: Window,
    codec: Codec,
    start: u64,
    offset: u64,
    is_exact: bool,
    /// Latest `batch_start` so far; a frame behind it that began earlier is a leftover.
    floor: u64,
    last_start: u64,
    frames_end: u64,
}

impl Walk {
    /// A walk through the segment that starts at `start`.
    pub(crate) fn new(file: Arc<dyn SegmentFile>, codec: Codec, start: u64, limit: Limit) -> Walk {
        let (limit, is_exact) = match limit {
            Limit::Exactly(limit) => (limit, true),
            Limit::AtMost(limit) => (limit, false),
        };
        let window = Window::new(file, limit);
        let offset = SEGMENT_HEADER_BYTES;
        Walk { window, codec, start, offset, is_exact, floor: 0, last_start: offset, frames_end: offset }
    }

    /// Goes on at `offset` if a frame begins there; otherwise from where it is.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        if !matches!(self.look(offset)?, Found::Nothing) {
            self.offset = offset;
        }
        Ok(())
    }

    /// Where the next step begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Start of the last good frame.
    pub(crate) fn last_start(&self) -> u64 {
        self.last_start
    }

    /// End of the last good frame.
    pub(crate) fn frames_end(&self) -> u64 {
        self.frames_end
    }

    /// All before this position was durable when the last good frame was written.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// The next frame or hole; `None` at the end.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step>> {
        while self.offset < self.window.limit() {
            let Found::Good(head) = self.look(self.offset)? else { return self.hole() };
            self.last_start = self.offset;
            self.offset += head.frame_bytes();
            self.frames_end = self.offset;
            self.floor = head.batch_start;
            if !head.is_cut {
                return Ok(Some(Step::Frame(head)));
            }
        }
        Ok(None)
    }

    /// The frame of a head that [`Walk::step`] has just returned.
    pub(crate) fn frame(&mut self, head: &Head) -> io::Result<Option<Frame>> {
        let bytes = self.window.at(head.position - self.start, head.frame_bytes())?;
        let body = bytes.get(FRAME_HEADER_BYTES as usize..).and_then(|body| self.codec.body(head, body));
        Ok(body.map(|(tenant, payload)| Frame::new(head, tenant, payload)))
    }

    fn hole(&mut self) -> io::Result<Option<Step>> {
        let from = self.offset;
        let to = match self.search(from)? {
            Some(next) => {
                self.offset = next;
                next
            }
            None => {
                let written = if self.is_exact { None } else { Some(self.window.written_end(from)?.unwrap_or(from)) };
                self.offset = self.window.limit();
                written.unwrap_or(self.offset)
            }
        };
        Ok((to > from).then_some(Step::Hole { from, to }))
    }

    /// Offset of the next good frame. A good header tells where its frame ends even if the rest is broken: what is
    /// inside of it, which a tenant has chosen, is not searched.
    fn search(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        while let Some(candidate) = self.next_head(offset)? {
            offset = match self.look(candidate)? {
                Found::Good(_) => return Ok(Some(candidate)),
                Found::Broken(head) => candidate + head.frame_bytes(),
                Found::Nothing => candidate + 1,
            };
        }
        Ok(None)
    }

    fn next_head(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        let header_bytes = FRAME_HEADER_BYTES as usize;
        loop {
            let bytes = self.window.at(offset, header_bytes as u64)?;
            if bytes.len() < header_bytes {
                return Ok(None);
            }
            let is_head = |(at, window)| self.codec.head(self.start + offset + at as u64, window).is_some();
            if let Some(at) = bytes.windows(header_bytes).enumerate().position(is_head) {
                return Ok(Some(offset + at as u64));
            }
            offset += (bytes.len() - header_bytes + 1) as u64;
        }
    }

    fn look(&mut self, offset: u64) -> io::Result<Found> {
        let bytes = self.window.at(offset, FRAME_HEADER_BYTES.into())?;
        let Some(head) = self.codec.head(self.start + offset, bytes) else { return Ok(Found::Nothing) };
        let bytes = self.window.at(offset, head.frame_bytes())?;
        let body = bytes.get(FRAME_HEADER_BYTES as usize..).and_then(|body| self.codec.body(&head, body));
        Ok(if body.is_some() && head.batch_start >= self.floor { Found::Good(head) } else { Found::Broken(head) })
    }
}
