//! Bytes that nobody meant as a certificate, and certificates that somebody changed: nothing panics.

use std::sync::LazyLock;

use identity::{
    Certificate, PublicKey, Refusal, Registry, certificate_from_pem, check_upload, check_verification, issued_by,
};
use proptest::prelude::*;
use proptest::sample::Index;
use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls_pki_types::CertificateDer;

use crate::openssl::{Openssl, P256, long};
use crate::pki::{Ca, NOW, add, client, code, key_for, new_key, tenant, trusting};

/// A CA with all extensions that we read, one it issued, and a certificate of v1; the CA is trusted.
struct World {
    ca: Ca,
    certificates: Vec<CertificateDer<'static>>,
    registry: Registry,
    pending: Registry,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let ca = Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), |params| {
        long(params);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("acme.example".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let plant = ca.intermediate_with("Plant", new_key(), |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let leaf = plant.agent_with("pump7", |params| {
        params.subject_alt_names = vec![SanType::DnsName("pump7.acme.example".try_into().unwrap())];
        params.key_usages.push(KeyUsagePurpose::KeyAgreement);
        params.use_authority_key_identifier_extension = true;
    });
    let openssl = Openssl::with_ca(&ca);
    openssl.request(P256, &code(1));
    let v1 = openssl.sign("-days 1");
    let mut pending = Registry::new(tenant("acme"));
    add(&mut pending, 1, &ca);
    let registry = trusting("acme", &[&ca]);
    assert!(crate::pki::judge(&registry, "acme_pump7", &[&leaf, &plant.der]).is_ok());
    World { certificates: vec![leaf, plant.der, ca.der.clone(), v1], ca, registry, pending }
});

/// Everything that takes a certificate from outside.
fn feed(der: &[u8]) {
    let world = &*WORLD;
    let _ = check_upload(NOW, der);
    let _ = check_verification(NOW, world.pending.authority(1).unwrap(), der);
    let mut registry = world.pending.clone();
    let _ = registry.add_authority(NOW, 2, "", der, &code(2), 2);
    let _ = postcard::from_bytes::<Certificate>(der);
    let _ = PublicKey::from_spki(der);
    let trust = world.registry.trust(&client("acme_pump7"));
    let changed = CertificateDer::from(der.to_vec());
    let [leaf, plant, ..] = &world.certificates[..] else { unreachable!() };
    for chain in [vec![changed.clone()], vec![changed.clone(), plant.clone()], vec![leaf.clone(), changed]] {
        if let Err(refusal) = trust.judge(NOW, &chain) {
            let _: (String, String, &str) = (refusal.hint(), refusal.peer_hint(), refusal.code());
        }
    }
    if let Ok(certificate) = Certificate::parse(der) {
        let _ = issued_by(&certificate, &Certificate::parse(&world.ca.der).unwrap());
        assert_eq!(postcard::from_bytes::<Certificate>(&postcard::to_stdvec(&certificate).unwrap()), Ok(certificate));
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        feed(&bytes);
        let _ = certificate_from_pem(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_certificate_with_some_bytes_changed(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut der = which.get(&WORLD.certificates).to_vec();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        feed(&der);
    }

    #[test]
    fn a_certificate_cut_or_with_bytes_put_in(
        which in any::<Index>(),
        at in any::<Index>(),
        length in 0_usize..20,
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut der = which.get(&WORLD.certificates).to_vec();
        let at = at.index(der.len());
        let end = (at + length).min(der.len());
        der.splice(at..end, bytes);
        feed(&der);
        feed(&der[..at]);
    }

    #[test]
    fn a_changed_certificate_is_nobodys(which in 0_usize..2, at in any::<Index>(), bit in 0_u8..8) {
        let (leaf, plant) = (&WORLD.certificates[0], &WORLD.certificates[1]);
        let mut chain = [leaf.clone(), plant.clone()];
        let mut der = chain[which].to_vec();
        let at = at.index(der.len());
        der[at] ^= 1 << bit;
        chain[which] = der.into();
        let judged = WORLD.registry.trust(&client("acme_pump7")).judge(NOW, &chain);
        prop_assert!(judged.is_err());
    }

    #[test]
    fn a_pasted_certificate_with_some_characters_changed(
        changes in prop::collection::vec((any::<Index>(), any::<char>()), 0..4),
    ) {
        static PEM: LazyLock<String> = LazyLock::new(|| Openssl::with_ca(&WORLD.ca).read("ca.pem"));
        let mut pem: Vec<char> = PEM.chars().collect();
        for (at, character) in changes {
            let at = at.index(pem.len());
            pem[at] = character;
        }
        if let Ok(der) = certificate_from_pem(&pem.into_iter().collect::<String>()) {
            let _ = Certificate::parse(&der);
        }
    }
}

#[test]
fn deep_nesting_is_no_trouble() {
    for tag in [0x30, 0x31, 0xa0, 0xa3, 0x24] {
        let mut der = vec![5, 0];
        while der.len() < 15_000 {
            der = crate::pki::tlv(tag, &der);
        }
        feed(&der);
        let refusal = WORLD.registry.trust(&client("acme_pump7")).judge(NOW, &[der.into()]);
        assert!(matches!(refusal, Err(Refusal::Certificate(_))));
    }
}

#[test]
fn lengths_that_are_lies_are_no_trouble() {
    for head in [
        &[0x30, 0x80][..],
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        feed(head);
        feed(&[head, &WORLD.certificates[0][4..]].concat());
    }
}
