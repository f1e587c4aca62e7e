//! Who is asking: consumer apps and their client credentials. Pure: types, rules, and the repository traits that the
//! rules need.

pub mod app;
pub mod credentials;
pub mod oauth_client;
pub mod settings;

pub use app::{App, AppRepository, Usage};
pub use credentials::{ClientId, ClientSecret, ClientSecretRepository};
pub use oauth_client::{OauthClient, OauthClientRepository};
pub use settings::{AppSettings, Origin, RedirectUrl, SettingsChange};
