use std::{sync::Arc, time::Duration};

use outbound::{Client, Limits, Networks};
use platform::Workers;
use serde_json::{Value, json};
use testbed::sink::{Received, Sink};
use tokio::time::{Instant, sleep};

use super::{Company, World};

/// How long a story waits for what has to come: much longer than it takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// And how long for what must not come: longer than it would take.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

impl World {
    /// The same with endpoints that are reached without TLS, as sinks are.
    pub async fn with_sinks(&self) -> Self {
        self.restarted_with(|plan| plan.settings.plain_webhooks = true).await
    }

    /// All that works in the background, with a courier that reaches this machine, and waits for a second.
    pub fn deliver(&self) -> Workers {
        self.deliver_with(sinks_alone())
    }

    /// The same with mails, which arrive where [`World::mails`] looks.
    pub fn deliver_and_mail(&self) -> Workers {
        Workers::start(&self.platform, Some(self.mailer()), Some(Arc::new(sinks_alone())))
    }

    pub fn deliver_with(&self, client: Client) -> Workers {
        Workers::start(&self.platform, None, Some(Arc::new(client)))
    }

    /// Makes an endpoint of the company's; hands back what was answered.
    pub async fn endpoint(&self, company: &Company, url: &str, more: Value) -> Value {
        let mut body = json!({ "url": url, "event_filter": ["team.created"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&company.path("webhooks"), &body).by(&company.owner).send().await.ok().clone()
    }

    /// What is told of the endpoint's deliveries, newest first.
    pub async fn deliveries(&self, company: &Company, endpoint: &Value) -> Vec<Value> {
        let path = format!("/v1/webhooks/{}/deliveries", endpoint["id"].as_str().unwrap());
        self.get(&path).by(&company.owner).send().await.ok().as_array().unwrap().clone()
    }

    /// What is told of its only delivery once that has been tried so often.
    pub async fn tried(&self, company: &Company, endpoint: &Value, attempts: i64) -> Value {
        let begun = Instant::now();
        loop {
            let mut deliveries = self.deliveries(company, endpoint).await;
            assert!(deliveries.len() <= 1, "{deliveries:?}");
            if let Some(delivery) = deliveries.pop().filter(|delivery| delivery["attempt"] == attempts) {
                return delivery;
            }
            assert!(begun.elapsed() < PATIENCE, "not tried {attempts} times");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Reaches this machine alone, and waits for a second.
pub fn sinks_alone() -> Client {
    let limits = Limits { whole: Duration::from_secs(1), connect: Duration::from_secs(1) };
    Client::new(Networks::loopback(), false, limits).unwrap()
}

/// Waits until so many have arrived, and a while longer for those that must not.
pub async fn exactly(sink: &Sink, count: usize) -> Vec<Received> {
    at_least(sink, count).await;
    sleep(LONG_ENOUGH).await;
    let received = sink.received();
    assert_eq!(received.len(), count, "{received:#?}");
    received
}

/// Waits until so many have arrived.
pub async fn at_least(sink: &Sink, count: usize) -> Vec<Received> {
    let begun = Instant::now();
    while sink.count() < count {
        assert!(begun.elapsed() < PATIENCE, "{} of {count} have arrived", sink.count());
        sleep(Duration::from_millis(10)).await;
    }
    sink.received()
}

/// What was sent.
pub fn event(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

/// The names of the teams that were told of, in the order in which that was.
pub fn teams(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| event(received)["payload"]["name"].as_str().unwrap().to_owned()).collect()
}
