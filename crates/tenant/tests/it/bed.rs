//! A tenant, and short words for the records that are applied to it.

use std::ops::Range;

use broker::{Face, SessionKey, Subscription};
use identity::Judgement;
use ingest::{Decoded, MessageKind, format_time};
use tenant::{
    Change, Connected, Connection, Effect, Ledger, Limits, Outcome, Projected, Published, Record, Sample, Tenant,
    Verdict,
};

use crate::pki;

/// A second, microseconds.
pub(crate) const SECOND: i64 = 1_000_000;

/// 2026-03-01 12:00:00 UTC, microseconds since the Unix epoch: the clock of most tests.
pub(crate) const NOW: i64 = 1_772_366_400 * SECOND;

/// A session that never expires.
pub(crate) const FOR_EVER: u32 = u32::MAX;

/// All of time.
pub(crate) const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// Log positions of two records differ by more than one, as they do in a log.
const FRAME_BYTES: u64 = 100;

/// A tenant called `acme`, the log position of its next record, and its clock.
pub(crate) struct Bed {
    pub(crate) tenant: Tenant,
    pub(crate) position: u64,
    pub(crate) now_us: i64,
}

/// What a CONNECT says of its session.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) face: Face,
    pub(crate) clean_start: bool,
    pub(crate) expiry_s: u32,
    pub(crate) receive_maximum: u16,
}

/// A session for ever.
pub(crate) const PERSISTENT: Wish =
    Wish { face: Face::Eu1, clean_start: false, expiry_s: FOR_EVER, receive_maximum: 100 };

/// A session as long as its connection.
pub(crate) const CLEAN: Wish = Wish { clean_start: true, expiry_s: 0, ..PERSISTENT };

impl Bed {
    /// Nothing has happened yet.
    pub(crate) fn empty(limits: Limits) -> Bed {
        Bed { tenant: Tenant::new("acme".parse().unwrap(), limits), position: 1024, now_us: NOW }
    }

    /// The tenant is created, and trusts the authority 1.
    pub(crate) fn new() -> Bed {
        Bed::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Bed {
        let mut bed = Bed::empty(limits);
        assert_eq!(bed.outcome(&Record::TenantCreated(bed.change())), Outcome::Done);
        bed.trust(1);
        bed
    }

    /// Applies a record at the next position.
    pub(crate) fn apply(&mut self, record: &Record<'_>) -> (Outcome, Vec<Effect>) {
        let mut effects = Vec::new();
        let outcome = self.tenant.apply(self.position, record, &mut effects);
        self.position += FRAME_BYTES;
        assert_eq!(self.tenant.applied(), self.position - FRAME_BYTES + 1);
        (outcome, effects)
    }

    pub(crate) fn outcome(&mut self, record: &Record<'_>) -> Outcome {
        self.apply(record).0
    }

    pub(crate) fn effects(&mut self, record: &Record<'_>) -> Vec<Effect> {
        self.apply(record).1
    }

    pub(crate) fn change(&self) -> Change<'static> {
        Change { actor: "operator".into(), at_us: self.now_us }
    }

    /// Adds and verifies an authority.
    pub(crate) fn trust(&mut self, id: u128) {
        assert_eq!(self.outcome(&add_authority(self.change(), id)), Outcome::Done);
        assert_eq!(self.outcome(&verify_authority(self.change(), id)), Outcome::Done);
    }

    /// Judges the certificate of `acme_<name>` that the authority issued.
    pub(crate) fn judge(&self, authority: u128, name: &str) -> Judgement {
        let claimed = format!("acme_{name}").parse().unwrap();
        self.tenant.registry().trust(&claimed).judge(self.now_us, &[pki::agent(authority, name)]).unwrap()
    }

    pub(crate) fn onboard(&mut self, name: &str) {
        let judgement = self.judge(1, name);
        let record = Record::AgentOnboarded { judgement, at_us: self.now_us };
        assert_eq!(self.outcome(&record), Outcome::Onboarded { created: true });
    }

    /// Onboards and connects an agent with a session that stays.
    pub(crate) fn agent(&mut self, name: &str) -> Connection<'static> {
        self.onboard(name);
        self.connect(name, PERSISTENT)
    }

    pub(crate) fn connect(&mut self, name: &str, wish: Wish) -> Connection<'static> {
        let epoch = self.position;
        let (outcome, _) = self.apply_connect(name, wish);
        assert!(matches!(outcome, Outcome::Connected { .. }), "{outcome:?}");
        Connection { face: wish.face, client_id: format!("acme_{name}").into(), epoch }
    }

    pub(crate) fn apply_connect(&mut self, name: &str, wish: Wish) -> (Outcome, Vec<Effect>) {
        let judgement = self.judge(1, name);
        self.apply(&connected(judgement, wish, self.now_us))
    }

    pub(crate) fn disconnect(&mut self, connection: &Connection<'static>) -> Outcome {
        let record =
            Record::Disconnected { connection: connection.clone(), expiry_s: None, fault: None, at_us: self.now_us };
        self.outcome(&record)
    }

    pub(crate) fn subscribe(&mut self, connection: &Connection<'static>, tail: &str, qos: u8) {
        let filter = format!("tc/acme/{}/i/{tail}", connection.client_id);
        let record = subscribed(connection, &filter, qos);
        assert_eq!(self.outcome(&record), Outcome::Subscribed(vec![true]));
    }

    /// Publishes to the topic of time series at QoS 1.
    pub(crate) fn publish(&mut self, connection: &Connection<'static>, payload: &str) -> Verdict {
        let topic = time_series_topic(connection);
        match self.apply_publish(connection, &topic, 1, Some(1), payload).0 {
            Outcome::Published(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn apply_publish(
        &mut self,
        connection: &Connection<'static>,
        topic: &str,
        qos: u8,
        packet_id: Option<u16>,
        payload: &str,
    ) -> (Outcome, Vec<Effect>) {
        self.apply(&published(connection, topic, qos, packet_id, payload, self.now_us))
    }

    /// An operator's message to an agent.
    pub(crate) fn send(&mut self, name: &str, tail: &str, qos: u8, payload: &str) -> (Outcome, Vec<Effect>) {
        let topic = format!("tc/acme/acme_{name}/i/{tail}");
        let record = Record::Sent {
            change: self.change(),
            topic: topic.into(),
            payload: payload.as_bytes().to_vec().into(),
            qos,
        };
        self.apply(&record)
    }

    pub(crate) fn ledger(&self, name: &str) -> Ledger {
        self.tenant.agent(&format!("acme_{name}")).unwrap().status().ledger
    }

    /// The samples in memory: sealed chunks, and then the head, as (time, text).
    pub(crate) fn samples(&self, name: &str, data_point: &str) -> Vec<(i64, String)> {
        let unwritten = self.tenant.unwritten(&format!("acme_{name}"), data_point, &ALWAYS);
        let sealed = unwritten.chunks.iter().flat_map(|chunk| chunk.samples.iter());
        sealed.chain(&unwritten.head).map(text).collect()
    }

    pub(crate) fn rows(&mut self) -> Vec<Projected> {
        self.tenant.take_outbox()
    }

    /// Packet ids and positions inside the session's window.
    pub(crate) fn inflight(&self, connection: &Connection<'static>) -> Vec<(u16, u64)> {
        let inflight = self.tenant.broker().inflight(&connection.session(), connection.epoch);
        inflight.map(|entry| (entry.packet_id, entry.position)).collect()
    }
}

pub(crate) fn text(sample: &Sample) -> (i64, String) {
    (sample.time_us, sample.value.to_string())
}

pub(crate) fn session(name: &str) -> SessionKey {
    SessionKey::eu1(format!("acme_{name}"))
}

/// The registration code that [`add_authority`] gives.
pub(crate) fn code(id: u128) -> String {
    format!("{id:032x}")
}

pub(crate) fn add_authority(change: Change<'static>, id: u128) -> Record<'static> {
    let der = pki::authority(id).der.to_vec().into();
    Record::AuthorityAdded { change, authority: id, name: "".into(), der, code: code(id).into() }
}

pub(crate) fn verify_authority(change: Change<'static>, id: u128) -> Record<'static> {
    Record::AuthorityVerified { change, authority: id, code: code(id).into() }
}

pub(crate) fn connected(judgement: Judgement, wish: Wish, at_us: i64) -> Record<'static> {
    Record::Connected(Connected {
        face: wish.face,
        client_id: judgement.client_id().to_string().into(),
        judgement,
        clean_start: wish.clean_start,
        expiry_s: wish.expiry_s,
        receive_maximum: wish.receive_maximum,
        address: "192.0.2.7:49152".into(),
        at_us,
    })
}

pub(crate) fn subscribed(connection: &Connection<'static>, filter: &str, qos: u8) -> Record<'static> {
    let subscription = Subscription { qos, retain_as_published: false, identifier: None };
    Record::Subscribed { connection: connection.clone(), filters: vec![(filter.to_owned().into(), subscription)] }
}

pub(crate) fn time_series_topic(connection: &Connection<'_>) -> String {
    format!("tc/acme/{}/o/mc_v3/ts", connection.client_id)
}

/// The record of a publish, read as the server reads it.
pub(crate) fn published<'a>(
    connection: &Connection<'static>,
    topic: &'a str,
    qos: u8,
    packet_id: Option<u16>,
    payload: &'a str,
    received_us: i64,
) -> Record<'a> {
    let decoded = match ingest::message_kind("acme", &connection.client_id, topic).unwrap() {
        MessageKind::TimeSeries => ingest::decode(payload.as_bytes(), &ingest::Limits::default(), received_us),
        MessageKind::Refused(finding) => Decoded { rows: Vec::new(), findings: vec![finding] },
    };
    Record::Published(Published {
        connection: connection.clone(),
        packet_id,
        qos,
        received_us,
        topic: topic.into(),
        payload: payload.as_bytes().into(),
        decoder: ingest::DECODER_GENERATION,
        rows: decoded.rows,
        findings: decoded.findings,
    })
}

/// A time series message: (data point, time, value).
pub(crate) fn message(values: &[(&str, i64, &str)]) -> String {
    let sampling = |(data_point, time_us, value): &(&str, i64, &str)| {
        let time = format_time(*time_us);
        format!(
            r#"{{"timestamp":"{time}","values":[{{"dataPointId":"{data_point}","value":"{value}","qualityCode":"0"}}]}}"#
        )
    };
    format!(r#"{{"timeseries":[{}]}}"#, values.iter().map(sampling).collect::<Vec<_>>().join(","))
}
