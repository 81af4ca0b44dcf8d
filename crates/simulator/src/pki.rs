//! Certificates that are the same in every run: keys from fixed bytes, Ed25519, which signs without chance.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

type Cache = Mutex<BTreeMap<(String, Option<String>), CertificateDer<'static>>>;

/// The certificate of a tenant's authority, valid from 2020 to 2039.
pub(crate) fn authority(tenant: &str) -> CertificateDer<'static> {
    cached(tenant, None)
}

/// The certificate of one of its agents.
pub(crate) fn agent(tenant: &str, name: &str) -> CertificateDer<'static> {
    cached(tenant, Some(name))
}

/// To sign takes longer than most of what is simulated.
fn cached(tenant: &str, name: Option<&str>) -> CertificateDer<'static> {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let mut cache = CACHE.get_or_init(Mutex::default).lock().expect("making a certificate does not panic");
    let key = (tenant.to_owned(), name.map(str::to_owned));
    cache.entry(key).or_insert_with(|| make(tenant, name)).clone()
}

fn make(tenant: &str, name: Option<&str>) -> CertificateDer<'static> {
    let (issuer, issuer_key) = authority_of(tenant);
    let made = match name {
        None => issuer.self_signed(&issuer_key),
        Some(name) => {
            let mut params = named(name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let signer = Issuer::from_params(&issuer, &issuer_key);
            params.signed_by(&key(&format!("{tenant}/{name}")), &signer)
        }
    };
    made.expect("a plain certificate can be made").der().clone()
}

fn authority_of(tenant: &str) -> (CertificateParams, KeyPair) {
    let mut params = named(&format!("{tenant} authority"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params, key(tenant))
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(vec![1, name.len() as u8].into());
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params
}

fn key(name: &str) -> KeyPair {
    let mut bytes = PKCS8_PREFIX.to_vec();
    bytes.extend((0..32).map(|at| name.as_bytes()[at % name.len()].wrapping_add(at as u8)));
    let der = PrivatePkcs8KeyDer::from(bytes);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).expect("32 bytes are a key")
}
