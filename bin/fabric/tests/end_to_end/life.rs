//! What happens to a server between its start and its end.

mod deliveries;
mod kill;
mod letters;
mod limits;
mod metrics;
mod outage;
mod refusals;
mod replicas;
mod restart;
mod secrets;
mod shutdown;
mod slow_bodies;
mod strangers;
mod streams;
