//! The black box.

use store::{Refusal, RefusalFilter};

use crate::bed::Open;

fn refusal(code: &str) -> Refusal {
    Refusal {
        at_us: 1,
        tenant: Some("acme".to_owned()),
        stage: "connect".to_owned(),
        address: "192.0.2.7:50123".to_owned(),
        sni: Some("eu1.example.com".to_owned()),
        alpn: Some("x-amzn-mqtt-ca".to_owned()),
        tls_version: Some("1.3".to_owned()),
        client_id: Some("acme_Presse".to_owned()),
        subject: Some("CN=acme_Presse, O=Müller 100%".to_owned()),
        issuer: Some("CN=Plant_CA".to_owned()),
        serial: Some("0A:1B".to_owned()),
        not_after_us: Some(99),
        code: code.to_owned(),
        hint: "renew the certificate".to_owned(),
        tracking_id: "deadbeef".to_owned(),
    }
}

fn codes(open: &Open<'_>, tenant: Option<&str>, text: Option<&str>, limit: usize) -> Vec<String> {
    let filter = RefusalFilter { tenant: tenant.map(str::to_owned), text: text.map(str::to_owned), limit };
    open().refusals(&filter).unwrap().into_iter().map(|refusal| refusal.code).collect()
}

pub(crate) fn refusals_come_back_newest_first(open: &Open<'_>) {
    let bare = Refusal { code: "hello".to_owned(), ..Refusal::default() };
    open().record_refusals(&[refusal("expired"), bare.clone()]).unwrap();
    open().record_refusals(&[refusal("revoked")]).unwrap();
    let all = open().refusals(&RefusalFilter { limit: 10, ..RefusalFilter::default() }).unwrap();
    assert_eq!(all, [refusal("revoked"), bare, refusal("expired")]);
    assert_eq!(codes(open, None, None, 2), ["revoked", "hello"]);
    assert_eq!(codes(open, None, None, 0), [""; 0]);
    assert_eq!(codes(open, Some("acme"), None, 10), ["revoked", "expired"]);
    assert_eq!(codes(open, Some("other"), None, 10), [""; 0]);
}

pub(crate) fn text_is_searched_in_any_case_and_means_itself(open: &Open<'_>) {
    let other = Refusal { tenant: None, code: "other".to_owned(), ..Refusal::default() };
    open().record_refusals(&[refusal("expired"), other]).unwrap();
    let finds = ["PRESSE", "müller", "MÜLLER", "100%", "plant_ca", "0a:1b", "192.0.2.7", "EU1.", "EXPIRED", "DeadBeef"];
    for text in finds {
        assert_eq!(codes(open, None, Some(text), 10), ["expired"], "{text}");
        assert_eq!(codes(open, Some("acme"), Some(text), 10), ["expired"], "{text}");
        assert_eq!(codes(open, Some("other"), Some(text), 10), [""; 0], "{text}");
    }
    for text in ["plant%ca", "plantxca", "%%", "_%", "renew", "'", "x-amzn"] {
        assert_eq!(codes(open, None, Some(text), 10), [""; 0], "{text}");
    }
    assert_eq!(codes(open, None, Some(""), 10), ["other", "expired"]);
}

pub(crate) fn long_fields_are_cut(open: &Open<'_>) {
    let long = Refusal { client_id: Some("é".repeat(40_000)), hint: "x".repeat(2_000), ..Refusal::default() };
    open().record_refusals(&[long]).unwrap();
    let kept = open().refusals(&RefusalFilter { limit: 1, ..RefusalFilter::default() }).unwrap().remove(0);
    assert_eq!(kept.client_id, Some("é".repeat(512)));
    assert_eq!(kept.hint.len(), 1024);
}
