//! Distinguished names as text.

use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Bytes of the longest name kept as text; what is longer ends in `...`. Subjects are kept with each credential.
pub const DISTINGUISHED_NAME_LENGTH_MAX: usize = 512;

/// A name as RFC 4514 writes it, most specific part first: `CN=pump7,O=Acme`.
///
/// Control characters are escaped too, so the text is safe in logs.
pub(crate) fn text(name: &X509Name<'_>) -> String {
    let rdns: Vec<_> = name.iter().collect();
    let mut text = String::new();
    for rdn in rdns.into_iter().rev() {
        for (index, attribute) in rdn.iter().enumerate() {
            if !text.is_empty() {
                text.push(if index == 0 { ',' } else { '+' });
            }
            write_attribute(&mut text, attribute);
        }
    }
    shorten(text)
}

fn write_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type();
    match SHORT_NAMES.iter().find(|(known, _)| known == kind) {
        Some((_, name)) => text.push_str(name),
        None => text.push_str(&kind.to_id_string()),
    }
    text.push('=');
    match attribute.as_str() {
        Ok(value) => write_value(text, value),
        Err(_) => text.extend(["#", &hex::encode(attribute.as_slice())]),
    }
}

fn write_value(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => index == 0,
            ' ' => index == 0 || index == last,
            _ => false,
        };
        if character.is_control() {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).bytes();
            text.extend(bytes.map(|byte| format!("\\{byte:02X}")));
        } else {
            text.extend(special.then_some('\\'));
            text.push(character);
        }
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > DISTINGUISHED_NAME_LENGTH_MAX {
        text.truncate(text.floor_char_boundary(DISTINGUISHED_NAME_LENGTH_MAX - 3));
        text.push_str("...");
    }
    text
}

/// RFC 4514 section 3, and two more that people know.
static SHORT_NAMES: [(Oid<'static>, &str); 11] = [
    (oid!(2.5.4.3), "CN"),
    (oid!(2.5.4.7), "L"),
    (oid!(2.5.4.8), "ST"),
    (oid!(2.5.4.10), "O"),
    (oid!(2.5.4.11), "OU"),
    (oid!(2.5.4.6), "C"),
    (oid!(2.5.4.9), "STREET"),
    (oid!(0.9.2342.19200300.100.1.25), "DC"),
    (oid!(0.9.2342.19200300.100.1.1), "UID"),
    (oid!(2.5.4.5), "serialNumber"),
    (oid!(1.2.840.113549.1.9.1), "emailAddress"),
];
