//! What happens to accounts when two want something at the same time.

use identity::{Account, PasswordHash};
use kernel::{Code, Name, Unchecked};

use crate::support::{Db, account, at, email, linger};

on_both!(
    of_those_who_sign_up_with_one_address_at_once_one_gets_it,
    of_those_who_want_to_be_the_first_administrator_one_is,
    two_changes_of_one_account_are_both_kept,
    a_password_is_replaced_once,
    of_two_who_delete_the_last_accounts_of_a_principal_one_forgets_the_address,
);

async fn of_those_who_sign_up_with_one_address_at_once_one_gets_it(db: &Db) {
    for app in [None, Some(db.app().await.id)] {
        let works = (0..16).map(|_| {
            let account = Account { email: email("alice@example.com"), ..account(app) };
            move |tx: &mut dyn platform::Transaction| {
                // As a sign-up does: nobody has it yet, as far as each of them can see.
                if tx.account_by_email(app, &account.email)?.is_some() {
                    return Err(kernel::Error::new(Code::EmailTaken));
                }
                linger();
                tx.insert_principal(account.principal, Some(&account.email), at(0))?;
                tx.insert_account(&account)
            }
        });
        let outcomes = db.at_once(works).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(refused.code, Code::EmailTaken);
        }
    }
    assert_eq!(db.number("SELECT count(*) FROM accounts"), 2);
}

async fn of_those_who_want_to_be_the_first_administrator_one_is(db: &Db) {
    let works = (0..8).map(|_| {
        let account = Account { platform_admin: true, ..account(None) };
        move |tx: &mut dyn platform::Transaction| {
            if tx.has_platform_admin(None)? {
                return Ok(false);
            }
            linger();
            tx.insert_principal(account.principal, None, at(0))?;
            tx.insert_account(&account)?;
            Ok(true)
        }
    });
    let outcomes = db.at_once(works).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
    assert!(db.read(|tx| tx.has_platform_admin(None)).await);
}

/// Each reads the account, changes something else about it and writes the whole of it.
async fn two_changes_of_one_account_are_both_kept(db: &Db) {
    let id = db.account(None).await.id;
    let changes: [fn(Account) -> Account; 2] = [
        |account| Account { display_name: Some(Name::constant("Alice")), updated_at: at(1), ..account },
        |account| Account { disabled_at: Some(at(2)), updated_at: at(2), ..account },
    ];
    let works = changes.into_iter().map(|change| {
        move |tx: &mut dyn platform::Transaction| {
            let account = tx.account(id)?.unwrap();
            linger();
            tx.update_account(&change(account))
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let found = db.read(move |tx| tx.account(id)).await.unwrap();
    assert!(found.display_name.is_some() && found.disabled_at.is_some(), "{found:?}");
}

async fn a_password_is_replaced_once(db: &Db) {
    let id = db.account(None).await.id;
    let works = (0..20).map(|index| {
        let new = PasswordHash::from_stored(format!("hash {index}"));
        move |tx: &mut dyn platform::Transaction| tx.replace_password(id, None, &new)
    });
    let outcomes = db.at_once(works).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
}

async fn of_two_who_delete_the_last_accounts_of_a_principal_one_forgets_the_address(db: &Db) {
    let app = db.app().await.id;
    let here = db.account(None).await;
    let there = Account { principal: here.principal, ..account(Some(app)) };
    db.write(move |tx| tx.insert_account(&there)).await;
    let works = [None, Some(app)].into_iter().map(|scope| {
        move |tx: &mut dyn platform::Transaction| {
            tx.delete_account(&Unchecked(scope), here.principal, at(1))?;
            linger();
            Ok(())
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let known = db.read(move |tx| tx.principal_by_email(&here.email)).await;
    assert_eq!(known, None);
}
