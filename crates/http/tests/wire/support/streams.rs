use std::{future::poll_fn, pin::Pin, time::Duration};

use actix_web::{
    body::{BoxBody, MessageBody as _},
    rt::time::timeout,
};
use serde_json::Value;

use super::{Call, World};

/// An open stream.
pub struct Stream {
    body: Pin<Box<BoxBody>>,
    text: String,
}

/// An event as it arrived.
#[derive(Debug)]
pub struct Frame {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl Stream {
    pub async fn open(call: Call<'_>) -> Self {
        let response = call.begin().await;
        assert_eq!(response.status().as_u16(), 200);
        let media = response.headers().get("content-type").unwrap().to_str().unwrap();
        assert_eq!(media, "text/event-stream");
        Self { body: Box::pin(response.into_body()), text: String::new() }
    }

    /// The next part of the text, up to an empty line; none at the end.
    async fn part(&mut self) -> Option<String> {
        loop {
            if let Some((part, rest)) = self.text.split_once("\n\n") {
                let (part, rest) = (part.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(part);
            }
            let bytes = poll_fn(|context| self.body.as_mut().poll_next(context)).await?;
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// The next event; none at the end.
    pub async fn next(&mut self) -> Option<Frame> {
        let part = async {
            loop {
                let part = self.part().await?;
                if !part.starts_with(':') && !part.starts_with("retry:") {
                    return Some(part);
                }
            }
        };
        let part = timeout(Duration::from_secs(20), part).await.expect("an event or the end")?;
        let lines: Vec<_> = part.lines().collect();
        let [kind, id, data] = lines.as_slice() else { panic!("{part}") };
        Some(Frame {
            kind: kind.strip_prefix("event: ").unwrap().to_owned(),
            id: id.strip_prefix("id: ").unwrap().to_owned(),
            data: serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
        })
    }

    pub async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(self.next().await.expect("an event").kind);
        }
        kinds
    }
}

/// The workers' part: positions, and telling who listens.
pub async fn tell(world: &World) {
    while world.platform.sequence().await.unwrap() > 0 {}
    // The first round only begins.
    for _ in 0..2 {
        while world.platform.tell_listeners().await.unwrap() > 0 {}
    }
}
