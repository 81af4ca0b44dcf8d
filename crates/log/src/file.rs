//! Segments in a folder of the file system.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::{SegmentFile, Storage, ZEROS};

/// Files are for the server's user alone: payloads and credentials are in them.
const FILE_MODE: u32 = 0o600;

/// The same for the folder.
const FOLDER_MODE: u32 = 0o700;

/// Digits of a file's name: those of the largest position, so that names sort as positions do.
const NAME_DIGITS: usize = 20;

const SUFFIX: &str = ".segment";
const LOCK_NAME: &str = "lock";
const BALLAST_NAME: &str = "ballast";

/// Segments in a folder that no other process uses meanwhile.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    /// Kept open: the system tells a failed write of the folder only to those who had it open.
    folder: File,
    /// The lock lives as long as this.
    _lock: File,
}

impl FileStorage {
    /// Opens the folder, makes it if it is not there, and locks it.
    ///
    /// # Errors
    /// See [`FileStorageError`].
    pub fn open(path: &Path) -> Result<FileStorage, FileStorageError> {
        let failed = |cause| FileStorageError::Folder { folder: path.to_owned(), cause };
        make_folder(path).map_err(failed)?;
        let lock = options().truncate(false).create(true).open(path.join(LOCK_NAME)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileStorageError::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let folder = File::open(path).map_err(failed)?;
        Ok(FileStorage { path: path.to_owned(), folder, _lock: lock })
    }

    fn segment(&self, start: u64) -> PathBuf {
        self.path.join(format!("{start:0NAME_DIGITS$}{SUFFIX}"))
    }

    fn ballast(&self) -> PathBuf {
        self.path.join(BALLAST_NAME)
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(FILE_MODE);
    options
}

/// Makes a file of zeros that are really on the disk, or none.
fn create_filled(path: &Path, bytes: u64) -> io::Result<File> {
    let file = options().create(true).truncate(true).open(path)?;
    let filled = fill(&file, bytes);
    if let Err(cause) = filled {
        // What is left of it would only take room.
        drop(std::fs::remove_file(path));
        return Err(cause);
    }
    Ok(file)
}

fn fill(file: &File, bytes: u64) -> io::Result<()> {
    let mut offset = 0;
    while offset < bytes {
        let block = (bytes - offset).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..block as usize], offset)?;
        offset += block;
    }
    file.sync_all()
}

fn parse(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == NAME_DIGITS)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

impl Storage for FileStorage {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut starts = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            starts.extend(entry?.file_name().to_str().and_then(parse));
        }
        Ok(starts)
    }

    fn create(&self, start: u64, bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        Ok(Arc::new(OneFile(create_filled(&self.segment(start), bytes)?)))
    }

    fn open(&self, start: u64) -> io::Result<Arc<dyn SegmentFile>> {
        Ok(Arc::new(OneFile(options().open(self.segment(start))?)))
    }

    fn remove(&self, start: u64) -> io::Result<()> {
        std::fs::remove_file(self.segment(start))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn hold_ballast(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return self.release_ballast();
        }
        match std::fs::metadata(self.ballast()) {
            Ok(ballast) if ballast.len() == bytes => Ok(()),
            _ => create_filled(&self.ballast(), bytes).map(drop),
        }
    }

    fn release_ballast(&self) -> io::Result<()> {
        match std::fs::remove_file(self.ballast()) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct OneFile(File);

impl SegmentFile for OneFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.0.read_at(&mut into[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(bytes) => read += bytes,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Why the folder of a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileStorageError {
    /// Another process uses it, or this one does: a log is still open, or one of its readers.
    #[error("the folder {} is in use by another dinrail", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be made, opened or locked.
    #[error("the folder {} cannot be used: {cause}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}
