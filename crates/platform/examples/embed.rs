//! A service that has Fabric inside instead of beside it: its own routes, its own words, and Fabric's users.
//!
//! ```text
//! cargo run -p fabric-platform --example embed -- sqlite://club.db
//! curl -d '{"email":"alice@example.com","password":"UserP@ss1"}' -H content-type:application/json localhost:8080/join
//! curl -H "Authorization: Bearer $TOKEN" localhost:8080/hello
//! ```
//!
//! Four steps: open a database, start a platform on it, call use cases from your own handlers, and, if you like, mount
//! Fabric's whole HTTP surface behind your routes. The tests at the end run it on both databases.

use std::{error::Error, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, http::StatusCode, web};
// In your own `Cargo.toml` the dependency has the name you give it: `platform` in the guide (docs/embedding.md).
use fabric_platform::{
    Environment, Platform, Presented, Settings, SignIn, SignUp, SignedUp, Workers, keys::ServerSecrets,
};
use identity::password::{HashCost, Password};
use kernel::{Client, Email, ErrorKind, Secret, SystemClock, secret::ExposeSecret};
use serde::Deserialize;
use serde_json::json;
use storage::{Database, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite://club.db".to_owned());
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("The club is open at http://{}", listener.local_addr()?);
    actix_web::rt::System::new().block_on(async {
        let club = Club::open(&url, HashCost::default()).await?;
        // Until SIGINT or SIGTERM: actix-web hears them by itself.
        club.doors(listener)?.await?;
        club.close().await;
        Ok(())
    })
}

/// Everything of the service that has to live as long as it does.
struct Club {
    platform: Platform,
    database: Arc<Database>,
    workers: Workers,
}

impl Club {
    async fn open(url: &str, hash_cost: HashCost) -> Result<Self, Box<dyn Error>> {
        // 1. A database of Fabric's own. Opening it runs the migrations that it lacks.
        let database = Arc::new(Database::open(&Options::new(url))?);

        // 2. The platform. It reads no environment and no files: whatever it shall know, it is told.
        let secrets = ServerSecrets {
            signing: kept_secret("OAUTH_SIGNING_SECRET"),
            signing_previous: None,
            token: kept_secret("FABRIC_INVITE_TOKEN_KEY"),
            encryption: None,
            encryption_previous: None,
            supabase: None,
            supabase_issuer: None,
        };
        let settings = Settings {
            environment: Environment::Production,
            public_base_url: "https://club.example.com".to_owned(),
            site_url: None,
            invite_redirect_url: None,
            audit_retention: None,
            // Nobody goes to endpoints here; an `outbound::Client` would.
            callback_redirect_url: None,
            social_providers: Vec::new(),
            plain_webhooks: false,
            webhook_disable_after: None,
            webhook_deliveries_kept: Duration::from_hours(24),
            mail_limits: fabric_platform::MailLimits::default(),
            // Whoever comes may join. A service that has several audiences makes an app of each instead, and opens the
            // door of that app.
            developer_sign_up: true,
            mfa: apps::Mfa::Off,
            bootstrap_token: None,
            external_emails_verified: false,
            // HS256: nobody but this service reads the tokens.
            token_algorithm: None,
            token_key_rotation: None,
            token_rsa_bits: 3072,
            hash_cost,
        };
        let store = Arc::clone(&database);
        let platform = Platform::start(store, Arc::new(SystemClock), &secrets, settings).await?;

        // What goes on behind the requests: mail, and forgetting what has expired.
        let workers = Workers::start(&platform, None, None);
        Ok(Self { platform, database, workers })
    }

    /// Our own routes are the third step. The fourth is everything of Fabric behind them: it takes every path that is
    /// left. Leave its line out, and there is no HTTP but yours.
    #[expect(clippy::disallowed_methods, reason = "these routes are the embedding server's own")]
    fn doors(&self, listener: TcpListener) -> std::io::Result<Server> {
        let platform = self.platform.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(platform.clone()))
                .route("/join", web::post().to(join))
                .route("/enter", web::post().to(enter))
                .route("/hello", web::get().to(hello))
                .service(http::service(platform.clone(), http::Options::default()))
        });
        Ok(server.workers(2).listen(listener)?.run())
    }

    /// Lets what is under way finish; afterwards everything that was answered is durable.
    async fn close(self) {
        self.workers.stop().await;
        self.database.close();
    }
}

/// A secret of the environment. Without one there is one for this run: all tokens end with it.
fn kept_secret(name: &str) -> Secret {
    let drawn = || rand::random::<[u128; 2]>().map(|half| format!("{half:032x}")).concat();
    std::env::var(name).unwrap_or_else(|_| drawn()).into()
}

/// What people say at our doors. `Secret` never shows itself in a log, and wipes itself out of memory.
#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: Secret,
}

/// Joins the club. Text becomes a type first: an `Email` is an address, a `Password` meets the policy, and a use case
/// takes nothing else.
async fn join(platform: web::Data<Platform>, asked: web::Json<Credentials>, http: HttpRequest) -> HttpResponse {
    let joined = async {
        let new = SignUp {
            door: platform.door(None).await?,
            email: Email::parse(&asked.email)?,
            password: Password::choose(&asked.password)?,
            display_name: None,
            client: client(&http),
        };
        platform.sign_up(new).await
    };
    match joined.await {
        Ok(SignedUp::In(member)) => HttpResponse::Created().json(json!({
            "member": member.account.principal,
            "token": member.tokens.access_token.expose_secret(),
        })),
        // Not at this door: only an app can ask for a proven address first.
        Ok(SignedUp::CheckMail) => HttpResponse::Accepted().finish(),
        Err(error) => refused(&error),
    }
}

/// Comes back to the club. Lockout, equal answers and equal time for whoever is not a member come with the use case.
async fn enter(platform: web::Data<Platform>, asked: web::Json<Credentials>, http: HttpRequest) -> HttpResponse {
    let entered = async {
        let shown = SignIn {
            door: platform.door(None).await?,
            email: Email::parse(&asked.email)?,
            password: Password::attempt(asked.password.clone())?,
            client: client(&http),
        };
        platform.sign_in(shown).await
    };
    match entered.await {
        Ok(member) => HttpResponse::Ok().json(json!({ "token": member.tokens.access_token.expose_secret() })),
        Err(error) => refused(&error),
    }
}

/// Greets whoever calls: an access token, an API key, whatever the authentication chain knows.
async fn hello(platform: web::Data<Platform>, http: HttpRequest) -> HttpResponse {
    let authorization = http.headers().get("authorization").and_then(|value| value.to_str().ok());
    let greeted = async {
        let ip = http.peer_addr().map(|peer| peer.ip());
        let caller = platform.authenticate(Presented { authorization, ip, ..Presented::default() }).await?;
        platform.me(&caller).await
    };
    match greeted.await {
        Ok(me) => {
            let name = me.email.as_ref().map_or("you", |email| email.as_str());
            HttpResponse::Ok().json(json!({ "greeting": format!("Hello, {name}!") }))
        }
        Err(error) => refused(&error),
    }
}

/// The device, for the list of sessions.
fn client(http: &HttpRequest) -> Client {
    Client { ip: http.peer_addr().map(|peer| peer.ip()), user_agent: None, language: None }
}

/// An error in our own words. `code` and `message` are safe to show; `cause` is for the log alone.
fn refused(error: &kernel::Error) -> HttpResponse {
    let status = match error.kind() {
        ErrorKind::Validation => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    HttpResponse::build(status).json(json!({ "why": error.code.as_str(), "please": error.message }))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{SocketAddr, TcpStream},
        thread,
    };

    use serde_json::Value;
    use testbed::{Kind, TestDatabase};

    use super::*;

    const PASSWORD: &str = "UserP@ss1";

    /// Runs the whole service for one story.
    fn open(kind: Kind, story: impl FnOnce(SocketAddr) + Send + 'static) {
        let database = TestDatabase::new(kind, |url| drop(Database::migrate(url).unwrap()));
        actix_web::rt::System::new().block_on(async {
            let cheap = HashCost { memory_kib: 64, passes: 1, lanes: 1 };
            let club = Club::open(&database.url, cheap).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = club.doors(listener).unwrap();
            let handle = server.handle();
            let serving = actix_web::rt::spawn(server);
            let told = actix_web::rt::task::spawn_blocking(move || thread::spawn(move || story(address)).join());
            let told = told.await.unwrap();
            handle.stop(true).await;
            serving.await.unwrap().unwrap();
            club.close().await;
            told.unwrap();
        });
    }

    fn call(address: SocketAddr, line: &str, token: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let body = body.to_string();
        let head = "Host: club\r\nConnection: close\r\nContent-Type: application/json";
        let bearer = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let length = body.len();
        write!(stream, "{line} HTTP/1.1\r\n{head}\r\n{bearer}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn members_join_come_back_and_are_greeted(address: SocketAddr) {
        let alice = json!({ "email": "alice@example.com", "password": PASSWORD });
        let (status, joined) = call(address, "POST /join", "", &alice);
        assert_eq!(status, 201, "{joined}");
        let (status, entered) = call(address, "POST /enter", "", &alice);
        assert_eq!(status, 200, "{entered}");
        for token in [&joined["token"], &entered["token"]] {
            let (status, greeted) = call(address, "GET /hello", token.as_str().unwrap(), &Value::Null);
            assert_eq!((status, &greeted["greeting"]), (200, &json!("Hello, alice@example.com!")));
        }

        // The same token opens what is mounted behind our own routes, in Fabric's own words.
        let (status, me) = call(address, "GET /v1/me", joined["token"].as_str().unwrap(), &Value::Null);
        assert_eq!((status, &me["data"]["principal_id"]), (200, &joined["member"]));
        assert_eq!(call(address, "GET /healthz", "", &Value::Null).0, 200);
        assert_eq!(call(address, "GET /nowhere", "", &Value::Null).1["error"]["code"], "not_found");
    }

    fn strangers_are_turned_away(address: SocketAddr) {
        let bob = json!({ "email": "bob@example.com", "password": PASSWORD });
        assert_eq!(call(address, "POST /join", "", &bob).0, 201);
        for (line, body, status, why) in [
            ("POST /join", bob, 409, "email_taken"),
            ("POST /join", json!({ "email": "carol@example.com", "password": "password" }), 400, "weak_password"),
            (
                "POST /enter",
                json!({ "email": "bob@example.com", "password": "Guess-1234" }),
                401,
                "invalid_credentials",
            ),
            ("GET /hello", Value::Null, 401, "unauthorized"),
        ] {
            let (answered, refused) = call(address, line, "", &body);
            assert_eq!((answered, &refused["why"]), (status, &json!(why)), "{line} {body}");
        }
        assert_eq!(call(address, "GET /hello", "no.token.at-all", &Value::Null).0, 401);
    }

    #[test]
    fn members_join_come_back_and_are_greeted_on_sqlite() {
        open(Kind::Sqlite, members_join_come_back_and_are_greeted);
    }

    #[test]
    fn members_join_come_back_and_are_greeted_on_postgres() {
        open(Kind::Postgres, members_join_come_back_and_are_greeted);
    }

    #[test]
    fn strangers_are_turned_away_on_sqlite() {
        open(Kind::Sqlite, strangers_are_turned_away);
    }

    #[test]
    fn strangers_are_turned_away_on_postgres() {
        open(Kind::Postgres, strangers_are_turned_away);
    }
}
