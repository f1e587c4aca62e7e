//! How requests get to a provider.

use std::pin::Pin;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use outbound::{Client, Enquiry, Told};
use platform::courier::Undelivered;
use serde::de::DeserializeOwned;

use crate::{Asked, unavailable};

/// The longest answer of a provider, in bytes: documents, keys, tokens, and who somebody is. A set of keys of a large one
/// has some tens of KiB.
const LONGEST: usize = 64 * 1024;

/// Asks providers.
pub struct Transport(Client);

impl Transport {
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// A document of a provider's.
    pub async fn document<T: DeserializeOwned>(&self, url: &str) -> Asked<T> {
        let headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let told = self.ask(Enquiry { post: false, url: url.to_owned(), headers, body: Vec::new() }).await;
        let told = told.map_err(|Undelivered(why)| unavailable(why))?;
        if told.status != 200 {
            return Err(unavailable(format!("its documents are answered with {}", told.status)));
        }
        serde_json::from_slice(&told.body).map_err(|_| unavailable("its documents are none"))
    }

    pub async fn ask(&self, enquiry: Enquiry) -> Result<Told, Undelivered> {
        self.0.ask(enquiry, LONGEST).await
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, Undelivered> {
        let (head, body) = request.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let post = head.method == http::Method::POST;
        let told = self.ask(Enquiry { post, url: head.uri.to_string(), headers, body }).await?;
        let mut response = http::Response::builder().status(told.status);
        if let Some(content_type) = told.content_type {
            response = response.header(http::header::CONTENT_TYPE, content_type);
        }
        response.body(told.body).map_err(|_| Undelivered("this is no answer".to_owned()))
    }
}

impl<'a> AsyncHttpClient<'a> for Transport {
    type Error = Undelivered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Undelivered>> + Send + 'a>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(self.carry(request))
    }
}
