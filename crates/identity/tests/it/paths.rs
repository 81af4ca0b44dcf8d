//! Certificates that were issued through intermediates.

use identity::{AuthorityStatus, CHAIN_LENGTH_MAX, CertificateError, IntermediateFault, KeyError, Refusal, Registry};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use crate::openssl::{Openssl, P256, long, soon_after};
use crate::pki::{Ca, RsaOfBits, add, assert_says, code, judge, judge_at, key_for, new_key, plain, tenant, trusting};

/// Root, plant and line: two CAs below an authority.
struct Plant {
    root: Ca,
    plant: Ca,
    line: Ca,
    leaf: CertificateDer<'static>,
}

impl Plant {
    fn new() -> Plant {
        let root = Ca::root("Root");
        let plant = root.intermediate("Plant");
        let line = plant.intermediate("Line");
        let leaf = line.agent("pump7");
        Plant { root, plant, line, leaf }
    }

    fn registry(&self) -> Registry {
        trusting("acme", &[&self.root])
    }
}

/// A chain of CAs below `root`, the last first.
fn descend(root: &Ca, count: usize) -> Vec<Ca> {
    let mut cas: Vec<Ca> = Vec::new();
    for index in 0..count {
        let below = cas.first().unwrap_or(root).intermediate(&format!("Level {index}"));
        cas.insert(0, below);
    }
    cas
}

/// What is said of a leaf under an intermediate that was changed.
fn with_intermediate(change: impl FnOnce(&mut CertificateParams)) -> Result<(), Refusal> {
    let root = Ca::root("Root");
    let plant = root.intermediate_with("Plant", new_key(), change);
    judge(&trusting("acme", &[&root]), "acme_pump7", &[&plant.agent("pump7"), &plant.der]).map(drop)
}

fn fault(fault: IntermediateFault) -> Result<(), Refusal> {
    Err(Refusal::Intermediate { subject: "CN=Plant".to_owned(), fault })
}

#[test]
fn intermediates_lead_to_the_authority_in_any_order_and_with_anything_beside_them() {
    let Plant { root, plant, line, leaf } = &Plant::new();
    let registry = trusting("acme", &[root]);
    let (stranger, other) = (Ca::root("Stranger"), root.intermediate("Other"));
    let beside = stranger.intermediate("Beside");
    for chain in [
        &[leaf, &line.der, &plant.der][..],
        &[leaf, &plant.der, &line.der],
        &[leaf, &line.der, &plant.der, &root.der],
        &[leaf, &root.der, &line.der, &plant.der],
        &[leaf, &line.der, &plant.der, &stranger.der, &other.der, &beside.der],
        &[leaf, leaf, &line.der, &line.der, &plant.der, &plant.der],
    ] {
        let judgement = judge(&registry, "acme_pump7", chain).unwrap();
        assert_eq!((judgement.authority(), judgement.issuer()), (1, "CN=Line"));
    }
}

#[test]
fn an_intermediate_that_is_an_authority_needs_no_root() {
    let plant = Plant::new();
    let registry = trusting("acme", &[&plant.line]);
    assert!(judge(&registry, "acme_pump7", &[&plant.leaf]).is_ok());
    assert!(judge(&registry, "acme_pump7", &[&plant.leaf, &plant.line.der]).is_ok());
    assert!(judge(&registry, "acme_pump7", &[&plant.leaf, &plant.line.der, &plant.plant.der, &plant.root.der]).is_ok());
    // It does not make its siblings trusted.
    assert!(judge(&registry, "acme_pump7", &[&plant.plant.agent("pump7"), &plant.plant.der]).is_err());
}

#[test]
fn a_missing_intermediate_is_named() {
    let plant = Plant::new();
    let registry = plant.registry();
    for (chain, missing) in [
        (&[&plant.leaf][..], "CN=Line"),
        (&[&plant.leaf, &plant.plant.der], "CN=Line"),
        (&[&plant.leaf, &plant.line.der], "CN=Plant"),
        (&[&plant.leaf, &plant.line.der, &plant.root.der], "CN=Plant"),
    ] {
        let refusal = judge(&registry, "acme_pump7", chain).unwrap_err();
        assert_eq!(refusal, Refusal::UnknownIssuer { issuer: missing.to_owned(), tenant: tenant("acme") });
        assert_says(&refusal, &[missing, "must present its certificate too"]);
    }
}

#[test]
fn a_root_that_is_only_presented_is_not_trusted() {
    let Plant { root, plant, line, leaf } = &Plant::new();
    let registry = trusting("acme", &[&Ca::root("Other")]);
    let refusal = judge(&registry, "acme_pump7", &[leaf, &line.der, &plant.der, &root.der]).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownIssuer { issuer: "CN=Root".to_owned(), tenant: tenant("acme") });
    // Nor is it of interest what is wrong with it.
    let expired = Ca::root_with("Root", new_key(), |params| params.not_after = date_time_ymd(2026, 2, 1));
    let again = judge(&registry, "acme_pump7", &[&expired.agent("pump7"), &expired.der]);
    assert_eq!(again, Err(refusal));
}

#[test]
fn the_issuer_whose_key_does_not_fit_is_named() {
    let Plant { root, plant, line, leaf } = &Plant::new();
    let other_root = Ca::root("Root");
    let other_plant = root.intermediate("Plant");
    let other_line = plant.intermediate("Line");
    for (authority, chain, issuer) in [
        (&other_root, [leaf, &line.der, &plant.der], "CN=Root"),
        (root, [leaf, &line.der, &other_plant.der], "CN=Plant"),
        (root, [leaf, &other_line.der, &plant.der], "CN=Line"),
    ] {
        let refusal = judge(&trusting("acme", &[authority]), "acme_pump7", &chain).unwrap_err();
        assert_eq!(refusal, Refusal::Signature { issuer: issuer.to_owned() });
    }
    // With both, the right one is found.
    let chain = [leaf, &other_line.der, &line.der, &other_plant.der, &plant.der];
    assert!(judge(&trusting("acme", &[&other_root, root]), "acme_pump7", &chain).is_ok());
}

#[test]
fn six_intermediates_are_followed_and_no_more() {
    let root = Ca::root("Root");
    let registry = trusting("acme", &[&root]);
    for (count, accepted) in [(1, true), (6, true), (7, false), (9, false)] {
        let cas = descend(&root, count);
        let leaf = cas[0].agent("pump7");
        let chain: Vec<_> = std::iter::once(&leaf).chain(cas.iter().map(|ca| &ca.der)).collect();
        let verdict = judge(&registry, "acme_pump7", &chain);
        assert_eq!(verdict.as_ref().err(), (!accepted).then_some(&Refusal::PathLength), "{count}");
    }
    assert_says(&Refusal::PathLength, &["more intermediates than"]);
}

#[test]
fn ten_certificates_are_read_and_an_eleventh_is_refused_unread() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    let leaf = ca.agent("pump7");
    let mut chain = vec![&leaf];
    chain.resize(CHAIN_LENGTH_MAX, &ca.der);
    assert!(judge(&registry, "acme_pump7", &chain).is_ok());
    let none = CertificateDer::from(Vec::new());
    for count in [11, 100] {
        chain.resize(count, &none);
        let refusal = judge(&registry, "acme_pump7", &chain).unwrap_err();
        assert_eq!(refusal, Refusal::ChainTooLong(count));
        assert_says(&refusal, &[&count.to_string(), "10 are allowed"]);
    }
}

#[test]
fn a_path_length_binds_whoever_has_it() {
    let limited =
        |length| move |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
    // The authority's own.
    for (length, count, accepted) in [(0, 0, true), (0, 1, false), (1, 1, true), (1, 2, false), (255, 2, true)] {
        let root = Ca::root_with("Root", new_key(), limited(length));
        let cas = descend(&root, count);
        let leaf = cas.first().unwrap_or(&root).agent("pump7");
        let chain: Vec<_> = std::iter::once(&leaf).chain(cas.iter().map(|ca| &ca.der)).collect();
        let verdict = judge(&trusting("acme", &[&root]), "acme_pump7", &chain);
        assert_eq!(verdict.as_ref().err(), (!accepted).then_some(&Refusal::PathLength), "{length} {count}");
    }
    // An intermediate's.
    let root = Ca::root("Root");
    let plant = root.intermediate_with("Plant", new_key(), limited(0));
    let line = plant.intermediate("Line");
    let registry = trusting("acme", &[&root]);
    assert!(judge(&registry, "acme_pump7", &[&plant.agent("pump7"), &plant.der]).is_ok());
    let refusal = judge(&registry, "acme_pump7", &[&line.agent("pump7"), &line.der, &plant.der]);
    assert_eq!(refusal.unwrap_err(), Refusal::PathLength);
}

#[test]
fn of_two_authorities_with_one_key_the_one_whose_path_length_fits_counts() {
    let key = new_key();
    let narrow = Ca::root_with("Root", key.clone(), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let wide = Ca::root_with("Root", key, plain);
    let plant = wide.intermediate("Plant");
    let registry = trusting("acme", &[&narrow, &wide]);
    let authority = |chain: &[&CertificateDer<'static>]| judge(&registry, "acme_pump7", chain).unwrap().authority();
    assert_eq!(authority(&[&wide.agent("pump7")]), 1);
    assert_eq!(authority(&[&plant.agent("pump7"), &plant.der]), 2);
}

#[test]
fn an_intermediate_must_be_a_ca_that_may_sign() {
    assert_eq!(with_intermediate(plain), Ok(()));
    assert_eq!(with_intermediate(|params| params.key_usages.clear()), Ok(()));
    assert_eq!(with_intermediate(|params| params.is_ca = IsCa::NoCa), fault(IntermediateFault::NotCa));
    assert_eq!(with_intermediate(|params| params.is_ca = IsCa::ExplicitNoCa), fault(IntermediateFault::NotCa));
    let usages = vec![KeyUsagePurpose::CrlSign];
    assert_eq!(with_intermediate(|params| params.key_usages = usages), fault(IntermediateFault::KeyUsage));
    let refusal = with_intermediate(|params| params.is_ca = IsCa::NoCa).unwrap_err();
    assert_says(&refusal, &["intermediate CN=Plant", "not a CA"]);
}

#[test]
fn an_agent_cannot_issue_agents() {
    let ca = Ca::root("Root");
    let key = new_key();
    let agent = ca.sign(&crate::pki::agent_params("Plant", plain), &*key);
    let forged = Ca::root_with("Plant", key, plain).agent("pump8");
    let refusal = judge(&trusting("acme", &[&ca]), "acme_pump8", &[&forged, &agent]).unwrap_err();
    assert_eq!(Err(refusal), fault(IntermediateFault::NotCa));
}

#[test]
fn an_extended_key_usage_of_an_intermediate_binds_what_it_issues() {
    let usages = |usages: &[ExtendedKeyUsagePurpose]| {
        let usages = usages.to_vec();
        with_intermediate(move |params| params.extended_key_usages = usages)
    };
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    assert_eq!(usages(&[ServerAuth, ClientAuth]), Ok(()));
    assert_eq!(usages(&[Any]), Ok(()));
    assert_eq!(usages(&[ServerAuth]), fault(IntermediateFault::ExtendedKeyUsage));
}

#[test]
fn the_dates_of_an_intermediate_count() {
    let refusal = with_intermediate(|params| params.not_after = date_time_ymd(2026, 2, 1)).unwrap_err();
    assert_says(&refusal, &["CN=Plant", "to 2026-02-01 00:00:00 UTC", "clock says 2026-03-01 12:00:00 UTC"]);
    let refusal = with_intermediate(|params| params.not_before = date_time_ymd(2026, 4, 1)).unwrap_err();
    assert_says(&refusal, &["CN=Plant", "from 2026-04-01 00:00:00 UTC"]);
    // While it is valid, it ends the trust in what it issued.
    let root = Ca::root("Root");
    let plant = root.intermediate_with("Plant", new_key(), |params| params.not_after = date_time_ymd(2026, 4, 1));
    let longer = root.intermediate("Other");
    let chain = [&plant.agent("pump7"), &longer.der, &plant.der];
    let judgement = judge(&trusting("acme", &[&root]), "acme_pump7", &chain).unwrap();
    assert_eq!(judgement.trusted_until_us(), identity::Certificate::parse(&plant.der).unwrap().not_after_us());
}

#[test]
fn a_weak_intermediate_is_refused_by_name() {
    let root = Ca::root("Root");
    let mut params = CertificateParams::default();
    params.distinguished_name = crate::pki::common_name("Plant");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let weak = root.sign(&params, &RsaOfBits::new(1024));
    let leaf = Ca::root("Plant").agent("pump7");
    let refusal = judge(&trusting("acme", &[&root]), "acme_pump7", &[&leaf, &weak]).map(drop);
    assert_eq!(refusal, fault(IntermediateFault::Key(KeyError::TooShort(1024))));
}

#[test]
fn an_intermediate_signed_with_sha_1_or_of_v1_is_refused_by_name() {
    let root = Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), long);
    let openssl = Openssl::with_ca(&root);
    openssl.request(P256, "Plant");
    openssl.write("ca.ext", b"basicConstraints=critical,CA:TRUE");
    let of = |options: &str| {
        let plant = openssl.sign(options);
        let leaf = Ca::root_with("Plant", key(&openssl), long).agent_with("pump7", long);
        judge_at(soon_after(&plant), &trusting("acme", &[&root]), "acme_pump7", &[&leaf, &plant]).map(drop)
    };
    assert_eq!(of("-days 1 -sha256 -extfile ca.ext"), Ok(()));
    let sha1 = IntermediateFault::Algorithm("SHA-1 with RSA".to_owned());
    assert_eq!(of("-days 1 -sha1 -extfile ca.ext"), fault(sha1));
    assert_eq!(of("-days 1 -sha256"), fault(IntermediateFault::Version(1)));
}

fn key(openssl: &Openssl) -> std::sync::Arc<rcgen::KeyPair> {
    rcgen::KeyPair::from_pem(&openssl.read("agent.key")).unwrap().into()
}

#[test]
fn an_intermediate_with_an_unknown_critical_extension_is_refused() {
    let refusal = with_intermediate(|params| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    });
    let cause = CertificateError::Malformed("it has a critical extension that is not known here");
    assert_eq!(refusal, fault(IntermediateFault::Certificate(cause)));
}

#[test]
fn a_v1_certificate_must_be_issued_by_an_authority_directly() {
    let root = Ca::root_with("Root", new_key(), long);
    let plant = root.intermediate_with("Plant", new_key(), long);
    let openssl = Openssl::with_ca(&plant);
    openssl.request(P256, "pump7");
    let leaf = openssl.sign("-days 1");
    let now = soon_after(&leaf);
    let refusal = judge_at(now, &trusting("acme", &[&root]), "acme_pump7", &[&leaf, &plant.der]).unwrap_err();
    assert_eq!(refusal, Refusal::NotDirect { version: 1 });
    assert_says(&refusal, &["v1", "directly", "v3"]);
    assert!(judge_at(now, &trusting("acme", &[&plant]), "acme_pump7", &[&leaf, &plant.der]).is_ok());
}

#[test]
fn name_constraints_hold() {
    let permitted = |name: &str| NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_owned())],
        excluded_subtrees: Vec::new(),
    };
    let constrained = permitted("acme.example");
    let root = Ca::root_with("Root", new_key(), |params| params.name_constraints = Some(constrained.clone()));
    let registry = trusting("acme", &[&root]);
    let leaf = |name: &str| {
        let name = SanType::DnsName(name.try_into().unwrap());
        root.agent_with("pump7", |params| params.subject_alt_names = vec![name])
    };
    assert!(judge(&registry, "acme_pump7", &[&leaf("pump7.acme.example")]).is_ok());
    let refusal = judge(&registry, "acme_pump7", &[&leaf("pump7.other.example")]).unwrap_err();
    assert_eq!(refusal, Refusal::NameConstraints);
    // An intermediate's.
    let root = Ca::root("Root");
    let plant = root.intermediate_with("Plant", new_key(), |params| params.name_constraints = Some(constrained));
    let leaf = plant.agent_with("pump7", |params| {
        params.subject_alt_names = vec![SanType::DnsName("pump7.other.example".try_into().unwrap())];
    });
    let refusal = judge(&trusting("acme", &[&root]), "acme_pump7", &[&leaf, &plant.der]).unwrap_err();
    assert_eq!(refusal, Refusal::NameConstraints);
}

#[test]
fn a_v1_certificate_below_name_constraints_is_refused_since_they_cannot_be_checked() {
    let ca = Ca::root_with("Root", new_key(), |params| {
        long(params);
        let permitted_subtrees = vec![GeneralSubtree::DnsName("acme.example".to_owned())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    });
    let openssl = Openssl::with_ca(&ca);
    openssl.request(P256, "pump7");
    let leaf = openssl.sign("-days 1");
    let refusal = judge_at(soon_after(&leaf), &trusting("acme", &[&ca]), "acme_pump7", &[&leaf]).unwrap_err();
    assert_eq!(refusal, Refusal::NameConstraints);
}

#[test]
fn an_upload_that_is_not_proven_yet_breaks_nobody() {
    let Plant { root, plant, line, leaf } = &Plant::new();
    let mut registry = trusting("acme", &[root]);
    let chain = [leaf, &line.der, &plant.der];
    add(&mut registry, 2, plant);
    assert_eq!(judge(&registry, "acme_pump7", &chain).unwrap().authority(), 1);
    registry.verify_authority(crate::pki::NOW, 2, &code(2)).unwrap();
    assert_eq!(judge(&registry, "acme_pump7", &chain).unwrap().authority(), 2);
}

#[test]
fn a_revoked_authority_is_no_link_below_another_one_either() {
    let Plant { root, plant, line, leaf } = &Plant::new();
    let mut registry = trusting("acme", &[root, plant]);
    let chain = [leaf, &line.der, &plant.der];
    registry.revoke_authority(crate::pki::NOW, 2).unwrap();
    let refusal = judge(&registry, "acme_pump7", &chain).unwrap_err();
    let status = AuthorityStatus::Revoked;
    assert_eq!(refusal, Refusal::AuthorityNotTrusted { authority: "CN=Plant".to_owned(), status });
    // Nor under another certificate of the same key.
    let again = root.intermediate_with("Plant 2", plant.key.clone(), plain);
    let chain = [&again.agent("pump7"), &again.der];
    let subject = "CN=Plant 2".to_owned();
    let refusal = judge(&registry, "acme_pump7", &chain).unwrap_err();
    assert_eq!(refusal, Refusal::Intermediate { subject, fault: IntermediateFault::Revoked });
    assert_says(&refusal, &["CN=Plant 2", "revoked authority"]);
    // What the root issues otherwise stays.
    assert!(judge(&registry, "acme_pump8", &[&root.agent("pump8")]).is_ok());
    // Trusted anew, it is an authority.
    add(&mut registry, 3, plant);
    registry.verify_authority(crate::pki::NOW, 3, &code(3)).unwrap();
    assert_eq!(judge(&registry, "acme_pump7", &[leaf, &line.der, &plant.der]).unwrap().authority(), 3);
}

#[test]
fn loops_and_crowds_of_one_name_end() {
    let root = Ca::root("Root");
    let registry = trusting("acme", &[&root]);
    // Issuers that name each other in a ring, and lead to the root's name without its key.
    let (first, second) = (Ca::root("A"), Ca::root("B"));
    let forged = Ca::root("Root");
    let mut ring: Vec<_> = (0..4).flat_map(|_| [first.intermediate("B"), second.intermediate("A")]).collect();
    ring.push(forged.intermediate("A"));
    let leaf = first.agent("pump7");
    let chain: Vec<_> = std::iter::once(&leaf).chain(ring.iter().map(|ca| &ca.der)).collect();
    let refusal = judge(&registry, "acme_pump7", &chain).unwrap_err();
    assert!(matches!(refusal, Refusal::Signature { .. } | Refusal::PathLength | Refusal::Path { .. }), "{refusal:?}");
}
