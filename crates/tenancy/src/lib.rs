//! What someone belongs to: organizations, memberships, invitations and teams; what organizations keep, use and may
//! use. Pure: types, rules, and the repository traits that the rules need.

pub mod asset;
pub mod budget;
pub mod concurrency;
pub mod invitation;
pub mod label;
pub mod membership;
pub mod organization;
pub mod secret;
pub mod settings;
pub mod team;
pub mod usage;

pub use asset::{Asset, AssetFilter, AssetRepository, ProviderId};
pub use budget::{Budget, BudgetRepository, MicroDollars};
pub use concurrency::{ConcurrencyLimit, ConcurrencyLimitRepository, LimitScope, Limited};
pub use invitation::{Invitation, InvitationRepository, InvitationStatus};
pub use label::Label;
pub use membership::{Membership, MembershipRepository, Place, Standing};
pub use organization::{Organization, OrganizationRepository};
pub use secret::{OrganizationSecret, OrganizationSecretRepository, SecretName};
pub use settings::{OrganizationSettings, OrganizationSettingsChange, OrganizationSettingsRepository};
pub use team::{Team, TeamMember, TeamRepository};
pub use usage::{DayOfUsage, IdempotencyKey, Runs, Usage, UsageRecord, UsageRepository};
