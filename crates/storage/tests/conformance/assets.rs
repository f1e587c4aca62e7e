//! What organizations have at providers.

use kernel::{
    Code, Name, Unchecked,
    id::{AssetId, OrganizationId, PrincipalId},
};
use platform::Transaction;
use tenancy::{Asset, AssetFilter, Label, ProviderId};

use crate::support::{Db, at, linger, metadata};

on_both!(
    what_was_written_is_read_back,
    an_asset_is_out_of_reach_for_another_organization,
    an_organization_lists_its_own_by_kind_and_team,
    what_is_deleted_is_listed_for_who_asks_for_it,
    of_those_who_delete_one_at_once_one_does,
    those_who_hold_the_organization_are_counted_one_after_the_other,
);

pub fn asset(organization: OrganizationId) -> Asset {
    Asset {
        id: AssetId::generate(),
        organization,
        team: None,
        kind: Label::parse("voice").unwrap(),
        name: Name::constant("Narrator"),
        provider: None,
        provider_id: None,
        metadata: metadata("asset"),
        created_by: PrincipalId::generate(),
        deleted_at: None,
        created_at: at(0),
    }
}

async fn insert(db: &Db, asset: &Asset) {
    let asset = asset.clone();
    db.write(move |tx| tx.insert_asset(&Unchecked(asset.organization), &asset)).await;
}

async fn found(db: &Db, organization: OrganizationId, id: AssetId) -> Option<Asset> {
    db.read(move |tx| tx.asset(&Unchecked(organization), id)).await
}

async fn what_was_written_is_read_back(db: &Db) {
    let here = db.organization().await.id;
    let full = Asset {
        team: Some(db.team(here).await.id),
        provider: Some(Name::parse("Zoë's 🦊").unwrap()),
        provider_id: Some(ProviderId::parse(" a'b\"c/株式会社 ").unwrap()),
        ..asset(here)
    };
    for asset in [full, asset(here)] {
        insert(db, &asset).await;
        assert_eq!(found(db, here, asset.id).await, Some(asset));
    }
}

async fn an_asset_is_out_of_reach_for_another_organization(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let asset = asset(here);
    insert(db, &asset).await;
    let id = asset.id;
    assert_eq!(found(db, elsewhere, id).await, None);
    assert_eq!(db.refused(move |tx| tx.delete_asset(&Unchecked(elsewhere), id, at(1))).await, Code::NotFound);
    assert_eq!(db.read(move |tx| tx.count_assets(&Unchecked(elsewhere))).await, 0);
    assert_eq!(found(db, here, id).await, Some(asset.clone()));
    // Neither does it get into one, nor into a team of one.
    let theirs = db.team(elsewhere).await.id;
    for (place, team) in [(OrganizationId::generate(), None), (here, Some(theirs))] {
        let asset = Asset { id: AssetId::generate(), team, ..asset.clone() };
        assert_eq!(db.refused(move |tx| tx.insert_asset(&Unchecked(place), &asset)).await, Code::NotFound);
    }
}

async fn an_organization_lists_its_own_by_kind_and_team(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let (team, file) = (db.team(here).await.id, Label::parse("file").unwrap());
    let of = |kind: Option<&Label>, team| Asset {
        kind: kind.cloned().unwrap_or(Label::parse("voice").unwrap()),
        team,
        ..asset(here)
    };
    let own = [of(None, None), of(Some(&file), None), of(None, Some(team)), of(Some(&file), Some(team))];
    for asset in own.iter().chain([&asset(elsewhere)]) {
        insert(db, asset).await;
    }
    for (kind, team, wanted) in [
        (None, None, vec![0, 1, 2, 3]),
        (Some(file.clone()), None, vec![1, 3]),
        (None, Some(team), vec![2, 3]),
        (Some(file), Some(team), vec![3]),
        (Some(Label::parse("FILE").unwrap()), None, vec![]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().map(|index: usize| own[index].clone()).collect();
        let filter = AssetFilter { kind, team, deleted: false };
        db.lists(&wanted, |asset| asset.id, move |tx, page| tx.assets_in(&Unchecked(here), &filter, page)).await;
    }
}

async fn what_is_deleted_is_listed_for_who_asks_for_it(db: &Db) {
    let here = db.organization().await.id;
    let [gone, kept] = [asset(here), asset(here)];
    for asset in [&gone, &kept] {
        insert(db, asset).await;
    }
    let id = gone.id;
    db.write(move |tx| tx.delete_asset(&Unchecked(here), id, at(5))).await;
    assert_eq!(db.refused(move |tx| tx.delete_asset(&Unchecked(here), id, at(6))).await, Code::NotFound);
    assert_eq!(found(db, here, id).await, None);
    assert_eq!(db.read(move |tx| tx.count_assets(&Unchecked(here))).await, 1);
    let usual = AssetFilter::default();
    let all = AssetFilter { deleted: true, ..usual.clone() };
    let gone = Asset { deleted_at: Some(at(5)), ..gone };
    let living = std::slice::from_ref(&kept);
    db.lists(living, |asset| asset.id, move |tx, page| tx.assets_in(&Unchecked(here), &usual, page)).await;
    db.lists(&[gone, kept], |asset| asset.id, move |tx, page| tx.assets_in(&Unchecked(here), &all, page)).await;
}

async fn of_those_who_delete_one_at_once_one_does(db: &Db) {
    let here = db.organization().await.id;
    let asset = asset(here);
    insert(db, &asset).await;
    let works = (0..8).map(|second| {
        move |tx: &mut dyn Transaction| {
            tx.delete_asset(&Unchecked(here), asset.id, at(second))?;
            linger();
            Ok(())
        }
    });
    let outcomes = db.at_once(works).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let others = outcomes.into_iter().filter_map(Result::err);
    assert!(others.into_iter().all(|error| error.code == Code::NotFound));
}

async fn those_who_hold_the_organization_are_counted_one_after_the_other(db: &Db) {
    let here = db.organization().await.id;
    let add = |_| {
        move |tx: &mut dyn Transaction| {
            tx.hold_organization(here)?;
            let count = tx.count_assets(&Unchecked(here))?;
            linger();
            if count < 3 { tx.insert_asset(&Unchecked(here), &asset(here)) } else { Ok(()) }
        }
    };
    assert!(db.at_once((0..8).map(add)).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(db.read(move |tx| tx.count_assets(&Unchecked(here))).await, 3);
}
