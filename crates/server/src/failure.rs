//! Why a command of the program failed, and its exit code.

use crate::client::ClientError;
use crate::server::StartError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, or a file that it names.
    #[error("{0}")]
    Usage(String),
    /// The server.
    #[error("{0}")]
    Server(#[from] ClientError),
    /// A server that could not start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// A simulated fleet of which no agent was let in.
    #[error("{0}")]
    NotConnected(String),
    /// Something that was acknowledged is not there.
    #[error("{0}")]
    Missing(String),
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Server(_) | Failure::Start(_) | Failure::NotConnected(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Missing(_) => 3,
        }
    }

    /// A file, with what went wrong.
    pub(crate) fn file(path: &std::path::Path, cause: impl std::fmt::Display) -> Failure {
        Failure::Usage(format!("{}: {cause}", path.display()))
    }
}
