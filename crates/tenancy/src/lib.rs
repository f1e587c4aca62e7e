//! What someone belongs to: organizations and memberships. Pure: types, rules, and the repository traits that the rules
//! need.

pub mod membership;
pub mod organization;

pub use membership::{Membership, MembershipRepository, Place, Standing};
pub use organization::{Organization, OrganizationRepository};
