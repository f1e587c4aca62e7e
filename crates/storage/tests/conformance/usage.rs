//! What organizations use.

use std::{collections::HashSet, time::Duration};

use kernel::{
    Code, Month, Timestamp, Unchecked,
    id::{OrganizationId, PrincipalId, UsageRecordId},
};
use platform::Transaction;
use tenancy::{DayOfUsage, IdempotencyKey, Label, MicroDollars, Runs, Usage, UsageRecord};

use crate::support::{Db, at, linger, metadata};

on_both!(
    what_was_recorded_is_read_back,
    a_key_counts_once_in_its_organization,
    attack_12_of_those_who_report_the_same_at_once_one_counts,
    what_is_reported_at_once_is_all_counted,
    days_are_added_up_by_the_day_in_utc,
    a_day_costs_no_more_than_anybody_has,
    an_organization_lists_its_own_newest_first,
);

pub fn record(organization: OrganizationId, key: &str) -> UsageRecord {
    UsageRecord {
        id: UsageRecordId::generate(),
        organization,
        kind: None,
        runs: Runs::new(1).unwrap(),
        cost: dollars(0.25),
        occurred_at: at(0),
        key: IdempotencyKey::parse(key).unwrap(),
        metadata: metadata("usage"),
        recorded_by: PrincipalId::generate(),
        created_at: at(0),
    }
}

fn dollars(dollars: f64) -> MicroDollars {
    MicroDollars::from_dollars(dollars).unwrap()
}

async fn add(db: &Db, record: &UsageRecord) -> UsageRecord {
    let record = record.clone();
    db.write(move |tx| tx.record_usage(&Unchecked(record.organization), &record)).await
}

async fn days(db: &Db, organization: OrganizationId, month: Month) -> Vec<DayOfUsage> {
    db.read(move |tx| tx.days_of_usage(&Unchecked(organization), month)).await
}

async fn total(db: &Db, organization: OrganizationId) -> (u64, f64) {
    let Usage { runs, cost } = Usage::total(&days(db, organization, Month::of(at(0))).await);
    (runs, cost.dollars())
}

async fn listed(db: &Db, organization: OrganizationId) -> Vec<UsageRecord> {
    let page = kernel::Page::new(None, 0, 200).unwrap();
    db.read(move |tx| tx.usage_records(&Unchecked(organization), &page)).await.items
}

async fn what_was_recorded_is_read_back(db: &Db) {
    let here = db.organization().await.id;
    let full = UsageRecord {
        kind: Some(Label::parse("llm.chat").unwrap()),
        runs: Runs::new(1_000_000).unwrap(),
        cost: dollars(999_999_999.75),
        occurred_at: at(-86_400),
        created_at: at(7),
        ..record(here, &"~!".repeat(100))
    };
    let least = UsageRecord { runs: Runs::new(0).unwrap(), cost: dollars(0.0), ..record(here, "least") };
    for record in [full, least] {
        assert_eq!(add(db, &record).await, record);
        assert_eq!(listed(db, here).await[0], record);
    }
    let nowhere = OrganizationId::generate();
    let lost = record(nowhere, "lost");
    assert_eq!(db.refused(move |tx| tx.record_usage(&Unchecked(nowhere), &lost)).await, Code::NotFound);
}

async fn a_key_counts_once_in_its_organization(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let first = add(db, &record(here, "run")).await;
    let other = UsageRecord { cost: dollars(100.0), ..record(here, "run") };
    assert_eq!(add(db, &other).await, first, "whatever comes under its key");
    assert_eq!((listed(db, here).await.len(), total(db, here).await), (1, (1, 0.25)));
    // Letter by letter, and elsewhere it is another one.
    add(db, &record(here, "Run")).await;
    add(db, &record(elsewhere, "run")).await;
    assert_eq!((total(db, here).await, total(db, elsewhere).await), ((2, 0.5), (1, 0.25)));
}

async fn attack_12_of_those_who_report_the_same_at_once_one_counts(db: &Db) {
    let here = db.organization().await.id;
    for round in 0..5 {
        let works = (0..40).map(|number| {
            let record = UsageRecord { cost: dollars(f64::from(number + 1)), ..record(here, &format!("run-{round}")) };
            move |tx: &mut dyn Transaction| {
                let first = tx.record_usage(&Unchecked(here), &record)?;
                if number % 8 == 0 {
                    linger();
                }
                Ok((first.id == record.id, first))
            }
        });
        let outcomes: Vec<_> = db.at_once(works).await.into_iter().map(|outcome| outcome.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|(won, _)| *won).count(), 1);
        assert_eq!(outcomes.iter().map(|(_, first)| first.id).collect::<HashSet<_>>().len(), 1, "all see the first");
    }
    let costs: f64 = listed(db, here).await.iter().map(|record| record.cost.dollars()).sum();
    assert_eq!(total(db, here).await, (5, costs));
}

async fn what_is_reported_at_once_is_all_counted(db: &Db) {
    let here = db.organization().await.id;
    let works = (0..100).map(|number| {
        let record = record(here, &format!("run-{number}"));
        move |tx: &mut dyn Transaction| tx.record_usage(&Unchecked(here), &record)
    });
    assert!(db.at_once(works).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!((listed(db, here).await.len(), total(db, here).await), (100, (100, 25.0)));
}

async fn days_are_added_up_by_the_day_in_utc(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let month = Month::of(at(0));
    let tick = Duration::from_micros(1);
    let moments: [(&str, Timestamp); 6] = [
        ("before", month.begins.before(tick)),
        ("first", month.begins),
        ("first, late", month.begins.after(Duration::from_hours(24)).before(tick)),
        ("second", month.begins.after(Duration::from_hours(24))),
        ("last", month.ends.before(tick)),
        ("behind", month.ends),
    ];
    for (index, (_, occurred_at)) in moments.into_iter().enumerate() {
        let runs = Runs::new(10_u32.pow(u32::try_from(index).unwrap())).unwrap();
        add(db, &UsageRecord { occurred_at, runs, ..record(here, &format!("run-{index}")) }).await;
        add(db, &UsageRecord { occurred_at, ..record(elsewhere, &format!("run-{index}")) }).await;
    }
    let day =
        |moment: Timestamp, runs, cost| DayOfUsage { day: moment.day(), usage: Usage { runs, cost: dollars(cost) } };
    let expected = [day(month.begins, 110, 0.5), day(moments[3].1, 1000, 0.25), day(moments[4].1, 10_000, 0.25)];
    assert_eq!(days(db, here, month).await, expected);
    assert_eq!(days(db, here, Month::of(moments[0].1)).await, [day(moments[0].1, 1, 0.25)]);
    assert_eq!(days(db, OrganizationId::generate(), month).await, []);
}

async fn a_day_costs_no_more_than_anybody_has(db: &Db) {
    let here = db.organization().await.id;
    add(db, &UsageRecord { cost: dollars(999_999_999.75), ..record(here, "most") }).await;
    add(db, &record(here, "last")).await;
    let more = UsageRecord { cost: dollars(0.000_001), ..record(here, "more") };
    assert_eq!(db.refused(move |tx| tx.record_usage(&Unchecked(here), &more)).await, Code::Conflict);
    assert_eq!((listed(db, here).await.len(), total(db, here).await), (2, (2, 1e9)), "nothing is left of it");
    let tomorrow = UsageRecord { cost: dollars(1e9), occurred_at: at(86_400), ..record(here, "tomorrow") };
    add(db, &tomorrow).await;
    assert_eq!(total(db, here).await, (3, 2e9), "a month may cost more");
}

async fn an_organization_lists_its_own_newest_first(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let mut own = Vec::new();
    for number in 0..3 {
        own.push(add(db, &record(here, &format!("run-{number}"))).await);
        add(db, &record(elsewhere, &format!("run-{number}"))).await;
    }
    own.reverse();
    db.lists(&own, |record| record.id, move |tx, page| tx.usage_records(&Unchecked(here), page)).await;
}
