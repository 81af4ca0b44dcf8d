//! What agents show: certificates made from a CA's key, or found in a folder; and how they speak TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::door::{self, Files};
use crate::failure::Failure;
use crate::issuing::Signer;

/// Days that a certificate made here lives; the next run makes new ones.
const DAYS: u64 = 7;

/// How agents speak TLS, apart from who they are.
pub(crate) struct Tls(ClientConfig);

impl Tls {
    /// Trusts the certificates of the file, and nothing else. No session is resumed: agents of the field do not either.
    pub(crate) fn new(
        server_ca: &Path,
        versions: &[&'static SupportedProtocolVersion],
        alpn: Option<&str>,
    ) -> Result<Tls, Failure> {
        let unusable = |cause: &dyn std::fmt::Display| Failure::file(server_ca, cause);
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(server_ca).map_err(|cause| unusable(&cause))? {
            let certificate = certificate.map_err(|cause| unusable(&cause))?;
            roots.add(certificate).map_err(|cause| unusable(&cause))?;
        }
        let builder = ClientConfig::builder_with_provider(door::provider()).with_protocol_versions(versions);
        let builder = builder.map_err(|cause| unusable(&cause))?.with_root_certificates(roots);
        let mut config = builder.with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Tls(config))
    }

    /// As an agent with this certificate and key.
    pub(crate) fn with(&self, key: CertifiedKey) -> Arc<ClientConfig> {
        let mut config = self.0.clone();
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
        Arc::new(config)
    }
}

/// Makes certificates in memory. Each agent has a key of its own, as real ones have: on P-256 that costs less than the
/// certificate's signature.
pub(super) struct Mint {
    signer: Signer,
    issuer: CertificateDer<'static>,
}

impl Mint {
    pub(super) fn new(files: &Files) -> Result<Mint, Failure> {
        let issuer = CertificateDer::from_pem_file(&files.certificate)
            .map_err(|cause| Failure::file(&files.certificate, cause))?;
        Ok(Mint { signer: Signer::open(&files.certificate, &files.key)?, issuer })
    }

    pub(super) fn make(&self, cn: &str) -> Result<CertifiedKey, Failure> {
        let (certificate, key) = self.signer.sign(cn, DAYS)?;
        let chain = vec![certificate.der().clone(), self.issuer.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        CertifiedKey::from_der(chain, key, &door::provider()).map_err(|cause| Failure::Usage(cause.to_string()))
    }
}

/// The agents of a folder: `NAME.pem` beside `NAME.key`, in the order of their names. The name is the common name.
pub(super) fn find(folder: &Path) -> Result<Vec<(String, Files)>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|cause| Failure::file(folder, cause))?;
    let mut certificates: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    certificates.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    certificates.sort();
    let agents = certificates.into_iter().filter_map(|certificate| {
        let key = certificate.with_extension("key");
        let name = certificate.file_stem()?.to_str()?.to_owned();
        key.exists().then_some((name, Files { certificate, key }))
    });
    Ok(agents.collect())
}
