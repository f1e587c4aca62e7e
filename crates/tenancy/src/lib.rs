//! What someone belongs to: organizations, memberships, invitations and teams. Pure: types, rules, and the
//! repository traits that the rules need.

pub mod budget;
pub mod invitation;
pub mod membership;
pub mod organization;
pub mod secret;
pub mod settings;
pub mod team;

pub use budget::{Budget, BudgetRepository, MicroDollars};
pub use invitation::{Invitation, InvitationRepository, InvitationStatus};
pub use membership::{Membership, MembershipRepository, Place, Standing};
pub use organization::{Organization, OrganizationRepository};
pub use secret::{OrganizationSecret, OrganizationSecretRepository, SecretName};
pub use settings::{OrganizationSettings, OrganizationSettingsChange, OrganizationSettingsRepository};
pub use team::{Team, TeamMember, TeamRepository};
