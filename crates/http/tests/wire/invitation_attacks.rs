//! Invitations, and who would have more of them than they are worth.

use serde_json::json;

use crate::{
    invitations::{accept, follow, status_of},
    support::{Company, World},
};

on_both!(
    attack_39_another_address_accepts_nothing,
    attack_39_no_role_above_the_inviters,
    attack_39_an_invitation_is_worth_what_its_inviter_may_give,
    attack_39_what_was_revoked_used_or_has_expired_is_over,
    attack_39_an_archived_organization_takes_nobody_in,
    attack_06_of_those_who_accept_at_once_one_gets_it,
    attack_14_a_token_of_another_kind_accepts_nothing,
    attack_29_who_is_disabled_vouches_for_nobody,
    attack_31_a_wrong_token_tells_nothing_about_the_invitation,
);

async fn attack_39_another_address_accepts_nothing(world: &World) {
    let company = Company::new(world).await;
    let thief = company.proven(world, "thief").await;
    let (id, mail) = company.invited(world, "newcomer", "owner").await;
    for body in [json!({}), json!({ "token": mail.token() })] {
        world.post(&accept(&id), &body).by(&thief).send().await.refused(403, "forbidden");
    }
    // A forged organization or role in the body is not even looked at.
    let home = world.home_of(&thief).await;
    let forged = json!({ "organization_id": home, "email": thief.email, "role": "owner", "principal_id": thief.id });
    world.post(&accept(&id), &forged).by(&thief).send().await.refused(403, "forbidden");
    // Neither is a key of the invited a person.
    let newcomer = company.proven(world, "newcomer").await;
    let newcomers = world.home_of(&newcomer).await;
    let key = world.api_key(Some(company.app.id), newcomers, &newcomer, |key| key).await;
    world.post(&accept(&id), &json!({})).bearer(&key).send().await.refused(403, "user_required");
    assert_eq!(company.role_of(world, &thief).await, "");
    // Nobody but the organization's own takes it back or sends it again.
    for deed in ["revoke", "resend"] {
        let path = format!("/v1/invitations/{id}/{deed}");
        world.post(&path, &json!({})).by(&thief).send().await.refused(404, "not_found");
        world.post(&path, &json!({})).by(&company.member).send().await.refused(403, "forbidden");
    }
}

async fn attack_39_no_role_above_the_inviters(world: &World) {
    let company = Company::new(world).await;
    company.invite(world, &company.admin, "newcomer", "owner").await.refused(403, "forbidden");
    company.invite(world, &company.member, "newcomer", "viewer").await.refused(403, "forbidden");
    company.invite(world, &company.admin, "newcomer", "Owner").await.refused(400, "invalid_request");
    // One who may invite by a grant still gives no more than they have.
    let grant = json!({
        "organization_id": company.id, "principal_id": company.member.id, "action": "organization.invite",
    });
    world.post("/v1/permissions", &grant).by(&company.owner).send().await.ok();
    company.invite(world, &company.member, "newcomer", "admin").await.refused(403, "forbidden");
    company.invite(world, &company.member, "newcomer", "member").await.ok();
    // An admin takes back no owner's invitation to an owner, and sends none again.
    let id = company.invite(world, &company.owner, "second", "owner").await.text("id");
    for deed in ["revoke", "resend"] {
        let path = format!("/v1/invitations/{id}/{deed}");
        world.post(&path, &json!({})).by(&company.admin).send().await.refused(403, "forbidden");
    }
}

async fn attack_39_an_invitation_is_worth_what_its_inviter_may_give(world: &World) {
    let company = Company::new(world).await;
    let (one, two) = (company.proven(world, "one").await, company.proven(world, "two").await);
    let as_admin = company.invite(world, &company.admin, "one", "admin").await.text("id");
    let as_viewer = company.invite(world, &company.admin, "two", "viewer").await.text("id");
    company.set_role(world, &company.owner, &company.admin, "member").await.ok();
    for (id, person) in [(&as_admin, &one), (&as_viewer, &two)] {
        world.post(&accept(id), &json!({})).by(person).send().await.refused(409, "invitation_closed");
    }
    // Somebody else vouches for it.
    world.post(&format!("/v1/invitations/{as_viewer}/resend"), &json!({})).by(&company.owner).send().await.ok();
    world.post(&accept(&as_viewer), &json!({})).by(&two).send().await.ok();
    // Who has left vouches for nothing.
    company.set_role(world, &company.owner, &company.admin, "admin").await.ok();
    company.remove(world, &company.owner, &company.admin).await.ok();
    world.post(&accept(&as_admin), &json!({})).by(&one).send().await.refused(409, "invitation_closed");
}

async fn attack_39_what_was_revoked_used_or_has_expired_is_over(world: &World) {
    let company = Company::new(world).await;
    let person = company.proven(world, "newcomer").await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    let revoke = format!("/v1/invitations/{id}/revoke");
    assert_eq!(world.call("POST", &revoke).by(&company.admin).send().await.text("status"), "revoked");
    world.call("POST", &revoke).by(&company.admin).send().await.refused(409, "invitation_closed");
    let token = json!({ "token": mail.token() });
    world.post(&accept(&id), &token).by(&person).send().await.refused(409, "invitation_closed");
    world.post(&accept(&id), &token).send().await.refused(409, "invitation_closed");
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    world.post(&accept(&id), &json!({ "token": mail.token() })).by(&person).send().await.ok();
    // Thrown out, they do not come back by the same link.
    company.remove(world, &company.owner, &person).await.ok();
    world
        .post(&accept(&id), &json!({ "token": mail.token() }))
        .by(&person)
        .send()
        .await
        .refused(409, "invitation_closed");
    assert_eq!(follow(world, mail.link()).await.status, 409);
    assert_eq!(company.role_of(world, &person).await, "");
}

async fn attack_39_an_archived_organization_takes_nobody_in(world: &World) {
    let company = Company::new(world).await;
    let person = company.proven(world, "newcomer").await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    world.post(&company.path("archive"), &json!({})).by(&company.owner).send().await.ok();
    world.post(&accept(&id), &json!({})).by(&person).send().await.refused(409, "conflict");
    assert_eq!(follow(world, mail.link()).await.status, 409);
    assert_eq!(world.get("/v1/me/invitations").by(&person).send().await.ok(), &json!([]));
    company.invite(world, &company.owner, "another", "member").await.refused(409, "conflict");
}

async fn attack_06_of_those_who_accept_at_once_one_gets_it(world: &World) {
    let company = Company::new(world).await;
    let person = company.proven(world, "newcomer").await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    let body = json!({ "token": mail.token() });
    let tries = (0..200).map(|number| {
        let call = world.post(&accept(&id), &body);
        if number % 2 == 0 { call.by(&person).send() } else { call.send() }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        answer.refused(409, "invitation_closed");
    }
    assert_eq!(world.events("membership.created"), world.events("organization.created") + 1);
}

async fn attack_14_a_token_of_another_kind_accepts_nothing(world: &World) {
    let company = Company::new(world).await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    world.sign_up(Some(&company.app), "newcomer").await;
    let verify = world.mail().await;
    let forgot = json!({ "email": "newcomer@example.com" });
    world.at_door(Some(&company.app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let reset = world.mail().await;
    for other in [&verify, &reset] {
        world.post(&accept(&id), &json!({ "token": other.token() })).send().await.refused(400, "invalid_token");
    }
    let token = mail.token();
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.refused(400, "invalid_token");
    let reset = json!({ "token": token, "new_password": "Battery-staple-2" });
    world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
    // Nor does the token of one invitation accept another.
    let (other, _) = company.invited(world, "another", "member").await;
    world.post(&accept(&other), &json!({ "token": token })).send().await.refused(400, "invalid_token");
}

/// An administrator's account was stolen, and the thief invites an address of their own before it is found out.
async fn attack_29_who_is_disabled_vouches_for_nobody(world: &World) {
    let company = Company::new(world).await;
    let thief = company.proven(world, "thief").await;
    let id = company.invite(world, &company.admin, "thief", "admin").await.text("id");
    let admin = format!("/v1/admin/users/{}", company.admin.id);
    world.post(&format!("{admin}/disable"), &json!({})).bearer(&company.app.api_key).send().await.ok();
    world.post(&accept(&id), &json!({})).by(&thief).send().await.refused(409, "invitation_closed");
    assert_eq!(company.role_of(world, &thief).await, "");
    // It waits all the same: for the inviter to come back, or for somebody else to vouch for it.
    assert_eq!(status_of(world, &company, &id).await, "pending");
    world.post(&format!("{admin}/enable"), &json!({})).bearer(&company.app.api_key).send().await.ok();
    world.post(&accept(&id), &json!({})).by(&thief).send().await.ok();
}

async fn attack_31_a_wrong_token_tells_nothing_about_the_invitation(world: &World) {
    let company = Company::new(world).await;
    let (id, mail) = company.invited(world, "newcomer", "member").await;
    let absent = kernel::id::InvitationId::generate().to_string();
    let token = mail.token();
    for wrong in ["", "0", &"0".repeat(64), &token[1..], &token.to_uppercase()] {
        let [there, nowhere] = [&id, &absent].map(|id| world.get(&format!("{}?token={wrong}", accept(id))).send());
        assert_eq!(there.await.told(), nowhere.await.told(), "{wrong}");
        let [there, nowhere] = [&id, &absent].map(|id| world.post(&accept(id), &json!({ "token": wrong })).send());
        assert_eq!(there.await.refused(400, "invalid_token").told(), nowhere.await.told(), "{wrong}");
    }
    let [there, nowhere] = [&id, &absent].map(|id| world.post(&accept(id), &json!({})).send());
    assert_eq!(there.await.refused(401, "unauthorized").told(), nowhere.await.told());
}
