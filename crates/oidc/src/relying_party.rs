//! OpenID Connect Core 1.0, the authorization code flow with PKCE, as far as a relying party goes.

use apps::{ProviderKind, SocialProvider};
use kernel::{Secret, secret::ExposeSecret};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    Client, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields, IdTokenVerifier, LocalizedClaim, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse as _, UserInfoClaims,
    UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use platform::{
    courier::Undelivered,
    identity_providers::{Brought, Identified, Registration, Ticket, Unidentified},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Asked,
    discovery::{Discovery, Issuer, TENANT, is_tenant},
    github::word,
    refused,
    transport::Transport,
    unavailable,
};

/// What a provider may say beside what OpenID Connect Core has.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    /// Of Microsoft: the tenant.
    tid: Option<String>,
    /// Of Microsoft: whether the owner of the address' domain has been shown to be the tenant's.
    xms_edov: Option<Value>,
}

impl AdditionalClaims for More {}

type Claims = IdTokenClaims<More, CoreGenderClaim>;
type Fields = IdTokenFields<
    More,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Party = Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;
type UserInfo = UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim>;

/// Signatures that are believed: those of a key pair. Not `none`, and none by a shared secret: who reads the client secret
/// would be everybody at that provider.
fn algorithms() -> [CoreJwsSigningAlgorithm; 9] {
    use CoreJwsSigningAlgorithm as Alg;
    [
        Alg::RsaSsaPkcs1V15Sha256,
        Alg::RsaSsaPkcs1V15Sha384,
        Alg::RsaSsaPkcs1V15Sha512,
        Alg::RsaSsaPssSha256,
        Alg::RsaSsaPssSha384,
        Alg::RsaSsaPssSha512,
        Alg::EcdsaP256Sha256,
        Alg::EcdsaP384Sha384,
        Alg::EdDsa,
    ]
}

/// Where to send somebody.
pub fn authorization_url(issuer: &Issuer, at: &Registration, ticket: &Ticket, state: &Secret) -> Asked<String> {
    let party = party(issuer, at)?;
    let (state, nonce) = (state.expose_secret().to_owned(), ticket.nonce.expose_secret().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(ticket));
    let request = party.authorize_url(
        AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
        move || CsrfToken::new(state),
        move || Nonce::new(nonce),
    );
    // It is asked for anyway.
    let scopes = at.provider.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
    let (url, _, _) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
    Ok(url.into())
}

/// Who it is that has come back.
pub async fn identify(
    transport: &Transport,
    discovery: &Discovery,
    at: &Registration,
    ticket: &Ticket,
    brought: Brought,
) -> Asked<Identified> {
    let mut issuer = discovery.issuer(transport, &at.provider).await?;
    check_sender(&issuer, at, brought.issuer.as_deref())?;
    let party = party(&issuer, at)?;
    let exchange = party
        .exchange_code(AuthorizationCode::new(brought.code.expose_secret().to_owned()))
        .map_err(|_| refused("it has no token endpoint"))?
        .set_pkce_verifier(verifier(ticket));
    let tokens = exchange.request_async(transport).await.map_err(|error| unexchanged(&error))?;
    let id_token = tokens.id_token().ok_or_else(|| refused("there is no ID token"))?;
    let nonce = Nonce::new(ticket.nonce.expose_secret().to_owned());
    let claims = match id_token.claims(&trust(&issuer, at), &nonce) {
        // It may have changed its keys since.
        Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
            issuer = discovery.with_new_keys(transport, &at.provider).await?;
            id_token.claims(&trust(&issuer, at), &nonce)
        }
        done => done,
    };
    let claims = claims.map_err(|error| untrue(&error))?;
    check_party(claims, at)?;
    check_tenant(claims, &issuer, at)?;
    // Step 3 of 3.1.3.8, with the key that has signed.
    if let Some(expected) = claims.access_token_hash() {
        let verifier = trust(&issuer, at);
        let actual = match (id_token.signing_alg(), id_token.signing_key(&verifier)) {
            (Ok(algorithm), Ok(key)) => AccessTokenHash::from_token(tokens.access_token(), algorithm, key).ok(),
            _ => None,
        };
        if actual.as_ref() != Some(expected) {
            return Err(refused("the access token is another one's"));
        }
    }
    let said = Said::of(claims, &at.provider);
    // By default, an address is asked for apart (5.4).
    if said.email.is_some() || issuer.metadata.userinfo_endpoint().is_none() {
        return Ok(said.with(claims));
    }
    let asked = party.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
    let asked = asked.map_err(|_| unavailable("it does not say where to ask for an address"))?;
    let info: UserInfo = asked.request_async(transport).await.map_err(|error| uninformed(&error))?;
    Ok(Said::of_info(&info, &at.provider).or(said).with(claims))
}

fn verifier(ticket: &Ticket) -> PkceCodeVerifier {
    PkceCodeVerifier::new(ticket.code_verifier.expose_secret().to_owned())
}

fn party(issuer: &Issuer, at: &Registration) -> Asked<Party> {
    let secret = ClientSecret::new(at.secret.expose_secret().to_owned());
    let redirect_uri = RedirectUrl::new(at.redirect_uri.clone()).map_err(|_| unavailable("no URL to come back to"))?;
    let metadata = &issuer.metadata;
    // Where nothing is said, it is Basic (Discovery, 3).
    let by_body = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
        !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
            && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
    });
    let authentication = if by_body { AuthType::RequestBody } else { AuthType::BasicAuth };
    let client_id = ClientId::new(at.provider.client_id.clone());
    let party = Party::from_provider_metadata(metadata.as_ref().clone(), client_id, Some(secret));
    Ok(party.set_redirect_uri(redirect_uri).set_auth_type(authentication))
}

/// Whether it is the provider that was gone to who has sent somebody back (RFC 9207, 2.4): another one's code, brought to
/// this one, would be given away.
fn check_sender(issuer: &Issuer, at: &Registration, said: Option<&str>) -> Asked<()> {
    let expected = issuer.metadata.issuer().as_str();
    match said {
        None if issuer.says_who_it_is() => Err(refused("it promises to say who it is, and somebody does not")),
        // Which tenant it is shows in the ID token.
        Some(_) if is_template(issuer) && at.provider.kind == ProviderKind::Microsoft => Ok(()),
        Some(said) if said != expected => Err(refused("another issuer has sent them")),
        _ => Ok(()),
    }
}

fn is_template(issuer: &Issuer) -> bool {
    issuer.metadata.issuer().as_str().contains(TENANT)
}

fn trust<'a>(issuer: &Issuer, at: &Registration) -> IdTokenVerifier<'a, CoreJsonWebKey> {
    let (client_id, url) = (ClientId::new(at.provider.client_id.clone()), issuer.metadata.issuer().clone());
    // As for a public client: then no shared secret verifies anything.
    IdTokenVerifier::new_public_client(client_id, url, issuer.keys.as_ref().clone())
        .set_allowed_algs(algorithms())
        // Compared by `check_tenant` where the issuer is a template.
        .require_issuer_match(!is_template(issuer))
}

/// Steps 4 and 5 of 3.1.3.7, which openidconnect leaves to whoever uses it.
fn check_party(claims: &Claims, at: &Registration) -> Asked<()> {
    match claims.authorized_party() {
        Some(party) if party.as_str() != at.provider.client_id => Err(refused("the ID token is for another party")),
        _ => Ok(()),
    }
}

/// Whether a token of Microsoft's is of the issuer of its own tenant.
fn check_tenant(claims: &Claims, issuer: &Issuer, at: &Registration) -> Asked<()> {
    if at.provider.kind != ProviderKind::Microsoft || !is_template(issuer) {
        return Ok(());
    }
    let tenant = claims.additional_claims().tid.as_deref().filter(|tenant| is_tenant(tenant));
    let expected = tenant.map(|tenant| issuer.metadata.issuer().as_str().replace(TENANT, tenant));
    if expected.as_deref() == Some(claims.issuer().as_str()) {
        Ok(())
    } else {
        Err(refused("the ID token is of another issuer"))
    }
}

/// What a provider says of somebody beside who they are.
struct Said {
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    picture: Option<String>,
}

impl Said {
    fn of(claims: &Claims, provider: &SocialProvider) -> Self {
        let is_owners = claims.additional_claims().xms_edov.as_ref().is_some_and(is_true);
        Self {
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: is_proven(provider, claims.email_verified(), is_owners),
            name: claims.name().and_then(plain),
            picture: claims.picture().and_then(plain),
        }
    }

    fn of_info(info: &UserInfo, provider: &SocialProvider) -> Self {
        Self {
            email: info.email().map(|email| email.as_str().to_owned()),
            email_verified: is_proven(provider, info.email_verified(), false),
            name: info.name().and_then(plain),
            picture: info.picture().and_then(plain),
        }
    }

    /// These, and what others say where they say nothing. An address goes with its proof.
    fn or(self, other: Self) -> Self {
        Self { name: self.name.or(other.name), picture: self.picture.or(other.picture), ..self }
    }

    fn with(self, claims: &Claims) -> Identified {
        let Self { email, email_verified, name, picture } = self;
        Identified { subject: claims.subject().as_str().to_owned(), email, email_verified, name, picture }
    }
}

/// Whether a provider has proven an address. Microsoft says of none that it has: in a tenant of their own, anybody writes
/// whatever address they like (known as nOAuth). There the owner of the address' domain counts, or that the operator has
/// named the one tenant that is believed.
fn is_proven(provider: &SocialProvider, said: Option<bool>, is_owners: bool) -> bool {
    match provider.kind {
        ProviderKind::Microsoft => is_owners || !provider.has_strangers_tenants(),
        ProviderKind::Google | ProviderKind::Github | ProviderKind::Oidc => said == Some(true),
    }
}

/// Microsoft writes this one as a number, a text or a boolean.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(said) => *said,
        Value::Number(said) => said.as_u64() == Some(1),
        Value::String(said) => said == "1" || said.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// In no language in particular, or in the first one.
fn plain<T: std::ops::Deref<Target = String>>(claim: &LocalizedClaim<T>) -> Option<String> {
    let value = claim.get(None).or_else(|| claim.iter().next().map(|(_, value)| value));
    value.map(|value| value.deref().clone()).filter(|value| !value.trim().is_empty())
}

type Unexchanged = RequestTokenError<Undelivered, StandardErrorResponse<CoreErrorResponseType>>;

/// Nothing of the answer itself: there may be tokens in it.
fn unexchanged(error: &Unexchanged) -> Unidentified {
    match error {
        RequestTokenError::ServerResponse(said) => {
            refused(format!("the code is answered with {}", word(said.error().as_ref())))
        }
        RequestTokenError::Request(Undelivered(why)) => unavailable(why.clone()),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => unavailable("its answer can't be read"),
    }
}

fn uninformed(error: &UserInfoError<Undelivered>) -> Unidentified {
    match error {
        UserInfoError::Request(Undelivered(why)) => unavailable(why.clone()),
        UserInfoError::ClaimsVerification(_) => refused("it tells of somebody else"),
        _ => unavailable("who it is can't be read"),
    }
}

fn untrue(error: &ClaimsVerificationError) -> Unidentified {
    refused(match error {
        ClaimsVerificationError::Expired(_) => "the ID token has expired",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token is for another audience",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is of another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token has another nonce",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::DisallowedAlg(_)) => {
            "the ID token is signed in a way that is not believed"
        }
        ClaimsVerificationError::SignatureVerification(_) => "the ID token is not signed by the issuer",
        _ => "the ID token does not hold",
    })
}

#[cfg(test)]
mod tests {
    use apps::ProviderPlace;
    use serde_json::json;

    use super::*;

    fn provider(kind: ProviderKind, tenant: Option<&str>) -> SocialProvider {
        let issuer = (kind == ProviderKind::Oidc).then_some("https://id.example.com");
        SocialProvider::new(kind, ProviderPlace { issuer, tenant, base_url: None }, "client", &[]).unwrap()
    }

    #[test]
    fn attack_24_an_address_is_proven_by_who_says_so() {
        for kind in [ProviderKind::Google, ProviderKind::Oidc] {
            let provider = provider(kind, None);
            assert!(is_proven(&provider, Some(true), false));
            for said in [Some(false), None] {
                assert!(!is_proven(&provider, said, true), "{kind:?} {said:?}");
            }
        }
    }

    #[test]
    fn attack_24_an_address_of_a_strangers_tenant_is_not_proven() {
        for tenant in [None, Some("organizations"), Some("consumers")] {
            let provider = provider(ProviderKind::Microsoft, tenant);
            assert!(!is_proven(&provider, Some(true), false), "nOAuth: {tenant:?}");
            assert!(is_proven(&provider, None, true));
        }
        assert!(is_proven(&provider(ProviderKind::Microsoft, Some("contoso.com")), None, false));
    }

    #[test]
    fn what_microsoft_writes_for_yes_is_yes() {
        for yes in [json!(true), json!(1), json!("1"), json!("true"), json!("True")] {
            assert!(is_true(&yes), "{yes}");
        }
        for no in [json!(false), json!(0), json!("0"), json!("false"), json!(""), json!(null), json!([true])] {
            assert!(!is_true(&no), "{no}");
        }
    }
}
