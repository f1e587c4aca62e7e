//! Providers that people sign in at through Fabric: what a relying party has to know of one.

use kernel::{Code, Error, Result, Sealed, Secret, Timestamp, WebUrl, id::AppId, secret::ExposeSecret};

/// The most that one app has.
pub const MOST_PROVIDERS: usize = 20;

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Google's OpenID Connect.
    Google,
    /// GitHub's OAuth, which has no ID tokens.
    Github,
    /// Microsoft's OpenID Connect, with its tenants.
    Microsoft,
    /// OpenID Connect.
    Oidc,
}

impl ProviderKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Google, Self::Github, Self::Microsoft, Self::Oidc];

    /// What it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Github => "github",
            Self::Microsoft => "microsoft",
            Self::Oidc => "oidc",
        }
    }

    /// # Errors
    /// `invalid_request`.
    pub fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| invalid("Give kind the value google, github, microsoft or oidc."))
    }

    /// What is asked for when nobody says what.
    fn usual_scopes(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["read:user", "user:email"],
            Self::Google | Self::Microsoft | Self::Oidc => &["openid", "email", "profile"],
        }
    }
}

/// Where a provider is, as somebody says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderPlace<'a> {
    /// Of OpenID Connect: the issuer, letter by letter as its own documents write it.
    pub issuer: Option<&'a str>,
    /// Of GitHub and Microsoft: the server, where it is not the usual one.
    pub base_url: Option<&'a str>,
    /// Of Microsoft: the tenant; without, everybody's.
    pub tenant: Option<&'a str>,
}

/// A provider, and who Fabric is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocialProvider {
    /// What is spoken there.
    pub kind: ProviderKind,
    /// The issuer of OpenID Connect, GitHub's server, or Microsoft's authority: its server and a tenant.
    pub url: WebUrl,
    /// Who Fabric is there.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
}

const GOOGLE: &str = "https://accounts.google.com";
const GITHUB: &str = "https://github.com";
const MICROSOFT: &str = "https://login.microsoftonline.com";
/// Tenants that stand for many (Microsoft identity platform, "Endpoints").
/// The last one is what `consumers` stands for: everybody who has a personal account.
const SHARED_TENANTS: [&str; 4] = ["common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"];
const LONGEST_CLIENT_ID: usize = 255;
const LONGEST_SECRET: usize = 4096;
const MOST_SCOPES: usize = 20;
const LONGEST_SCOPE: usize = 100;

impl SocialProvider {
    /// # Errors
    /// `invalid_request` for what this kind does not have, or lacks; `invalid_url`.
    pub fn new(kind: ProviderKind, place: ProviderPlace<'_>, client_id: &str, scopes: &[String]) -> Result<Self> {
        let named = (1..=LONGEST_CLIENT_ID).contains(&client_id.len());
        if !named || !client_id.bytes().all(|letter| letter.is_ascii_graphic()) {
            return Err(invalid("Give client_id, of up to 255 characters without spaces."));
        }
        // RFC 6749, 3.3.
        let is_scope = |scope: &String| {
            let fits = |letter: u8| letter.is_ascii_graphic() && !matches!(letter, b'"' | b'\\');
            (1..=LONGEST_SCOPE).contains(&scope.len()) && scope.bytes().all(fits)
        };
        if scopes.len() > MOST_SCOPES || !scopes.iter().all(is_scope) {
            return Err(invalid("Give scopes as up to 20 words, such as openid and email."));
        }
        let scopes = if scopes.is_empty() {
            kind.usual_scopes().iter().map(|scope| (*scope).to_owned()).collect()
        } else {
            scopes.to_vec()
        };
        Ok(Self { kind, url: url(kind, place)?, client_id: client_id.to_owned(), scopes })
    }

    /// Whether nobody says who owns what is there: whoever makes a tenant of their own writes whatever addresses they like
    /// into it.
    #[must_use]
    pub fn has_strangers_tenants(&self) -> bool {
        let tenant = self.url.as_str().rsplit('/').next().unwrap_or_default();
        self.kind == ProviderKind::Microsoft && SHARED_TENANTS.contains(&tenant)
    }

    /// Whether it is Google, GitHub or Microsoft itself, where those are for everybody.
    #[must_use]
    pub fn is_well_known(&self) -> bool {
        let url = self.url.as_str();
        match self.kind {
            ProviderKind::Google => url == GOOGLE,
            ProviderKind::Github => url == GITHUB,
            ProviderKind::Microsoft => url.strip_prefix(MICROSOFT).is_some_and(|rest| rest.starts_with('/')),
            ProviderKind::Oidc => false,
        }
    }

    /// Whether what is sent there can be read on the way.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.as_str().get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

fn url(kind: ProviderKind, place: ProviderPlace<'_>) -> Result<WebUrl> {
    let ProviderPlace { issuer, base_url, tenant } = place;
    let base = |usual: &'static str| base_url.unwrap_or(usual).trim_end_matches('/').to_owned();
    let url = match (kind, issuer, base_url, tenant) {
        (ProviderKind::Google, None, None, None) => GOOGLE.to_owned(),
        (ProviderKind::Github, None, _, None) => base(GITHUB),
        (ProviderKind::Microsoft, None, _, tenant) => {
            let tenant = tenant.unwrap_or("common");
            let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'.' | b'-');
            if !(1..=100).contains(&tenant.len()) || !tenant.bytes().all(fits) || tenant.starts_with('.') {
                return Err(invalid("Give tenant as the id or the domain of a tenant."));
            }
            format!("{}/{}", base(MICROSOFT), tenant.to_ascii_lowercase())
        }
        (ProviderKind::Oidc, Some(issuer), None, None) => issuer.to_owned(),
        (ProviderKind::Oidc, None, None, None) => return Err(invalid("Give issuer, the URL of the provider.")),
        _ => {
            return Err(invalid(
                "Give issuer for oidc alone, base_url for github and microsoft, and tenant for microsoft.",
            ));
        }
    };
    let url = WebUrl::parse(&url)?;
    if url.as_str().contains('?') {
        return Err(Error::because(Code::InvalidUrl, "Give the URL of a provider without a query."));
    }
    Ok(url)
}

/// # Errors
/// `invalid_request` for what is no client secret.
pub fn check_client_secret(secret: &Secret) -> Result<()> {
    let secret = secret.expose_secret();
    if (1..=LONGEST_SECRET).contains(&secret.len()) && !secret.chars().any(char::is_control) {
        return Ok(());
    }
    Err(invalid("Give client_secret, of up to 4096 characters."))
}

/// A provider that an app has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppProvider {
    /// Whose.
    pub app: AppId,
    /// What the app calls it: links carry this name.
    pub name: String,
    /// Where it is.
    pub provider: SocialProvider,
    /// The client secret, sealed for [`AppProvider::place`].
    pub secret: Sealed,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last set.
    pub updated_at: Timestamp,
}

impl AppProvider {
    /// What its secret is sealed for.
    #[must_use]
    pub fn place(app: AppId, name: &str) -> Vec<u8> {
        [b"social provider ", &app.0.as_bytes()[..], name.as_bytes()].concat()
    }
}

/// Providers of one database transaction.
pub trait SocialProviderRepository {
    /// An app's provider of that name.
    fn social_provider(&mut self, app: AppId, name: &str) -> Result<Option<AppProvider>>;

    /// Lets nobody else who asks for this change an app's providers until the commit.
    fn hold_social_providers(&mut self, app: AppId) -> Result<()>;

    /// All of an app's, by name.
    fn social_providers(&mut self, app: AppId) -> Result<Vec<AppProvider>>;

    /// Adds one, or sets all but its beginning anew.
    fn put_social_provider(&mut self, provider: &AppProvider) -> Result<()>;

    /// What a name stands for, or stood for: people may be linked by it still.
    fn place_of_social_provider(&mut self, app: AppId, name: &str) -> Result<Option<(ProviderKind, WebUrl)>>;

    /// Takes one away, with its secret; tells whether there was one. What its name stands for stays.
    fn delete_social_provider(&mut self, app: AppId, name: &str, now: Timestamp) -> Result<bool>;
}

fn invalid(why: &'static str) -> Error {
    Error::because(Code::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ProviderKind, place: ProviderPlace<'_>) -> Result<String> {
        SocialProvider::new(kind, place, "client", &[]).map(|provider| provider.url.as_str().to_owned())
    }

    #[test]
    fn each_kind_is_where_it_says() {
        let none = ProviderPlace::default();
        let (issuer, base_url) = (Some("https://id.example.com/a"), Some("https://git.example.com/"));
        for (kind, place, url) in [
            (ProviderKind::Google, none, "https://accounts.google.com"),
            (ProviderKind::Github, none, "https://github.com"),
            (ProviderKind::Github, ProviderPlace { base_url, ..none }, "https://git.example.com"),
            (ProviderKind::Microsoft, none, "https://login.microsoftonline.com/common"),
            (
                ProviderKind::Microsoft,
                ProviderPlace { tenant: Some("Contoso.com"), ..none },
                "https://login.microsoftonline.com/contoso.com",
            ),
            (ProviderKind::Oidc, ProviderPlace { issuer, ..none }, "https://id.example.com/a"),
        ] {
            assert_eq!(at(kind, place).unwrap(), url);
        }
    }

    #[test]
    fn attack_45_what_is_no_place_of_the_kind_is_refused() {
        let none = ProviderPlace::default();
        for (kind, place) in [
            (ProviderKind::Oidc, none),
            (ProviderKind::Oidc, ProviderPlace { issuer: Some("http://id.example.com"), ..none }),
            (ProviderKind::Oidc, ProviderPlace { issuer: Some("https://u@id.example.com"), ..none }),
            (ProviderKind::Oidc, ProviderPlace { issuer: Some("https://id.example.com?x"), ..none }),
            (ProviderKind::Oidc, ProviderPlace { issuer: Some("file:///etc/passwd"), ..none }),
            (ProviderKind::Google, ProviderPlace { issuer: Some("https://evil.example"), ..none }),
            (ProviderKind::Google, ProviderPlace { base_url: Some("https://evil.example"), ..none }),
            (ProviderKind::Microsoft, ProviderPlace { tenant: Some("../evil"), ..none }),
            (ProviderKind::Microsoft, ProviderPlace { tenant: Some("{tenantid}"), ..none }),
            (ProviderKind::Github, ProviderPlace { tenant: Some("common"), ..none }),
        ] {
            assert!(at(kind, place).is_err(), "{kind:?} {place:?}");
        }
    }

    #[test]
    fn tenants_of_strangers_are_known() {
        let of = |tenant| {
            let place = ProviderPlace { tenant, ..ProviderPlace::default() };
            SocialProvider::new(ProviderKind::Microsoft, place, "client", &[]).unwrap().has_strangers_tenants()
        };
        assert!(of(None) && of(Some("common")) && of(Some("Organizations")) && of(Some("consumers")));
        assert!(!of(Some("contoso.com")) && !of(Some("8eaef023-2b34-4da1-9baa-8bc8c9d6a490")));
    }

    #[test]
    fn those_that_everybody_knows_are_where_everybody_knows_them() {
        let none = ProviderPlace::default();
        let is = |kind, place| SocialProvider::new(kind, place, "client", &[]).unwrap().is_well_known();
        assert!(is(ProviderKind::Google, none) && is(ProviderKind::Github, none) && is(ProviderKind::Microsoft, none));
        assert!(is(ProviderKind::Microsoft, ProviderPlace { tenant: Some("contoso.com"), ..none }));
        let elsewhere = ProviderPlace { base_url: Some("https://login.microsoftonline.com.evil.example"), ..none };
        assert!(!is(ProviderKind::Github, elsewhere) && !is(ProviderKind::Microsoft, elsewhere));
        assert!(!is(ProviderKind::Oidc, ProviderPlace { issuer: Some(GOOGLE), ..none }));
    }

    #[test]
    fn scopes_and_client_ids_are_words() {
        let provider = |client_id: &str, scopes: &[&str]| {
            let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            SocialProvider::new(ProviderKind::Google, ProviderPlace::default(), client_id, &scopes)
        };
        assert_eq!(provider("a", &[]).unwrap().scopes, ["openid", "email", "profile"]);
        assert_eq!(provider("a", &["openid", "x:y"]).unwrap().scopes, ["openid", "x:y"]);
        for scope in ["", "two words", "a\"b", "a\\b", "ä"] {
            assert!(provider("a", &[scope]).is_err(), "{scope}");
        }
        for client_id in ["", "a b", "a\nb"] {
            assert!(provider(client_id, &[]).is_err(), "{client_id}");
        }
        assert!(check_client_secret(&"".into()).is_err() && check_client_secret(&"a\n".into()).is_err());
    }
}
