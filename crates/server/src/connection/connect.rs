//! CONNECT: who claims to be whom, and is it true.

use std::net::SocketAddr;
use std::sync::Arc;

use broker::SessionKey;
use identity::{ClientId, ClientIdError, Judgement, Refusal, TenantId, TrustSet};
use mqtt::{Accept, Connect, ConnectRefusal, Event};
use rustls::pki_types::CertificateDer;
use tenant::{Connected, Outcome, Record};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::wire::Wire;
use super::{Context, HEALTH_EVERY};
use crate::clock;
use crate::config::FirstConnect;
use crate::engine::{Disk, Entry, Mailbox, Reply, Slot, Tag};
use crate::http::new_id;
use crate::trace::Happening;

/// Session Expiry Interval of a 3.1.1 session with CleanSession 0: for ever [MQTT-3.1.2.11.2].
const FOR_EVER: u32 = u32::MAX;

/// Deliveries that may be under way to one client, whatever it would take.
const UNACKNOWLEDGED_MAX: u16 = 100;

/// A CONNECT that was accepted; its CONNACK is written.
pub(super) struct Accepted {
    pub(super) slot: Arc<Slot>,
    pub(super) session: SessionKey,
    pub(super) epoch: u64,
    pub(super) mailbox: Arc<Mailbox>,
}

/// What of a CONNECT outlives its bytes.
struct Request {
    client_id: String,
    clean_start: bool,
    expiry_s: u32,
    receive_maximum: u16,
    has_will: bool,
}

/// A CONNECT that is refused.
struct Refused {
    answer: ConnectRefusal,
    code: &'static str,
    /// For the tenant's people.
    hint: String,
    /// For the peer, who may belong to nobody.
    peer_hint: String,
}

/// Waits for the CONNECT, judges it, and answers it. None: the connection is to be closed, the answer is written.
pub(super) async fn accept(
    wire: &mut Wire,
    context: &Context,
    address: SocketAddr,
    stop: &CancellationToken,
) -> Option<Accepted> {
    let request = stop.run_until_cancelled(read(wire)).await??;
    let chain: Vec<_> = wire.stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
    let tell = |direction, what, detail| {
        context.traces.tell(&request.client_id, &Happening { direction, what, detail, payload: None });
    };
    tell("in", "CONNECT", request.describe(address));
    match decide(context, &request, &chain, address).await {
        Ok(Some((accepted, session_present))) => {
            wire.mqtt.accept(Accept { session_present, ..Accept::default() });
            Some(accepted)
        }
        // The first connect: the agent is made, and is to come again.
        Ok(None) => {
            tell("note", "onboarded", "the first connect made the agent and is closed; the next one stays".to_owned());
            None
        }
        Err(refused) => {
            // Whoever claims this client id may be anybody: the rest is for those who may see the black box.
            tell("note", "refused", format!("{}: {}", refused.code, refused.peer_hint));
            record(wire, context, address, &request, &chain, &refused);
            wire.mqtt.refuse(refused.answer, Some(&refused.peer_hint));
            None
        }
    }
}

async fn read(wire: &mut Wire) -> Option<Request> {
    loop {
        let now = wire.now();
        let mut rest = &wire.input[..];
        match wire.mqtt.handle_input(now, &mut rest) {
            Ok(Some(Event::Connect(connect))) => {
                let request = Request::of(&connect);
                let taken = wire.input.len() - rest.len();
                wire.take(taken);
                return Some(request);
            }
            Ok(_) => {}
            Err(error) => {
                info!(event = "connect.reject", code = error.label(), cause = %error, "refused");
                wire.mqtt.fail(&error);
                return None;
            }
        }
        let patience = wire.mqtt.poll_timeout().unwrap_or_default().saturating_sub(wire.now());
        let read = tokio::time::timeout(patience, wire.read()).await;
        if !matches!(read, Ok(Ok(1..))) {
            return None;
        }
    }
}

/// Some: accepted. None: onboarded, and to be disconnected.
async fn decide(
    context: &Context,
    request: &Request,
    chain: &[CertificateDer<'static>],
    address: SocketAddr,
) -> Result<Option<(Accepted, bool)>, Refused> {
    if context.engine.health().disk() != Disk::Writable {
        return Err(Refused::unavailable());
    }
    let claimed: ClientId = request.client_id.parse().map_err(|error: ClientIdError| {
        Refused::new(ConnectRefusal::BadClientId, "bad_client_id", error.to_string())
    })?;
    // A tenant that is not there looks like one that does not know the certificate.
    let slot = context.engine.tenant(&claimed.tenant());
    let trust = match &slot {
        Some(slot) => slot.state().registry().trust(&claimed),
        None => TrustSet::of_unknown_tenant(&claimed),
    };
    let judgement = trust.judge(clock::now_us(), chain).map_err(Refused::from)?;
    let slot = slot.ok_or_else(Refused::unavailable)?;
    if request.has_will {
        return Err(Refused::will());
    }
    let mailbox = Arc::new(Mailbox::default());
    if slot.state().agent(claimed.as_str()).is_none() {
        onboard(context, &slot, &judgement, &mailbox).await?;
        if context.config.first_connect == FirstConnect::Disconnect {
            return Ok(None);
        }
    }
    connect(request, slot, judgement, mailbox, address).await.map(Some)
}

async fn onboard(context: &Context, slot: &Slot, judgement: &Judgement, mailbox: &Arc<Mailbox>) -> Result<(), Refused> {
    let record = Record::AgentOnboarded { judgement: judgement.clone(), at_us: clock::now_us() };
    let reply = Reply::Connection(mailbox.clone(), Tag::Onboard);
    match submit(slot, Entry { bytes: record.encode(), reply }, mailbox).await {
        Some((_, Outcome::Onboarded { created })) => {
            if created {
                info!(event = "onboard.ok", tenant = %slot.id, agent = %judgement.client_id(), "onboarded");
            }
            Ok(())
        }
        Some((_, Outcome::Refused(refused))) => {
            context.metrics.onboarded(slot.id.as_str(), "refused");
            Err(Refused::not_authorized("refused", refused.to_string()))
        }
        _ => Err(Refused::unavailable()),
    }
}

async fn connect(
    request: &Request,
    slot: Arc<Slot>,
    judgement: Judgement,
    mailbox: Arc<Mailbox>,
    address: SocketAddr,
) -> Result<(Accepted, bool), Refused> {
    let session = SessionKey::eu1(judgement.client_id().as_str());
    let record = Record::Connected(Connected {
        face: session.face,
        client_id: session.client_id.clone().into(),
        judgement,
        clean_start: request.clean_start,
        expiry_s: request.expiry_s,
        receive_maximum: request.receive_maximum,
        address: address.to_string().into(),
        at_us: clock::now_us(),
    });
    let reply = Reply::Connect(mailbox.clone(), session.clone());
    match submit(&slot, Entry { bytes: record.encode(), reply }, &mailbox).await {
        Some((epoch, Outcome::Connected { session_present })) => {
            Ok((Accepted { slot, session, epoch, mailbox }, session_present))
        }
        Some((_, Outcome::Refused(refused))) => Err(Refused::not_authorized("revoked", refused.to_string())),
        _ => Err(Refused::unavailable()),
    }
}

/// Submits a record and waits for its outcome; none when the server cannot write.
async fn submit(slot: &Slot, entry: Entry, mailbox: &Mailbox) -> Option<(u64, Outcome)> {
    if !slot.lane.push_whenever(entry).await {
        return None;
    }
    loop {
        // A log that fails under the record never answers it.
        let arrived = tokio::time::timeout(HEALTH_EVERY, mailbox.arrived()).await;
        if let Some(answer) = mailbox.take_answer() {
            return Some((answer.position, answer.outcome));
        }
        if arrived.is_err() && slot.lane.is_closed() {
            return None;
        }
    }
}

/// Keeps the refusal for whoever asks why.
fn record(
    wire: &Wire,
    context: &Context,
    address: SocketAddr,
    request: &Request,
    chain: &[CertificateDer<'static>],
    refused: &Refused,
) {
    let tls = wire.stream.get_ref().1;
    let certificate = chain.first().and_then(|der| identity::Certificate::parse(der).ok());
    let of = |field: fn(&identity::Certificate) -> String| certificate.as_ref().map(field);
    let claimed = request.client_id.parse::<ClientId>().ok().map(|id| id.tenant());
    let tenant = claimed.filter(|tenant| may_see(context, tenant, chain)).map(|tenant| tenant.to_string());
    let tracking_id = format!("{:032x}", new_id());
    info!(
        event = "connect.reject",
        tenant,
        agent = request.client_id,
        code = refused.code,
        hint = refused.hint,
        trace_id = tracking_id,
        "refused"
    );
    context.black_box.record(store::Refusal {
        at_us: clock::now_us(),
        tenant,
        stage: "connect".to_owned(),
        address: address.to_string(),
        sni: tls.server_name().map(str::to_owned),
        alpn: tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        tls_version: tls
            .protocol_version()
            .map(|version| if version == rustls::ProtocolVersion::TLSv1_3 { "1.3" } else { "1.2" }.to_owned()),
        client_id: Some(request.client_id.clone()),
        subject: of(|certificate| certificate.subject().to_owned()),
        issuer: of(|certificate| certificate.issuer().to_owned()),
        serial: of(|certificate| certificate.serial().to_owned()),
        not_after_us: certificate.as_ref().map(identity::Certificate::not_after_us),
        code: refused.code.to_owned(),
        hint: refused.hint.clone(),
        tracking_id,
    });
}

/// Whether a tenant is shown a refusal that claims it: when one of its proven authorities is named as an issuer, or
/// nothing was presented. So a stranger's certificate is not shown to whomever the client id happens to name.
fn may_see(context: &Context, tenant: &TenantId, chain: &[CertificateDer<'static>]) -> bool {
    let Some(slot) = context.engine.tenant(tenant) else { return false };
    let issuers: Vec<_> =
        chain.iter().filter_map(|der| Some(identity::Certificate::parse(der).ok()?.issuer().to_owned())).collect();
    let state = slot.state();
    let mut proven = state.registry().authorities().filter(|authority| authority.verified_us().is_some());
    chain.is_empty() || proven.any(|authority| issuers.iter().any(|issuer| issuer == authority.certificate().subject()))
}

impl Request {
    fn of(connect: &Connect<'_>) -> Request {
        Request {
            client_id: connect.client_id.to_owned(),
            clean_start: connect.clean_start,
            expiry_s: connect.session_expiry_s().unwrap_or(if connect.clean_start { 0 } else { FOR_EVER }),
            receive_maximum: connect.receive_maximum().min(UNACKNOWLEDGED_MAX),
            has_will: connect.will.is_some(),
        }
    }

    fn describe(&self, address: SocketAddr) -> String {
        let Request { clean_start, expiry_s, receive_maximum, .. } = self;
        format!(
            "from {address}, clean start {clean_start}, session expiry {expiry_s} s, receive maximum {receive_maximum}"
        )
    }
}

impl Refused {
    fn new(answer: ConnectRefusal, code: &'static str, hint: String) -> Refused {
        Refused { answer, code, peer_hint: hint.clone(), hint }
    }

    fn unavailable() -> Refused {
        let hint = "the server cannot write now; try again later".to_owned();
        Refused::new(ConnectRefusal::ServerUnavailable, "server_unavailable", hint)
    }

    fn will() -> Refused {
        Refused::not_authorized("will_not_served", "a Will is not served yet; connect without one".to_owned())
    }

    fn not_authorized(code: &'static str, hint: String) -> Refused {
        Refused::new(ConnectRefusal::NotAuthorized, code, hint)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused { peer_hint: refusal.peer_hint(), ..Refused::not_authorized(refusal.code(), refusal.hint()) }
    }
}
