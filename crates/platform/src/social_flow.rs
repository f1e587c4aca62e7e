//! The way to a provider and back, for somebody's browser. Nobody's account is touched here: what comes of it is a code,
//! which the app that sent them redeems.

use apps::AppSettings;
use identity::{CodeChallenge, SocialFlow, link::Provider, social_flow};
use kernel::{
    Code, Email, Error, Name, Result, Secret, SecretHash, Timestamp, WebUrl,
    id::AppId,
    secret::{ExposeSecret, letters},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Door, Platform,
    identity_providers::{Brought, Identified, Registration, Ticket, Unidentified},
    social_failures::{Step, Whose},
    social_places::{Callback, Whereabouts},
    social_sign_in::is_subject,
};

/// Who wants to go to a provider, as an app has sent them.
#[derive(Clone, Debug)]
pub struct Departing {
    /// Which one.
    pub provider: Provider,
    /// The app; none is the platform itself.
    pub client_id: Option<String>,
    /// Where they go from there.
    pub redirect_uri: Option<String>,
    /// What the app knows them by when they come back: it gets it as it gave it.
    pub state: Option<String>,
    /// What the app has made of a secret.
    pub code_challenge: Option<String>,
    /// How.
    pub code_challenge_method: Option<String>,
}

/// What a browser keeps while its owner is away, and shows when they come back.
#[derive(Clone, Debug)]
pub struct BrowserSecret {
    /// What tells it from others that the browser keeps.
    pub name: String,
    /// The secret.
    pub value: Secret,
}

/// Where somebody goes.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The URL.
    pub to: String,
    /// What their browser is to keep; nothing where they are sent back at once.
    pub keeps: Option<BrowserSecret>,
}

/// Somebody who has come back.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The address that they came to.
    pub callback: Callback,
    /// The state that went along.
    pub state: Secret,
    /// What their browser kept.
    pub browser: Option<Secret>,
    /// The provider's code.
    pub code: Option<Secret>,
    /// What the provider says instead of one.
    pub error: Option<String>,
    /// Who says that it has sent them (RFC 9207).
    pub issuer: Option<String>,
}

/// What is remembered while somebody is at a provider.
#[derive(Serialize, Deserialize)]
struct Away {
    provider: String,
    whereabouts: Whereabouts,
    since: Timestamp,
    back: Back,
    code_challenge: String,
    nonce: String,
    code_verifier: String,
}

/// Where somebody goes in the end.
#[derive(Clone, Serialize, Deserialize)]
struct Back {
    redirect_uri: WebUrl,
    state: Option<String>,
}

/// What is remembered of somebody who has come back, for the app that has their code.
#[derive(Serialize, Deserialize)]
pub(crate) struct Returned {
    pub provider: String,
    pub whereabouts: Whereabouts,
    /// When they went there: the provider has said who they are since then.
    pub since: Timestamp,
    pub subject: String,
    pub email: String,
    pub email_verified: bool,
    pub name: Option<String>,
    pub picture: Option<String>,
    pub code_challenge: String,
}

/// How an app is told that something went wrong (RFC 6749, 4.1.2.1).
#[derive(Clone, Copy)]
struct Refusal(&'static str, &'static str);

const LONGEST_STATE: usize = 1024;
/// As random as a key: 160 bits and more.
const RANDOM: usize = 48;

impl Platform {
    /// Sends somebody to a provider. What does not fit is told to the app, at the address they go on to, once it is certain
    /// that the address is the app's.
    ///
    /// # Errors
    /// `unknown_app`, `app_disabled`; `not_found` for a provider that is not set; `invalid_request` for a `redirect_uri`
    /// that is not, letter by letter, one of the app's; `sign_in_method_disabled` where this server goes to none.
    pub async fn depart_to_provider(&self, asked: Departing) -> Result<Departure> {
        let provider = asked.provider.clone();
        let departed = self.depart(asked).await;
        let whose = Whose { step: Step::Departure, app: None, provider: Some(&provider) };
        departed.inspect_err(|error| whose.refused(error))
    }

    async fn depart(&self, asked: Departing) -> Result<Departure> {
        let providers = self.providers.as_ref().ok_or_else(|| Error::new(Code::SignInMethodDisabled))?;
        let door = self.door(asked.client_id.as_deref()).await?;
        let (registration, callback) = self.registration(&door, &asked.provider).await?;
        let redirect_uri = self.redirect_uri(&door, asked.redirect_uri.as_deref())?;
        let whose = Whose { step: Step::Departure, app: door.app(), provider: Some(&asked.provider) };
        let back = |state| Back { redirect_uri: redirect_uri.clone(), state };
        let back = match asked.state {
            Some(state) if state.len() > LONGEST_STATE || state.chars().any(char::is_control) => {
                return Ok(back(None).refused(whose, Refusal("invalid_request", "state is too long")));
            }
            state => back(state),
        };
        let Some(challenge) = challenge(asked.code_challenge.as_deref(), asked.code_challenge_method.as_deref()) else {
            let why = "code_challenge with the method S256 is required";
            return Ok(back.refused(whose, Refusal("invalid_request", why)));
        };
        let [state, browser, nonce, code_verifier] = [(); 4].map(|()| random());
        let ticket = Ticket { nonce, code_verifier };
        let to = match providers.authorization_url(&registration, &ticket, &state).await {
            Ok(to) => to,
            Err(why) => return Ok(back.unidentified(whose, &why)),
        };
        let now = self.now();
        let away = Away {
            provider: asked.provider.as_str().to_owned(),
            whereabouts: Whereabouts::of(&registration.provider),
            since: now,
            back,
            code_challenge: challenge.as_str().to_owned(),
            nonce: ticket.nonce.expose_secret().to_owned(),
            code_verifier: ticket.code_verifier.expose_secret().to_owned(),
        };
        let (app, bound) = callback.bound();
        let hash = self.keys().social.of_state(app, bound, &browser, &state);
        self.remember(hash, app, &away, now.after(social_flow::AWAY), now).await?;
        Ok(Departure { to, keeps: Some(BrowserSecret { name: self.browser_secret_name(&state), value: browser }) })
    }

    /// What a browser keeps its secret of this state under.
    #[must_use]
    pub fn browser_secret_name(&self, state: &Secret) -> String {
        self.keys().social.name(state)
    }

    /// Takes somebody in who comes back from a provider, in the browser that went there; and sends them on to the app, with
    /// a code for who they are, or with what went wrong.
    ///
    /// # Errors
    /// `invalid_token` for a state that was brought back before, has expired, is another browser's, or was brought to the
    /// address of another app or provider; `app_disabled`; those of the database.
    pub async fn arrive_from_provider(&self, arrival: Arrival) -> Result<Departure> {
        let callback = arrival.callback.clone();
        let arrived = self.arrive(arrival).await;
        let (app, provider) = match &callback {
            Callback::Shared => (None, None),
            Callback::Platform(provider) => (None, Some(provider)),
            Callback::App(app, provider) => (Some(*app), Some(provider)),
        };
        arrived.inspect_err(|error| Whose { step: Step::Arrival, app, provider }.refused(error))
    }

    async fn arrive(&self, arrival: Arrival) -> Result<Departure> {
        let invalid = || Error::because(Code::InvalidToken, "This sign-in is not valid any more: begin again.");
        let browser = arrival.browser.ok_or_else(invalid)?;
        let (app, bound) = arrival.callback.bound();
        let (hash, now) = (self.keys().social.of_state(app, bound, &browser, &arrival.state), self.now());
        let note = self.store().write(move |tx| tx.consume_social_flow(hash, now)).await?.ok_or_else(invalid)?;
        let away: Away = read(&self.keys().sealing.open(&note, &hash.0)?)?;
        // What was true when they went may not be any more.
        let door = self.open_door(app).await?;
        self.redirect_uri(&door, Some(away.back.redirect_uri.as_str()))?;
        let provider: Provider = away.provider.parse()?;
        let whose = Whose { step: Step::Arrival, app, provider: Some(&provider) };
        let brought = match (arrival.code, arrival.error) {
            (Some(code), None) => Brought { code, issuer: arrival.issuer },
            (_, error) => return Ok(away.back.refused(whose, said_no(error.as_deref()))),
        };
        let (registration, _) = self.registration(&door, &provider).await?;
        if Whereabouts::of(&registration.provider) != away.whereabouts {
            let why = "this provider was set anew meanwhile";
            return Ok(away.back.refused(whose, Refusal("access_denied", why)));
        }
        let ticket = Ticket { nonce: away.nonce.as_str().into(), code_verifier: away.code_verifier.as_str().into() };
        let returned = match self.identified(&registration, &ticket, brought).await {
            Ok(identified) => away.returned(identified),
            Err(why) => return Ok(away.back.unidentified(whose, &why)),
        };
        let returned = match returned {
            Ok(returned) => returned,
            Err(refusal) => return Ok(away.back.refused(whose, refusal)),
        };
        let code = random();
        let hash = self.keys().social.of_code(app, away.back.redirect_uri.as_str(), &code);
        let now = self.now();
        self.remember(hash, app, &returned, now.after(social_flow::CODE_LIFETIME), now).await?;
        Ok(away.back.sent_with(&[("code", code.expose_secret())]))
    }

    async fn identified(
        &self,
        at: &Registration,
        ticket: &Ticket,
        brought: Brought,
    ) -> std::result::Result<Identified, Unidentified> {
        match &self.providers {
            Some(providers) => providers.identify(at, ticket, brought).await,
            None => Err(Unidentified::Unavailable("this server goes to no provider".to_owned())),
        }
    }

    /// The door of an app, if it is open.
    async fn open_door(&self, app: Option<AppId>) -> Result<Door> {
        let door = self.door_of(app).await?;
        if door.is_closed() { Err(Error::new(Code::AppDisabled)) } else { Ok(door) }
    }

    /// Where people may be sent: to an address that the app has registered, letter by letter (RFC 9700, 2.1).
    fn redirect_uri(&self, door: &Door, given: Option<&str>) -> Result<WebUrl> {
        let own = self.settings().callback_redirect_url.as_ref();
        let (settings, wrong): (&AppSettings, _) =
            (door.settings(), "redirect_uri is none of the app's redirect_urls.");
        let found = match (door.app(), given) {
            (Some(_), Some(given)) => settings.redirect_urls.iter().find(|url| url.as_str() == given),
            (None, Some(given)) => own.filter(|url| url.as_str() == given),
            (None, None) => own,
            (Some(_), None) => None,
        };
        found.cloned().ok_or_else(|| Error::because(Code::InvalidRequest, wrong))
    }

    /// Remembers something under a hash, sealed for it.
    async fn remember(
        &self,
        hash: SecretHash,
        app: Option<AppId>,
        what: &impl Serialize,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let text = Secret::from(serde_json::to_string(what).map_err(Error::internal)?);
        let sealing = &self.keys().sealing;
        let (key, note) = (sealing.current()?, sealing.seal(&text, &hash.0)?);
        let flow = SocialFlow { hash, app, note, expires_at };
        let remembered = self.store().write(move |tx| {
            tx.note_sealing_key(key, now)?;
            tx.insert_social_flow(&flow)
        });
        remembered.await
    }
}

impl Away {
    /// What is remembered of who has come back, no more than an account would keep of it: what a provider says is as long
    /// as it likes.
    fn returned(&self, identified: Identified) -> std::result::Result<Returned, Refusal> {
        let Identified { subject, email, email_verified, name, picture } = identified;
        if !is_subject(&subject) {
            return Err(Refusal("access_denied", "the provider does not say who it is"));
        }
        let email = email.filter(|email| Email::parse(email).is_ok());
        Ok(Returned {
            provider: self.provider.clone(),
            whereabouts: self.whereabouts.clone(),
            since: self.since,
            subject,
            email: email.ok_or(Refusal("access_denied", "the provider gives no e-mail address"))?,
            email_verified,
            name: name.filter(|name| Name::parse(name).is_ok()),
            picture: picture.filter(|picture| WebUrl::parse(picture).is_ok()),
            code_challenge: self.code_challenge.clone(),
        })
    }
}

impl Back {
    fn sent_with(&self, pairs: &[(&str, &str)]) -> Departure {
        let state = self.state.as_deref().map(|state| ("state", state));
        let pairs: Vec<_> = pairs.iter().copied().chain(state).collect();
        Departure { to: self.redirect_uri.with_query(&pairs), keeps: None }
    }

    fn sent(&self, Refusal(error, description): Refusal) -> Departure {
        self.sent_with(&[("error", error), ("error_description", description)])
    }

    /// Tells the app, and whoever runs the server.
    fn refused(&self, whose: Whose<'_>, refusal: Refusal) -> Departure {
        whose.told(refusal.1);
        self.sent(refusal)
    }

    /// The same of a provider whose word is not taken. Why is for who runs the server alone.
    fn unidentified(&self, whose: Whose<'_>, why: &Unidentified) -> Departure {
        whose.unidentified(why);
        self.sent(match why {
            Unidentified::Unavailable(_) => Refusal("temporarily_unavailable", "the provider is not available"),
            Unidentified::Refused(_) => Refusal("access_denied", "what the provider says does not hold"),
        })
    }
}

/// What was remembered.
pub(crate) fn read<T: DeserializeOwned>(note: &Secret) -> Result<T> {
    // Not the error of the parser, which may quote what it reads.
    serde_json::from_str(note.expose_secret())
        .map_err(|_| Error::internal("a note of a social flow that can't be read"))
}

fn random() -> Secret {
    letters(&rand::random::<[u8; RANDOM]>()).into()
}

/// The hash that an app has sent, if it is one by the only method there is (RFC 9700, 2.1.1).
fn challenge(given: Option<&str>, method: Option<&str>) -> Option<CodeChallenge> {
    let given = given.filter(|_| method == Some("S256"))?;
    CodeChallenge::parse(given).ok()
}

/// What an app is told of what a provider says instead of a code.
fn said_no(error: Option<&str>) -> Refusal {
    match error {
        Some("access_denied") => Refusal("access_denied", "the provider says that it was declined"),
        Some("temporarily_unavailable") => Refusal("temporarily_unavailable", "the provider is not available"),
        _ => Refusal("server_error", "the provider answered with an error"),
    }
}
