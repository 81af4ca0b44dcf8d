//! Certificates to test with, made by rcgen, and registries that trust them.

use std::sync::Arc;

use identity::{AUTHORITIES_PER_TENANT_DEFAULT, ClientId, Judgement, Refusal, Registry, TenantId};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

/// A second, microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// A day, microseconds.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// 2026-03-01 12:00:00 UTC, microseconds since the Unix epoch: the clock of most tests.
pub(crate) const NOW: i64 = 1_772_366_400 * SECOND;
/// 2026-07-01 00:00:00 UTC: the end of the authorities that [`Ca`] makes.
pub(crate) const CA_END: i64 = 1_782_864_000 * SECOND;

/// Changes nothing of what is made by default.
pub(crate) fn plain(_: &mut CertificateParams) {}

/// A CA with its key.
pub(crate) struct Ca {
    params: CertificateParams,
    pub(crate) key: Arc<KeyPair>,
    pub(crate) der: CertificateDer<'static>,
}

impl Ca {
    /// A self-signed CA on P-256, valid from July 2025 to June 2026.
    pub(crate) fn root(name: &str) -> Ca {
        Ca::root_with(name, new_key(), plain)
    }

    pub(crate) fn root_with(name: &str, key: Arc<KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Ca {
        let params = ca_params(name, change);
        let der = params.self_signed(&*key).unwrap().der().clone();
        Ca { params, key, der }
    }

    /// A CA below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Ca {
        self.intermediate_with(name, new_key(), plain)
    }

    pub(crate) fn intermediate_with(
        &self,
        name: &str,
        key: Arc<KeyPair>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Ca {
        let params = ca_params(name, change);
        let der = self.sign(&params, &*key);
        Ca { params, key, der }
    }

    /// A certificate for an agent, valid in the year 2026.
    pub(crate) fn agent(&self, name: &str) -> CertificateDer<'static> {
        self.agent_with(name, plain)
    }

    pub(crate) fn agent_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        self.sign(&agent_params(name, change), &*new_key())
    }

    pub(crate) fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> CertificateDer<'static> {
        params.signed_by(key, &Issuer::from_params(&self.params, &*self.key)).unwrap().der().clone()
    }
}

pub(crate) fn new_key() -> Arc<KeyPair> {
    Arc::new(KeyPair::generate().unwrap())
}

pub(crate) fn key_for(algorithm: &'static SignatureAlgorithm) -> Arc<KeyPair> {
    Arc::new(KeyPair::generate_for(algorithm).unwrap())
}

fn ca_params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = named(name);
    (params.not_before, params.not_after) = (date_time_ymd(2025, 7, 1), date_time_ymd(2026, 7, 1));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    change(&mut params);
    params
}

pub(crate) fn agent_params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = named(name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params
}

/// A subject with this CN only.
pub(crate) fn common_name(name: impl Into<DnValue>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// An RSA public key of any length, for which there is no private key.
pub(crate) struct RsaOfBits {
    der: Vec<u8>,
}

impl RsaOfBits {
    pub(crate) fn new(bits: usize) -> RsaOfBits {
        let modulus = [vec![0], vec![0xc5; bits / 8]].concat();
        RsaOfBits { der: tlv(0x30, &[tlv(0x02, &modulus), tlv(0x02, &[1, 0, 1])].concat()) }
    }
}

impl PublicKeyData for RsaOfBits {
    fn der_bytes(&self) -> &[u8] {
        &self.der
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// One DER element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(u8::try_from(length).unwrap()),
        length => {
            element.push(0x82);
            element.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    element.extend(content);
    element
}

/// A registry in which possession of these authorities was proven, with the ids 1, 2 and so on.
pub(crate) fn trusting(tenant: &str, authorities: &[&Ca]) -> Registry {
    let mut registry = Registry::new(tenant.parse().unwrap());
    for (id, ca) in (1..).zip(authorities) {
        add(&mut registry, id, ca);
        registry.verify_authority(NOW, id, &code(id)).unwrap();
    }
    registry.take_dirty_authorities();
    registry
}

/// Adds an authority that waits for its proof.
pub(crate) fn add(registry: &mut Registry, id: u128, ca: &Ca) {
    let max = AUTHORITIES_PER_TENANT_DEFAULT.max(8);
    registry.add_authority(NOW, id, "", &ca.der, &code(id), max).unwrap();
}

/// The registration code that [`add`] gives.
pub(crate) fn code(id: u128) -> String {
    format!("{id:032x}")
}

pub(crate) fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

pub(crate) fn client(id: &str) -> ClientId {
    id.parse().unwrap()
}

pub(crate) fn judge(
    registry: &Registry,
    claimed: &str,
    chain: &[&CertificateDer<'static>],
) -> Result<Judgement, Refusal> {
    judge_at(NOW, registry, claimed, chain)
}

pub(crate) fn judge_at(
    now_us: i64,
    registry: &Registry,
    claimed: &str,
    chain: &[&CertificateDer<'static>],
) -> Result<Judgement, Refusal> {
    let chain: Vec<_> = chain.iter().copied().cloned().collect();
    registry.trust(&client(claimed)).judge(now_us, &chain)
}

/// Fails unless the hint has all of these words.
#[track_caller]
pub(crate) fn assert_says(error: &impl ToString, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}
