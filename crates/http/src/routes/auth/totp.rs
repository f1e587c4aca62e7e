use authz::SignedIn;
use identity::password::Password;
use kernel::{Code, Error, Result, Secret, Timestamp, secret::ExposeSecret};
use platform::{ChallengeShown, Confirmed, Reauthentication};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AuthResponse, Done, reauthentication::ReauthenticationRequest};
use crate::{
    answer::Answer,
    gate::Enrolling,
    request::{Body, ForRequest, OptionalBody},
};

/// What the caller has enrolled.
#[derive(Serialize, ToSchema)]
pub struct TotpState {
    /// Whether there is an authenticator app.
    enrolled: bool,
    /// Since when it counts: since a code of it was verified.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// How many recovery codes are left.
    recovery_codes_left: i64,
}

/// Tells of the caller's second factor.
pub async fn read(caller: SignedIn, platform: ForRequest) -> Result<Answer<TotpState>> {
    let platform::TotpState { enrolled, verified_at, recovery_codes_left } = platform.totp_state(caller).await?;
    Ok(Answer::ok(TotpState { enrolled, verified_at, recovery_codes_left }))
}

/// Nothing a moment after the sign-in; later, what shows once more who calls. Without a token of a sign-in the challenge
/// that asked for it.
#[derive(Default, Deserialize, ToSchema)]
pub struct EnrollTotpRequest {
    /// From the `details` of `mfa_enrollment_required`.
    #[schema(value_type = Option<String>)]
    challenge_token: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
}

/// What is shown this once.
#[derive(Serialize, ToSchema)]
pub struct EnrollTotpResponse {
    /// What the authenticator app scans.
    otpauth_uri: String,
    /// Each gets its owner in once without the authenticator app.
    recovery_codes: Vec<String>,
}

/// Enrolls an authenticator app. It counts once a code of it was verified.
pub async fn enroll(
    caller: Enrolling,
    (platform, OptionalBody(shown)): (ForRequest, OptionalBody<EnrollTotpRequest>),
) -> Result<Answer<EnrollTotpResponse>> {
    let enrolled = match caller {
        Enrolling::SignedIn(caller) => {
            not_both(shown.challenge_token.as_ref())?;
            let password = shown.password.map(Password::attempt).transpose()?;
            platform.enroll_totp(caller, Reauthentication { password, factor: None }).await?
        }
        Enrolling::Challenged { door, client } => {
            let token = shown.challenge_token.ok_or_else(unauthorized)?;
            platform.enroll_totp_challenged(ChallengeShown { door, client, token }).await?
        }
    };
    Ok(Answer::ok(EnrollTotpResponse {
        otpauth_uri: enrolled.uri.expose_secret().to_owned(),
        recovery_codes: enrolled.recovery_codes.iter().map(|code| code.expose_secret().to_owned()).collect(),
    }))
}

/// # Errors
/// `invalid_request` for who shows a challenge beside a token of their own: the two might be of different people.
fn not_both(challenge: Option<&Secret>) -> Result<()> {
    match challenge {
        None => Ok(()),
        Some(_) => {
            Err(Error::because(Code::InvalidRequest, "Show a token of a sign-in or a challenge_token, not both."))
        }
    }
}

/// Six digits of the authenticator app.
#[derive(Deserialize, ToSchema)]
pub struct VerifyTotpRequest {
    #[schema(value_type = String)]
    code: Secret,
    /// Without a token of a sign-in, from the `details` of `mfa_enrollment_required`.
    #[schema(value_type = Option<String>)]
    challenge_token: Option<Secret>,
}

/// What a right code was good for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum VerifyTotpResponse {
    /// It was of an enrolment that counts.
    Valid(ValidTotp),
    /// The enrolment counts from now on.
    Enrolled(EnrolledTotp),
    /// The same, and the sign-in that asked for it is complete.
    SignedIn(EnrolledSignIn),
}

/// A right code.
#[derive(Serialize, ToSchema)]
pub struct ValidTotp {
    valid: bool,
}

/// An enrolment that counts from now on.
#[derive(Serialize, ToSchema)]
pub struct EnrolledTotp {
    enrolled: bool,
    message: &'static str,
}

/// An enrolment that counts from now on, and a sign-in that is complete.
#[derive(Serialize, ToSchema)]
pub struct EnrolledSignIn {
    #[serde(flatten)]
    enrolled: EnrolledTotp,
    #[serde(flatten)]
    signed_in: AuthResponse,
}

const ENROLLED: EnrolledTotp = EnrolledTotp { enrolled: true, message: "TOTP enrollment verified and activated" };

/// Compares a code and uses it up. The first one of an enrolment lets it count.
pub async fn verify(
    caller: Enrolling,
    (platform, Body(shown)): (ForRequest, Body<VerifyTotpRequest>),
) -> Result<Answer<VerifyTotpResponse>> {
    Ok(Answer::ok(match caller {
        Enrolling::SignedIn(caller) => {
            not_both(shown.challenge_token.as_ref())?;
            match platform.verify_totp(caller, shown.code).await? {
                Confirmed::Activated => VerifyTotpResponse::Enrolled(ENROLLED),
                Confirmed::Valid => VerifyTotpResponse::Valid(ValidTotp { valid: true }),
            }
        }
        Enrolling::Challenged { door, client } => {
            let token = shown.challenge_token.ok_or_else(unauthorized)?;
            let held = ChallengeShown { door, client, token };
            let signed_in = platform.verify_totp_challenged(held, shown.code).await?.into();
            VerifyTotpResponse::SignedIn(EnrolledSignIn { enrolled: ENROLLED, signed_in })
        }
    }))
}

/// A recovery code.
#[derive(Deserialize, ToSchema)]
pub struct RecoveryRequest {
    #[schema(value_type = String)]
    code: Secret,
}

/// A right recovery code.
#[derive(Serialize, ToSchema)]
pub struct RecoveryResponse {
    valid: bool,
    message: &'static str,
}

/// Uses a recovery code up.
pub async fn recover(
    caller: SignedIn,
    (platform, Body(shown)): (ForRequest, Body<RecoveryRequest>),
) -> Result<Answer<RecoveryResponse>> {
    platform.use_recovery_code(caller, shown.code).await?;
    Ok(Answer::ok(RecoveryResponse { valid: true, message: "The recovery code is right, and used up." }))
}

/// Removes the caller's second factor. A moment after the sign-in nothing has to be shown.
pub async fn disable(
    caller: SignedIn,
    (platform, OptionalBody(shown)): (ForRequest, OptionalBody<ReauthenticationRequest>),
) -> Result<Answer<Done>> {
    platform.disable_totp(caller, shown.parse()?).await?;
    Ok(Answer::ok(Done { message: "The second factor is removed." }))
}

/// Neither a token nor a challenge.
fn unauthorized() -> Error {
    Error::new(Code::Unauthorized)
}
