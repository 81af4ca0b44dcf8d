//! The black box: refused handshakes and CONNECTs.

/// Bytes of one field that are kept; what a stranger sends beyond is cut off. No legal field of a certificate that we
/// have seen comes near.
pub(crate) const FIELD_LENGTH_MAX: usize = 1024;

/// A refused handshake or CONNECT, with all that is known of the peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The tenant that is shown this refusal; none when only the operator is.
    pub tenant: Option<String>,
    /// `tls` or `connect`.
    pub stage: String,
    /// The peer's address and port.
    pub address: String,
    /// Host name that the peer asked for.
    pub sni: Option<String>,
    /// Application protocols that it offered.
    pub alpn: Option<String>,
    /// TLS version, as `1.3`.
    pub tls_version: Option<String>,
    /// Client id as sent.
    pub client_id: Option<String>,
    /// Subject of its certificate.
    pub subject: Option<String>,
    /// Issuer of its certificate.
    pub issuer: Option<String>,
    /// Serial number of its certificate.
    pub serial: Option<String>,
    /// End of its certificate's validity, microseconds since the Unix epoch.
    pub not_after_us: Option<i64>,
    /// Stable code of the refusal.
    pub code: String,
    /// What is wrong and how to mend it.
    pub hint: String,
    /// What the peer, or the log, can be asked for.
    pub tracking_id: String,
}

/// Which refusals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalFilter {
    /// Only those of this tenant.
    pub tenant: Option<String>,
    /// Only those with this text, in any case, in client id, subject, issuer, serial, address, SNI, code or tracking id.
    pub text: Option<String>,
    /// At most this many.
    pub limit: usize,
}

impl Refusal {
    /// What a text is searched in: the fields in lower case, a line each.
    pub(crate) fn haystack(&self) -> String {
        let fields = [
            self.client_id.as_deref(),
            self.subject.as_deref(),
            self.issuer.as_deref(),
            self.serial.as_deref(),
            Some(&self.address),
            self.sni.as_deref(),
            Some(&self.code),
            Some(&self.tracking_id),
        ];
        let clipped: Vec<_> = fields.into_iter().flatten().map(clip).collect();
        clipped.join("\n").to_lowercase()
    }
}

/// The begin of a field, up to [`FIELD_LENGTH_MAX`] bytes.
pub(crate) fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(FIELD_LENGTH_MAX)]
}
