//! Certificates to test with: two authorities, and as many agents as a test names. Keys are made once a run.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

/// The authorities by id; both are valid from July 2025 to June 2026.
static AUTHORITIES: LazyLock<[Ca; 2]> = LazyLock::new(|| [Ca::new("Works"), Ca::new("Spare")]);

/// Certificates of agents, by authority and common name.
static AGENTS: LazyLock<Mutex<HashMap<(usize, String), CertificateDer<'static>>>> = LazyLock::new(Mutex::default);

pub(crate) struct Ca {
    params: CertificateParams,
    key: KeyPair,
    pub(crate) der: CertificateDer<'static>,
}

impl Ca {
    fn new(name: &str) -> Ca {
        let mut params = named(name);
        (params.not_before, params.not_after) = (date_time_ymd(2025, 7, 1), date_time_ymd(2026, 7, 1));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Ca { params, key, der }
    }

    fn agent(&self, name: &str) -> CertificateDer<'static> {
        let mut params = named(name);
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
    }
}

/// The authority 1 or 2.
pub(crate) fn authority(id: u128) -> &'static Ca {
    &AUTHORITIES[usize::try_from(id).unwrap() - 1]
}

/// The certificate of an agent, issued by an authority.
pub(crate) fn agent(id: u128, name: &str) -> CertificateDer<'static> {
    let index = usize::try_from(id).unwrap() - 1;
    let mut agents = AGENTS.lock().unwrap();
    agents.entry((index, name.to_owned())).or_insert_with(|| AUTHORITIES[index].agent(name)).clone()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
