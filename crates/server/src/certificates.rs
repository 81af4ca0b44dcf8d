//! The virtual hosts of a configuration, with their certificates: from files, or made here.

use std::sync::Arc;

use tracing::warn;

use crate::config::{Config, HostConfig};
use crate::door::{self, Files, Host, PkiError, ServerCa};

/// The virtual hosts with the files of their certificates.
pub(crate) struct Certificates {
    pub(crate) ca: ServerCa,
    pub(crate) hosts: Vec<(Arc<Host>, Files)>,
    /// Names of the hosts whose certificates dinrail makes.
    made: Vec<String>,
}

impl Certificates {
    /// Reads the files, or makes them.
    ///
    /// # Errors
    /// Files that cannot be used.
    pub(crate) fn open(config: &Config) -> Result<Certificates, PkiError> {
        let ca = ServerCa::open(&config.folder.join("pki"))?;
        let provider = door::provider();
        let mut certificates = Certificates { ca, hosts: Vec::new(), made: Vec::new() };
        for HostConfig { name, roles, files, without_sni } in &config.hosts {
            let files = match files {
                Some(files) => files.clone(),
                None => {
                    certificates.made.push(name.clone());
                    certificates.ca.host(name)?
                }
            };
            let host = Host::new(name, roles.clone(), *without_sni, Arc::new(files.load(&provider)?));
            certificates.hosts.push((Arc::new(host), files));
        }
        Ok(certificates)
    }

    /// What clients have to trust, PEM: dinrail's own authority where it makes a certificate, and what follows the
    /// certificate in the files that were given.
    pub(crate) fn roots(&self) -> String {
        let given = self.hosts.iter().filter(|(host, _)| !self.made.contains(&host.name));
        let mut roots: String = given.map(|(_, files)| files.issuers()).collect();
        if !self.made.is_empty() {
            roots.push_str(self.ca.pem());
        }
        roots
    }

    /// Makes those certificates anew that end soon; the watch over the files puts them in force.
    pub(crate) fn renew(&self) {
        for name in &self.made {
            if let Err(cause) = self.ca.host(name) {
                warn!(host = name, %cause, "the host's certificate could not be renewed");
            }
        }
    }

    /// When the first of the hosts' certificates ends.
    pub(crate) fn ends_us(&self) -> Option<i64> {
        self.hosts.iter().filter_map(|(_, files)| files.not_after_us()).min()
    }
}
