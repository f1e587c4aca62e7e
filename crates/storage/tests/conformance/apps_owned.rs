//! What goes with an app, and what stays.

use authz::Grant;
use identity::Account;
use kernel::{Event, EventKind, Role, Sealed, Unchecked};
use platform::records::{MailOrder, QueuedMail};
use webhooks::Signing;

use crate::support::{Db, account, at, email, grant};

on_both!(with_an_app_goes_everything_in_it_and_the_ledger_stays);

async fn with_an_app_goes_everything_in_it_and_the_ledger_stays(db: &Db) {
    let (app, other) = (db.app().await, db.app().await);
    let both = db.account(Some(app.id)).await;
    let elsewhere = Account { principal: both.principal, email: both.email, ..account(Some(other.id)) };
    db.write(move |tx| tx.insert_account(&elsewhere)).await;
    for app in [&app, &other] {
        let id = Some(app.id);
        let account = db.account(id).await;
        db.session(&account).await;
        let organization = db.organization_in(id).await.id;
        db.member(organization, account.principal, Role::Viewer).await;
        let (team, role) = (db.team(organization).await, db.custom_role(organization).await.id);
        db.team_member(&team, account.principal, Role::Member).await;
        let grant = Grant { team: Some(team.id), ..grant(organization, account.principal) };
        let app = app.id;
        db.write(move |tx| {
            tx.insert_client_secret(&crate::client_secrets::secret(app, None))?;
            tx.insert_one_time_token(&crate::one_time_tokens::token(account.id, app.0.as_bytes()[15]))?;
            tx.insert_link(&crate::links::link(id, account.id, "subject"))?;
            let key = crate::api_keys::key(organization, None, account.principal);
            tx.insert_api_key(&Unchecked(organization), &key)?;
            let signing = Signing { secret: Sealed(vec![1]), previous: None, created_at: at(0) };
            tx.insert_signing(&Unchecked(organization), &signing)?;
            tx.set_role(&Unchecked(organization), account.principal, Role::Viewer, Some(role))?;
            tx.insert_grant(&Unchecked(organization), &grant)?;
            tx.append(&Event { app: id, ..Event::example(EventKind::AuthSignup, at(0)) })?;
            tx.enqueue_mail(&QueuedMail::new(id, email("alice@example.com"), MailOrder::VerifyEmail, at(0)))?;
            tx.put_mail_template(&crate::mail_templates::template(app, "verify_email.en", 0))
        })
        .await;
    }
    let (id, owner) = (app.id, app.owner);
    db.write(move |tx| tx.delete_app(&Unchecked(owner), id)).await;
    for table in [
        "apps",
        "sessions",
        "refresh_tokens",
        "one_time_tokens",
        "links",
        "api_keys",
        "memberships",
        "teams",
        "team_members",
        "roles",
        "grants",
        "signing_secrets",
        "client_secrets",
        "mail_templates",
    ] {
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    assert_eq!(db.number("SELECT count(*) FROM accounts"), 2);
    assert_eq!(db.number("SELECT count(*) FROM organizations"), 3, "the owners and the other app's");
    for table in ["events", "mail_queue"] {
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table}")), 2, "{table}");
    }
    assert!(db.read(move |tx| tx.app(other.id)).await.is_some());
    // Whoever had an account there and nowhere else is known no more.
    assert_eq!(db.number("SELECT count(*) FROM principals WHERE email IS NOT NULL"), 2);
}
