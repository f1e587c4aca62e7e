//! Who hears what.

use kernel::{
    EventKind, Timestamp,
    id::{AppId, OrganizationId, PrincipalId},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Endpoint;

/// Whether deliveries of this kind carry a token: see [`EventKind::carries_token`]. A kind of a later version carries
/// none, because this one does not know which.
#[must_use]
pub fn carries_token(kind: &str) -> bool {
    EventKind::named(kind).is_some_and(EventKind::carries_token)
}

/// Something that happened, as far as it matters for who hears of it.
#[derive(Clone, Copy, Debug)]
pub struct Happening<'a> {
    /// The name of its kind. A later version may know some that this one does not.
    pub kind: &'a str,
    /// In which organization.
    pub organization: Option<OrganizationId>,
    /// In which app, and whose that is.
    pub app: Option<(AppId, OrganizationId)>,
    /// Who did it; nobody when it was the server itself.
    pub actor: Option<PrincipalId>,
    /// What the ledger has of it.
    pub payload: &'a Map<String, Value>,
    /// When.
    pub at: Timestamp,
}

impl Happening<'_> {
    /// The ids that stand beside the payload, by their names.
    fn ids(&self) -> [(&'static str, Option<Uuid>); 3] {
        [
            ("organization_id", self.organization.map(|id| id.0)),
            ("app_id", self.app.map(|(id, _)| id.0)),
            ("actor_id", self.actor.map(|id| id.0)),
        ]
    }
}

impl Endpoint {
    /// Whether this endpoint hears of it: what happens in its own organization, and, as one of an app's owner, what
    /// happens in that app; none of what was before it was there.
    #[must_use]
    pub fn hears(&self, happening: &Happening<'_>) -> bool {
        self.may_hear(happening.kind, happening.organization, happening.app)
            && self.created_at <= happening.at
            && self.filter.wants(happening.kind)
            && self.resources.wants(happening.payload, &happening.ids())
    }

    /// Whether what happened there is any of this endpoint's business, whatever it wants to hear.
    #[must_use]
    pub fn may_hear(
        &self,
        kind: &str,
        organization: Option<OrganizationId>,
        app: Option<(AppId, OrganizationId)>,
    ) -> bool {
        let owned = app.filter(|(_, owner)| *owner == self.organization);
        if carries_token(kind) {
            return owned.is_some_and(|(app, _)| self.app == Some(app));
        }
        let own = self.app.is_none() && organization == Some(self.organization);
        own || owned.is_some_and(|(app, _)| self.app.is_none_or(|bound| bound == app))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use kernel::id::WebhookId;
    use serde_json::json;

    use super::*;
    use crate::{EndpointUrl, EventFilter, ResourceFilter};

    pub(crate) fn endpoint(organization: OrganizationId, app: Option<AppId>) -> Endpoint {
        let url = EndpointUrl::parse("https://example.com").unwrap();
        Endpoint { app, ..Endpoint::new(WebhookId::generate(), organization, url, at(10)) }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn an_organization_and_the_owner_of_its_app_hear_and_nobody_else() {
        let [tenant, owner, stranger] = [(); 3].map(|()| OrganizationId::generate());
        let [app, other] = [(); 2].map(|()| AppId::generate());
        for (kind, organization, app_of_it, endpoint, heard) in [
            ("team.created", Some(tenant), Some((app, owner)), endpoint(tenant, None), true),
            ("team.created", Some(tenant), Some((app, owner)), endpoint(owner, None), true),
            ("team.created", Some(tenant), Some((app, owner)), endpoint(owner, Some(app)), true),
            ("team.created", Some(tenant), Some((app, owner)), endpoint(owner, Some(other)), false),
            ("team.created", Some(tenant), Some((app, owner)), endpoint(stranger, None), false),
            // A binding gives nobody anything who does not own the app.
            ("team.created", Some(tenant), Some((app, owner)), endpoint(stranger, Some(app)), false),
            ("team.created", Some(tenant), None, endpoint(tenant, None), true),
            ("team.created", Some(tenant), None, endpoint(owner, None), false),
            ("auth.login", None, Some((app, owner)), endpoint(owner, None), true),
            ("auth.login", None, Some((app, owner)), endpoint(tenant, None), false),
            ("auth.login", None, None, endpoint(owner, None), false),
            // What is the owner's own is heard where nothing else is wanted but one app, if it is of that app.
            ("team.created", Some(owner), None, endpoint(owner, Some(app)), false),
            ("app.updated", Some(owner), Some((app, owner)), endpoint(owner, Some(app)), true),
        ] {
            let what = format!("{kind} {organization:?} {app_of_it:?} {:?} {:?}", endpoint.organization, endpoint.app);
            assert_eq!(endpoint.may_hear(kind, organization, app_of_it), heard, "{what}");
        }
    }

    #[test]
    fn tokens_go_to_the_app_alone() {
        let [tenant, owner] = [(); 2].map(|()| OrganizationId::generate());
        let [app, other] = [(); 2].map(|()| AppId::generate());
        for kind in EventKind::ALL.iter().filter(|kind| kind.carries_token()).map(|kind| kind.as_str()) {
            let hears = |endpoint: Endpoint| endpoint.may_hear(kind, Some(tenant), Some((app, owner)));
            assert!(hears(endpoint(owner, Some(app))));
            for wrong in [endpoint(owner, None), endpoint(owner, Some(other)), endpoint(tenant, None)] {
                assert!(!hears(wrong.clone()), "{wrong:?}");
            }
            assert!(!endpoint(owner, Some(app)).may_hear(kind, None, None), "the platform's own");
        }
    }

    #[test]
    fn filters_and_the_past_narrow_it() {
        let tenant = OrganizationId::generate();
        let payload = json!({ "team_id": "t" });
        let at_that_time = |seconds| Happening {
            kind: "team.created",
            organization: Some(tenant),
            app: None,
            actor: None,
            payload: payload.as_object().unwrap(),
            at: at(seconds),
        };
        let all = endpoint(tenant, None);
        assert!(all.hears(&at_that_time(10)) && !all.hears(&at_that_time(9)));
        let filter = EventFilter::parse(vec!["auth.*".to_owned()]).unwrap();
        assert!(!Endpoint { filter, ..all.clone() }.hears(&at_that_time(10)));
        let fields = BTreeMap::from([("team_id".to_owned(), "u".to_owned())]);
        let resources = ResourceFilter::parse(fields).unwrap();
        assert!(!Endpoint { resources, ..all }.hears(&at_that_time(10)));
    }
}
