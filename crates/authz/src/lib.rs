//! What someone may do. Pure: facts in, decision out.
//!
//! A [`Permit`] is the decision as a value. Only [`decide`] makes one, and repositories demand it (as their
//! [`kernel::Scope`]) for all that an organization owns: code that forgot to ask does not compile. An [`AppPermit`] is
//! the same for what an app owns, its accounts above all.

pub mod action;
mod app_permit;
mod caller;
mod catalogue;
pub mod custom_role;
mod denied;
pub mod grant;
pub mod judge;
mod key_scope;
mod pattern;
mod permit;

pub use action::Action;
pub use app_permit::{AppFacts, AppPermit, AppStanding, PlatformFacts, decide_app, decide_platform, judge_app};
pub use caller::{Acting, Caller, Credential, KeyGrant, SignedIn};
pub use catalogue::catalogue;
pub use custom_role::{ActionSet, CustomRole, CustomRoleRepository, RoleName};
pub use denied::Denied;
pub use grant::{Effect, Grant, GrantRepository};
pub use judge::{Authority, Held, Member, Question, Reason, Refusal, Verdict, judge, vouches_for};
pub use key_scope::{KeyScope, KeyScopes};
pub use pattern::{ActionPattern, Resource, ResourcePattern};
pub use permit::{Permit, Subject, decide};
