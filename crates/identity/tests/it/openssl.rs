//! What only the openssl command makes, and what people make with it: X.509 v1, SHA-1, DSA, explicit curves.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use identity::certificate_from_pem;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::pki::{Ca, SECOND};

/// A folder to run openssl in.
pub(crate) struct Openssl {
    folder: TempDir,
}

impl Openssl {
    pub(crate) fn new() -> Openssl {
        Openssl { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with `ca.pem` and `ca.key`.
    pub(crate) fn with_ca(ca: &Ca) -> Openssl {
        let openssl = Openssl::new();
        openssl.write_pem("ca.pem", &ca.der);
        openssl.write_key("ca.key", &ca.key);
        openssl
    }

    /// Runs `openssl` with arguments that have no spaces.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap_or_else(|error| panic!("these tests need the openssl command, and it does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments} failed:\n{said}");
    }

    /// Makes `agent.key` and a request for this CN, `agent.csr`. `kind` is the end of `openssl genpkey`.
    pub(crate) fn request(&self, kind: &str, common_name: &str) {
        self.run(&format!("genpkey {kind} -out agent.key"));
        self.run(&format!("req -new -key agent.key -subj /CN={common_name} -out agent.csr"));
    }

    /// Signs `agent.csr` by the CA, as the guides do; without more options the certificate is of X.509 v1.
    pub(crate) fn sign(&self, options: &str) -> CertificateDer<'static> {
        self.run(&format!("x509 -req -in agent.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out agent.pem {options}"));
        self.certificate("agent.pem")
    }

    pub(crate) fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from(certificate_from_pem(&self.read(name)).unwrap())
    }

    pub(crate) fn spki(&self, key: &str) -> Vec<u8> {
        self.run(&format!("pkey -in {key} -pubout -out public.pem"));
        let public = self.read("public.pem");
        rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap().to_vec()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn write_pem(&self, name: &str, der: &[u8]) {
        self.write("it.der", der);
        self.run(&format!("x509 -inform der -in it.der -out {name}"));
    }

    pub(crate) fn write_key(&self, name: &str, key: &KeyPair) {
        self.write(name, key.serialize_pem().as_bytes());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A key made by openssl, which does not read the Ed25519 keys that rcgen makes.
pub(crate) fn ed25519() -> Arc<KeyPair> {
    let openssl = Openssl::new();
    openssl.run("genpkey -algorithm ED25519 -out key.pem");
    Arc::new(KeyPair::from_pem(&openssl.read("key.pem")).unwrap())
}

pub(crate) const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
pub(crate) const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// A second after a certificate becomes valid: openssl begins them at the time of the machine.
pub(crate) fn soon_after(der: &[u8]) -> i64 {
    identity::Certificate::parse(der).unwrap().not_before_us() + SECOND
}

/// Options for a CA that is valid whenever openssl signs by it.
pub(crate) fn long(params: &mut rcgen::CertificateParams) {
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(2100, 1, 1));
}
