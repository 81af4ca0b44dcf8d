//! Whether the server can keep what it is sent.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The state of the log's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Disk {
    /// The last commit went through.
    Writable,
    /// No room: sockets are not read, and the commit is tried again.
    Full,
    /// A write or fsync has failed: only a restart helps.
    Failed,
}

/// Read by CONNECT, by the readiness probe and by people.
#[derive(Debug)]
pub(crate) struct Health {
    disk: AtomicU8,
    store: AtomicBool,
}

impl Default for Health {
    fn default() -> Health {
        Health { disk: AtomicU8::new(Disk::Writable as u8), store: AtomicBool::new(true) }
    }
}

impl Health {
    /// Sets the disk's state; whether it changed.
    pub(crate) fn set_disk(&self, disk: Disk) -> bool {
        self.disk.swap(disk as u8, Ordering::Relaxed) != disk as u8
    }

    /// Sets whether SQL takes what it is given.
    pub(crate) fn set_store(&self, writable: bool) {
        self.store.store(writable, Ordering::Relaxed);
    }

    /// The state of the log's disk.
    pub(crate) fn disk(&self) -> Disk {
        match self.disk.load(Ordering::Relaxed) {
            0 => Disk::Writable,
            1 => Disk::Full,
            _ => Disk::Failed,
        }
    }

    /// Everything that is wrong, in words; empty when all is well.
    pub(crate) fn troubles(&self) -> Vec<&'static str> {
        let disk = match self.disk() {
            Disk::Writable => None,
            Disk::Full => Some("the disk is full: free space, dinrail tries again every 5 s"),
            Disk::Failed => Some("the log has failed: check the disk, then restart dinrail"),
        };
        let store = (!self.store.load(Ordering::Relaxed))
            .then_some("the database cannot be written; see the log of the server");
        [disk, store].into_iter().flatten().collect()
    }
}
