//! What the table and the OpenAPI document say of every route, for stories that try all of them.

use actix_web::http::Method;
use fabric_http::{Access, routes};
use serde_json::Value;

use crate::support::{App, Call, PASSWORD, World};

/// An id that is well formed and nobody's, unless a story makes something of that id.
pub const NOTHING: &str = "00000000-0000-4000-8000-000000000000";

/// One route as the document describes it.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// Whether it reads a body; and whether it must.
    pub body: Option<bool>,
    /// The fields of that body.
    pub fields: Vec<Field>,
    /// The parameters of its query.
    pub query: Vec<String>,
}

/// One field of a body.
pub struct Field {
    pub name: String,
    pub required: bool,
    schema: Value,
}

impl Field {
    pub fn is(&self, kind: &str) -> bool {
        match &self.schema["type"] {
            Value::Array(kinds) => kinds.iter().any(|known| known == kind),
            known => known == kind,
        }
    }
}

/// Every route, but for the scrapers' own.
pub fn all() -> Vec<Operation> {
    let document = serde_json::to_value(fabric_http::openapi()).unwrap();
    let entries = routes::table().into_iter().filter(|entry| entry.access != Access::Scraper);
    let operation = |entry: routes::Entry| {
        let about = &document["paths"][entry.path][entry.method.as_str().to_lowercase()];
        assert!(about.is_object(), "{} {} is not described", entry.method, entry.path);
        let body = about.get("requestBody");
        let mut fields = Vec::new();
        if let Some(body) = body {
            collect(&document, &body["content"]["application/json"]["schema"], &mut fields);
            assert!(!fields.is_empty(), "{} {} reads a body without fields", entry.method, entry.path);
        }
        let parameters = about["parameters"].as_array().cloned().unwrap_or_default();
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        Operation {
            method: entry.method,
            path: entry.path,
            access: entry.access,
            body: body.map(|body| body["required"] == true),
            fields,
            query: query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect(),
        }
    };
    entries.map(operation).collect()
}

/// Those that read a body and say so when it makes no sense: logout answers the same whatever comes.
pub fn reading() -> impl Iterator<Item = Operation> {
    all().into_iter().filter(|operation| operation.body.is_some() && operation.path != "/v1/auth/logout")
}

fn collect(document: &Value, schema: &Value, fields: &mut Vec<Field>) {
    if let Some(name) = schema["$ref"].as_str() {
        return collect(document, document.pointer(&name[1..]).unwrap(), fields);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, fields);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        fields.push(Field {
            name: name.clone(),
            required: required.contains(&name.as_str().into()),
            schema: schema.clone(),
        });
    }
}

impl Operation {
    /// A call by somebody who may make it, so that what is wrong with it is the rest.
    pub fn call<'a>(&self, world: &'a World, app: &App, query: &str) -> Call<'a> {
        let path = self.path.replace("{organization_id}", &app.organization.to_string());
        let path = path.replace("{app_id}", &app.id.to_string());
        let path = path.replace("{principal_id}", &app.owner.id.to_string());
        let path = path.replace("{mail_template}", "verify_email.en");
        // Of everything else that a path can name there is none.
        let parts = path.split('/').map(|part| if part.starts_with('{') { NOTHING } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let call = world.call(self.method.as_str(), &format!("{path}{query}"));
        match self.access {
            Access::Public => call,
            // For its users, and not for who owns it.
            Access::Vouching => call.bearer(&app.api_key),
            _ => call.by(&app.owner),
        }
    }

    /// A body in which every field has the right type, and no two routes mean the same account.
    pub fn body(&self) -> Value {
        let value = |field: &Field| -> Value {
            match field.name.as_str() {
                "email" => "nobody@example.com".into(),
                name if name.ends_with("password") => PASSWORD.into(),
                "expires_at" | "occurred_at" => "2100-01-01T00:00:00Z".into(),
                name if name.ends_with("_url") => "https://example.com".into(),
                "organization_id" | "principal_id" | "team_id" | "app_id" => NOTHING.into(),
                "actions" => Value::Array(vec!["team.read".into()]),
                _ if field.is("string") => "text".into(),
                _ if field.is("boolean") => true.into(),
                _ if field.is("integer") => 900.into(),
                _ if field.is("number") => 12.5.into(),
                _ if field.is("array") => Value::Array(Vec::new()),
                _ => Value::Object(serde_json::Map::new()),
            }
        };
        self.fields.iter().map(|field| (field.name.clone(), value(field))).collect()
    }
}
