//! API tokens.

use store::{StoreError, TOKENS_PER_TENANT_MAX, Token};

use crate::bed::Open;

fn token(number: u16, tenant: Option<&str>) -> Token {
    let mut hash = [7; 32];
    hash[..2].copy_from_slice(&number.to_le_bytes());
    Token {
        id: format!("id{number}"),
        tenant: tenant.map(str::to_owned),
        role: "admin".to_owned(),
        label: "the line's MES".to_owned(),
        hash,
        created_us: i64::from(number),
        expires_us: number.is_multiple_of(2).then_some(1_000_000),
    }
}

pub(crate) fn a_token_is_found_by_its_hash_alone(open: &Open<'_>) {
    let tokens = [token(1, Some("acme")), token(2, None), token(3, Some("other"))];
    let store = open();
    tokens.iter().for_each(|token| store.create_token(token).unwrap());
    drop(store);
    let store = open();
    for token in &tokens {
        assert_eq!(store.find_token(&token.hash).unwrap().as_ref(), Some(token));
    }
    assert_eq!(store.find_token(&[0; 32]).unwrap(), None);
    assert_eq!(store.tokens(None).unwrap(), tokens);
    assert_eq!(store.tokens(Some("acme")).unwrap(), tokens[..1]);
    assert_eq!(store.tokens(Some("nobody")).unwrap(), []);
}

pub(crate) fn a_tenant_deletes_only_its_own_tokens(open: &Open<'_>) {
    let store = open();
    [token(1, Some("acme")), token(2, None), token(3, Some("acme"))]
        .iter()
        .for_each(|t| store.create_token(t).unwrap());
    assert!(!store.delete_token(Some("other"), "id1").unwrap());
    assert!(!store.delete_token(Some("acme"), "id2").unwrap());
    assert!(store.delete_token(Some("acme"), "id1").unwrap());
    assert!(!store.delete_token(Some("acme"), "id1").unwrap());
    assert!(store.delete_token(None, "id2").unwrap());
    assert_eq!(store.tokens(None).unwrap(), [token(3, Some("acme"))]);
    assert_eq!(store.find_token(&token(1, None).hash).unwrap(), None);
}

pub(crate) fn an_id_or_a_hash_is_taken_once(open: &Open<'_>) {
    let store = open();
    store.create_token(&token(1, Some("acme"))).unwrap();
    let same_id = Token { hash: [9; 32], ..token(1, Some("other")) };
    let same_hash = Token { id: "other".to_owned(), ..token(1, Some("other")) };
    assert!(matches!(store.create_token(&same_id), Err(StoreError::Refused(_))));
    assert!(matches!(store.create_token(&same_hash), Err(StoreError::Refused(_))));
    assert_eq!(store.tokens(None).unwrap(), [token(1, Some("acme"))]);
}

pub(crate) fn tokens_of_one_tenant_are_bounded(open: &Open<'_>) {
    let store = open();
    let count = TOKENS_PER_TENANT_MAX as u16;
    (0..count).for_each(|number| store.create_token(&token(number, Some("acme"))).unwrap());
    let refused = store.create_token(&token(count, Some("acme"))).unwrap_err();
    assert!(matches!(refused, StoreError::TooManyTokens { max: TOKENS_PER_TENANT_MAX }), "{refused}");
    store.create_token(&token(count, None)).unwrap();
    assert!(store.delete_token(Some("acme"), "id0").unwrap());
    store.create_token(&token(count + 1, Some("acme"))).unwrap();
}
