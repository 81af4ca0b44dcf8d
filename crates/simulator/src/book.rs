//! Who said what: every message of the simulated agents and operators, by number. The checks know it from here, and
//! never from the code that they check.

use std::collections::BTreeMap;

/// What an agent published.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) client_id: String,
    pub(crate) qos: u8,
    pub(crate) topic: String,
    pub(crate) payload: String,
    /// The values that can be taken, in their order.
    pub(crate) values: Vec<Value>,
    /// How many cannot.
    pub(crate) rejects: u64,
}

/// One value of a data point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) data_point: &'static str,
    pub(crate) time_us: i64,
    pub(crate) text: String,
    pub(crate) quality: i64,
}

/// All that was said.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) said: Vec<Said>,
    numbers: BTreeMap<(String, String), usize>,
    /// Operators' messages, by number: tenant and client id of the agent that they are for.
    pub(crate) sent: Vec<(String, String)>,
}

impl Book {
    /// Writes down a publish; no payload is said twice.
    pub(crate) fn say(&mut self, said: Said) -> usize {
        let number = self.said.len();
        self.numbers.insert((said.client_id.clone(), said.payload.clone()), number);
        self.said.push(said);
        number
    }

    /// The number of a publish.
    pub(crate) fn number(&self, client_id: &str, payload: &[u8]) -> Option<usize> {
        let payload = str::from_utf8(payload).ok()?;
        self.numbers.get(&(client_id.to_owned(), payload.to_owned())).copied()
    }

    /// Writes down an operator's message; gives its payload.
    pub(crate) fn send(&mut self, tenant: &str, client_id: &str) -> String {
        let number = self.sent.len();
        self.sent.push((tenant.to_owned(), client_id.to_owned()));
        format!("message {number}")
    }

    /// The number of an operator's message.
    pub(crate) fn sent_number(&self, payload: &[u8]) -> Option<usize> {
        let number = str::from_utf8(payload).ok()?.strip_prefix("message ")?.parse().ok()?;
        (number < self.sent.len()).then_some(number)
    }
}
