//! How much organizations may spend.

use kernel::{Code, Unchecked, id::OrganizationId};
use tenancy::MicroDollars;

use crate::support::Db;

on_both!(a_limit_is_none_until_it_is_set, an_organization_that_is_gone_has_no_limit,);

async fn a_limit_is_none_until_it_is_set(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    assert_eq!(db.read(move |tx| tx.monthly_limit(&Unchecked(here))).await, None);
    for dollars in [Some(12.345_678), Some(0.0), Some(1e9), None] {
        let limit = dollars.map(|dollars| MicroDollars::from_dollars(dollars).unwrap());
        db.write(move |tx| tx.set_monthly_limit(&Unchecked(here), limit)).await;
        assert_eq!(db.read(move |tx| tx.monthly_limit(&Unchecked(here))).await, limit);
        assert_eq!(db.read(move |tx| tx.monthly_limit(&Unchecked(elsewhere))).await, None);
    }
}

async fn an_organization_that_is_gone_has_no_limit(db: &Db) {
    let nowhere = Unchecked(OrganizationId::generate());
    assert_eq!(db.refused(move |tx| tx.monthly_limit(&nowhere)).await, Code::NotFound);
    assert_eq!(db.refused(move |tx| tx.set_monthly_limit(&nowhere, None)).await, Code::NotFound);
}
