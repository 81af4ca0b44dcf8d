//! What a server keeps in SQL, as far as the simulation uses it: a plain model, or the real thing.

mod model;
mod sqlite;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Debug;

use tenant::{Checkpoint, Projected, Sample, Unwritten};

use crate::power::{Draw, Power};

pub use model::ModelStore;
pub use sqlite::RealStore;

/// A tenant as its last checkpoint left it.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Tenant id.
    pub tenant: String,
    /// Every record below this log position is contained.
    pub position: u64,
    /// Position of the last record whose rows are there.
    pub projected: u64,
    /// Parts with their keys.
    pub parts: Vec<(String, Vec<u8>)>,
}

/// What is kept beside the log. Each call is done as a whole or not at all, and is durable on return. The words are
/// those of `store::Store`.
pub trait Keeping: Debug {
    /// The machine starts again.
    fn reopen(&mut self);

    /// All tenants.
    ///
    /// # Errors
    /// The store refuses.
    fn restore(&self) -> Result<Vec<Image>, Refused>;

    /// Position from which a restart reads the log.
    ///
    /// # Errors
    /// The store refuses.
    fn floor(&self) -> Result<u64, Refused>;

    /// Raises it.
    ///
    /// # Errors
    /// The store refuses.
    fn set_floor(&self, position: u64) -> Result<(), Refused>;

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// The store refuses.
    fn checkpoint(&self, tenant: &str, checkpoint: &Checkpoint) -> Result<(), Refused>;

    /// Adds rows that people query.
    ///
    /// # Errors
    /// The store refuses.
    fn project(&self, tenant: &str, rows: &[Projected]) -> Result<(), Refused>;

    /// Keeps records that sessions wait for.
    ///
    /// # Errors
    /// The store refuses.
    fn put_messages(&self, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), Refused>;

    /// Drops all of them but these.
    ///
    /// # Errors
    /// The store refuses.
    fn retain_messages(&self, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), Refused>;

    /// One of them.
    ///
    /// # Errors
    /// The store refuses.
    fn message(&self, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, Refused>;

    /// All samples of a series, with those that the tenant still holds.
    ///
    /// # Errors
    /// The store refuses.
    fn samples(
        &self,
        tenant: &str,
        agent: &str,
        data_point: &str,
        unwritten: &Unwritten,
    ) -> Result<Vec<Sample>, Refused>;

    /// Folds chunks.
    ///
    /// # Errors
    /// The store refuses.
    fn merge(&self, tenant: &str) -> Result<(), Refused>;

    /// All rows of a tenant, in log order.
    ///
    /// # Errors
    /// The store refuses.
    fn rows(&self, tenant: &str) -> Result<Vec<Projected>, Refused>;
}

/// A store that needs power, and that now and then has no room.
#[derive(Debug)]
pub(crate) struct PoweredStore {
    inner: RefCell<Box<dyn Keeping>>,
    power: Power,
    is_full: Cell<bool>,
}

impl PoweredStore {
    pub(crate) fn new(inner: Box<dyn Keeping>, power: Power) -> PoweredStore {
        PoweredStore { inner: RefCell::new(inner), power, is_full: Cell::new(false) }
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.is_full.set(is_full);
    }

    pub(crate) fn reopen(&self) {
        self.inner.borrow_mut().reopen();
    }

    pub(crate) fn read<T>(&self, query: impl FnOnce(&dyn Keeping) -> Result<T, Refused>) -> Result<T, Refused> {
        if self.power.is_on() { query(&**self.inner.borrow()) } else { Err(Refused::no_power()) }
    }

    pub(crate) fn write(&self, change: impl FnOnce(&dyn Keeping) -> Result<(), Refused>) -> Result<(), Refused> {
        if self.is_full.get() {
            return Err(Refused("there is no room".to_owned()));
        }
        match self.power.draw() {
            Draw::Done => change(&**self.inner.borrow()),
            Draw::DoneInVain => change(&**self.inner.borrow()).and(Err(Refused::no_power())),
            Draw::NotDone => Err(Refused::no_power()),
        }
    }
}

/// The store does not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl Refused {
    fn no_power() -> Refused {
        Refused("the power is gone".to_owned())
    }
}
