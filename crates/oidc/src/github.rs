//! GitHub's own way: OAuth without ID tokens, and two questions to its API ("Authorizing OAuth apps", "REST API endpoints
//! for users"). The same of GitHub Enterprise Server, which has its API below itself.

use kernel::{Secret, secret::ExposeSecret};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use outbound::{Enquiry, Told};
use platform::{
    courier::Undelivered,
    identity_providers::{Brought, Identified, Registration, Ticket},
};
use serde::{Deserialize, de::DeserializeOwned};
use url::{Url, form_urlencoded};

use crate::{Asked, refused, transport::Transport, unavailable};

/// What it answers with 200, whether it went well or not.
#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

/// Where to send somebody.
pub fn authorization_url(at: &Registration, ticket: &Ticket, state: &Secret) -> Asked<String> {
    let verifier = PkceCodeVerifier::new(ticket.code_verifier.expose_secret().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    let mut url = Url::parse(&format!("{}/login/oauth/authorize", server(at))).map_err(|_| unavailable("no URL"))?;
    url.query_pairs_mut()
        .append_pair("client_id", &at.provider.client_id)
        .append_pair("redirect_uri", &at.redirect_uri)
        .append_pair("scope", &at.provider.scopes.join(" "))
        .append_pair("state", state.expose_secret())
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", "S256");
    Ok(url.into())
}

/// Who it is that has come back. Of their addresses the one counts that is their first and that GitHub has proven.
pub async fn identify(
    transport: &Transport,
    at: &Registration,
    ticket: &Ticket,
    brought: Brought,
) -> Asked<Identified> {
    let token = exchange(transport, at, ticket, &brought.code).await?;
    let user: User = read(transport, at, &token, "/user").await?;
    let addresses: Vec<Address> = read(transport, at, &token, "/user/emails").await?;
    let email = addresses.into_iter().find(|address| address.primary && address.verified);
    Ok(Identified {
        // Not the login, which somebody else may have tomorrow.
        subject: user.id.to_string(),
        email_verified: email.is_some(),
        email: email.map(|address| address.email),
        name: user.name.filter(|name| !name.trim().is_empty()).or(Some(user.login)),
        picture: user.avatar_url,
    })
}

async fn exchange(transport: &Transport, at: &Registration, ticket: &Ticket, code: &Secret) -> Asked<Secret> {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &at.provider.client_id)
        .append_pair("client_secret", at.secret.expose_secret())
        .append_pair("code", code.expose_secret())
        .append_pair("redirect_uri", &at.redirect_uri)
        .append_pair("code_verifier", ticket.code_verifier.expose_secret())
        .finish();
    let headers =
        [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")].map(owned).to_vec();
    let url = format!("{}/login/oauth/access_token", server(at));
    let told = ask(transport, Enquiry { post: true, url, headers, body: body.into_bytes() }).await?;
    let tokens: Tokens = parse(&told)?;
    match (tokens.access_token, tokens.error) {
        (Some(token), None) => Ok(token.into()),
        (_, Some(error)) => Err(refused(format!("the code is answered with {}", word(&error)))),
        (None, None) => Err(unavailable("the code is answered with nothing")),
    }
}

async fn read<T: DeserializeOwned>(transport: &Transport, at: &Registration, token: &Secret, path: &str) -> Asked<T> {
    let headers = vec![
        owned(("accept", "application/vnd.github+json")),
        owned(("x-github-api-version", "2022-11-28")),
        // Without one, it answers nobody.
        owned(("user-agent", "Fabric")),
        ("authorization".to_owned(), format!("Bearer {}", token.expose_secret())),
    ];
    parse(&ask(transport, Enquiry { post: false, url: format!("{}{path}", api(at)), headers, body: Vec::new() }).await?)
}

async fn ask(transport: &Transport, enquiry: Enquiry) -> Asked<Told> {
    let told = transport.ask(enquiry).await.map_err(|Undelivered(why)| unavailable(why))?;
    match told.status {
        200 => Ok(told),
        status @ 400..=499 => Err(refused(format!("it answers with {status}"))),
        status => Err(unavailable(format!("it answers with {status}"))),
    }
}

fn parse<T: DeserializeOwned>(told: &Told) -> Asked<T> {
    serde_json::from_slice(&told.body).map_err(|_| unavailable("its answer can't be read"))
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The name of an error, and nothing that is none.
pub fn word(error: &str) -> &str {
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter == b'_';
    if (1..=64).contains(&error.len()) && error.bytes().all(fits) { error } else { "an error" }
}

fn server(at: &Registration) -> &str {
    at.provider.url.as_str().trim_end_matches('/')
}

fn api(at: &Registration) -> String {
    match server(at) {
        "https://github.com" => "https://api.github.com".to_owned(),
        // GitHub Enterprise Cloud with data residency has it at api.<name>.ghe.com.
        server => {
            match server.strip_prefix("https://").filter(|host| host.ends_with(".ghe.com") && !host.contains('/')) {
                Some(host) => format!("https://api.{host}"),
                None => format!("{server}/api/v3"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use apps::{ProviderKind, ProviderPlace, SocialProvider};

    use super::*;

    /// As GitHub's documentation has it, each for its product: a token must not get to another host than the server's.
    #[test]
    fn each_server_has_its_api_where_github_says() {
        let api_of = |base_url: Option<&str>| {
            let place = ProviderPlace { base_url, ..ProviderPlace::default() };
            let provider = SocialProvider::new(ProviderKind::Github, place, "client", &[]).unwrap();
            api(&Registration { provider, secret: "secret".into(), redirect_uri: String::new() })
        };
        for (base_url, url) in [
            (None, "https://api.github.com"),
            (Some("https://github.com"), "https://api.github.com"),
            (Some("https://github.com/"), "https://api.github.com"),
            (Some("https://octocorp.ghe.com"), "https://api.octocorp.ghe.com"),
            (Some("https://octocorp.ghe.com/"), "https://api.octocorp.ghe.com"),
            (Some("https://git.example.com"), "https://git.example.com/api/v3"),
            (Some("https://git.example.com:8443/"), "https://git.example.com:8443/api/v3"),
            (Some("http://127.0.0.1:3000"), "http://127.0.0.1:3000/api/v3"),
            // What only looks like one of GitHub's.
            (Some("https://github.com.example.com"), "https://github.com.example.com/api/v3"),
            (Some("https://octocorp.ghe.com.example.com"), "https://octocorp.ghe.com.example.com/api/v3"),
            (Some("https://octocorpghe.com"), "https://octocorpghe.com/api/v3"),
            (Some("https://example.com/x.ghe.com"), "https://example.com/x.ghe.com/api/v3"),
        ] {
            assert_eq!(api_of(base_url), url, "{base_url:?}");
        }
    }
}
