//! Who is asking: consumer apps and their client credentials. Pure: types, rules, and the repository traits that the
//! rules need.

pub mod app;
pub mod branding;
pub mod credentials;
pub mod mail_template;
pub mod oauth_client;
pub mod passkeys;
pub mod settings;
pub mod social_provider;
mod template_html;

pub use app::{App, AppRepository, Usage};
pub use branding::{Branding, BrandingChange, Color};
pub use credentials::{ClientId, ClientSecret, ClientSecretRepository};
pub use mail_template::{LetterKind, MailTemplate, MailTemplateRepository, Placeholder, TemplateName, TemplateWords};
pub use oauth_client::{OauthClient, OauthClientRepository};
pub use passkeys::{Domain, PasskeyChange, PasskeySettings, RelyingPartyId};
pub use settings::{AppSettings, Mfa, Origin, RedirectUrl, SettingsChange};
pub use social_provider::{AppProvider, ProviderKind, ProviderPlace, SocialProvider, SocialProviderRepository};
