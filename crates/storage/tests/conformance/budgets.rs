//! How much organizations may spend.

use kernel::{Code, Unchecked, id::OrganizationId};
use tenancy::{Budget, MicroDollars};

use crate::support::Db;

on_both!(a_limit_is_none_until_it_is_set, an_organization_that_is_gone_has_no_budget,);

async fn a_limit_is_none_until_it_is_set(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    assert_eq!(db.read(move |tx| tx.budget(&Unchecked(here))).await, Budget::default());
    for dollars in [Some(12.345_678), Some(0.0), Some(1e9), None] {
        let limit = dollars.map(|dollars| MicroDollars::from_dollars(dollars).unwrap());
        db.write(move |tx| tx.set_monthly_limit(&Unchecked(here), limit)).await;
        assert_eq!(db.read(move |tx| tx.budget(&Unchecked(here))).await.monthly_limit, limit);
        assert_eq!(db.read(move |tx| tx.budget(&Unchecked(elsewhere))).await.monthly_limit, None);
    }
}

async fn an_organization_that_is_gone_has_no_budget(db: &Db) {
    let nowhere = Unchecked(OrganizationId::generate());
    assert_eq!(db.refused(move |tx| tx.budget(&nowhere)).await, Code::NotFound);
    assert_eq!(db.refused(move |tx| tx.set_monthly_limit(&nowhere, None)).await, Code::NotFound);
}
