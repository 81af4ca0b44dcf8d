//! Certificates from files, read again when the files change.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{Files, Host};

/// How often the files are looked at. Looking costs two system calls a host.
const EVERY: Duration = Duration::from_secs(1);

/// Watches one host's files until `stop`. Files that cannot be used leave the certificate in force.
pub(crate) async fn watch(host: Arc<Host>, files: Files, provider: Arc<CryptoProvider>, stop: CancellationToken) {
    let mut seen = files.modified();
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        let modified = files.modified();
        if modified == seen {
            continue;
        }
        match files.load(&provider) {
            Ok(certificate) => {
                host.set_certificate(Arc::new(certificate));
                seen = modified;
                info!(host = host.name, "the host has a new certificate");
            }
            // Chain and key are two files: between the two writes they do not belong together.
            Err(cause) => {
                error!(host = host.name, %cause, "the changed certificate is not usable; the old one stays in force");
            }
        }
    }
}
