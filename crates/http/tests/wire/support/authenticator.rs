use std::time::Duration;

use identity::Seed;
use serde_json::{Value, json};

use super::{Answer, App, Person, World};

/// How long a code is shown.
pub const STEP: Duration = Duration::from_secs(30);

/// An authenticator app on somebody's telephone, and the sheet of paper beside it.
pub struct Authenticator {
    seed: Seed,
    pub secret: String,
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// Scans what an enrolment shows.
    #[track_caller]
    pub fn scan(enrolled: &Answer) -> Self {
        let uri = enrolled.text("otpauth_uri");
        let (_, query) = uri.split_once('?').unwrap();
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        let secret = fields.into_iter().find(|(name, _)| name == "secret").unwrap().1;
        let codes = enrolled.ok()["recovery_codes"].as_array().unwrap();
        Self {
            seed: Seed::from_stored(secret.clone().into()),
            secret,
            recovery_codes: codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// What it shows now.
    pub fn code(&self, world: &World) -> String {
        self.seed.code(world.now()).unwrap()
    }

    /// The next one, which was never used.
    pub fn next(&self, world: &World) -> String {
        world.advance(STEP);
        self.code(world)
    }

    /// Six digits that it does not show, nor has a moment ago, nor will in a moment.
    pub fn wrong(&self, world: &World) -> String {
        let now = world.now();
        let good = [now.before(STEP), now, now.after(STEP)].map(|at| self.seed.code(at).unwrap());
        (0..4).map(|number| format!("{number:06}")).find(|code| !good.contains(code)).unwrap()
    }
}

impl World {
    pub async fn begin_totp(&self, person: &Person) -> Answer {
        self.call("POST", "/v1/auth/totp/enroll").by(person).send().await
    }

    /// Enrols an authenticator app that counts from now on.
    pub async fn enable_totp(&self, person: &Person) -> Authenticator {
        let phone = Authenticator::scan(&self.begin_totp(person).await);
        self.verify_totp(person, &phone.code(self)).await.ok();
        phone
    }

    pub async fn verify_totp(&self, person: &Person, code: &str) -> Answer {
        self.post("/v1/auth/totp/verify", &json!({ "code": code })).by(person).send().await
    }

    pub async fn recover(&self, person: &Person, code: &str) -> Answer {
        self.post("/v1/auth/totp/recovery", &json!({ "code": code })).by(person).send().await
    }

    pub async fn disable_totp(&self, person: &Person, shown: &Value) -> Answer {
        self.delete("/v1/auth/totp").json(shown).by(person).send().await
    }

    /// The second step of a sign-in.
    pub async fn second_step(&self, app: Option<&App>, challenge: &str, shown: &Value) -> Answer {
        let mut body = json!({ "challenge_token": challenge });
        body.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
        self.at_door(app, "/v1/auth/mfa", &body).send().await
    }
}

impl Answer {
    /// The challenge of an answer that asks for a second step.
    #[track_caller]
    pub fn challenge(&self) -> String {
        let token = self.body["error"]["details"]["challenge_token"].as_str();
        token.unwrap_or_else(|| panic!("no challenge: {self:?}")).to_owned()
    }
}
