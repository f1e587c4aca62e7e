//! The keys that verify access tokens, for everybody.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ETAG, HeaderName, IF_NONE_MATCH},
};
use kernel::Result;
use platform::Published;

use crate::{
    answer::{Described, NO_SNIFF, Reply},
    gate::Passerby,
    openapi::Schemas,
    request::ForRequest,
};

/// For five minutes nobody need ask again: a key is published for much longer before it signs.
const KEPT: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// A JWK set (RFC 7517, 5), as it is: those who read it know no envelope.
pub struct KeySet(Published);

impl Reply for KeySet {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        let Published { json, tag } = self.0;
        let known = http.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
        // Compared as weak ones (RFC 9110, 13.1.2).
        let mut known = known.flat_map(|list| list.split(',')).map(|one| one.trim().trim_start_matches("W/"));
        let is_known = known.any(|one| one == "*" || one == &*tag);
        let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header(KEPT).insert_header((ETAG, &*tag)).insert_header(NO_SNIFF);
        if is_known { response.finish() } else { response.content_type("application/json").body(json.to_string()) }
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw("application/json")
    }
}

/// Shows the public keys that access tokens are signed with. There are none where a shared secret signs.
pub async fn read(_: Passerby, platform: ForRequest) -> Result<KeySet> {
    platform.published_keys().await.map(KeySet)
}
