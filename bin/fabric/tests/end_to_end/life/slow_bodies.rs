//! Requests whose bodies come late: whoever sent the head was let in, and is no more when the body is there.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, Site, client::text, new_email};

on_both!(attack_23_a_body_that_comes_after_the_end_makes_nothing);

/// A request that has been let in, and whose body is still to come.
struct Held {
    stream: TcpStream,
    body: String,
}

impl Held {
    fn begin(server: &Server, token: &str, path: &str, body: &Value) -> Self {
        let (body, host) = (body.to_string(), server.address());
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self { stream, body }
    }

    /// What is answered once the body is there.
    fn end(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn attack_23_a_body_that_comes_after_the_end_makes_nothing(site: &mut Site) {
    let server = site.serve();
    let email = new_email();
    let signed_up = server.client().sign_up(&email);
    let token = text(&signed_up["access_token"]);
    let signed_in = server.client().bearer(&token);
    let own = text(&signed_in.get("/v1/me/organizations").data()[0]["id"]);
    let wishes = json!({ "name": "Kept", "organization_id": own });
    let account = text(&signed_in.post("/v1/service-accounts", &wishes).data()["id"]);
    let key = text(&signed_in.post("/v1/api-keys", &wishes).data()["key"]);
    let client = json!({ "name": "Kept", "organization_id": own, "redirect_uris": [] });
    let invitation = json!({ "email": new_email(), "role": "owner" });
    let by_session = [
        ("/v1/api-keys".to_owned(), &wishes),
        ("/v1/service-accounts".to_owned(), &wishes),
        (format!("/v1/service-accounts/{account}/api-keys"), &wishes),
        ("/v1/oauth/clients".to_owned(), &client),
        (format!("/v1/organizations/{own}/invitations"), &invitation),
    ];
    // In time, a late body is as good as any.
    assert!(Held::begin(&server, &token, "/v1/api-keys", &wishes).end().starts_with("HTTP/1.1 201"));
    let held: Vec<_> = by_session.iter().map(|(path, body)| Held::begin(&server, &token, path, body)).collect();
    let by_key = Held::begin(&server, &key, "/v1/service-accounts", &wishes);
    // Until all of them have been let in.
    thread::sleep(Duration::from_secs(1));
    let keys = signed_in.get("/v1/api-keys").data();
    for key in keys.as_array().unwrap() {
        let path = format!("/v1/api-keys/{}", text(&key["id"]));
        assert!(signed_in.try_send("DELETE", &path, None).unwrap().status < 300);
    }
    let everywhere = signed_in.post("/v1/auth/logout-all", &json!({}));
    assert_eq!(everywhere.status, 200, "{}", everywhere.body);
    for held in held.into_iter().chain([by_key]) {
        let answer = held.end();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let again = text(&server.client().sign_in(&email, PASSWORD).data()["access_token"]);
    let again = server.client().bearer(&again);
    assert_eq!(again.get("/v1/api-keys").data(), json!([]));
    let accounts = again.get(&format!("/v1/service-accounts?organization_id={own}")).data();
    assert_eq!(accounts.as_array().unwrap().len(), 1, "{accounts}");
    server.stop();
}
