//! What is done with a CA's key on the user's side: the key never leaves it.

use std::path::{Path, PathBuf};

use rcgen::{Certificate, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use crate::door::{params, read, write, write_secret};
use crate::failure::Failure;

/// Days that a verification certificate lives: it is used at once.
const PROOF_DAYS: u64 = 7;

/// The files of an issued certificate.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Leaf, followed by its CA.
    pub(crate) certificate: PathBuf,
    /// PKCS #8, mode 0600.
    pub(crate) key: PathBuf,
}

/// A CA whose key is here, and who signs the certificates of agents with it.
pub(crate) struct Signer {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Signer {
    /// Reads the CA's certificate and key, PEM.
    pub(crate) fn open(ca: &Path, ca_key: &Path) -> Result<Signer, Failure> {
        let pem = read(ca).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Signer { issuer: issuer(&pem, ca_key)?, pem })
    }

    /// Makes a key and a certificate of it with the common name `cn`.
    pub(crate) fn sign(&self, cn: &str, days: u64) -> Result<(Certificate, KeyPair), Failure> {
        let making = |cause: rcgen::Error| Failure::Usage(format!("the certificate cannot be made: {cause}"));
        let key = KeyPair::generate().map_err(making)?;
        let mut params = params(cn, days);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(making)?;
        Ok((certificate, key))
    }
}

/// Makes a key and a certificate with the common name `cn`, signed by the CA, in `folder`.
pub(crate) fn issue_agent(ca: &Path, ca_key: &Path, cn: &str, days: u64, folder: &Path) -> Result<Issued, Failure> {
    let cn: identity::CommonName = cn.parse().map_err(|error| Failure::Usage(format!("--cn: {error}")))?;
    let signer = Signer::open(ca, ca_key)?;
    let (certificate, key) = signer.sign(cn.as_str(), days)?;
    std::fs::create_dir_all(folder).map_err(|cause| Failure::file(folder, cause))?;
    let issued = Issued { certificate: folder.join(format!("{cn}.pem")), key: folder.join(format!("{cn}.key")) };
    if issued.key.exists() {
        return Err(Failure::Usage(format!("{} is there already; name another --out folder", issued.key.display())));
    }
    write_secret(&issued.key, &key.serialize_pem()).map_err(|error| Failure::Usage(error.to_string()))?;
    write(&issued.certificate, &format!("{}{}", certificate.pem(), signer.pem))
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(issued)
}

/// Makes the certificate that proves possession of a CA's key: its common name is the registration code.
pub(crate) fn prove(ca_pem: &str, ca_key: &Path, code: &str) -> Result<String, Failure> {
    let issuer = issuer(ca_pem, ca_key)?;
    let making = |cause: rcgen::Error| Failure::Usage(format!("the verification certificate cannot be made: {cause}"));
    let key = KeyPair::generate().map_err(making)?;
    Ok(params(code, PROOF_DAYS).signed_by(&key, &issuer).map_err(making)?.pem())
}

fn issuer(ca_pem: &str, ca_key: &Path) -> Result<Issuer<'static, KeyPair>, Failure> {
    let key = read(ca_key).map_err(|error| Failure::Usage(error.to_string()))?;
    let key = KeyPair::from_pem(&key).map_err(|cause| Failure::file(ca_key, format!("not a private key: {cause}")))?;
    Issuer::from_ca_cert_pem(ca_pem, key)
        .map_err(|cause| Failure::Usage(format!("the CA certificate and key cannot be used: {cause}")))
}
