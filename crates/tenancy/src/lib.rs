//! What someone belongs to: organizations, memberships and teams. Pure: types, rules, and the repository traits that the rules
//! need.

pub mod membership;
pub mod organization;
pub mod team;

pub use membership::{Membership, MembershipRepository, Place, Standing};
pub use organization::{Organization, OrganizationRepository};
pub use team::{Team, TeamMember, TeamRepository};
