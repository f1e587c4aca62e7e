//! One error for everything that crosses a crate boundary: what the caller may know, apart from what the log may.

use std::{borrow::Cow, time::Duration};

use crate::Secret;

/// What kind of failure it is. The HTTP adapter alone turns it into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request makes no sense as it is.
    Validation,
    /// Who calls is not known.
    Unauthenticated,
    /// Who calls is known, and may not.
    Forbidden,
    /// It is not there, or not for this caller to know of.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// It clashes with what is there.
    Conflict,
    /// The body is larger than any that makes sense.
    TooLarge,
    /// The body is in a form that is not read.
    UnsupportedMedia,
    /// Too often.
    RateLimited,
    /// Not now.
    Unavailable,
    /// Our fault.
    Internal,
}

macro_rules! codes {
    ($($kind:ident { $($name:ident = $wire:literal: $message:literal;)+ })+) => {
        /// Every error code there is on the wire. Clients switch on them: one that was published keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = concat!("`", $wire, "`.")] $name,)+)+
        }

        impl Code {
            /// All of them, for the documentation.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The code as clients see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $wire,)+)+ }
            }

            /// What kind of failure it stands for.
            #[must_use]
            pub fn kind(self) -> ErrorKind {
                match self { $($(Self::$name => ErrorKind::$kind,)+)+ }
            }

            /// A sentence that is safe to show and says what to do.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $($(Self::$name => $message,)+)+ }
            }
        }
    };
}

codes! {
    Validation {
        InvalidRequest = "invalid_request": "Something in the request is missing or does not fit together.";
        MalformedJson = "malformed_json": "Send a body that is valid JSON.";
        InvalidBody = "invalid_body": "A field of the body is missing or has the wrong type.";
        InvalidParameter = "invalid_parameter": "A query parameter has a value that makes no sense.";
        InvalidEmail = "invalid_email": "Give an e-mail address such as alice@example.com.";
        WeakPassword = "weak_password": "Choose a password of at least 8 characters with an upper-case letter, a lower-case letter, a digit and a special character.";
        CommonPassword = "common_password": "Too many people have this password, and it is tried first. Choose another one.";
        CompromisedPassword = "compromised_password": "This password was stolen somewhere and is known. Choose another one.";
        PasswordTooLong = "password_too_long": "Choose a password of at most 1024 bytes.";
        InvalidName = "invalid_name": "Give a name of 1 to 200 characters, without control characters.";
        InvalidSlug = "invalid_slug": "Give a slug of 1 to 63 lower-case letters, digits and single hyphens, such as my-app.";
        InvalidOrigin = "invalid_origin": "Give origins such as https://app.example.com, without a path.";
        InvalidUrl = "invalid_url": "Give an absolute https URL without user name, password or fragment.";
        InvalidTemplate = "invalid_template": "A template of a mail is not one that can be sent.";
        InvalidMetadata = "invalid_metadata": "Give metadata as a JSON object of at most 16 KiB.";
        InvalidSetting = "invalid_setting": "A setting has a value outside its range.";
        InvalidToken = "invalid_token": "This link or code is not valid any more. Ask for a new one.";
        InvalidCode = "invalid_code": "This code is wrong, or was used before.";
        InvalidPasskeyChallenge = "invalid_passkey_challenge": "This passkey challenge is not valid any more. Ask for a new one.";
        PasskeyRegistrationFailed = "passkey_registration_failed": "This passkey could not be registered. Ask for a new challenge, and try again.";
        InvalidGrant = "invalid_grant": "The grant is not valid, has been used, or has expired.";
        UnsupportedGrantType = "unsupported_grant_type": "Use token_exchange, client_credentials or refresh_token.";
        UnknownApp = "unknown_app": "X-Fabric-App-Id names no app. Send the client id that starts with foc_.";
        AppRequired = "app_required": "You manage several apps: say which one with ?app_id= or X-Fabric-App-Id.";
    }
    Unauthenticated {
        Unauthorized = "unauthorized": "Sign in first.";
        TokenExpired = "token_expired": "This token has expired. Refresh it or sign in again.";
        TokenRevoked = "token_revoked": "This token is no longer valid. Sign in again.";
        InvalidCredentials = "invalid_credentials": "The e-mail address or the password is wrong.";
        PasskeyAuthenticationFailed = "passkey_authentication_failed": "This passkey signs nobody in here. Try again, or sign in another way.";
        InvalidClient = "invalid_client": "The client id or the client secret is wrong.";
    }
    Forbidden {
        Forbidden = "forbidden": "You are not allowed to do this.";
        InsufficientScope = "insufficient_scope": "This API key's scopes do not cover this.";
        SessionRequired = "session_required": "Only the person can do this, with a token of their own sign-in.";
        UserRequired = "user_required": "Only a user can do this, not an app or a key.";
        ReauthenticationRequired = "reauthentication_required": "Sign in again, or show your password or a code.";
        MfaRequired = "mfa_required": "Show your second factor.";
        MfaEnrollmentRequired = "mfa_enrollment_required": "Enroll a second factor first.";
        EmailNotVerified = "email_not_verified": "Confirm your e-mail address first.";
        AccountDisabled = "account_disabled": "This account is disabled.";
        AppDisabled = "app_disabled": "This app is disabled.";
        SignInMethodDisabled = "sign_in_method_disabled": "This way to sign in is switched off here.";
        SignUpClosed = "sign_up_closed": "Sign-up is closed here. Ask an administrator for an account.";
        CorsRefused = "cors_refused": "A page of this origin may not send this. Name the origin in the app's allowed_origins.";
        BootstrapClosed = "bootstrap_closed": "There is an administrator already, or the bootstrap token is missing or wrong.";
    }
    NotFound {
        NotFound = "not_found": "There is no such thing.";
    }
    MethodNotAllowed {
        MethodNotAllowed = "method_not_allowed": "This path does not take that method.";
    }
    Conflict {
        Conflict = "conflict": "It clashes with what is there already.";
        EmailTaken = "email_taken": "An account with this email already exists.";
        SlugTaken = "slug_taken": "This slug is taken. Choose another one.";
        DuplicateInvitation = "duplicate_invitation": "Somebody has invited this address already. Revoke that invitation, or send it again.";
        InvitationClosed = "invitation_closed": "This invitation was used, taken back, or has expired. Ask for another one.";
        AccountRequired = "account_required": "There is no account with the invited address yet: sign up with it first.";
        ConfirmationRequired = "confirmation_required": "Confirm it first: send the token by POST.";
        TotpAlreadyEnabled = "totp_already_enabled": "A second factor is enabled already: disable it first.";
        LastOwner = "last_owner": "An organization needs an owner: make somebody else one first.";
        LastAuthMethod = "last_auth_method": "There would be no way in any more: set a password first.";
        PasskeyLimitReached = "passkey_limit_reached": "An account has at most 20 passkeys: remove one first.";
    }
    TooLarge {
        BodyTooLarge = "body_too_large": "The body is too large: send at most 256 KiB.";
    }
    UnsupportedMedia {
        UnsupportedMediaType = "unsupported_media_type": "Send the body as application/json.";
    }
    RateLimited {
        AccountLocked = "account_locked": "Too many failed attempts. Wait, or reset your password.";
        MfaLocked = "mfa_locked": "Too many wrong codes. Wait a little.";
        InvitationLimitReached = "invitation_limit_reached": "This organization has invited as many as it may for now.";
        TooManyRequests = "too_many_requests": "Too many requests. Wait a little.";
    }
    Unavailable {
        ServiceUnavailable = "service_unavailable": "Not available right now. Try again in a moment.";
        Overloaded = "overloaded": "Too much is going on right now. Try again in a moment.";
    }
    Internal {
        InternalError = "internal_error": "Something went wrong.";
    }
}

/// A failure with a stable code. `message` is safe to show; `cause` is for the log alone.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Error {
    /// What clients switch on.
    pub code: Code,
    /// What people read.
    pub message: Cow<'static, str>,
    /// How long to wait before the next try.
    pub retry_after: Option<Duration>,
    /// What is left to do, where something was done.
    pub second_step: Option<Box<SecondStep>>,
    /// What lies behind it.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What somebody has yet to show who has shown enough to be told.
#[derive(Clone, Debug)]
pub struct SecondStep {
    /// Stands for what was shown.
    pub token: Secret,
    /// What there is to show.
    pub methods: &'static [&'static str],
    /// How long there is for it.
    pub expires_in: Duration,
}

/// What everything that can fail returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The code with its own sentence.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.message()), retry_after: None, second_step: None, cause: None }
    }

    /// The code with a sentence that says more.
    #[must_use]
    pub fn because(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::new(code) }
    }

    /// The one answer for what is not there and for what the caller may not know of: nobody can tell them apart.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Something that should not happen, and that the log must tell.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError).caused_by(cause)
    }

    /// Not now, because of `cause`; worth another try in a second.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::ServiceUnavailable).caused_by(cause).retry_after(Duration::from_secs(1))
    }

    /// The same, with the wait before the next try.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The same, with what is left to do.
    #[must_use]
    pub fn second_step(self, step: SecondStep) -> Self {
        Self { second_step: Some(Box::new(step)), ..self }
    }

    /// The same, with what lies behind it.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.code.kind()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_stands_in_the_table_of_the_documentation() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let table = std::fs::read_to_string(format!("{folder}/../../docs/errors.md")).unwrap();
        for code in Code::ALL {
            let row = format!("| `{}` |", code.as_str());
            assert!(table.lines().any(|line| line.starts_with(&row)), "docs/errors.md lacks {}", code.as_str());
        }
    }

    #[test]
    fn codes_are_distinct_and_snake_case() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let wire = code.as_str();
            assert!(seen.insert(wire), "{wire} twice");
            assert!(wire.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{wire}");
            assert!(code.message().ends_with('.'), "{wire}");
        }
    }
}
