//! What is written to log and images stays readable: the bytes in `disk/` were written once and for all.

use identity::{Agent, Authority, AuthorityStatus, Judgement};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pki::{CA_END, Ca, NOW, add, client, code, judge, trusting};

/// Reads committed bytes, and checks that what was read is written the same way again.
#[track_caller]
fn read<T: Serialize + DeserializeOwned>(hex: &str) -> T {
    let bytes = hex::decode(hex.trim()).unwrap();
    let value: T = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(hex::encode(postcard::to_stdvec(&value).unwrap()), hex.trim());
    value
}

#[test]
fn authorities_of_each_state_are_read() {
    let pending: Authority = read(include_str!("disk/authority_pending.hex"));
    assert_eq!((pending.id(), pending.name(), pending.created_us()), (1, "CN=Root", NOW));
    assert_eq!(pending.status(NOW), AuthorityStatus::PendingVerification);
    assert_eq!(pending.registration_code().unwrap().0.as_str(), code(1));
    let verified: Authority = read(include_str!("disk/authority_verified.hex"));
    assert_eq!((verified.status(NOW), verified.verified_us()), (AuthorityStatus::Verified, Some(NOW)));
    let revoked: Authority = read(include_str!("disk/authority_revoked.hex"));
    assert_eq!((revoked.verified_us(), revoked.revoked_us()), (Some(NOW), Some(NOW + 1)));
    assert!([&pending, &verified, &revoked].iter().all(|it| it.certificate().subject() == "CN=Root"));
}

#[test]
fn agents_and_judgements_are_read() {
    let judged: Judgement = read(include_str!("disk/judgement.hex"));
    assert_eq!((judged.client_id(), judged.authority()), (&client("acme_pump7"), 1));
    assert_eq!((judged.subject(), judged.issuer(), judged.trusted_until_us()), ("CN=pump7", "CN=Root", CA_END));
    let agent: Agent = read(include_str!("disk/agent.hex"));
    assert_eq!((agent.created_us, agent.revoked_us, agent.restored_us), (NOW, Some(NOW + 4), Some(NOW + 3)));
    let known = agent.credential(&judged.fingerprint()).unwrap();
    assert_eq!((known.authority, &*known.serial), (1, judged.serial()));
    assert_eq!((known.first_seen_us, known.last_seen_us, known.revoked_us), (NOW, NOW + 1, Some(NOW + 2)));
}

#[test]
fn what_is_written_today_reads_back() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    add(&mut registry, 2, &Ca::root("Other"));
    let judged = judge(&registry, "acme_pump7", &[&ca.agent("pump7")]).unwrap();
    registry.onboard(NOW, &judged).unwrap();
    registry.revoke_authority(NOW, 2).unwrap();
    round_trip(&judged);
    registry.authorities().for_each(round_trip);
    registry.agents().for_each(|(_, agent)| round_trip(agent));
}

#[test]
fn what_is_cut_short_is_refused() {
    let bytes = hex::decode(include_str!("disk/authority_verified.hex").trim()).unwrap();
    for length in 0..bytes.len() {
        assert!(postcard::from_bytes::<Authority>(&bytes[..length]).is_err());
    }
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(&postcard::from_bytes::<T>(&postcard::to_stdvec(value).unwrap()).unwrap(), value);
}
