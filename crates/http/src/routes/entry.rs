//! One route: what it asks comes from its handler's own signature, and its handler is reached by who has it alone.

use std::future::Future;

use actix_web::{FromRequest, HttpRequest, Route, http::Method, web};
use kernel::{Error, Result};

use super::Resource;
use crate::{
    answer::Reply,
    failure::failed,
    gate::{Access, Gate, refuse_own_deliveries},
    limit::{self, Counted},
    observe::Observer,
    openapi::Description,
    request::{ForRequest, Input, Refused},
};

/// One route.
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What it asks of its caller.
    pub access: Access,
    /// What it is about.
    pub resource: Option<Resource>,
    pub(crate) description: Description,
    pub(crate) route: Route,
    handler: &'static str,
}

impl Entry {
    /// Its name in the OpenAPI document: `apps_create`.
    pub(crate) fn name(&self) -> String {
        let path = self.handler.split_once("::routes::").map_or(self.handler, |(_, path)| path);
        path.replace("::", "_")
    }

    /// The chapter of the document it belongs to.
    pub(crate) fn tag(&self) -> &'static str {
        let path = self.handler.split_once("::routes::").map_or(self.handler, |(_, path)| path);
        path.split("::").next().unwrap_or("system")
    }
}

/// A handler takes its caller and its request, in this order, and gets them in this order: nobody's body is read before
/// they are known.
pub(super) fn entry<G, R, F, Fut, T>(method: Method, path: &'static str, summary: &'static str, handler: F) -> Entry
where
    G: Gate,
    R: Input + 'static,
    F: Fn(G, R) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<T>> + 'static,
    T: Reply + 'static,
{
    let observer = Observer::new(name_of(&method), path);
    let observer = if only_reads(&method, G::ACCESS) { observer.of_reads() } else { observer };
    let counted = Counted::of(name_of(&method), path, G::ACCESS);
    let in_order = move |http: HttpRequest, payload: web::Payload| {
        let (handler, observer) = (handler.clone(), observer.clone());
        async move {
            let answered = async {
                let mut response = match answer(&http, payload, counted, handler).await {
                    Ok(reply) => reply.respond(&http),
                    Err(error) => {
                        note_refusal(&http, &error);
                        failed(&http, error)
                    }
                };
                limit::tell(&http, &mut response);
                response
            };
            observer.watch(&http, answered).await
        }
    };
    Entry {
        route: web::method(method.clone()).to(in_order),
        method,
        path,
        access: G::ACCESS,
        resource: Resource::of(path, G::ACCESS),
        description: Description::new::<G, R>(summary, T::describe),
        handler: std::any::type_name::<F>(),
    }
}

/// Whether nothing is changed by it: an action may be asked about with a `POST`, and changes nothing all the same.
fn only_reads(method: &Method, access: Access) -> bool {
    let changes = |action| authz::action::find(action).is_none_or(authz::action::Entry::changes);
    method.is_safe() || matches!(access, Access::Action(action) if !changes(action))
}

async fn answer<G, R, F, Fut, T>(http: &HttpRequest, payload: web::Payload, counted: Counted, handler: F) -> Result<T>
where
    G: Gate,
    R: FromRequest,
    F: Fn(G, R) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    refuse_own_deliveries(http)?;
    counted.by_address(http).await?;
    let caller = G::admit(http).await?;
    counted.by_caller(http).await?;
    let request = R::from_request(http, &mut payload.into_inner()).await;
    let request = request.map_err(|error| refusal(&error.into()))?;
    handler(caller, request).await
}

/// Remembers a refusal that the ledger is to have.
fn note_refusal(http: &HttpRequest, error: &Error) {
    if authz::Denied::behind(error).is_some()
        && let Ok(platform) = ForRequest::new(http)
    {
        platform.note_refusal(error);
    }
}

/// The error that an extractor of ours carried through actix-web.
fn refusal(error: &actix_web::Error) -> Error {
    match error.as_error::<Refused>() {
        Some(Refused(refused)) => Error {
            code: refused.code,
            message: refused.message.clone(),
            retry_after: refused.retry_after,
            second_step: refused.second_step.clone(),
            cause: None,
        },
        None => Error::internal(error.to_string()),
    }
}

pub(crate) fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
