//! Invitations: who sends them, who may accept, and what they are worth.

use std::time::Duration;

use kernel::Role;
use serde_json::{Value, json};

use crate::support::{Answer, Company, Mail, Person, Raw, World, token_in};

const DAY: Duration = Duration::from_hours(24);

on_both!(
    whoever_is_invited_gets_a_link_and_joins_by_it,
    a_proven_address_needs_no_link,
    who_has_no_account_yet_is_sent_on_with_the_token,
    an_account_that_nobody_has_proven_joins_by_no_link_alone,
    a_button_may_be_wanted_first,
    who_loads_ahead_accepts_nothing,
    both_ways_to_invite_make_the_same,
    an_invitation_into_a_team,
    an_own_role_can_be_offered,
    invitations_are_listed_by_status,
    what_one_is_invited_to,
    an_invitation_can_be_declined,
    an_invitation_is_sent_again,
    an_invitation_waits_for_seven_days,
    an_address_is_invited_once_at_a_time,
    a_member_is_not_invited,
    an_organization_invites_only_so_many,
    the_token_is_in_the_mail_and_nowhere_else,
);

impl Company {
    pub(super) async fn invite(&self, world: &World, by: &Person, whom: &str, role: &str) -> Answer {
        let body = json!({ "email": format!("{whom}@example.com"), "role": role });
        world.post(&self.path("invitations"), &body).by(by).send().await
    }

    /// An invitation, and the mail that came of it.
    pub(super) async fn invited(&self, world: &World, whom: &str, role: &str) -> (String, Mail) {
        world.mails().await;
        let id = self.invite(world, &self.owner, whom, role).await.text("id");
        (id, world.mail().await)
    }

    /// What somebody is here; empty for who is no member.
    pub(super) async fn role_of(&self, world: &World, person: &Person) -> String {
        let members = world.get(&self.path("members")).by(&self.owner).send().await;
        let found =
            members.ok().as_array().unwrap().iter().find(|member| member["principal_id"] == person.id.to_string());
        found.map(|member| member["role"].as_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Somebody with a proven address.
    pub(super) async fn proven(&self, world: &World, name: &str) -> Person {
        let person = world.sign_up(Some(&self.app), name).await;
        let path = format!("/v1/admin/users/{}/verify", person.id);
        world.post(&path, &json!({})).bearer(&self.app.api_key).send().await.ok();
        person
    }
}

pub(super) fn accept(id: &str) -> String {
    format!("/v1/invitations/{id}/accept")
}

/// Follows a link as a browser does.
pub(super) async fn follow(world: &World, link: &str) -> Raw {
    world.get(link.strip_prefix("https://id.example.com").unwrap()).raw().await
}

pub(super) async fn status_of(world: &World, company: &Company, id: &str) -> String {
    world.get(&format!("/v1/invitations/{id}")).by(&company.owner).send().await.text("status")
}

async fn whoever_is_invited_gets_a_link_and_joins_by_it(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    world.mails().await;
    let made = company.invite(world, &company.owner, "newcomer", "member").await;
    assert_eq!(made.status, 201);
    let id = made.text("id");
    assert_eq!(made.ok()["organization_id"], company.id.to_string());
    assert_eq!((made.text("email"), made.text("role")), (newcomer.email.clone(), "member".to_owned()));
    assert_eq!((made.text("status"), made.text("invited_by")), ("pending".to_owned(), company.owner.id.to_string()));
    let mail = world.mail().await;
    assert_eq!(mail.to, newcomer.email);
    assert!(mail.link().starts_with(&format!("https://id.example.com/v1/invitations/{id}/accept?token=")));

    let followed = follow(world, mail.link()).await;
    assert_eq!(followed.status, 200, "{followed:?}");
    assert_eq!(company.role_of(world, &newcomer).await, "member");
    assert_eq!(status_of(world, &company, &id).await, "accepted");
    for kind in ["invitation.created", "invitation.accepted", "membership.created"] {
        let there =
            world.number(&format!("SELECT count(*) FROM events WHERE kind = '{kind}' AND payload LIKE '%{id}%'"));
        assert_eq!(there, 1, "{kind}");
    }
    // They may do what a member may, at once.
    world.get(&company.path("members")).by(&newcomer).send().await.ok();
    let again = follow(world, mail.link()).await;
    assert_eq!(again.status, 409);
}

async fn a_proven_address_needs_no_link(world: &World) {
    let company = Company::new(world).await;
    let proven = company.proven(world, "proven").await;
    let unproven = world.sign_up(Some(&company.app), "unproven").await;
    let id = company.invite(world, &company.owner, "proven", "viewer").await.text("id");
    // As the SDK does: no body at all.
    let accepted = world.call("POST", &accept(&id)).by(&proven).send().await;
    assert_eq!(accepted.text("status"), "accepted");
    assert_eq!(company.role_of(world, &proven).await, "viewer");

    let (id, mail) = company.invited(world, "unproven", "viewer").await;
    world.call("POST", &accept(&id)).by(&unproven).send().await.refused(403, "email_not_verified");
    world.post(&accept(&id), &json!({ "token": mail.token() })).by(&unproven).send().await.ok();
    assert_eq!(company.role_of(world, &unproven).await, "viewer");
    // Whoever has what was mailed there has the address.
    assert_eq!(world.get("/v1/me").by(&unproven).send().await.ok()["email_verified"], true);
}

async fn who_has_no_account_yet_is_sent_on_with_the_token(world: &World) {
    let company = Company::new(world).await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    // With no place to send them to there is only an answer.
    let told = world.get(mail.link().strip_prefix("https://id.example.com").unwrap()).send().await;
    told.refused(409, "account_required");
    world.post(&accept(&id), &json!({ "token": mail.token() })).send().await.refused(409, "account_required");

    let page = "https://app.example.com/join?from=mail";
    let url = kernel::WebUrl::parse(page).unwrap();
    let configured = world.restarted_with(|plan| plan.settings.invite_redirect_url = Some(url)).await;
    let followed = follow(&configured, mail.link()).await;
    assert_eq!(followed.status, 302);
    let token = mail.token();
    assert_eq!(followed.header("location"), Some(&*format!("{page}&invitation_id={id}&token={token}")));
    assert_eq!(status_of(world, &company, &id).await, "pending");

    let newcomer = configured.sign_up(Some(&company.app), "newcomer").await;
    configured.post(&accept(&id), &json!({ "token": token })).by(&newcomer).send().await.ok();
    assert_eq!(company.role_of(world, &newcomer).await, "member");

    // An app's own site comes first; who has joined goes there, too.
    configured.configure(&company.app, &json!({ "site_url": "https://acme.example.com/" })).await;
    let (id, mail) = company.invited(&configured, "second", "member").await;
    let followed = follow(&configured, mail.link()).await;
    let token = mail.token();
    let there = format!("https://acme.example.com/accept-invitation?invitation_id={id}&token={token}");
    assert_eq!(followed.header("location"), Some(&*there));
    company.proven(&configured, "second").await;
    assert_eq!(follow(&configured, mail.link()).await.header("location"), Some("https://acme.example.com/"));
}

/// Attack 25: whoever signs up with a stranger's address waits for the stranger to be invited.
async fn an_account_that_nobody_has_proven_joins_by_no_link_alone(world: &World) {
    let company = Company::new(world).await;
    let squatter = world.sign_up(Some(&company.app), "victim").await;
    let (id, mail) = company.invited(world, "victim", "admin").await;
    let link = mail.link().strip_prefix("https://id.example.com").unwrap();
    world.get(link).send().await.refused(403, "email_not_verified");
    world.post(&accept(&id), &json!({ "token": mail.token() })).send().await.refused(403, "email_not_verified");
    assert_eq!(company.role_of(world, &squatter).await, "");
    // Nor do they see that there is one.
    let own = world.get("/v1/me/invitations").by(&squatter).send().await;
    assert_eq!(own.ok(), &json!([]));
}

async fn a_button_may_be_wanted_first(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    let settings = json!({ "confirm_invitations": true });
    world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    let page = follow(world, mail.link()).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text.contains(&format!("action=\"/v1/invitations/{id}/accept\"")), "{}", page.text);
    assert_eq!(status_of(world, &company, &id).await, "pending");
    let pressed = world.call("POST", &accept(&id)).form([("token", &mail.token())]).raw().await;
    assert_eq!((pressed.status, pressed.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(company.role_of(world, &newcomer).await, "member");
}

async fn who_loads_ahead_accepts_nothing(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    let (_, mail) = company.invited(world, "newcomer", "member").await;
    let link = mail.link().strip_prefix("https://id.example.com").unwrap();
    for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "Prefetch"), ("x-moz", "prefetch")] {
        let ahead = world.get(link).another(name, value).raw().await;
        assert_eq!(ahead.status, 200, "{name}");
    }
    let head = world.call("HEAD", link).raw().await;
    assert_eq!(head.status, 405);
    assert_eq!(company.role_of(world, &newcomer).await, "");
    assert_eq!(follow(world, mail.link()).await.status, 200);
    assert_eq!(company.role_of(world, &newcomer).await, "member");
}

async fn both_ways_to_invite_make_the_same(world: &World) {
    let company = Company::new(world).await;
    let nested = company.invite(world, &company.admin, "one", "member").await;
    let body = json!({ "organization_id": company.id, "email": "Two@Example.com", "role": "member" });
    let flat = world.post("/v1/invitations", &body).by(&company.admin).send().await;
    assert_eq!((nested.status, flat.status), (201, 201));
    assert_eq!(flat.text("email"), "two@example.com");
    let fields = |answer: &Answer| answer.ok().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&nested), fields(&flat));
    // Who says nothing invites a member.
    let plain = world.post(&company.path("invitations"), &json!({ "email": "three@example.com" }));
    assert_eq!(plain.by(&company.admin).send().await.text("role"), "member");
}

async fn an_invitation_into_a_team(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Bakers").await;
    let newcomer = company.proven(world, "newcomer").await;
    let body = json!({ "email": newcomer.email, "role": "member", "team_id": team });
    let made = world.post(&company.path("invitations"), &body).by(&company.owner).send().await;
    assert_eq!(made.text("team_id"), team);
    world.call("POST", &accept(&made.text("id"))).by(&newcomer).send().await.ok();
    let own = world.get("/v1/me/teams").by(&newcomer).send().await;
    assert_eq!(own.ok()[0]["id"], team.as_str());
    assert_eq!(own.ok()[0]["role"], "member");
    // Another organization's team is no team.
    let outsiders = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{outsiders}/invitations");
    let body = json!({ "email": "x@example.com", "role": "member", "team_id": team });
    world.post(&path, &body).by(&company.outsider).send().await.refused(400, "invalid_request");
}

async fn an_own_role_can_be_offered(world: &World) {
    let company = Company::new(world).await;
    let role = json!({ "name": "baker", "actions": ["team.create"] });
    let role = world.post(&company.path("roles"), &role).by(&company.owner).send().await.text("id");
    let (one, two) = (company.proven(world, "one").await, company.proven(world, "two").await);
    let first = company.invite(world, &company.owner, "one", "baker").await.text("id");
    let second = company.invite(world, &company.owner, "two", "baker").await.text("id");
    company.invite(world, &company.owner, "three", "butcher").await.refused(400, "invalid_request");
    world.call("POST", &accept(&first)).by(&one).send().await.ok();
    assert_eq!(company.role_of(world, &one).await, "baker");
    world.post(&company.path("teams"), &json!({ "name": "Bakers" })).by(&one).send().await.ok();
    // A role that is gone is offered no more.
    company.set_role(world, &company.owner, &one, "viewer").await.ok();
    world.delete(&company.path(&format!("roles/{role}"))).by(&company.owner).send().await.ok();
    world.call("POST", &accept(&second)).by(&two).send().await.refused(409, "invitation_closed");
}

async fn invitations_are_listed_by_status(world: &World) {
    let company = Company::new(world).await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(company.invite(world, &company.owner, name, "member").await.text("id"));
    }
    world.post(&format!("/v1/invitations/{}/revoke", ids[1]), &json!({})).by(&company.admin).send().await.ok();
    let listed = async |query: &str| {
        let path = company.path(&format!("invitations{query}"));
        let listed = world.get(&path).by(&company.admin).send().await;
        let ids = listed.ok().as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("?status=pending").await, [ids[0].clone(), ids[2].clone()]);
    assert_eq!(listed("?status=revoked").await, [ids[1].clone()]);
    assert_eq!(listed("?limit=1").await, [ids[0].clone()]);
    let path = format!("/v1/invitations?organization_id={}&status=pending&include_total=true", company.id);
    let flat = world.get(&path).by(&company.admin).send().await;
    assert_eq!(flat.body["meta"]["pagination"]["total"], 2);
    // In their only organization nobody need name it.
    assert_eq!(
        world.get("/v1/invitations").bearer(&company.owner.token).send().await.ok().as_array().unwrap().len(),
        3
    );
    let wrong = world.get(&company.path("invitations?status=lost")).by(&company.admin).send().await;
    wrong.refused(400, "invalid_parameter");
    world.get(&company.path("invitations")).by(&company.member).send().await.refused(403, "forbidden");
    world.advance(7 * DAY);
    assert_eq!(world.sign_in(Some(&company.app), "admin").await.id, company.admin.id);
    let admin = world.sign_in(Some(&company.app), "admin").await;
    let expired = world.get(&company.path("invitations?status=expired")).by(&admin).send().await;
    assert_eq!(expired.ok().as_array().unwrap().len(), 2);
    assert_eq!(expired.ok()[0]["status"], "expired");
}

async fn what_one_is_invited_to(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    let id = company.invite(world, &company.owner, "newcomer", "member").await.text("id");
    company.invite(world, &company.owner, "somebody-else", "member").await;
    let own = world.get("/v1/me/invitations").by(&newcomer).send().await;
    let own = own.ok().as_array().unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(
        (own[0]["id"].as_str(), own[0]["organization_id"].as_str()),
        (Some(&*id), Some(&*company.id.to_string()))
    );
    assert!(own[0]["organization_name"].is_string() && own[0].get("token").is_none());
    // An app sees what its user is invited to.
    let exchanged = world.exchange(&company.app, newcomer.id).await.text("access_token");
    let through = world.get("/v1/me/invitations").bearer(&exchanged).send().await;
    assert_eq!(through.ok().as_array().unwrap().len(), 1);
    // In another app the same address is another account.
    let other = world.set_up("other").await;
    let elsewhere = world.sign_up(Some(&other), "newcomer").await;
    assert_eq!(world.get("/v1/me/invitations").by(&elsewhere).send().await.ok(), &json!([]));
    world.post(&accept(&id), &json!({})).by(&elsewhere).send().await.refused(404, "not_found");
    world.post(&accept(&id), &json!({})).by(&newcomer).send().await.ok();
    assert_eq!(world.get("/v1/me/invitations").by(&newcomer).send().await.ok(), &json!([]));
}

async fn an_invitation_can_be_declined(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    let decline = |id: &str| format!("/v1/invitations/{id}/decline");
    let (id, _) = company.invited(world, "newcomer", "member").await;
    world.post(&decline(&id), &json!({})).by(&company.outsider).send().await.refused(403, "forbidden");
    let declined = world.post(&decline(&id), &json!({})).by(&newcomer).send().await;
    assert_eq!(declined.text("status"), "declined");
    world.post(&accept(&id), &json!({})).by(&newcomer).send().await.refused(409, "invitation_closed");
    // Without an account the token does.
    let (id, mail) = company.invited(world, "nobody", "member").await;
    world.post(&decline(&id), &json!({})).send().await.refused(401, "unauthorized");
    world.post(&decline(&id), &json!({ "token": mail.token() })).send().await.ok();
    assert_eq!(status_of(world, &company, &id).await, "declined");
    assert_eq!(world.events("invitation.declined"), 2);
}

async fn an_invitation_is_sent_again(world: &World) {
    let company = Company::new(world).await;
    let newcomer = company.proven(world, "newcomer").await;
    let (id, first) = company.invited(world, "newcomer", "member").await;
    world.advance(6 * DAY);
    let admin = world.sign_in(Some(&company.app), "admin").await;
    let resend = format!("/v1/invitations/{id}/resend");
    let sent = world.post(&resend, &json!({})).by(&admin).send().await;
    assert_eq!((sent.text("status"), sent.text("invited_by")), ("pending".to_owned(), admin.id.to_string()));
    let second = world.mail().await;
    assert_ne!(first.token(), second.token());
    // The first term is over, the second is not; the first link is as good as the second.
    world.advance(2 * DAY);
    assert_eq!(follow(world, first.link()).await.status, 200);
    let admin = world.sign_in(Some(&company.app), "admin").await;
    assert_eq!(company.role_of_by(world, &admin, &newcomer).await, "member");
    world.post(&resend, &json!({})).by(&admin).send().await.refused(409, "invitation_closed");
}

impl Company {
    async fn role_of_by(&self, world: &World, by: &Person, person: &Person) -> String {
        let members = world.get(&self.path("members")).by(by).send().await;
        let found =
            members.ok().as_array().unwrap().iter().find(|member| member["principal_id"] == person.id.to_string());
        found.map(|member| member["role"].as_str().unwrap().to_owned()).unwrap_or_default()
    }
}

async fn an_invitation_waits_for_seven_days(world: &World) {
    let company = Company::new(world).await;
    company.proven(world, "newcomer").await;
    let (_, mail) = company.invited(world, "newcomer", "member").await;
    world.advance(7 * DAY);
    let link = mail.link().strip_prefix("https://id.example.com").unwrap();
    world.get(link).send().await.refused(409, "invitation_closed");
    world.platform.sweep().await.unwrap();
    assert_eq!(world.events("invitation.expired"), 1);
    world.platform.sweep().await.unwrap();
    assert_eq!(world.events("invitation.expired"), 1);
    // The address can be invited anew, whether somebody has noted that or not.
    let owner = world.sign_in(Some(&company.app), "owner").await;
    company.invite(world, &owner, "newcomer", "member").await.ok();
    world.advance(7 * DAY);
    let owner = world.sign_in(Some(&company.app), "owner").await;
    company.invite(world, &owner, "newcomer", "member").await.ok();
    assert_eq!(world.events("invitation.expired"), 2);
    // What is long over is forgotten.
    world.advance(100 * DAY);
    world.platform.sweep().await.unwrap();
    world.advance(100 * DAY);
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM invitations"), 0);
    assert_eq!(world.number("SELECT count(*) FROM invitation_letters"), 0);
}

async fn an_address_is_invited_once_at_a_time(world: &World) {
    let company = Company::new(world).await;
    let id = company.invite(world, &company.owner, "newcomer", "member").await.text("id");
    company.invite(world, &company.admin, "NewComer", "viewer").await.refused(409, "duplicate_invitation");
    // Another organization may invite them all the same, and they get both mails.
    let outsiders = world.home_of(&company.outsider).await;
    let path = format!("/v1/organizations/{outsiders}/invitations");
    let body = json!({ "email": "newcomer@example.com", "role": "member" });
    world.post(&path, &body).by(&company.outsider).send().await.ok();
    let mails = world.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to == "newcomer@example.com").count(), 2);
    world.post(&format!("/v1/invitations/{id}/revoke"), &json!({})).by(&company.owner).send().await.ok();
    company.invite(world, &company.owner, "newcomer", "member").await.ok();
}

async fn a_member_is_not_invited(world: &World) {
    let company = Company::new(world).await;
    company.invite(world, &company.owner, "member", "admin").await.refused(409, "conflict");
    // Nor does an invitation make more of who has become one meanwhile.
    let newcomer = company.proven(world, "newcomer").await;
    let id = company.invite(world, &company.owner, "newcomer", "admin").await.text("id");
    world.enroll(company.id, &newcomer, Role::Viewer).await;
    world.post(&accept(&id), &json!({})).by(&newcomer).send().await.refused(409, "conflict");
    assert_eq!(company.role_of(world, &newcomer).await, "viewer");
}

async fn an_organization_invites_only_so_many(world: &World) {
    let company = Company::new(world).await;
    let settings = json!({ "max_pending_invitations": 3, "max_invitations_per_hour": 5 });
    world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(company.invite(world, &company.owner, name, "member").await.text("id"));
    }
    company.invite(world, &company.owner, "four", "member").await.refused(429, "invitation_limit_reached");
    // What is sent again counts by the hour, and takes no place.
    let resend = format!("/v1/invitations/{}/resend", ids[0]);
    world.post(&resend, &json!({})).by(&company.owner).send().await.ok();
    world.post(&format!("/v1/invitations/{}/revoke", ids[0]), &json!({})).by(&company.owner).send().await.ok();
    company.invite(world, &company.owner, "four", "member").await.ok();
    world.post(&format!("/v1/invitations/{}/revoke", ids[1]), &json!({})).by(&company.owner).send().await.ok();
    let told = company.invite(world, &company.owner, "five", "member").await;
    assert!(told.refused(429, "invitation_limit_reached").retry_after() <= 3600);
    world.advance(Duration::from_mins(61));
    company.invite(world, &company.owner, "five", "member").await.ok();
}

async fn the_token_is_in_the_mail_and_nowhere_else(world: &World) {
    let company = Company::new(world).await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    let token = token_in(mail.link());
    let shown = world.get(&format!("/v1/invitations/{id}")).by(&company.owner).send().await;
    let listed = world.get(&company.path("invitations")).by(&company.owner).send().await;
    let told: Vec<Value> = vec![shown.body, listed.body];
    assert!(!told.iter().any(|told| told.to_string().contains(&token)));
    let kept = format!("SELECT count(*) FROM events WHERE payload LIKE '%{token}%'");
    assert_eq!(world.number(&kept), 0);
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 0);
}
