//! Who is told.

use diesel::{dsl::exists, prelude::*};
use kernel::{
    Error, Listed, Page, Result, Scope, Sealed, Timestamp,
    id::{AppId, OrganizationId, PrincipalId, WebhookId},
};
use webhooks::{
    Endpoint, EndpointRepository, EndpointUrl, EventFilter, PreviousSecret, QueueRepository as _, ResourceFilter,
};

use super::{AT_ONCE, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::webhook_endpoints,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_endpoints, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct EndpointRow {
    id: RowId,
    organization_id: RowId,
    app_id: Option<RowId>,
    created_by: Option<RowId>,
    created_at: Moment,
    #[diesel(embed)]
    changing: Changing,
}

/// What of an endpoint may change.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_endpoints, treat_none_as_null = true, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct Changing {
    url: String,
    description: Option<String>,
    event_filter: Json<Vec<String>>,
    resource_filter: Json<std::collections::BTreeMap<String, String>>,
    headers: Option<Vec<u8>>,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<Moment>,
    max_retries: i32,
    rate_per_minute: Option<i32>,
    ordered: bool,
    active: bool,
    failing_since: Option<Moment>,
    disabled_at: Option<Moment>,
    updated_at: Moment,
}

impl EndpointRepository for Tx<'_> {
    fn endpoint(&mut self, id: WebhookId) -> Result<Option<Endpoint>> {
        let query = webhook_endpoints::table.find(RowId(id.0)).select(EndpointRow::as_select());
        let row: Option<EndpointRow> = first_held!(self, query)?;
        row.map(EndpointRow::into_endpoint).transpose()
    }

    fn endpoints_in(&mut self, scope: &dyn Scope, page: &Page<WebhookId>) -> Result<Listed<Endpoint, WebhookId>> {
        let here = RowId(scope.organization().0);
        let all =
            || webhook_endpoints::table.filter(webhook_endpoints::organization_id.eq(here)).into_boxed::<super::Db>();
        let (rows, total): (Vec<EndpointRow>, _) =
            paged!(self, page, all by webhook_endpoints::id, EndpointRow::as_select());
        let found = rows.into_iter().map(EndpointRow::into_endpoint).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |endpoint: &Endpoint| endpoint.id))
    }

    fn count_endpoints(&mut self, scope: &dyn Scope) -> Result<i64> {
        let here = webhook_endpoints::organization_id.eq(RowId(scope.organization().0));
        let count = webhook_endpoints::table.filter(here).count();
        self.query(|connection| count.get_result(connection))
    }

    fn endpoints_of(&mut self, organizations: &[OrganizationId]) -> Result<Vec<Endpoint>> {
        let mut found = Vec::new();
        for some in organizations.chunks(AT_ONCE) {
            let ids: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let query = webhook_endpoints::table
                .filter(webhook_endpoints::organization_id.eq_any(ids))
                .order(webhook_endpoints::id)
                .select(EndpointRow::as_select());
            let rows: Vec<EndpointRow> = all_there!(self, query)?;
            found.extend(rows);
        }
        found.into_iter().map(EndpointRow::into_endpoint).collect()
    }

    fn insert_endpoint(&mut self, scope: &dyn Scope, endpoint: &Endpoint) -> Result<()> {
        let row = EndpointRow {
            id: RowId(endpoint.id.0),
            organization_id: RowId(scope.organization().0),
            app_id: endpoint.app.map(|id| RowId(id.0)),
            created_by: endpoint.created_by.map(|id| RowId(id.0)),
            created_at: Moment(endpoint.created_at),
            changing: Changing::from(endpoint),
        };
        let insert = diesel::insert_into(webhook_endpoints::table).values(row);
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn update_endpoint(&mut self, scope: &dyn Scope, endpoint: &Endpoint) -> Result<()> {
        let here = webhook_endpoints::organization_id.eq(RowId(scope.organization().0));
        let update = diesel::update(webhook_endpoints::table.find(RowId(endpoint.id.0)).filter(here))
            .set(Changing::from(endpoint));
        match self.query(|connection| update.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }

    fn wake_endpoint(&mut self, scope: &dyn Scope, id: WebhookId, now: Timestamp) -> Result<()> {
        let here = webhook_endpoints::organization_id.eq(RowId(scope.organization().0));
        let this = webhook_endpoints::table.find(RowId(id.0)).filter(here);
        if !self.query(|connection| diesel::select(exists(this)).get_result(connection))? {
            return Err(Error::not_found());
        }
        self.queue_endpoints(&[id], now)
    }

    fn delete_endpoint(&mut self, scope: &dyn Scope, id: WebhookId) -> Result<()> {
        let here = webhook_endpoints::organization_id.eq(RowId(scope.organization().0));
        let delete = diesel::delete(webhook_endpoints::table.find(RowId(id.0)).filter(here));
        match self.query(|connection| delete.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }
}

impl From<&Endpoint> for Changing {
    fn from(endpoint: &Endpoint) -> Self {
        let sealed = |sealed: &Sealed| sealed.0.clone();
        Self {
            url: endpoint.url.as_str().to_owned(),
            description: endpoint.description.clone(),
            event_filter: Json(endpoint.filter.patterns().to_vec()),
            resource_filter: Json(endpoint.resources.fields().clone()),
            headers: endpoint.headers.as_ref().map(sealed),
            secret: endpoint.secret.as_ref().map(sealed),
            previous_secret: endpoint.previous.as_ref().map(|previous| sealed(&previous.secret)),
            previous_until: endpoint.previous.as_ref().map(|previous| Moment(previous.until)),
            max_retries: endpoint.max_retries,
            rate_per_minute: endpoint.rate_per_minute,
            ordered: endpoint.ordered,
            active: endpoint.active,
            failing_since: endpoint.failing_since.map(Moment),
            disabled_at: endpoint.disabled_at.map(Moment),
            updated_at: Moment(endpoint.updated_at),
        }
    }
}

impl EndpointRow {
    fn into_endpoint(self) -> Result<Endpoint> {
        let Changing { previous_secret, previous_until, .. } = &self.changing;
        let previous = previous_secret.clone().zip(previous_until.as_ref());
        let previous = previous.map(|(secret, until)| PreviousSecret { secret: Sealed(secret), until: until.0 });
        let changing = self.changing;
        Ok(Endpoint {
            id: WebhookId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            url: intact(EndpointUrl::parse(&changing.url))?,
            description: changing.description,
            filter: intact(EventFilter::parse(changing.event_filter.0))?,
            resources: intact(ResourceFilter::parse(changing.resource_filter.0))?,
            headers: changing.headers.map(Sealed),
            secret: changing.secret.map(Sealed),
            previous,
            max_retries: changing.max_retries,
            rate_per_minute: changing.rate_per_minute,
            ordered: changing.ordered,
            active: changing.active,
            failing_since: changing.failing_since.map(|since| since.0),
            disabled_at: changing.disabled_at.map(|at| at.0),
            created_by: self.created_by.map(|id| PrincipalId(id.0)),
            created_at: self.created_at.0,
            updated_at: changing.updated_at.0,
        })
    }
}
