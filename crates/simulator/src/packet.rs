//! What goes over a connection: MQTT's control packets without their bytes.

/// From the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Connect {
        clean_start: bool,
        expiry_s: u32,
        receive_maximum: u16,
        is_v5: bool,
    },
    /// A publish, with its number in the book.
    Publish {
        number: usize,
        packet_id: Option<u16>,
        qos: u8,
    },
    Pubrel(u16),
    Puback(u16),
    Subscribe {
        packet_id: u16,
        qos: u8,
    },
    Unsubscribe {
        packet_id: u16,
    },
    Disconnect {
        expiry_s: Option<u32>,
    },
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With the connection's epoch, which only the checks know.
    Connack {
        session_present: bool,
        epoch: u64,
    },
    /// CONNACK with an error.
    Refused,
    /// An acknowledgement; of version 5 whether it is an error. 3.1.1 cannot say so.
    Puback(u16),
    Pubrec {
        packet_id: u16,
        is_error: bool,
    },
    Pubcomp(u16),
    Suback(u16),
    Unsuback(u16),
    Publish {
        topic: String,
        payload: Vec<u8>,
        packet_id: Option<u16>,
        is_dup: bool,
    },
}
