//! The OpenAPI document, made from the route table: what a route reads, answers and asks of its caller is what its
//! handler's signature says.

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode};
use kernel::Code;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{
        Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr,
        ResponseBuilder, ResponsesBuilder, Schema,
        extensions::Extensions,
        path::{HttpMethod, OperationBuilder, Parameter, PathItem},
        request_body::RequestBody,
        schema::ObjectBuilder,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::{
    answer::{Context, Described, Links, Meta, VERSION},
    failure::Failure,
    gate::{Access, Gate},
    request::{Input, Inputs},
    routes,
};

/// Named schemas.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// The schema of a type: by name where it is an object with fields, itself where it is not.
    pub fn of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        self.0.extend(nested);
        match T::schema() {
            RefOr::T(Schema::Object(object)) if object.properties.is_empty() => RefOr::T(Schema::Object(object)),
            named @ RefOr::T(Schema::Object(_) | Schema::AllOf(_) | Schema::OneOf(_)) => {
                self.0.insert(T::name().into_owned(), named);
                RefOr::Ref(Ref::from_schema_name(T::name()))
            }
            other => other,
        }
    }
}

/// What the document says of one route, found when it is asked for.
#[derive(Clone, Copy)]
pub struct Description {
    /// In one sentence.
    pub summary: &'static str,
    /// What the route reads.
    inputs: fn(&mut Schemas) -> (Vec<Parameter>, Option<RequestBody>),
    /// What it answers.
    answer: fn(&mut Schemas) -> Described,
}

impl Description {
    /// Of a handler that is called by `G`, reads `R` and answers as `answer` says.
    pub fn new<G: Gate, R: Input>(summary: &'static str, answer: fn(&mut Schemas) -> Described) -> Self {
        let inputs = |schemas: &mut Schemas| {
            let mut inputs = Inputs { schemas, parameters: Vec::new(), body: None };
            G::describe(&mut inputs);
            R::describe(&mut inputs);
            (inputs.parameters, inputs.body)
        };
        Self { summary, inputs, answer }
    }
}

/// The whole document (OpenAPI 3.1).
#[must_use]
pub fn document() -> OpenApi {
    let mut schemas = Schemas::default();
    let failure = schemas.of::<Failure>();
    let mut items: BTreeMap<&str, PathItem> = BTreeMap::new();
    for entry in routes::table() {
        let operation = operation(&entry, &mut schemas, &failure);
        items.entry(entry.path).or_default().merge_operations(PathItem::new(method(&entry.method), operation));
    }
    let paths = items.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let mut components = Components::new();
    components.schemas = schemas.0;
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, or an API key that starts with fab_."))
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let codes = Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("`, `");
    let info = InfoBuilder::new()
        .title("Fabric")
        .version(VERSION)
        .description(Some(format!(
            "Identity and tenancy for apps. Every answer is `{{meta, context, data}}` or `{{meta, data: null, error}}`; \
             the codes of errors are `{codes}`."
        )))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()));
    let tags = [
        "auth",
        "oauth",
        "signing_keys",
        "me",
        "organizations",
        "organization_settings",
        "budgets",
        "organization_secrets",
        "organization_export",
        "webhook_secrets",
        "webhooks",
        "members",
        "invitations",
        "teams",
        "roles",
        "permissions",
        "checks",
        "audit",
        "api_keys",
        "service_accounts",
        "oauth_clients",
        "assets",
        "usage",
        "concurrency_limits",
        "apps",
        "admin",
        "system",
    ];
    OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(tags.map(|tag| TagBuilder::new().name(tag).build())))
        .paths(paths.build())
        .components(Some(components))
        .build()
}

fn operation(entry: &routes::Entry, schemas: &mut Schemas, failure: &RefOr<Schema>) -> OperationBuilder {
    let (parameters, body) = (entry.description.inputs)(schemas);
    let content = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    let done = ResponseBuilder::new().description("Done.");
    let (status, success) = match (entry.description.answer)(schemas) {
        Described::Enveloped(status, data) => {
            (status, done.content("application/json", content(envelope(*data, schemas))))
        }
        Described::Raw(media) => (StatusCode::OK, done.content(media, ContentBuilder::new().build())),
    };
    let failed =
        ResponseBuilder::new().description("Refused, or failed.").content("application/json", content(failure.clone()));
    let responses = ResponsesBuilder::new().response(status.as_str(), success).response("default", failed);
    let operation = OperationBuilder::new()
        .tag(entry.tag())
        .operation_id(Some(entry.name()))
        .summary(Some(entry.description.summary))
        .description(Some(asks(entry.access)))
        .extensions(extensions(entry))
        .parameters((!parameters.is_empty()).then_some(parameters))
        .request_body(body)
        .responses(responses.build());
    match entry.access {
        Access::Public => operation,
        Access::Invited | Access::SignedInOrChallenged => operation
            .security(SecurityRequirement::new("bearer", Vec::<String>::new()))
            .security(SecurityRequirement::default()),
        _ => operation.security(SecurityRequirement::new("bearer", Vec::<String>::new())),
    }
}

/// The row of the table, for programs. One extension: utoipa keeps several in no order.
fn extensions(entry: &routes::Entry) -> Option<Extensions> {
    let Access::Action(action) = entry.access else { return None };
    let row = json!({ "action": action, "resource": entry.resource.map(routes::Resource::name) });
    Some(Extensions::builder().add("x-fabric", row).build())
}

/// What a route asks of its caller, in words.
fn asks(access: Access) -> String {
    match access {
        Access::Public => "Public: `Authorization` is not looked at.".to_owned(),
        Access::Scraper => "With the scraper's token; in development without one, from this machine.".to_owned(),
        Access::Authenticated => "For everybody who is authenticated.".to_owned(),
        Access::Invited => "With a token of a user, with the token that was mailed, or both.".to_owned(),
        Access::Vouching => {
            "For the app itself: with its client id and secret by HTTP Basic, with `X-Fabric-App-Secret` \
                             beside `X-Fabric-App-Id`, with a token of its own, or with an API key of its owner's that \
                             covers `auth:social`. In development for everybody on this machine."
                .to_owned()
        }
        Access::SignedIn => "For people, with a token of their own sign-in.".to_owned(),
        Access::SignedInOrChallenged => {
            "For people, with a token of their own sign-in, or with the challenge of a sign-in in the body.".to_owned()
        }
        Access::Action(name) => {
            let action = authz::action::ALL.iter().find(|action| action.name == name);
            let (least, scope) = action.map_or(("", ""), |action| (action.least.name(), action.scope.name()));
            format!("Action `{name}`, from the role `{least}`; API keys need the scope `{scope}`.")
        }
    }
}

fn envelope(data: RefOr<Schema>, schemas: &mut Schemas) -> RefOr<Schema> {
    let envelope = ObjectBuilder::new()
        .property("meta", schemas.of::<Meta>())
        .property("context", schemas.of::<Context>())
        .property("data", data)
        .property("links", schemas.of::<Links>())
        .required("meta")
        .required("context")
        .required("data");
    RefOr::T(Schema::Object(envelope.build()))
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        Method::HEAD => HttpMethod::Head,
        _ => HttpMethod::Get,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_route_is_described_under_a_name_of_its_own() {
        let document = serde_json::to_value(document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut names = HashSet::new();
        for entry in routes::table() {
            let operation = &document["paths"][entry.path][entry.method.as_str().to_lowercase()];
            let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{} is missing", entry.path));
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(entry.resource.is_some(), "{} {}: say in Resource::of what it is about", entry.method, entry.path);
            let in_path = entry.path.matches('{').count();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let described = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, described, "path parameters of {}", entry.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
