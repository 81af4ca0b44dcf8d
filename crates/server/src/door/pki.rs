//! The server's own authority, and the certificates it makes for hosts that bring none.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::clock;

/// How long the server's authority lasts.
const AUTHORITY_DAYS: u64 = 3650;

/// How long a host certificate made here lasts. Clients of the field accept 397 days everywhere.
const HOST_DAYS: u64 = 397;

/// A host certificate made here is made anew when it has less than this to live.
const RENEW_DAYS: i64 = 30;

/// Microseconds in a day.
const DAY_US: i64 = 86_400_000_000;

/// PEM files of a certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// The authority in a folder.
#[derive(Debug)]
pub(crate) struct ServerCa {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl ServerCa {
    /// Reads the authority from the folder, or makes it there.
    pub(crate) fn open(folder: &Path) -> Result<ServerCa, PkiError> {
        let files = Files { certificate: folder.join("server-ca.pem"), key: folder.join("server-ca.key") };
        fs::create_dir_all(folder).map_err(|cause| PkiError::io(folder, cause))?;
        if !files.certificate.exists() {
            let key = KeyPair::generate()?;
            let mut params = params("dinrail server CA", AUTHORITY_DAYS);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let certificate = params.self_signed(&key)?;
            write_secret(&files.key, &key.serialize_pem())?;
            write(&files.certificate, &certificate.pem())?;
        }
        let pem = read(&files.certificate)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&read(&files.key)?)?)?;
        Ok(ServerCa { folder: folder.to_owned(), issuer, pem })
    }

    /// The root that clients need, as PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Where the root lies.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("server-ca.pem")
    }

    /// The files of a host's certificate; made if there are none, or if theirs ends soon.
    pub(crate) fn host(&self, name: &str) -> Result<Files, PkiError> {
        let files = Files {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        let soon_us = clock::now_us().saturating_add(RENEW_DAYS * DAY_US);
        if files.not_after_us().is_some_and(|not_after_us| not_after_us > soon_us) {
            return Ok(files);
        }
        let key = KeyPair::generate()?;
        let mut params = params(name, HOST_DAYS);
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into()?)];
        if name == "localhost" {
            params.subject_alt_names.push(rcgen::SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
            params.subject_alt_names.push(rcgen::SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write_secret(&files.key, &key.serialize_pem())?;
        write(&files.certificate, &format!("{}{}", certificate.pem(), self.pem))?;
        Ok(files)
    }
}

impl Files {
    /// Reads chain and key; they have to belong together.
    pub(crate) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, PkiError> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|cause| PkiError::Pem(self.certificate.clone(), cause.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|cause| PkiError::Pem(self.key.clone(), cause.to_string()))?;
        CertifiedKey::from_der(chain, key, provider)
            .map_err(|cause| PkiError::Pem(self.certificate.clone(), cause.to_string()))
    }

    /// The certificates that follow the host's own, PEM; without a chain, that one.
    pub(crate) fn issuers(&self) -> String {
        let pem = read(&self.certificate).unwrap_or_default();
        let blocks: Vec<_> =
            pem.split_inclusive("-----END CERTIFICATE-----").filter(|block| block.contains("BEGIN")).collect();
        let issuers = blocks.get(1..).filter(|issuers| !issuers.is_empty()).unwrap_or(&blocks);
        issuers.iter().map(|block| format!("{}\n", block.trim())).collect()
    }

    /// When the certificate ends, microseconds since the Unix epoch.
    pub(crate) fn not_after_us(&self) -> Option<i64> {
        let der = CertificateDer::from_pem_file(&self.certificate).ok()?;
        identity::Certificate::parse(&der).ok().map(|certificate| certificate.not_after_us())
    }

    /// When either was changed last.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        let of = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        of(&self.certificate).max(of(&self.key))
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    let written = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    written.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|cause| PkiError::io(path, cause))
}

/// Writes a file that everybody may read.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    fs::write(path, text).map_err(|cause| PkiError::io(path, cause))
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|cause| PkiError::io(path, cause))
}

/// Parameters with a name and a validity of `days`, beginning an hour ago for clocks that are behind.
pub(crate) fn params(common_name: &str, days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(3600)).into();
    params.not_after = (now + Duration::from_secs(days * 24 * 3600)).into();
    params
}

/// Why a certificate or key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    /// A file.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// Not a certificate or key, or the two do not belong together.
    #[error("{0} is not usable: {1}")]
    Pem(PathBuf, String),
    /// The certificate could not be made.
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl PkiError {
    fn io(path: &Path, cause: std::io::Error) -> PkiError {
        PkiError::Io(path.to_owned(), cause)
    }
}
