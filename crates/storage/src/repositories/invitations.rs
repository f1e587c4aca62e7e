//! Invitations.

use diesel::{dsl::sql, expression::SqlLiteral, prelude::*, sql_types::Text};
use kernel::{
    Email, Error, Listed, Page, Result, Scope, SecretHash, Timestamp,
    id::{AppId, InvitationId, MailId, OrganizationId, PrincipalId, TeamId},
};
use tenancy::{Invitation, InvitationRepository, InvitationStatus, Organization};

use super::{Db, SWEEP, Tx, organizations::OrganizationRow};
use crate::{
    columns::{Moment, RowId, fixed, intact},
    schema::{invitation_letters, invitations, organizations},
};

/// That it waits for an answer. Written out, as no plan that is made before the values are known goes by an index of those
/// that wait.
fn pending() -> SqlLiteral<Text> {
    sql("'pending'")
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct InvitationRow {
    id: RowId,
    organization_id: RowId,
    team_id: Option<RowId>,
    email: String,
    role: String,
    inviter_id: RowId,
    status: String,
    expires_at: Moment,
    created_at: Moment,
    updated_at: Moment,
}

impl InvitationRepository for Tx<'_> {
    fn insert_invitation(&mut self, scope: &dyn Scope, invitation: &Invitation) -> Result<()> {
        let row = InvitationRow {
            id: RowId(invitation.id.0),
            organization_id: RowId(scope.organization().0),
            team_id: invitation.team.map(|id| RowId(id.0)),
            email: invitation.email.as_str().to_owned(),
            role: invitation.role.clone(),
            inviter_id: RowId(invitation.inviter.0),
            status: invitation.status.name().to_owned(),
            expires_at: Moment(invitation.expires_at),
            created_at: Moment(invitation.created_at),
            updated_at: Moment(invitation.updated_at),
        };
        let insert = diesel::insert_into(invitations::table).values(row);
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>> {
        let query = invitations::table.find(RowId(id.0)).select(InvitationRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(InvitationRow::into_invitation).transpose()
    }

    fn invitations_in(
        &mut self,
        scope: &dyn Scope,
        status: Option<InvitationStatus>,
        now: Timestamp,
        page: &Page<InvitationId>,
    ) -> Result<Listed<Invitation, InvitationId>> {
        let all = || {
            let here = invitations::table.filter(invitations::organization_id.eq(RowId(scope.organization().0)));
            let unnoted = invitations::status.eq(pending()).and(invitations::expires_at.le(Moment(now)));
            match status {
                None => here.into_boxed::<Db>(),
                Some(InvitationStatus::Pending) => here
                    .filter(invitations::status.eq(pending()))
                    .filter(invitations::expires_at.gt(Moment(now)))
                    .into_boxed(),
                Some(InvitationStatus::Expired) => {
                    here.filter(invitations::status.eq(InvitationStatus::Expired.name()).or(unnoted)).into_boxed()
                }
                Some(status) => here.filter(invitations::status.eq(status.name())).into_boxed(),
            }
        };
        let (rows, total): (Vec<InvitationRow>, _) =
            paged!(self, page, all by invitations::id, InvitationRow::as_select());
        let found = rows.into_iter().map(InvitationRow::into_invitation).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |invitation: &Invitation| invitation.id))
    }

    fn invitations_for(
        &mut self,
        app: Option<AppId>,
        email: &Email,
        now: Timestamp,
        page: &Page<InvitationId>,
    ) -> Result<Listed<(Invitation, Organization), InvitationId>> {
        let waiting = || {
            let waiting = invitations::table
                .inner_join(organizations::table)
                .filter(invitations::email.eq(email.as_str().to_owned()))
                .filter(invitations::status.eq(pending()))
                .filter(invitations::expires_at.gt(Moment(now)))
                .filter(organizations::archived_at.is_null())
                .filter(organizations::delete_at.is_null())
                .into_boxed::<Db>();
            within_app!(waiting, app)
        };
        let (rows, total): (Vec<(InvitationRow, OrganizationRow)>, _) = paged!(
            self,
            page,
            waiting by invitations::id,
            (InvitationRow::as_select(), OrganizationRow::as_select())
        );
        let both = |(invitation, organization): (InvitationRow, OrganizationRow)| {
            Ok((invitation.into_invitation()?, organization.into_organization()?))
        };
        let found = rows.into_iter().map(both).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |(invitation, _): &(Invitation, Organization)| invitation.id))
    }

    fn count_pending_invitations(&mut self, scope: &dyn Scope, now: Timestamp) -> Result<i64> {
        let count = invitations::table
            .filter(invitations::organization_id.eq(RowId(scope.organization().0)))
            .filter(invitations::status.eq(pending()))
            .filter(invitations::expires_at.gt(Moment(now)))
            .count();
        self.query(|connection| count.get_result(connection))
    }

    fn renew_invitation(&mut self, scope: &dyn Scope, invitation: &Invitation) -> Result<()> {
        let open = [InvitationStatus::Pending.name(), InvitationStatus::Expired.name()];
        let renew = diesel::update(invitations::table.find(RowId(invitation.id.0)))
            .filter(invitations::organization_id.eq(RowId(scope.organization().0)))
            .filter(invitations::status.eq_any(open))
            .set((
                invitations::status.eq(pending()),
                invitations::inviter_id.eq(RowId(invitation.inviter.0)),
                invitations::expires_at.eq(Moment(invitation.expires_at)),
                invitations::updated_at.eq(Moment(invitation.updated_at)),
            ));
        match self.query(|connection| renew.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }

    fn close_invitation(
        &mut self,
        id: InvitationId,
        status: InvitationStatus,
        now: Timestamp,
    ) -> Result<Option<Invitation>> {
        let close = diesel::update(invitations::table.find(RowId(id.0)))
            .filter(invitations::status.eq(pending()))
            .filter(invitations::expires_at.gt(Moment(now)))
            .set((invitations::status.eq(status.name()), invitations::updated_at.eq(Moment(now))))
            .returning(InvitationRow::as_returning());
        let row = self.query(|connection| close.get_result(connection).optional())?;
        row.map(InvitationRow::into_invitation).transpose()
    }

    fn expire_invitation_for(
        &mut self,
        scope: &dyn Scope,
        email: &Email,
        now: Timestamp,
    ) -> Result<Option<Invitation>> {
        let expire = diesel::update(invitations::table)
            .filter(invitations::organization_id.eq(RowId(scope.organization().0)))
            .filter(invitations::email.eq(email.as_str().to_owned()))
            .filter(invitations::status.eq(pending()))
            .filter(invitations::expires_at.le(Moment(now)))
            .set((invitations::status.eq(InvitationStatus::Expired.name()), invitations::updated_at.eq(Moment(now))))
            .returning(InvitationRow::as_returning());
        let row = self.query(|connection| expire.get_result(connection).optional())?;
        row.map(InvitationRow::into_invitation).transpose()
    }

    fn expire_invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>> {
        let late = invitations::table
            .filter(invitations::status.eq(pending()))
            .filter(invitations::expires_at.le(Moment(now)))
            .order(invitations::expires_at)
            .limit(SWEEP)
            .select(invitations::id);
        let late: Vec<RowId> = self.query(|connection| for_update_skip_locked!(late).load(connection))?;
        if late.is_empty() {
            return Ok(Vec::new());
        }
        let expire = diesel::update(invitations::table.filter(invitations::id.eq_any(late)))
            .set((invitations::status.eq(InvitationStatus::Expired.name()), invitations::updated_at.eq(Moment(now))))
            .returning(InvitationRow::as_returning());
        let rows = self.query(|connection| expire.load(connection))?;
        rows.into_iter().map(InvitationRow::into_invitation).collect()
    }

    fn sweep_invitations(&mut self, before: Timestamp) -> Result<usize> {
        let old = invitations::table
            .filter(invitations::status.ne(pending()))
            .filter(invitations::updated_at.lt(Moment(before)))
            .order(invitations::updated_at)
            .limit(SWEEP)
            .select(invitations::id);
        let old: Vec<RowId> = self.query(|connection| old.load(connection))?;
        // One of them may have been sent again by now.
        let sweep = diesel::delete(invitations::table.filter(invitations::id.eq_any(old)))
            .filter(invitations::status.ne(pending()))
            .filter(invitations::updated_at.lt(Moment(before)));
        self.query(|connection| sweep.execute(connection))
    }

    fn insert_invitation_letter(
        &mut self,
        scope: &dyn Scope,
        id: InvitationId,
        mail: MailId,
        now: Timestamp,
    ) -> Result<()> {
        let insert = diesel::insert_into(invitation_letters::table).values((
            invitation_letters::mail_id.eq(RowId(mail.0)),
            invitation_letters::invitation_id.eq(RowId(id.0)),
            invitation_letters::organization_id.eq(RowId(scope.organization().0)),
            invitation_letters::created_at.eq(Moment(now)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn count_invitation_letters(&mut self, scope: &dyn Scope, since: Timestamp) -> Result<i64> {
        let count = invitation_letters::table
            .filter(invitation_letters::organization_id.eq(RowId(scope.organization().0)))
            .filter(invitation_letters::created_at.gt(Moment(since)))
            .count();
        self.query(|connection| count.get_result(connection))
    }

    fn write_invitation_letter(
        &mut self,
        mail: MailId,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Invitation>> {
        let write = diesel::update(invitation_letters::table.find(RowId(mail.0)))
            .set(invitation_letters::hash.eq(Some(hash.0.to_vec())))
            .returning(invitation_letters::invitation_id);
        let id: Option<RowId> = self.query(|connection| write.get_result(connection).optional())?;
        let Some(id) = id else { return Ok(None) };
        let found = self.invitation(InvitationId(id.0))?;
        Ok(found.filter(|invitation| invitation.status(now) == InvitationStatus::Pending))
    }

    fn invitation_tokens(&mut self, id: InvitationId) -> Result<Vec<SecretHash>> {
        let query = invitation_letters::table
            .filter(invitation_letters::invitation_id.eq(RowId(id.0)))
            .filter(invitation_letters::hash.is_not_null())
            .select(invitation_letters::hash);
        let hashes: Vec<Option<Vec<u8>>> = self.query(|connection| query.load(connection))?;
        hashes.into_iter().flatten().map(|hash| fixed(hash).map(SecretHash)).collect()
    }
}

impl InvitationRow {
    fn into_invitation(self) -> Result<Invitation> {
        let status = InvitationStatus::parse(&self.status);
        Ok(Invitation {
            id: InvitationId(self.id.0),
            organization: OrganizationId(self.organization_id.0),
            team: self.team_id.map(|id| TeamId(id.0)),
            email: intact(Email::parse(&self.email))?,
            role: self.role,
            inviter: PrincipalId(self.inviter_id.0),
            status: intact(status.ok_or("an unknown status of an invitation"))?,
            expires_at: self.expires_at.0,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
