//! Tenant ids, client ids, common names and codes.

use identity::{
    CLIENT_ID_LENGTH_MAX, COMMON_NAME_LENGTH_MAX, ClientId, ClientIdError, CommonName, CommonNameError, Fingerprint,
    RegistrationCode, TENANT_ID_LENGTH_MAX, TenantId,
};
use proptest::prelude::*;

use crate::pki::{client, tenant};

#[test]
fn a_tenant_id_is_a_letter_and_then_letters_and_digits() {
    let longest = "a".repeat(TENANT_ID_LENGTH_MAX);
    for valid in ["a", "acme", "a1", "z09", &longest] {
        assert_eq!(valid.parse::<TenantId>().unwrap().as_str(), valid);
    }
    let too_long = "a".repeat(TENANT_ID_LENGTH_MAX + 1);
    for invalid in ["", "1a", "Acme", "acmE", "ac_me", "ac-me", "ac.me", " acme", "acme ", "äcme", "acme\0", &too_long]
    {
        assert!(invalid.parse::<TenantId>().is_err(), "{invalid:?}");
    }
}

#[test]
fn a_tenant_is_created_without_regard_to_case_and_matched_exactly() {
    assert_eq!(TenantId::create("ACME").unwrap(), tenant("acme"));
    assert!(TenantId::create("AC_ME").is_err());
    assert!(TenantId::create("ÄCME").is_err());
    assert!("ACME".parse::<TenantId>().is_err());
}

#[test]
fn the_first_underscore_of_a_client_id_ends_its_tenant() {
    for (text, tenant, name) in [
        ("acme_pump7", "acme", "pump7"),
        ("acme_acme_x", "acme", "acme_x"),
        ("a__", "a", "_"),
        ("acme_pump 7", "acme", "pump 7"),
        ("acme_ü\u{feff}", "acme", "ü\u{feff}"),
        ("acme_.*", "acme", ".*"),
    ] {
        let id: ClientId = text.parse().unwrap();
        assert_eq!((id.tenant().as_str(), id.name(), id.as_str()), (tenant, name, text));
    }
}

#[test]
fn a_text_that_is_no_client_id_is_refused_with_its_reason() {
    let long = format!("acme_{}", "x".repeat(CLIENT_ID_LENGTH_MAX - 4));
    for (text, error) in [
        ("", ClientIdError::Empty),
        (long.as_str(), ClientIdError::TooLong(CLIENT_ID_LENGTH_MAX + 1)),
        ("acme", ClientIdError::NoTenant),
        ("acme_", ClientIdError::NoName),
        ("_pump7", ClientIdError::Tenant),
        ("Acme_pump7", ClientIdError::Tenant),
        ("1_pump7", ClientIdError::Tenant),
        ("acme_a+b", ClientIdError::Forbidden('+')),
        ("acme_#", ClientIdError::Forbidden('#')),
        ("acme_a/b", ClientIdError::Forbidden('/')),
        ("acme_\0", ClientIdError::Forbidden('\0')),
        ("acme_a\nb", ClientIdError::Forbidden('\n')),
        ("acme_\u{7f}", ClientIdError::Forbidden('\u{7f}')),
        ("acme_\u{85}", ClientIdError::Forbidden('\u{85}')),
    ] {
        assert_eq!(text.parse::<ClientId>(), Err(error), "{text:?}");
    }
    assert!(long[..CLIENT_ID_LENGTH_MAX].parse::<ClientId>().is_ok());
}

#[test]
fn a_common_name_has_1_to_64_characters_without_topic_signs() {
    // 64 characters, 128 bytes.
    let longest = "ü".repeat(COMMON_NAME_LENGTH_MAX);
    for valid in ["x", "pump 7", "pump_7", "__proto__", "acme_pump7", &longest] {
        assert_eq!(valid.parse::<CommonName>().unwrap().as_str(), valid);
    }
    let too_long = "x".repeat(COMMON_NAME_LENGTH_MAX + 1);
    for (text, error) in [
        ("", CommonNameError::Empty),
        (too_long.as_str(), CommonNameError::TooLong),
        ("a/b", CommonNameError::Forbidden('/')),
        ("+", CommonNameError::Forbidden('+')),
        ("a#", CommonNameError::Forbidden('#')),
        ("a\0", CommonNameError::Forbidden('\0')),
        ("a\r", CommonNameError::Forbidden('\r')),
    ] {
        assert_eq!(text.parse::<CommonName>(), Err(error), "{text:?}");
    }
}

#[test]
fn a_certificate_has_one_client_id() {
    let id = |name: &str| ClientId::for_agent(&tenant("acme"), &name.parse().unwrap());
    for (name, expected) in [
        ("pump7", "acme_pump7"),
        ("acme_pump7", "acme_pump7"),
        ("acme_acme_x", "acme_acme_x"),
        ("acme", "acme_acme"),
        ("acmex_y", "acme_acmex_y"),
        ("Acme_x", "acme_Acme_x"),
        ("other_x", "acme_other_x"),
        ("_", "acme__"),
    ] {
        assert_eq!(id(name).unwrap(), client(expected), "{name}");
    }
    assert_eq!(id("acme_"), Err(ClientIdError::NoName));
}

#[test]
fn a_common_name_may_be_too_long_for_a_client_id() {
    let name: CommonName = "ü".repeat(COMMON_NAME_LENGTH_MAX).parse().unwrap();
    assert_eq!(ClientId::for_agent(&tenant("a"), &name), Err(ClientIdError::TooLong(130)));
}

#[test]
fn a_registration_code_is_32_lower_case_hex_digits() {
    let valid = "6f708192a3b4c5d6e7f8091a2b3c4d5e";
    assert_eq!(valid.parse::<RegistrationCode>().unwrap().as_str(), valid);
    for invalid in ["", &valid[1..], &format!("{valid}0"), &valid.to_uppercase(), &format!("{}g", &valid[1..])] {
        assert!(invalid.parse::<RegistrationCode>().is_err(), "{invalid:?}");
    }
}

#[test]
fn a_fingerprint_is_sha_256_in_hex() {
    let fingerprint = Fingerprint::of(b"abc");
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(fingerprint.to_string(), hex);
    assert_eq!(hex.parse(), Ok(fingerprint));
    for invalid in ["", &hex[2..], &format!("{hex}00"), &hex.replace('b', "x")] {
        assert!(invalid.parse::<Fingerprint>().is_err(), "{invalid:?}");
    }
}

proptest! {
    #[test]
    fn reading_a_name_never_panics(text in "\\PC*|.{0,300}|[a-c_]{0,10}[+#/\\x00-\\xff]{0,4}") {
        let _ = text.parse::<TenantId>();
        let _ = TenantId::create(&text);
        let _ = text.parse::<ClientId>();
        let _ = text.parse::<CommonName>();
        let _ = text.parse::<RegistrationCode>();
        let _ = text.parse::<Fingerprint>();
    }

    #[test]
    fn a_name_reads_back_from_what_it_shows(tenant in "[a-z][a-z0-9]{0,31}", name in "[^+#/\\p{Cc}]{1,23}") {
        let id: ClientId = format!("{tenant}_{name}").parse().unwrap();
        prop_assert_eq!(id.to_string().parse::<ClientId>().unwrap(), id.clone());
        prop_assert_eq!(id.tenant().to_string().parse::<TenantId>().unwrap(), id.tenant());
        prop_assert_eq!(id.tenant().to_string(), tenant);
        prop_assert_eq!(id.name(), name.as_str());
        prop_assert_eq!(name.parse::<CommonName>().unwrap().to_string(), name);
        let written = postcard::to_stdvec(&id).unwrap();
        prop_assert_eq!(postcard::from_bytes::<ClientId>(&written).unwrap(), id);
    }

    #[test]
    fn the_client_id_of_a_certificate_is_in_its_tenant_and_of_itself(
        id in "[a-z][a-z0-9]{0,9}",
        prefix in prop::bool::ANY,
        name in "[a-z_]{1,20}",
    ) {
        let name = if prefix { format!("{id}_{name}") } else { name };
        let tenant = tenant(&id);
        if let Ok(first) = ClientId::for_agent(&tenant, &name.parse().unwrap()) {
            prop_assert_eq!(first.tenant(), tenant.clone());
            prop_assert_eq!(ClientId::for_agent(&tenant, &first.as_str().parse().unwrap()).unwrap(), first);
        }
    }

    #[test]
    fn what_is_no_name_is_not_read_from_disk_either(text in "[A-Z/+#]{1,5}") {
        let written = postcard::to_stdvec(&text).unwrap();
        prop_assert!(postcard::from_bytes::<ClientId>(&written).is_err());
        prop_assert!(postcard::from_bytes::<TenantId>(&written).is_err());
    }
}
