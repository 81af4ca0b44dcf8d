//! The next segment, made ahead of time, so that the writer does not wait for its zeros.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::segment::{self, Header, MakeError};
use crate::storage::{SegmentFile, Storage};

/// Makes the next segment ahead of time, from any thread. At most one is kept.
#[derive(Clone, Debug)]
pub struct Preparer(pub(crate) Arc<Shelf>);

impl Preparer {
    /// Makes the segment that the writer will need next, unless it is there; says whether it was made now. Takes as
    /// long as the medium takes for one segment; the writer waits for it only when it needs that segment meanwhile.
    ///
    /// # Errors
    /// [`PrepareError::Full`] can be tried again; after [`PrepareError::Failed`] the log fails where it would have
    /// gone on in that segment.
    pub fn prepare(&self) -> Result<bool, PrepareError> {
        let mut state = self.0.lock();
        if let Some(cause) = &state.failed {
            return Err(PrepareError::Failed(cause.clone()));
        }
        if state.spare.is_some() {
            return Ok(false);
        }
        let made = self.0.make(&mut state)?;
        state.spare = Some(made);
        Ok(true)
    }
}

/// Where the next segment stands until the writer takes it.
#[derive(Debug)]
pub(crate) struct Shelf {
    storage: Arc<dyn Storage>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The segment that the writer needs next.
    next: Header,
    spare: Option<Arc<dyn SegmentFile>>,
    failed: Option<Arc<io::Error>>,
}

impl Shelf {
    pub(crate) fn new(storage: Arc<dyn Storage>, next: Header) -> Shelf {
        Shelf { storage, state: Mutex::new(State { next, spare: None, failed: None }) }
    }

    /// The next segment: the spare, or one made now.
    pub(crate) fn take(&self) -> Result<(Header, Arc<dyn SegmentFile>), PrepareError> {
        let mut state = self.lock();
        if let Some(cause) = &state.failed {
            return Err(PrepareError::Failed(cause.clone()));
        }
        let file = match state.spare.take() {
            Some(spare) => spare,
            None => self.make(&mut state)?,
        };
        let taken = state.next;
        state.next = taken.following(taken.segment_bytes, taken.frame_bytes_max);
        Ok((taken, file))
    }

    /// Under the lock, so that a segment is never made twice at once.
    fn make(&self, state: &mut State) -> Result<Arc<dyn SegmentFile>, PrepareError> {
        segment::make(&*self.storage, &state.next).map_err(|error| match error {
            MakeError::Full => PrepareError::Full,
            MakeError::Failed(cause) => {
                let cause = Arc::new(cause);
                state.failed = Some(cause.clone());
                PrepareError::Failed(cause)
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the shelf is locked")
    }
}

/// Why the next segment was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PrepareError {
    /// There is no room for it now.
    #[error("there is no room for the next segment of the log")]
    Full,
    /// The medium has failed.
    #[error("the next segment of the log could not be made")]
    Failed(#[source] Arc<io::Error>),
}
