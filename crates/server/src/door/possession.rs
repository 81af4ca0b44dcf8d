//! What a handshake proves of a client: that it holds the key of the certificate it shows, and no more.
//!
//! Whether the certificate is trusted is judged at CONNECT, when the client has claimed a tenant. So the cost of
//! a handshake does not grow with the tenants, and a refusal has words.

use identity::{HANDSHAKE_SCHEMES, TlsVersion};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// The verifier of every MQTT host.
#[derive(Debug)]
pub(crate) struct Possession;

impl Possession {
    /// On the bare public key: agents in the field carry X.509 v1 certificates, which webpki does not read.
    fn verify(
        version: TlsVersion,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = identity::Certificate::parse(certificate)
            .map_err(|cause| Error::General(format!("the client certificate cannot be read: {cause}")))?;
        identity::verify_handshake_signature(
            version,
            certificate.spki(),
            u16::from(signed.scheme),
            message,
            signed.signature(),
        )
        .map(|()| HandshakeSignatureValid::assertion())
        .map_err(|cause| Error::General(cause.to_string()))
    }
}

impl ClientCertVerifier for Possession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: the names of thousands of tenants' authorities would break the handshake, and tell them to strangers.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Possession::verify(TlsVersion::Tls12, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Possession::verify(TlsVersion::Tls13, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        HANDSHAKE_SCHEMES.map(SignatureScheme::from).to_vec()
    }
}
