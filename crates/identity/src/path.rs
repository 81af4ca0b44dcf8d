//! Path from an agent's certificate to one of its tenant's authorities (RFC 5280 section 6).

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use crate::dates::{SECOND_US, date};
use crate::judge::Anchor;
use crate::signature_algorithm::VERIFIERS;
use crate::{Certificate, CertificateError, IssuanceError, KeyError, Refusal, TenantId, issued_by};

/// A path that was verified.
#[derive(Debug)]
pub(crate) struct Path {
    /// Where it ends.
    pub(crate) authority: u128,
    /// The first notAfter on it.
    pub(crate) not_after_us: i64,
}

/// Verifies a path from `leaf` over the `presented` certificates to one of the anchors that are trusted now.
pub(crate) fn verify(
    now_us: i64,
    tenant: &TenantId,
    leaf: &Certificate,
    presented: &[CertificateDer<'_>],
    anchors: &[Anchor],
) -> Result<Path, Refusal> {
    let presented = Presented::read(now_us, presented, anchors)?;
    let reached = presented.reached(leaf);
    let trusted: Vec<_> = anchors.iter().filter(|anchor| anchor.is_trusted(now_us)).collect();
    if !trusted.iter().any(|anchor| is_named(anchor.authority.certificate(), &reached)) {
        return Err(unknown_issuer(now_us, tenant, &reached, &presented, anchors));
    }
    if leaf.version() == 3 {
        through_intermediates(now_us, leaf, &reached[1..], &trusted)
            .map_err(|error| refusal(&error, &reached, &presented, &trusted))
    } else {
        direct(leaf, &trusted)
    }
}

/// Checks that path validation can read a certificate at all; for X.509 v3.
pub(crate) fn check_readable(certificate: &Certificate) -> Result<(), CertificateError> {
    let der = certificate.as_pki();
    match EndEntityCert::try_from(&der) {
        Ok(_) => Ok(()),
        Err(webpki::Error::UnsupportedCriticalExtension) => {
            Err(CertificateError::Malformed("it has a critical extension that is not known here"))
        }
        Err(_) => Err(CertificateError::Malformed("path validation cannot read it")),
    }
}

/// The certificates that came with the leaf, without roots.
struct Presented {
    usable: Vec<Certificate>,
    faulty: Vec<(Certificate, IntermediateFault)>,
}

impl Presented {
    fn read(now_us: i64, chain: &[CertificateDer<'_>], anchors: &[Anchor]) -> Result<Presented, Refusal> {
        let mut presented = Presented { usable: Vec::new(), faulty: Vec::new() };
        for der in chain {
            let certificate = Certificate::parse(der).map_err(Refusal::Certificate)?;
            // A root is trusted for being known or not at all; as a link it would only cost signature checks.
            if certificate.is_self_issued() {
                continue;
            }
            match check_intermediate(now_us, &certificate, anchors) {
                Ok(()) => presented.usable.push(certificate),
                Err(fault) => presented.faulty.push((certificate, fault)),
            }
        }
        Ok(presented)
    }

    /// The leaf and all that the names lead to from there, the nearest first. No signature is looked at.
    fn reached<'a>(&'a self, leaf: &'a Certificate) -> Vec<&'a Certificate> {
        let mut reached = vec![leaf];
        let mut at = 0;
        while let Some(subject) = reached.get(at).copied() {
            let issuers = self.usable.iter().filter(|candidate| candidate.raw.subject == subject.raw.issuer);
            for issuer in issuers {
                if !reached.contains(&issuer) {
                    reached.push(issuer);
                }
            }
            at += 1;
        }
        reached
    }

    /// A faulty certificate that the names lead to.
    fn fault(&self, reached: &[&Certificate]) -> Option<Refusal> {
        let (certificate, fault) = self.faulty.iter().find(|(certificate, _)| is_named(certificate, reached))?;
        Some(Refusal::Intermediate { subject: certificate.subject().to_owned(), fault: fault.clone() })
    }
}

/// Whether one of the certificates names `ca` as its issuer.
fn is_named(ca: &Certificate, certificates: &[&Certificate]) -> bool {
    certificates.iter().any(|certificate| certificate.raw.issuer == ca.raw.subject)
}

fn check_intermediate(now_us: i64, certificate: &Certificate, anchors: &[Anchor]) -> Result<(), IntermediateFault> {
    if certificate.version() != 3 {
        return Err(IntermediateFault::Version(certificate.version()));
    }
    if !certificate.is_ca() {
        return Err(IntermediateFault::NotCa);
    }
    if !certificate.may_sign_certificates() {
        return Err(IntermediateFault::KeyUsage);
    }
    if !certificate.may_be_client() {
        return Err(IntermediateFault::ExtendedKeyUsage);
    }
    certificate.public_key().check().map_err(IntermediateFault::Key)?;
    if !certificate.signature_algorithm().is_supported() {
        return Err(IntermediateFault::Algorithm(certificate.signature_algorithm().to_string()));
    }
    let (not_before_us, not_after_us) = (certificate.not_before_us(), certificate.not_after_us());
    if !(not_before_us..=not_after_us).contains(&now_us) {
        return Err(IntermediateFault::Dates { not_before_us, not_after_us, now_us });
    }
    check_readable(certificate).map_err(IntermediateFault::Certificate)?;
    let revoked = |anchor: &Anchor| anchor.is_revoked() && anchor.authority.certificate().spki() == certificate.spki();
    if anchors.iter().any(revoked) { Err(IntermediateFault::Revoked) } else { Ok(()) }
}

fn through_intermediates(
    now_us: i64,
    leaf: &Certificate,
    intermediates: &[&Certificate],
    trusted: &[&Anchor],
) -> Result<Path, webpki::Error> {
    let der = leaf.as_pki();
    let end = EndEntityCert::try_from(&der)?;
    let anchors: Vec<_> = trusted.iter().map(|anchor| anchor.trust.clone()).collect();
    let links: Vec<_> = intermediates.iter().map(|certificate| certificate.as_pki()).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now_us / SECOND_US).unwrap_or(0)));
    let length = |path: &VerifiedPath<'_>| match anchor_of(path, trusted) {
        Some(_) => Ok(()),
        None => Err(webpki::Error::PathLenConstraintViolated),
    };
    let path = end.verify_for_usage(VERIFIERS, &anchors, &links, now, AnyUsage, None, Some(&length))?;
    let anchor = anchor_of(&path, trusted).ok_or(webpki::Error::PathLenConstraintViolated)?;
    let is_used = |certificate: &&&Certificate| {
        path.intermediate_certificates().any(|used| used.der().as_ref() == certificate.der())
    };
    let used = intermediates.iter().filter(is_used).map(|certificate| certificate.not_after_us());
    Ok(Path { authority: anchor.authority.id(), not_after_us: used.fold(until(leaf, anchor), i64::min) })
}

/// The authority at the end of a path, if its path length allows for it; webpki does not ask that of an anchor.
fn anchor_of<'a>(path: &VerifiedPath<'_>, trusted: &[&'a Anchor]) -> Option<&'a Anchor> {
    let length = path.intermediate_certificates().count();
    let fits = |anchor: &Anchor| {
        let constraints = anchor.authority.certificate().basic_constraints();
        let allowed = constraints.and_then(|constraints| constraints.path_length);
        allowed.is_none_or(|allowed| usize::try_from(allowed).is_ok_and(|allowed| length <= allowed))
    };
    trusted.iter().copied().find(|anchor| anchor.trust == *path.anchor() && fits(anchor))
}

/// For X.509 v1, which webpki does not read: the authority itself must be the issuer.
fn direct(leaf: &Certificate, trusted: &[&Anchor]) -> Result<Path, Refusal> {
    let mut refusal = Refusal::NotDirect { version: leaf.version() };
    for anchor in trusted {
        let ca = anchor.authority.certificate();
        match issued_by(leaf, ca) {
            // A name that cannot be checked against constraints is refused (RFC 5280 section 4.2.1.10).
            Ok(()) if ca.has_name_constraints() => refusal = Refusal::NameConstraints,
            Ok(()) => return Ok(Path { authority: anchor.authority.id(), not_after_us: until(leaf, anchor) }),
            Err(IssuanceError::OtherIssuer { .. }) => {}
            Err(_) => refusal = Refusal::Signature { issuer: leaf.issuer().to_owned() },
        }
    }
    Err(refusal)
}

fn until(leaf: &Certificate, anchor: &Anchor) -> i64 {
    leaf.not_after_us().min(anchor.authority.certificate().not_after_us())
}

/// The names lead to no trusted authority: says where they end.
fn unknown_issuer(
    now_us: i64,
    tenant: &TenantId,
    reached: &[&Certificate],
    presented: &Presented,
    anchors: &[Anchor],
) -> Refusal {
    if let Some(anchor) = anchors.iter().find(|anchor| is_named(anchor.authority.certificate(), reached)) {
        return Refusal::AuthorityNotTrusted {
            authority: anchor.authority.name().to_owned(),
            status: anchor.authority.status(now_us),
        };
    }
    if let Some(refusal) = presented.fault(reached) {
        return refusal;
    }
    if anchors.is_empty() {
        return Refusal::NoAuthority { tenant: tenant.clone() };
    }
    let issuer = reached.last().map(|last| last.issuer().to_owned()).unwrap_or_default();
    Refusal::UnknownIssuer { issuer, tenant: tenant.clone() }
}

/// The names lead to a trusted authority, and the path does not hold.
fn refusal(error: &webpki::Error, reached: &[&Certificate], presented: &Presented, trusted: &[&Anchor]) -> Refusal {
    if let Some(refusal) = presented.fault(reached) {
        return refusal;
    }
    match error {
        webpki::Error::PathLenConstraintViolated | webpki::Error::MaximumPathDepthExceeded => Refusal::PathLength,
        webpki::Error::NameConstraintViolation => Refusal::NameConstraints,
        webpki::Error::UnknownIssuer
        | webpki::Error::InvalidSignatureForPublicKey
        | webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Refusal::Signature { issuer: wrong_issuer(reached, trusted) }
        }
        other => Refusal::Path { cause: format!("{other:?}") },
    }
}

/// The first issuer whose key did not sign what names it. At most [`crate::CHAIN_LENGTH_MAX`] certificates are tried
/// with each other.
fn wrong_issuer(reached: &[&Certificate], trusted: &[&Anchor]) -> String {
    let cas = || reached.iter().copied().chain(trusted.iter().map(|anchor| anchor.authority.certificate()));
    let wrong = reached.iter().find(|certificate| !cas().any(|ca| issued_by(certificate, ca).is_ok()));
    wrong.or(reached.first()).map(|certificate| certificate.issuer().to_owned()).unwrap_or_default()
}

/// Key usages were checked when the certificates were read, so that the refusal says whose is wrong.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Why a certificate that came with the leaf cannot be a link of the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntermediateFault {
    /// Not X.509 v3; its version.
    #[error("it is X.509 v{0}, a CA needs v3")]
    Version(u32),
    /// No CA:TRUE.
    #[error("it is not a CA")]
    NotCa,
    /// A KeyUsage that does not let it sign certificates.
    #[error("its KeyUsage lacks keyCertSign")]
    KeyUsage,
    /// An extended key usage without TLS clients, which binds what it issues.
    #[error("its extended key usage lacks clientAuth")]
    ExtendedKeyUsage,
    /// A key that we do not verify with.
    #[error("it uses {0}")]
    Key(KeyError),
    /// A signature algorithm that we do not accept; its name.
    #[error("it is signed by {0}, SHA-2 is needed")]
    Algorithm(String),
    /// Not valid now.
    #[error(
        "it is valid from {} to {}; this server's clock says {}",
        date(*.not_before_us), date(*.not_after_us), date(*.now_us)
    )]
    Dates {
        /// Microseconds since the Unix epoch.
        not_before_us: i64,
        /// Microseconds since the Unix epoch.
        not_after_us: i64,
        /// The clock used.
        now_us: i64,
    },
    /// Path validation cannot read it.
    #[error("{0}")]
    Certificate(CertificateError),
    /// It has the key of an authority that the tenant has revoked.
    #[error("its key is that of a revoked authority")]
    Revoked,
}
