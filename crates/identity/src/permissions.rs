//! Who may do what by API and console. What an agent may publish and subscribe to is another matter.

use crate::TenantId;

/// What a person or program may be, by its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the server; may do everything, in every tenant.
    Operator,
    /// Runs one tenant.
    TenantAdmin,
    /// Looks at one tenant.
    TenantReader,
}

/// Something one may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// See health details, metrics and settings of the server.
    ReadServer,
    /// Change the server, back it up, replay its log.
    ChangeServer,
    /// List all tenants.
    ListTenants,
    /// Make and remove tenants.
    ChangeTenants,
    /// See a tenant: its settings, counts and quotas.
    ReadTenant,
    /// See a tenant's certificate authorities.
    ReadAuthorities,
    /// Upload, verify and revoke authorities, see registration codes.
    ChangeAuthorities,
    /// See agents, their credentials and state.
    ReadAgents,
    /// Revoke and restore agents and credentials.
    ChangeAgents,
    /// Send messages and commands to agents.
    SendToAgents,
    /// Read time series, events and files.
    ReadData,
    /// Correct and remove data.
    ChangeData,
    /// See asset models and data point mappings.
    ReadModels,
    /// Change asset models and data point mappings.
    ChangeModels,
    /// See rejects, parked values and refused connections.
    ReadDiagnostics,
    /// See who changed what.
    ReadAudit,
    /// See, make and remove the tenant's users and API tokens.
    ManageTokens,
}

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The server as a whole.
    Server,
    /// One tenant.
    Tenant,
}

/// Says whether someone of this role may do this, in the tenant the role is for. `None` is nobody: a request without
/// a valid token.
pub fn may(role: Option<Role>, action: Action) -> bool {
    match (role, action) {
        (None, _) => false,
        (Some(Role::Operator), _) => true,
        (_, Action::ReadServer | Action::ChangeServer | Action::ListTenants | Action::ChangeTenants) => false,
        (Some(Role::TenantAdmin), _) => true,
        (
            Some(Role::TenantReader),
            Action::ReadTenant
            | Action::ReadAuthorities
            | Action::ReadAgents
            | Action::ReadData
            | Action::ReadModels
            | Action::ReadDiagnostics,
        ) => true,
        (
            Some(Role::TenantReader),
            Action::ChangeAuthorities
            | Action::ChangeAgents
            | Action::SendToAgents
            | Action::ChangeData
            | Action::ChangeModels
            | Action::ReadAudit
            | Action::ManageTokens,
        ) => false,
    }
}

/// Who asks: a role, and the tenant that it is for. Whoever has checked a token makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    role: Role,
    tenant: Option<TenantId>,
}

impl Access {
    /// An operator, in all tenants.
    pub fn operator() -> Access {
        Access { role: Role::Operator, tenant: None }
    }

    /// An administrator of one tenant.
    pub fn tenant_admin(tenant: TenantId) -> Access {
        Access { role: Role::TenantAdmin, tenant: Some(tenant) }
    }

    /// A reader of one tenant.
    pub fn tenant_reader(tenant: TenantId) -> Access {
        Access { role: Role::TenantReader, tenant: Some(tenant) }
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The one tenant; none for all.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Checks an action of [`Scope::Server`].
    ///
    /// # Errors
    /// It is not allowed, or it is about a tenant and none was named.
    pub fn check_server(&self, action: Action) -> Result<(), Denied> {
        if action.scope() == Scope::Server && may(Some(self.role), action) { Ok(()) } else { Err(Denied(action)) }
    }

    /// Checks an action of [`Scope::Tenant`] in a tenant.
    ///
    /// # Errors
    /// It is not allowed, or is about the whole server, or the tenant is another's: in the same words, whether that
    /// tenant is there or not.
    pub fn check(&self, action: Action, tenant: &TenantId) -> Result<(), Denied> {
        let own = self.tenant.as_ref().is_none_or(|own| own == tenant);
        let allowed = action.scope() == Scope::Tenant && own && may(Some(self.role), action);
        if allowed { Ok(()) } else { Err(Denied(action)) }
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 17] = [
        Action::ReadServer,
        Action::ChangeServer,
        Action::ListTenants,
        Action::ChangeTenants,
        Action::ReadTenant,
        Action::ReadAuthorities,
        Action::ChangeAuthorities,
        Action::ReadAgents,
        Action::ChangeAgents,
        Action::SendToAgents,
        Action::ReadData,
        Action::ChangeData,
        Action::ReadModels,
        Action::ChangeModels,
        Action::ReadDiagnostics,
        Action::ReadAudit,
        Action::ManageTokens,
    ];

    /// What it is about.
    pub fn scope(self) -> Scope {
        match self {
            Action::ReadServer | Action::ChangeServer | Action::ListTenants | Action::ChangeTenants => Scope::Server,
            _ => Scope::Tenant,
        }
    }

    /// A stable word for the API and the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::ReadServer => "server.read",
            Action::ChangeServer => "server.change",
            Action::ListTenants => "tenants.list",
            Action::ChangeTenants => "tenants.change",
            Action::ReadTenant => "tenant.read",
            Action::ReadAuthorities => "authorities.read",
            Action::ChangeAuthorities => "authorities.change",
            Action::ReadAgents => "agents.read",
            Action::ChangeAgents => "agents.change",
            Action::SendToAgents => "agents.send",
            Action::ReadData => "data.read",
            Action::ChangeData => "data.change",
            Action::ReadModels => "models.read",
            Action::ChangeModels => "models.change",
            Action::ReadDiagnostics => "diagnostics.read",
            Action::ReadAudit => "audit.read",
            Action::ManageTokens => "tokens.manage",
        }
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Operator, Role::TenantAdmin, Role::TenantReader];

    /// A stable word for tokens and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::TenantAdmin => "tenant_admin",
            Role::TenantReader => "tenant_reader",
        }
    }
}

/// The action is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not allowed here", .0.as_str())]
pub struct Denied(pub Action);
