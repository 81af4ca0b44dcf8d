//! X.509 certificates, read (RFC 5280 section 4).

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::asn1_rs::{FromDer, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::dates::SECOND_US;
use crate::{CommonName, CommonNameError, Fingerprint, PublicKey, SignatureAlgorithm, distinguished_name};

/// Bytes of the largest certificate read. An RSA-8192 certificate with long names has 4 KiB.
pub const CERTIFICATE_LENGTH_MAX: usize = 16 * 1024;
/// Certificates of the longest chain read, the leaf and a root included.
pub const CHAIN_LENGTH_MAX: usize = 10;
/// Bytes of the longest serial number; RFC 5280 section 4.1.2.2 allows 20, and not everyone obeys.
pub const SERIAL_LENGTH_MAX: usize = 64;

/// A certificate that parses. Nothing is verified. As serde data it is its DER bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Certificate {
    der: Arc<[u8]>,
    fingerprint: Fingerprint,
    version: u32,
    serial: String,
    subject: String,
    issuer: String,
    common_name: Result<CommonName, SubjectError>,
    not_before_us: i64,
    not_after_us: i64,
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Option<ExtendedKeyUsage>,
    has_name_constraints: bool,
    pub(crate) raw: Raw,
}

/// Parts as they are in the DER bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) tbs: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) spki: Vec<u8>,
}

/// The BasicConstraints extension (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// How many intermediate CAs may be below it.
    pub path_length: Option<u32>,
}

/// What we ask of the KeyUsage extension (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyUsage {
    digital_signature: bool,
    key_cert_sign: bool,
}

/// What we ask of the ExtendedKeyUsage extension (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ExtendedKeyUsage {
    client_auth: bool,
}

impl Certificate {
    /// Reads one certificate from DER bytes.
    ///
    /// # Errors
    /// The bytes are too many, or no certificate.
    pub fn parse(der: &[u8]) -> Result<Certificate, CertificateError> {
        if der.len() > CERTIFICATE_LENGTH_MAX {
            return Err(CertificateError::TooLarge(der.len()));
        }
        let (rest, x509) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed("it is not X.509"))?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed("bytes follow the certificate"));
        }
        check_structure(&x509)?;
        let malformed = |_| CertificateError::Malformed("an extension does not parse, or is there twice");
        let basic_constraints = basic_constraints(&x509).map_err(malformed)?;
        let key_usage = x509.key_usage().map_err(malformed)?;
        let extended_key_usage = x509.extended_key_usage().map_err(malformed)?;
        Ok(Certificate {
            der: der.into(),
            fingerprint: Fingerprint::of(der),
            version: x509.version().0.saturating_add(1),
            serial: hex::encode(x509.raw_serial()),
            subject: distinguished_name::text(x509.subject()),
            issuer: distinguished_name::text(x509.issuer()),
            common_name: common_name(x509.subject()),
            not_before_us: microseconds(x509.validity().not_before),
            not_after_us: microseconds(x509.validity().not_after),
            public_key: PublicKey::of(x509.public_key()),
            signature_algorithm: SignatureAlgorithm::of(&x509.signature_algorithm),
            basic_constraints,
            key_usage: key_usage.map(|it| KeyUsage {
                digital_signature: it.value.digital_signature(),
                key_cert_sign: it.value.key_cert_sign(),
            }),
            extended_key_usage: extended_key_usage
                .map(|it| ExtendedKeyUsage { client_auth: it.value.client_auth || it.value.any }),
            has_name_constraints: x509.name_constraints().map_err(malformed)?.is_some(),
            raw: Raw {
                tbs: x509.tbs_certificate.as_ref().to_vec(),
                signature: x509.signature_value.data.to_vec(),
                subject: x509.subject().as_raw().to_vec(),
                issuer: x509.issuer().as_raw().to_vec(),
                spki: x509.public_key().raw.to_vec(),
            },
        })
    }

    /// The bytes it was read from.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// X.509 version: 1, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Serial number, hex digits.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Subject as RFC 4514 writes names, at most [`crate::DISTINGUISHED_NAME_LENGTH_MAX`] bytes.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Issuer, written like the subject.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The one common name of the subject.
    ///
    /// # Errors
    /// There is not exactly one, or it cannot be an agent's name. For a CA that does not matter.
    pub fn common_name(&self) -> Result<&CommonName, &SubjectError> {
        self.common_name.as_ref()
    }

    /// notBefore, microseconds since the Unix epoch.
    pub fn not_before_us(&self) -> i64 {
        self.not_before_us
    }

    /// notAfter, microseconds since the Unix epoch; the certificate is still valid then.
    pub fn not_after_us(&self) -> i64 {
        self.not_after_us
    }

    /// Kind of the public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The public key as SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.raw.spki
    }

    /// How it is signed.
    pub fn signature_algorithm(&self) -> &SignatureAlgorithm {
        &self.signature_algorithm
    }

    /// The BasicConstraints extension.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.basic_constraints
    }

    /// Whether it says CA:TRUE.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// Whether its KeyUsage, if it has one, lets it sign certificates.
    pub fn may_sign_certificates(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.key_cert_sign)
    }

    /// Whether its KeyUsage, if it has one, lets it sign a handshake (RFC 8446 section 4.4.2.2).
    pub fn may_sign_handshakes(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.digital_signature)
    }

    /// Whether its extended key usage, if it has one, includes TLS clients.
    pub fn may_be_client(&self) -> bool {
        self.extended_key_usage.is_none_or(|usage| usage.client_auth)
    }

    /// Whether it has NameConstraints.
    pub fn has_name_constraints(&self) -> bool {
        self.has_name_constraints
    }

    /// Whether issuer and subject are the same.
    pub fn is_self_issued(&self) -> bool {
        self.raw.issuer == self.raw.subject
    }

    pub(crate) fn as_pki(&self) -> CertificateDer<'_> {
        CertificateDer::from(&*self.der)
    }
}

impl TryFrom<Vec<u8>> for Certificate {
    type Error = CertificateError;

    fn try_from(der: Vec<u8>) -> Result<Certificate, CertificateError> {
        Certificate::parse(&der)
    }
}

impl From<Certificate> for Vec<u8> {
    fn from(certificate: Certificate) -> Vec<u8> {
        certificate.der.to_vec()
    }
}

fn check_structure(x509: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let version = x509.version().0;
    if version > 2 {
        return Err(CertificateError::Malformed("its version is not 1, 2 or 3"));
    }
    if version < 2 && !x509.extensions().is_empty() {
        return Err(CertificateError::Malformed("it has extensions, and its version is not 3"));
    }
    if x509.raw_serial().len() > SERIAL_LENGTH_MAX {
        return Err(CertificateError::Malformed("its serial number is too long"));
    }
    // RFC 5280 section 4.1.1.2: both fields name the same algorithm.
    if x509.signature_algorithm != x509.tbs_certificate.signature {
        return Err(CertificateError::Malformed("it names two signature algorithms"));
    }
    Ok(())
}

// The parser's own accessor takes an extension that does not parse for none.
fn basic_constraints(x509: &X509Certificate<'_>) -> Result<Option<BasicConstraints>, X509Error> {
    let Some(extension) = x509.get_extension_unique(&OID_X509_EXT_BASIC_CONSTRAINTS)? else { return Ok(None) };
    match extension.parsed_extension() {
        ParsedExtension::BasicConstraints(it) => {
            Ok(Some(BasicConstraints { ca: it.ca, path_length: it.path_len_constraint }))
        }
        _ => Err(X509Error::InvalidExtensions),
    }
}

fn common_name(subject: &X509Name<'_>) -> Result<CommonName, SubjectError> {
    let mut names = subject.iter_common_name();
    let name = names.next().ok_or(SubjectError::Missing)?;
    if names.next().is_some() {
        return Err(SubjectError::Repeated);
    }
    let value = name.attr_value();
    let text = match value.tag() {
        Tag::Utf8String => str::from_utf8(value.data).ok(),
        Tag::PrintableString | Tag::Ia5String => str::from_utf8(value.data).ok().filter(|text| text.is_ascii()),
        other => return Err(SubjectError::StringType(other.to_string())),
    };
    text.ok_or(SubjectError::NotText)?.parse().map_err(SubjectError::Name)
}

fn microseconds(time: ASN1Time) -> i64 {
    time.timestamp().saturating_mul(SECOND_US)
}

/// Why bytes are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// More than [`CERTIFICATE_LENGTH_MAX`]; how many.
    #[error("the certificate has {0} bytes, {CERTIFICATE_LENGTH_MAX} are allowed")]
    TooLarge(usize),
    /// Not DER, or not what X.509 says.
    #[error("the certificate cannot be read: {0}")]
    Malformed(&'static str),
}

/// Why the subject names no agent. Only the subject's CN counts, not the subjectAltName.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// No CN.
    #[error("the certificate's subject has no CN; the agent's name is read from there, not from the subjectAltName")]
    Missing,
    /// More than one CN.
    #[error("the certificate's subject has more than one CN")]
    Repeated,
    /// A string type that has several readings; which.
    #[error("the CN of the certificate's subject is a {0}; it must be a UTF8String, PrintableString or IA5String")]
    StringType(String),
    /// Bytes that are not of its string type.
    #[error("the CN of the certificate's subject is not valid text")]
    NotText,
    /// A text that cannot be a name.
    #[error("the CN of the certificate's subject cannot be used: {0}")]
    Name(CommonNameError),
}
