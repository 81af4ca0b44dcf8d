//! How the tests write bytes: hexadecimal digits, with text in single quotes: `10 0d 0004'MQTT' 04 02 003c 0001'a'`.

/// The bytes of a notation.
pub(crate) fn bytes(notation: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, part) in notation.split('\'').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
        } else {
            let digits: String = part.split_whitespace().collect();
            bytes.extend(hex::decode(&digits).unwrap_or_else(|error| panic!("{part:?} of {notation:?}: {error}")));
        }
    }
    bytes
}

/// A Remaining Length.
pub(crate) fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        bytes.push(if value > 0 { byte | 0x80 } else { byte });
        if value == 0 {
            return bytes;
        }
    }
}

/// A packet whose Remaining Length is right.
pub(crate) fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    [&[first_byte][..], &varint(body.len()), body].concat()
}
