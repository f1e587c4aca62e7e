//! Accounts and principals.

use identity::{
    Account, EmailProof, PasswordHash,
    account::{AccountFilter, Person},
};
use kernel::{
    Code, Name, Page, Role, SecretHash, Unchecked,
    id::{AccountId, PrincipalId},
};
use platform::Transaction;

use crate::support::{Db, account, at, email, metadata};

on_both!(
    what_was_written_is_read_back,
    an_address_is_taken_once_in_each_app,
    a_principal_is_known_by_an_address_that_nobody_had_before,
    an_update_writes_everything_but_epoch_and_password,
    an_update_of_what_is_gone_is_refused,
    a_password_is_replaced_by_whoever_knows_the_present_one,
    a_raised_epoch_ends_every_session,
    with_an_account_goes_everything_that_hangs_on_it,
    the_address_of_a_principal_is_forgotten_with_their_last_account,
    an_app_never_reaches_the_accounts_of_another,
    people_are_those_who_have_an_account_there,
    an_app_lists_its_own_accounts,
    a_list_can_be_cut_down_to_a_prefix,
);

fn full(app: Option<kernel::id::AppId>) -> Account {
    Account {
        proof: Some(EmailProof::Operator),
        password: Some(PasswordHash::from_stored("$argon2id$…".to_owned())),
        display_name: Some(Name::parse("Zoë 🦊 'Q'").unwrap()),
        metadata: metadata("account"),
        epoch: 7,
        valid_from: at(1),
        platform_admin: app.is_none(),
        disabled_at: Some(at(2)),
        created_at: at(3),
        updated_at: at(4),
        ..account(app)
    }
}

async fn what_was_written_is_read_back(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let account = full(app);
        let new = account.clone();
        db.write(move |tx| {
            tx.insert_principal(new.principal, Some(&new.email), at(0))?;
            tx.insert_account(&new)
        })
        .await;
        let wanted = account.clone();
        let found = db
            .read(move |tx| {
                Ok([
                    tx.account(wanted.id)?,
                    tx.account_by_email(app, &wanted.email)?,
                    tx.account_of(app, wanted.principal)?,
                    tx.account_in(&Unchecked(app), wanted.principal)?,
                ])
            })
            .await;
        assert_eq!(found, [const { None }; 4].map(|_: Option<Account>| Some(account.clone())));
    }
    let nobody = db.read(move |tx| tx.account(AccountId::generate())).await;
    assert_eq!(nobody, None);
}

async fn an_address_is_taken_once_in_each_app(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let first = db.account(app).await;
        let same_address = Account { email: first.email.clone(), ..account(app) };
        let principal = same_address.principal;
        let code = db.refused(move |tx| {
            tx.insert_principal(principal, None, at(0))?;
            tx.insert_account(&same_address)
        });
        assert_eq!(code.await, Code::EmailTaken);
        let same_principal = Account { principal: first.principal, ..account(app) };
        assert_eq!(db.refused(move |tx| tx.insert_account(&same_principal)).await, Code::Conflict);

        let other = db.account(app).await;
        let moved = Account { email: first.email.clone(), ..other };
        assert_eq!(db.refused(move |tx| tx.update_account(&moved)).await, Code::EmailTaken);
    }
    // The same person with the same address, in both.
    let here = db.account(None).await;
    let there = Account { principal: here.principal, email: here.email, ..account(Some(app)) };
    db.write(move |tx| tx.insert_account(&there)).await;
}

async fn a_principal_is_known_by_an_address_that_nobody_had_before(db: &Db) {
    let [first, second] = [PrincipalId::generate(), PrincipalId::generate()];
    let made = db.write(move |tx| {
        Ok([
            tx.insert_principal(first, Some(&email("alice@example.com")), at(0))?,
            tx.insert_principal(second, Some(&email("alice@example.com")), at(1))?,
        ])
    });
    assert_eq!(made.await, [true, false]);
    let known = db.read(move |tx| tx.principal_by_email(&email("alice@example.com"))).await;
    assert_eq!(known, Some(first));
    // The other one is there, too: it can have an account.
    let account = Account { principal: second, ..account(None) };
    db.write(move |tx| tx.insert_account(&account)).await;
}

async fn an_update_writes_everything_but_epoch_and_password(db: &Db) {
    let before = db.account(None).await;
    let after = Account { id: before.id, principal: before.principal, ..full(None) };
    for wanted in [after, before.clone()] {
        let change = wanted.clone();
        db.write(move |tx| tx.update_account(&change)).await;
        let found = db.read(move |tx| tx.account(before.id)).await.unwrap();
        let same = before.clone();
        assert_eq!(
            found,
            Account {
                epoch: same.epoch,
                valid_from: same.valid_from,
                password: same.password,
                created_at: same.created_at,
                ..wanted
            }
        );
    }
}

async fn an_update_of_what_is_gone_is_refused(db: &Db) {
    assert_eq!(db.refused(move |tx| tx.update_account(&account(None))).await, Code::NotFound);
    let account = db.account(None).await;
    let code = db.refused(move |tx| {
        let found = tx.account(account.id)?.unwrap();
        tx.delete_account(&Unchecked(None), found.principal, at(1))?;
        tx.update_account(&found)
    });
    assert_eq!(code.await, Code::NotFound);
}

async fn a_password_is_replaced_by_whoever_knows_the_present_one(db: &Db) {
    let id = db.account(None).await.id;
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    let tries = [(Some("x"), "a", false), (None, "a", true), (None, "b", false), (Some("a"), "b", true)];
    for (was, new, replaced) in tries {
        let (was, new) = (was.map(hash), hash(new));
        let done = db.write(move |tx| tx.replace_password(id, was.as_ref(), &new)).await;
        assert_eq!(done, replaced);
    }
    let found = db.read(move |tx| tx.account(id)).await.unwrap();
    assert_eq!(found.password, Some(hash("b")));
    db.write(move |tx| tx.remove_password(id)).await;
    let found = db.read(move |tx| tx.account(id)).await.unwrap();
    assert_eq!(found.password, None);
}

async fn a_raised_epoch_ends_every_session(db: &Db) {
    let account = db.account(None).await;
    let (session, _) = db.session(&account).await;
    let id = account.id;
    let epoch = db.write(move |tx| tx.raise_epoch(id, at(50))).await;
    assert_eq!(epoch, account.epoch + 1);
    let (found, live) = db.read(move |tx| Ok((tx.account(id)?.unwrap(), tx.live_session(session.id)?))).await;
    assert_eq!((found.epoch, found.valid_from, live), (epoch, at(50), None));
    assert_eq!(db.refused(move |tx| tx.raise_epoch(AccountId::generate(), at(50))).await, Code::NotFound);
}

async fn with_an_account_goes_everything_that_hangs_on_it(db: &Db) {
    let account = db.account(None).await;
    let bystander = db.account(None).await;
    db.session(&account).await;
    db.session(&bystander).await;
    let organization = db.organization().await.id;
    db.member(organization, account.principal, Role::Owner).await;
    let (id, principal) = (account.id, account.principal);
    db.write(move |tx| {
        tx.insert_one_time_token(&crate::one_time_tokens::token(id, 1))?;
        tx.insert_link(&crate::links::link(None, id, "subject"))?;
        tx.enroll_totp(&crate::second_factor::totp(id), &[SecretHash([1; 32])])?;
        tx.insert_challenge(&crate::second_factor::challenge(id, 1))?;
        tx.insert_api_key(&Unchecked(organization), &crate::api_keys::key(organization, Some(id), principal))
    })
    .await;
    db.write(move |tx| tx.delete_account(&Unchecked(None), principal, at(1))).await;
    for (table, left) in
        [("accounts", 1), ("sessions", 1), ("refresh_tokens", 1), ("one_time_tokens", 0), ("api_keys", 0)]
            .into_iter()
            .chain(["totp_enrollments", "recovery_codes", "mfa_challenges"].map(|table| (table, 0)))
    {
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table}")), left, "{table}");
    }
    // Memberships are the tenancy's.
    assert_eq!(db.number("SELECT count(*) FROM memberships"), 1);
    assert_eq!(db.refused(move |tx| tx.delete_account(&Unchecked(None), principal, at(1))).await, Code::NotFound);
}

async fn the_address_of_a_principal_is_forgotten_with_their_last_account(db: &Db) {
    let app = db.app().await.id;
    let here = db.account(None).await;
    let there = Account { principal: here.principal, ..account(Some(app)) };
    db.write(move |tx| tx.insert_account(&there)).await;
    for (scope, known) in [(Some(app), true), (None, false)] {
        let (principal, email) = (here.principal, here.email.clone());
        db.write(move |tx| tx.delete_account(&Unchecked(scope), principal, at(1))).await;
        let found = db.read(move |tx| tx.principal_by_email(&email)).await;
        assert_eq!(found.is_some(), known);
    }
}

async fn an_app_never_reaches_the_accounts_of_another(db: &Db) {
    let [mine, foreign] = [db.app().await.id, db.app().await.id];
    let account = db.account(Some(mine)).await;
    let principal = account.principal;
    for scope in [Some(foreign), None] {
        let (email, filter) = (account.email.clone(), AccountFilter::default());
        let found = db.read(move |tx| {
            let page = Page::new(None, 0, 10)?;
            assert!(tx.accounts_in(&Unchecked(scope), &filter, &page)?.items.is_empty());
            Ok((tx.account_in(&Unchecked(scope), principal)?, tx.account_by_email(scope, &email)?))
        });
        assert_eq!(found.await, (None, None));
        assert_eq!(db.refused(move |tx| tx.delete_account(&Unchecked(scope), principal, at(1))).await, Code::NotFound);
    }
}

async fn people_are_those_who_have_an_account_there(db: &Db) {
    let (app, other) = (db.app().await.id, db.app().await.id);
    let [named, nameless, elsewhere] =
        [db.account(Some(app)).await, db.account(Some(app)).await, db.account(Some(other)).await];
    let named = Account { display_name: Some(Name::parse("Zoë 🦊").unwrap()), ..named };
    let change = named.clone();
    db.write(move |tx| tx.update_account(&change)).await;
    let unasked = db.account(Some(app)).await;
    let platforms = Account { principal: nameless.principal, ..account(None) };
    let new = platforms.clone();
    db.write(move |tx| tx.insert_account(&new)).await;

    let mut asked = vec![named.principal, elsewhere.principal];
    // More than one query asks for.
    asked.extend((0..1500).map(|_| PrincipalId::generate()));
    asked.push(nameless.principal);
    assert!(!asked.contains(&unasked.principal));
    for (app, accounts) in [(Some(app), vec![named, nameless]), (None, vec![platforms])] {
        let asked = asked.clone();
        let person = |account: Account| Person {
            principal: account.principal,
            email: account.email,
            display_name: account.display_name,
        };
        let mut expected: Vec<_> = accounts.into_iter().map(person).collect();
        let mut found = db.read(move |tx| tx.people(app, &asked)).await;
        for people in [&mut expected, &mut found] {
            people.sort_by_key(|person| person.principal);
        }
        assert_eq!(found, expected);
    }
    assert!(db.read(move |tx| tx.people(None, &[])).await.is_empty());
}

async fn an_app_lists_its_own_accounts(db: &Db) {
    let app = Some(db.app().await.id);
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(db.account(app).await);
        db.account(None).await;
    }
    let list = move |tx: &mut dyn Transaction, page: &Page<_>| {
        tx.accounts_in(&Unchecked(app), &AccountFilter::default(), page)
    };
    db.lists(&all, |account| account.id, list).await;
}

async fn a_list_can_be_cut_down_to_a_prefix(db: &Db) {
    for address in ["alice@example.com", "alice.b@example.com", "bob@example.com", "a_b@example.com"] {
        let account = Account { email: email(address), ..account(None) };
        db.write(move |tx| {
            tx.insert_principal(account.principal, None, at(0))?;
            tx.insert_account(&account)
        })
        .await;
    }
    let cases = [
        ("alice", 2),
        ("alice@", 1),
        ("a", 3),
        ("", 4),
        ("z", 0),
        ("a_", 1),
        ("a%", 0),
        ("é", 0),
        ("a\0", 0),
        ("~", 0),
    ];
    for (prefix, count) in cases {
        let filter = AccountFilter { email_prefix: Some(prefix.to_owned()) };
        let page = Page::new(None, 0, 10).unwrap().counted(true);
        let found = db.read(move |tx| tx.accounts_in(&Unchecked(None), &filter, &page)).await;
        assert_eq!((found.items.len(), found.total), (count, Some(count as u64)), "{prefix:?}");
    }
}
