//! What issuers say of themselves: their documents and their keys (OpenID Connect Discovery 1.0).

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use apps::{ProviderKind, SocialProvider};
use openidconnect::{
    AdditionalProviderMetadata, JsonWebKeySet, ProviderMetadata, TokenUrl, UserInfoUrl,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as Turn;
use url::Url;

use crate::{Asked, refused, transport::Transport, unavailable};

/// For so long an issuer's word is taken.
const BELIEVED: Duration = Duration::from_mins(10);

/// A key that nobody has heard of makes us ask again, and no more often than this: whoever writes tokens with made-up keys
/// causes no more traffic than that.
const KEYS_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// So many issuers are remembered, of which each has said at most two answers: 32 MiB before they are read. Apps name as
/// many as they like; those that nobody goes to are forgotten first.
const MOST: usize = 256;

/// What a Microsoft issuer says where the tenant is yet to be known.
pub const TENANT: &str = "{tenantid}";

/// What there is beyond OpenID Connect Discovery.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct More {
    /// Whether it says who it is when it sends somebody back (RFC 9207, 3).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

/// What an issuer says of itself.
pub type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// An issuer, and its keys of a moment.
#[derive(Clone)]
pub struct Issuer {
    pub metadata: Arc<Metadata>,
    pub keys: Arc<JsonWebKeySet<CoreJsonWebKey>>,
    asked_at: Instant,
    /// When its keys were asked for because one was not among them.
    keys_asked_again_at: Option<Instant>,
}

impl Issuer {
    /// Whether it promises to say who it is when it sends somebody back.
    pub fn says_who_it_is(&self) -> bool {
        self.metadata.additional_metadata().authorization_response_iss_parameter_supported
    }
}

/// Whoever comes second waits for what the first one is told.
type Place = Arc<Turn<Option<Issuer>>>;

/// Issuers that were asked.
pub struct Discovery(Cache<String, Place>);

impl Default for Discovery {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Discovery {
    /// What an issuer says of itself, in the last minutes.
    pub async fn issuer(&self, transport: &Transport, provider: &SocialProvider) -> Asked<Issuer> {
        let place = self.place(provider);
        let mut place = place.lock().await;
        if let Some(known) = place.as_ref().filter(|known| known.asked_at.elapsed() < BELIEVED) {
            return Ok(known.clone());
        }
        let asked = ask(transport, provider).await?;
        *place = Some(asked.clone());
        Ok(asked)
    }

    /// The same with the keys that it has now; as they were where that was asked a moment ago.
    pub async fn with_new_keys(&self, transport: &Transport, provider: &SocialProvider) -> Asked<Issuer> {
        let place = self.place(provider);
        let mut place = place.lock().await;
        let Some(known) = place.as_mut() else { return Err(unavailable("it was forgotten meanwhile")) };
        if known.keys_asked_again_at.is_none_or(|asked| asked.elapsed() >= KEYS_AGAIN_AFTER) {
            // First: one that fails is asked no more often.
            known.keys_asked_again_at = Some(Instant::now());
            known.keys = Arc::new(keys(transport, &known.metadata).await?);
        }
        Ok(known.clone())
    }

    fn place(&self, provider: &SocialProvider) -> Place {
        let name = format!("{} {}", provider.kind.as_str(), provider.url.as_str());
        let Ok(place) = self.0.get_or_insert_with(&name, || Ok::<_, Infallible>(Place::default()));
        place
    }
}

async fn ask(transport: &Transport, provider: &SocialProvider) -> Asked<Issuer> {
    let base = provider.url.as_str().trim_end_matches('/');
    let version = if provider.kind == ProviderKind::Microsoft { "/v2.0" } else { "" };
    let url = format!("{base}{version}/.well-known/openid-configuration");
    let metadata: Metadata = transport.document(&url).await?;
    if !is_issuer(provider, metadata.issuer().as_str()) {
        // Section 4.3: it MUST be the one that was asked.
        return Err(refused("its documents are another issuer's"));
    }
    check_endpoints(provider, &metadata)?;
    let keys = keys(transport, &metadata).await?;
    Ok(Issuer {
        metadata: Arc::new(metadata),
        keys: Arc::new(keys),
        asked_at: Instant::now(),
        keys_asked_again_at: None,
    })
}

async fn keys(transport: &Transport, metadata: &Metadata) -> Asked<JsonWebKeySet<CoreJsonWebKey>> {
    transport.document(metadata.jwks_uri().as_str()).await
}

/// Whether this is how the issuer is called that was asked for. Microsoft's is called by its tenant, whatever the tenant was
/// asked for by.
fn is_issuer(provider: &SocialProvider, issuer: &str) -> bool {
    let url = provider.url.as_str();
    if provider.kind != ProviderKind::Microsoft {
        return issuer == url;
    }
    let Some((server, asked)) = url.rsplit_once('/') else { return false };
    let tenant = issuer.strip_prefix(server).and_then(|rest| rest.strip_prefix('/'));
    let Some(tenant) = tenant.and_then(|rest| rest.strip_suffix("/v2.0")) else { return false };
    if tenant == TENANT { provider.has_strangers_tenants() } else { is_tenant(tenant) && is_tenant_of(asked, tenant) }
}

/// Whether a tenant that was asked for may be this one: by its id it is that one, by a name it is whichever has it.
fn is_tenant_of(asked: &str, tenant: &str) -> bool {
    !is_tenant(asked) || asked.eq_ignore_ascii_case(tenant)
}

/// Whether this is the id of a tenant: a UUID.
pub fn is_tenant(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Where an issuer is reached by https, nothing of it is elsewhere: neither where people are sent, nor where codes, secrets
/// and tokens go, nor where keys come from.
fn check_endpoints(provider: &SocialProvider, metadata: &Metadata) -> Asked<()> {
    let endpoints: [Option<&Url>; 4] = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(TokenUrl::url),
        metadata.userinfo_endpoint().map(UserInfoUrl::url),
        Some(metadata.jwks_uri().url()),
    ];
    let fits = |url: &Url| url.scheme() == "https" || url.scheme() == "http" && !provider.is_encrypted();
    if endpoints.into_iter().flatten().all(fits) { Ok(()) } else { Err(refused("one of its addresses is without TLS")) }
}

#[cfg(test)]
mod tests {
    use apps::ProviderPlace;
    use serde_json::json;

    use super::*;

    const ID: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";

    fn microsoft(tenant: &str) -> SocialProvider {
        let place = ProviderPlace { tenant: Some(tenant), ..ProviderPlace::default() };
        SocialProvider::new(ProviderKind::Microsoft, place, "client", &[]).unwrap()
    }

    #[test]
    fn an_issuer_is_the_one_that_was_asked() {
        let place = ProviderPlace { issuer: Some("https://id.example.com"), ..ProviderPlace::default() };
        let provider = SocialProvider::new(ProviderKind::Oidc, place, "client", &[]).unwrap();
        assert!(is_issuer(&provider, "https://id.example.com"));
        for other in ["https://id.example.com/", "https://id.example.com.evil", "https://evil.example", ""] {
            assert!(!is_issuer(&provider, other), "{other}");
        }
    }

    #[test]
    fn attack_45_where_an_issuer_is_reached_by_https_all_of_it_is() {
        let place = |issuer| ProviderPlace { issuer: Some(issuer), ..ProviderPlace::default() };
        let provider = |issuer| SocialProvider::new(ProviderKind::Oidc, place(issuer), "client", &[]).unwrap();
        let metadata = |name: &str, address: &str| -> Metadata {
            let mut document = json!({
                "issuer": "https://id.example.com", "authorization_endpoint": "https://id.example.com/authorize",
                "token_endpoint": "https://id.example.com/token", "userinfo_endpoint": "https://id.example.com/me",
                "jwks_uri": "https://id.example.com/keys", "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            });
            document[name] = json!(address);
            serde_json::from_value(document).unwrap()
        };
        let encrypted = provider("https://id.example.com");
        for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
            assert_eq!(check_endpoints(&encrypted, &metadata(name, "https://elsewhere.example.com/x")), Ok(()));
            for address in ["http://id.example.com/x", "http://127.0.0.1/x", "javascript:alert(1)", "file:///x"] {
                assert!(check_endpoints(&encrypted, &metadata(name, address)).is_err(), "{name} {address}");
            }
            let plain = provider("http://localhost:3000");
            assert_eq!(check_endpoints(&plain, &metadata(name, "http://localhost:3000/x")), Ok(()));
            assert!(check_endpoints(&plain, &metadata(name, "javascript:alert(1)")).is_err(), "{name}");
        }
    }

    #[test]
    fn issuers_that_nobody_goes_to_make_room() {
        let (discovery, place) = (Discovery::default(), ProviderPlace::default());
        for number in 0..10 * MOST {
            let issuer = format!("https://id-{number}.example.com");
            let place = ProviderPlace { issuer: Some(&issuer), ..place };
            discovery.place(&SocialProvider::new(ProviderKind::Oidc, place, "client", &[]).unwrap());
        }
        assert!((1..=MOST).contains(&discovery.0.len()), "{}", discovery.0.len());
    }

    #[test]
    fn a_tenant_is_the_one_that_was_asked_and_a_template_stands_for_many_alone() {
        let server = "https://login.microsoftonline.com";
        let issuer = |tenant: &str| format!("{server}/{tenant}/v2.0");
        assert!(is_issuer(&microsoft("common"), &issuer(TENANT)));
        assert!(is_issuer(&microsoft("consumers"), &issuer(ID)));
        assert!(is_issuer(&microsoft(ID), &issuer(ID)));
        assert!(is_issuer(&microsoft("contoso.com"), &issuer(ID)));
        assert!(!is_issuer(&microsoft(ID), &issuer(TENANT)));
        assert!(!is_issuer(&microsoft(ID), &issuer("9eaef023-2b34-4da1-9baa-8bc8c9d6a490")));
        assert!(!is_issuer(&microsoft("contoso.com"), &issuer("contoso.com")));
        assert!(!is_issuer(&microsoft("common"), &format!("https://evil.example/{TENANT}/v2.0")));
        assert!(!is_issuer(&microsoft("common"), &format!("{server}/{ID}/x/v2.0")));
    }
}
