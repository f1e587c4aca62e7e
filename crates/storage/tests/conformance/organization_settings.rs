//! How organizations behave, and who may change one at a time.

use std::{sync::mpsc, time::Duration};

use kernel::{
    Code, Name, Unchecked, WebUrl,
    id::{OrganizationId, WebhookId},
};
use platform::Transaction;
use tenancy::{InvitationStatus, OrganizationSettings};

use crate::support::{Db, at, invitation, linger};

on_both!(
    a_new_organization_has_the_defaults,
    settings_are_those_of_the_organization_that_was_permitted,
    what_is_done_to_the_organization_leaves_its_settings_alone,
    an_organization_that_is_not_there_has_no_settings,
    of_those_who_hold_an_organization_each_sees_what_the_other_did,
);

fn settings() -> OrganizationSettings {
    OrganizationSettings {
        display_name: Some(Name::constant("Zoë's 🦊 'Agency'")),
        logo_url: Some(WebUrl::parse("https://acme.example.com/logo.svg?v=1").unwrap()),
        email_from_name: Some(Name::constant("Acme")),
        webhook_url: Some(WebUrl::parse("https://acme.example.com/hook").unwrap()),
        webhook_events: Some(vec!["membership.created".to_owned()]),
        webhook_endpoint: Some(WebhookId(uuid::Uuid::from_u128(7))),
        max_pending_invitations: 3,
        max_invitations_per_hour: 0,
        confirm_invitations: true,
        deletion_grace_days: 90,
    }
}

async fn a_new_organization_has_the_defaults(db: &Db) {
    for app in [None, Some(db.app().await.id)] {
        let here = Unchecked(db.organization_in(app).await.id);
        assert_eq!(db.read(move |tx| tx.organization_settings(&here)).await, OrganizationSettings::default());
    }
}

async fn settings_are_those_of_the_organization_that_was_permitted(db: &Db) {
    let [here, other] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let none = OrganizationSettings { webhook_events: Some(Vec::new()), ..OrganizationSettings::default() };
    for wanted in [settings(), none, OrganizationSettings::default()] {
        let new = wanted.clone();
        db.write(move |tx| tx.set_organization_settings(&here, &new)).await;
        assert_eq!(db.read(move |tx| tx.organization_settings(&here)).await, wanted);
        assert_eq!(db.read(move |tx| tx.organization_settings(&other)).await, OrganizationSettings::default());
    }
}

async fn what_is_done_to_the_organization_leaves_its_settings_alone(db: &Db) {
    let organization = db.organization().await;
    let here = Unchecked(organization.id);
    db.write(move |tx| tx.set_organization_settings(&here, &settings())).await;
    db.write(move |tx| {
        let before = tx.organization(organization.id)?.unwrap();
        tx.update_organization(&here, &tenancy::Organization { updated_at: at(1), ..before })
    })
    .await;
    assert_eq!(db.read(move |tx| tx.organization_settings(&here)).await, settings());
}

async fn an_organization_that_is_not_there_has_no_settings(db: &Db) {
    let nowhere = Unchecked(OrganizationId::generate());
    assert_eq!(db.refused(move |tx| tx.organization_settings(&nowhere)).await, Code::NotFound);
    let code = db.refused(move |tx| tx.set_organization_settings(&nowhere, &OrganizationSettings::default()));
    assert_eq!(code.await, Code::NotFound);
    // Whoever holds it learns nothing: that it is not there is for the permit to tell.
    db.write(move |tx| tx.hold_organization(nowhere.0)).await;
}

/// As those do who invite: nobody goes beyond a limit that each of them keeps.
async fn of_those_who_hold_an_organization_each_sees_what_the_other_did(db: &Db) {
    let here = db.organization().await.id;
    let works = (0..8).map(|_| {
        let invitation = invitation(here);
        move |tx: &mut dyn Transaction| {
            tx.hold_organization(here)?;
            if tx.count_pending_invitations(&Unchecked(here), at(0))? == 2 {
                return Ok(None);
            }
            linger();
            tx.insert_invitation(&Unchecked(here), &invitation)?;
            Ok(Some(invitation.status))
        }
    });
    let made: Vec<_> = db.at_once(works).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(made, [InvitationStatus::Pending; 2]);
}

/// Not on SQLite: there nobody writes beside anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgres_alone_nobody_waits_for_another_organization_or_its_members() {
    let db = &Db::postgres();
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let (holds, held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let holding = db.write(move |tx| {
        tx.hold_organization(here)?;
        holds.send(()).unwrap();
        released.recv_timeout(Duration::from_secs(30)).expect("the others do not wait");
        Ok(())
    });
    let others = async {
        tokio::task::spawn_blocking(move || held.recv().unwrap()).await.unwrap();
        db.write(move |tx| tx.hold_organization(elsewhere)).await;
        // Who joins refers to the organization and does not change it.
        db.member(here, kernel::id::PrincipalId::generate(), kernel::Role::Member).await;
        db.read(move |tx| tx.organization_settings(&Unchecked(here))).await;
        release.send(()).unwrap();
    };
    tokio::join!(holding, others);
}
