//! SUBSCRIBE and UNSUBSCRIBE. Each filter is judged by itself.

use std::collections::VecDeque;

use broker::Subscription;
use mqtt::{ReasonCode, Subscribe, Unsubscribe};
use tenant::Record;

use super::{Connection, End};
use crate::engine::Tag;

/// The highest QoS that is granted: messages to agents go out at QoS 0 or 1.
const GRANTED_QOS_MAX: u8 = 1;

/// Filters of one SUBSCRIBE.
const FILTERS_MAX: usize = 8;

impl Connection<'_> {
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe<'_>) -> Result<(), End> {
        let mut codes = Vec::with_capacity(subscribe.filters.len());
        let mut filters = Vec::new();
        for (index, entry) in subscribe.filters.iter().enumerate() {
            let code = match &entry.filter {
                _ if index >= FILTERS_MAX => ReasonCode::QuotaExceeded,
                Err(_) => ReasonCode::TopicFilterInvalid,
                Ok(filter) if filter.is_shared() => ReasonCode::SharedSubscriptionsNotSupported,
                Ok(filter)
                    if !ingest::may_subscribe(self.slot.id.as_str(), &self.session.client_id, filter.as_str()) =>
                {
                    ReasonCode::NotAuthorized
                }
                Ok(filter) => {
                    let qos = (entry.options.qos as u8).min(GRANTED_QOS_MAX);
                    let subscription = Subscription {
                        qos,
                        retain_as_published: entry.options.retain_as_published,
                        identifier: subscribe.subscription_identifier(),
                    };
                    filters.push((filter.as_str().to_owned().into(), subscription));
                    if qos == 0 { ReasonCode::Success } else { ReasonCode::GrantedQoS1 }
                }
            };
            codes.push(code);
        }
        self.subscribing.push_back((subscribe.packet_id, codes));
        let record = Record::Subscribed { connection: self.name(), filters };
        self.submit(record.encode(), Tag::Suback(subscribe.packet_id))
    }

    /// Answers a SUBSCRIBE: what was refused before, and what the session could not hold.
    pub(super) fn suback(&mut self, packet_id: u16, granted: &[bool]) {
        let Some(mut codes) = take(&mut self.subscribing, packet_id) else { return };
        let wanted = codes.iter_mut().filter(|code| **code < ReasonCode::UnspecifiedError);
        for (code, granted) in wanted.zip(granted) {
            if !granted {
                *code = ReasonCode::QuotaExceeded;
            }
        }
        self.wire.mqtt.suback(packet_id, &codes);
    }

    pub(super) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>) -> Result<(), End> {
        let filters = unsubscribe.filters.iter().map(|filter| (*filter).to_owned().into()).collect();
        let record = Record::Unsubscribed { connection: self.name(), filters };
        self.submit(record.encode(), Tag::Unsuback(unsubscribe.packet_id))
    }

    pub(super) fn unsuback(&mut self, packet_id: u16, existed: &[bool]) {
        let code = |existed: &bool| if *existed { ReasonCode::Success } else { ReasonCode::NoSubscriptionExisted };
        self.wire.mqtt.unsuback(packet_id, &existed.iter().map(code).collect::<Vec<_>>());
    }
}

/// Answers come in the order of the requests, so the first one is the one.
fn take(subscribing: &mut VecDeque<(u16, Vec<ReasonCode>)>, packet_id: u16) -> Option<Vec<ReasonCode>> {
    let index = subscribing.iter().position(|(waiting, _)| *waiting == packet_id)?;
    subscribing.remove(index).map(|(_, codes)| codes)
}
