//! The walk's way through endpoints and deliveries.

use kernel::{
    Page, Result, Sealed, Timestamp, Unchecked,
    id::{AppId, EventId, OrganizationId, WebhookId},
};
use platform::Transaction;
use uuid::Uuid;
use webhooks::{
    Among, Attempt, Delivery, DeliveryFilter, DeliveryStatus, Done, Endpoint, EndpointUrl, Lease, Signing, SwitchOff,
    Tried,
};

pub fn walk_webhooks(tx: &mut dyn Transaction, organization: OrganizationId, app: AppId, now: Timestamp) -> Result<()> {
    let here = Unchecked(organization);
    let url = EndpointUrl::parse("https://example.com")?;
    let endpoint = Endpoint { app: Some(app), ..Endpoint::new(WebhookId::generate(), organization, url, now) };
    let id = endpoint.id;
    tx.signing(&here)?;
    tx.set_signing(&here, &Signing { secret: Sealed(vec![1]), previous: None, created_at: now })?;
    tx.insert_endpoint(&here, &endpoint)?;
    tx.endpoint(id)?;
    tx.count_endpoints(&here)?;
    tx.note_webhook_letter(organization, id, 5, now)?;
    tx.sweep_webhook_letters(now)?;
    tx.endpoints_of(&[organization])?;
    tx.update_endpoint(&here, &endpoint)?;
    tx.wake_endpoint(&here, id, now)?;
    for after in [None, Some(id)] {
        tx.endpoints_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.fanned_out()?;
    tx.set_fanned_out(1)?;
    tx.apps_with(&[organization])?;
    tx.owners_of(&[app])?;
    tx.closed_since(&[organization])?;
    tx.entries_by_id(&[EventId::generate()])?;
    let delivery = Delivery::new(id, EventId::generate(), "team.created".to_owned(), 1, now);
    tx.insert_deliveries(std::slice::from_ref(&delivery))?;
    tx.queue_endpoints(&[id], now)?;
    let lease = Lease { holder: Uuid::nil(), until: now };
    for among in [Among::AllBut(vec![WebhookId::generate()]), Among::These(vec![id])] {
        tx.lease_endpoints(lease, &among, now, 10)?;
    }
    tx.renew_leases(lease, &[id])?;
    tx.holds_lease(lease.holder, id)?;
    tx.next_due(id, false)?;
    tx.next_due(id, true)?;
    tx.due_deliveries(id, now, 10)?;
    tx.deliveries_in_order(id, 10)?;
    for number in [1, 2] {
        let attempt = Attempt { number, at: now, latency_ms: 1, status_code: Some(200), answer: None, error: None };
        let status = if number == 1 { DeliveryStatus::Pending } else { DeliveryStatus::Success };
        let tried =
            Tried { delivery: delivery.id, endpoint: id, attempt, status, due_at: None, telling: true, asked: now };
        tx.record_attempts(&[tried])?;
    }
    tx.note_failing(&[id], now)?;
    tx.note_working(&[id])?;
    tx.switch_off(id, SwitchOff::FailingSince(now), now)?;
    tx.switch_off(id, SwitchOff::GoneAsOf(now), now)?;
    for status in [None, Some(DeliveryStatus::Failed)] {
        for after in [None, Some(delivery.id)] {
            let filter = DeliveryFilter { status, kind: Some("team.created".to_owned()) };
            tx.deliveries_to(&endpoint, &filter, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    for status in [None, Some(DeliveryStatus::Success), Some(DeliveryStatus::Failed)] {
        for after in [None, Some(delivery.id)] {
            tx.done_deliveries(&endpoint, &Done { status, from: Some(now), to: Some(now) }, after, 10)?;
        }
    }
    tx.delivery(&endpoint, delivery.id)?;
    tx.attempts(&delivery)?;
    tx.send_anew(&endpoint, &[delivery.id], now)?;
    tx.give_back(id, now, None)?;
    tx.leave_queue(id)?;
    tx.end_leases_of_the_dead()?;
    tx.sweep_deliveries(now)?;
    tx.sweep_waiting(now)?;
    tx.clear_deliveries(id)?;
    tx.delete_endpoint(&here, id)
}
