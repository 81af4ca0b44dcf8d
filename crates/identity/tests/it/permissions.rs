//! Who may do what, as a table that people read: `permissions.txt`.

use std::fmt::Write;

use identity::{Access, Action, Denied, Role, Scope, may};

use crate::pki::tenant;

/// No answer depends on anything but this: role, action, and whose tenant it is about.
#[test]
fn the_table_of_permissions_is_as_committed() {
    let (table, committed) = (table(), include_str!("permissions.txt"));
    assert!(table == committed, "permissions.txt is not what the code says, which is:\n{table}");
}

#[test]
fn the_table_has_every_action_and_role() {
    // Whoever adds one is stopped here by the compiler, and then by what follows.
    let place_of_action = |action| match action {
        Action::ReadServer => 0,
        Action::ChangeServer => 1,
        Action::ListTenants => 2,
        Action::ChangeTenants => 3,
        Action::ReadTenant => 4,
        Action::ReadAuthorities => 5,
        Action::ChangeAuthorities => 6,
        Action::ReadAgents => 7,
        Action::ChangeAgents => 8,
        Action::SendToAgents => 9,
        Action::ReadData => 10,
        Action::ChangeData => 11,
        Action::ReadModels => 12,
        Action::ChangeModels => 13,
        Action::ReadDiagnostics => 14,
        Action::ReadAudit => 15,
        Action::ManageTokens => 16,
    };
    let place_of_role = |role| match role {
        Role::Operator => 0,
        Role::TenantAdmin => 1,
        Role::TenantReader => 2,
    };
    assert!(Action::ALL.into_iter().map(place_of_action).eq(0..17));
    assert!(Role::ALL.into_iter().map(place_of_role).eq(0..3));
}

#[test]
fn an_access_is_of_its_role_and_tenant() {
    let acme = tenant("acme");
    assert_eq!((Access::operator().role(), Access::operator().tenant()), (Role::Operator, None));
    for access in [Access::tenant_admin(acme.clone()), Access::tenant_reader(acme.clone())] {
        assert_eq!(access.tenant(), Some(&acme));
    }
    assert_eq!(Access::tenant_admin(acme.clone()).role(), Role::TenantAdmin);
    assert_eq!(Access::tenant_reader(acme).role(), Role::TenantReader);
}

#[test]
fn an_answer_about_another_tenant_does_not_depend_on_that_tenant() {
    let admin = Access::tenant_admin(tenant("acme"));
    let denied = admin.check(Action::ReadData, &tenant("other")).unwrap_err();
    assert_eq!(denied, Denied(Action::ReadData));
    assert_eq!(denied, admin.check(Action::ReadData, &tenant("nothere")).unwrap_err());
    assert_eq!(denied.to_string(), "data.read is not allowed here");
}

/// A row per action; a column per role and place: the server as a whole, its own tenant, another one.
fn table() -> String {
    let mut table = String::new();
    let heads = ["nobody", "operator: server", "a tenant", "admin: server", "own tenant", "another"];
    let heads = heads.into_iter().chain(["reader: server", "own tenant", "another"]);
    let mut head = format!("{:<20}", "action");
    heads.for_each(|name| write!(head, "{name:<18}").unwrap());
    writeln!(table, "{}", head.trim_end()).unwrap();
    for action in Action::ALL {
        let mut row = format!("{:<20}", action.as_str());
        answers(action).into_iter().for_each(|yes| write!(row, "{:<18}", if yes { "yes" } else { "-" }).unwrap());
        writeln!(table, "{}", row.trim_end()).unwrap();
    }
    table
}

fn answers(action: Action) -> Vec<bool> {
    let (own, other) = (tenant("acme"), tenant("other"));
    let mut answers = vec![may(None, action)];
    for role in Role::ALL {
        let access = match role {
            Role::Operator => Access::operator(),
            Role::TenantAdmin => Access::tenant_admin(own.clone()),
            Role::TenantReader => Access::tenant_reader(own.clone()),
        };
        answers.push(access.check_server(action).is_ok());
        answers.push(access.check(action, &own).is_ok());
        match role {
            // All tenants are alike to it.
            Role::Operator => assert_eq!(access.check(action, &other), access.check(action, &own)),
            _ => answers.push(access.check(action, &other).is_ok()),
        }
        match action.scope() {
            Scope::Server => assert!(access.check(action, &own).is_err()),
            Scope::Tenant => assert!(access.check_server(action).is_err()),
        }
    }
    answers
}
