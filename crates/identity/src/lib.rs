//! Who someone is. Pure: types, rules that take time and randomness as arguments, and the repository traits that the
//! rules need.

pub mod access_token;
pub mod account;
pub mod api_key;
pub mod former_address;
pub mod link;
pub mod lockout;
pub mod mfa_challenge;
pub mod one_time_token;
pub mod passkey;
pub mod password;
pub mod recovery_code;
pub mod refresh_token;
pub mod service_account;
pub mod session;
pub mod signing_key;
pub mod social_flow;
pub mod totp;
#[cfg(feature = "passkeys")]
pub mod webauthn;

pub use account::{Account, AccountRepository, EmailProof};
pub use api_key::{ApiKey, ApiKeyRepository, Rotation};
pub use former_address::{FormerAddress, FormerAddressRepository};
pub use link::{Link, LinkRepository, Linked};
pub use lockout::{Lockout, LockoutKey, LockoutRepository};
pub use mfa_challenge::{Challenge, ChallengeKey, ChallengePurpose, ChallengeRepository, SecondFactor};
pub use one_time_token::{OneTimeToken, OneTimeTokenRepository, Purpose};
pub use passkey::{Ceremony, Passkey, PasskeyChallenge, PasskeyKey, PasskeyRepository};
pub use password::{Password, PasswordHash};
pub use recovery_code::RecoveryCode;
pub use refresh_token::{RefreshToken, RefreshTokenRepository};
pub use service_account::{ServiceAccount, ServiceAccountRepository};
pub use session::{Session, SessionRepository, SignInMethod};
pub use signing_key::{KeyId, SigningAlgorithm, SigningKeyRepository, StoredKey};
pub use social_flow::{CodeChallenge, FlowKey, SocialFlow, SocialFlowRepository};
pub use totp::{Seed, Totp, TotpRepository};
