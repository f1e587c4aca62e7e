//! What an organization has at providers for longer: a voice that was made for it, a file that is stored there. Fabric
//! keeps the record, and none of the bytes.

use kernel::{
    Code, Error, Listed, Metadata, Name, Page, Result, Scope, Timestamp,
    id::{AssetId, OrganizationId, PrincipalId, TeamId},
};

use crate::Label;

/// The id of something at a provider, which has any form: 1 to 512 bytes in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderId(String);

impl ProviderId {
    const LONGEST: usize = 512;

    /// # Errors
    /// `invalid_request`.
    pub fn parse(text: &str) -> Result<Self> {
        if (1..=Self::LONGEST).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::because(Code::InvalidRequest, "Give a provider_id of 1 to 512 bytes in one line."))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something that an organization has at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The asset's id here.
    pub id: AssetId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// For which of its teams; for all of it without.
    pub team: Option<TeamId>,
    /// What kind of thing it is, in the app's own words.
    pub kind: Label,
    /// What people call it.
    pub name: Name,
    /// Who has it.
    pub provider: Option<Name>,
    /// What it is called there.
    pub provider_id: Option<ProviderId>,
    /// What the app keeps about it.
    pub metadata: Metadata,
    /// Who registered it.
    pub created_by: PrincipalId,
    /// Since when it is deleted: the record stays, so that whatever is left at the provider can be found.
    pub deleted_at: Option<Timestamp>,
    /// Since when it is registered.
    pub created_at: Timestamp,
}

/// Which assets. All that is given has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// Of this kind.
    pub kind: Option<Label>,
    /// For this team.
    pub team: Option<TeamId>,
    /// Those that are deleted, too.
    pub deleted: bool,
}

/// Assets of one database transaction.
pub trait AssetRepository {
    /// The organization's asset, unless it is deleted.
    fn asset(&mut self, scope: &dyn Scope, id: AssetId) -> Result<Option<Asset>>;

    /// The organization's assets, oldest first.
    fn assets_in(
        &mut self,
        scope: &dyn Scope,
        filter: &AssetFilter,
        page: &Page<AssetId>,
    ) -> Result<Listed<Asset, AssetId>>;

    /// How many the organization has that are not deleted.
    fn count_assets(&mut self, scope: &dyn Scope) -> Result<i64>;

    /// Adds one.
    ///
    /// # Errors
    /// `not_found` for a team that is not the organization's.
    fn insert_asset(&mut self, scope: &dyn Scope, asset: &Asset) -> Result<()>;

    /// Deletes one. Its record stays as long as the organization.
    ///
    /// # Errors
    /// `not_found`, also once it is deleted.
    fn delete_asset(&mut self, scope: &dyn Scope, id: AssetId, now: Timestamp) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_provider_has_any_form_in_one_line() {
        for good in ["voice_123", "arn:aws:s3:::bucket/a file.png", " spaced ", "株式会社", &"x".repeat(512)] {
            assert_eq!(ProviderId::parse(good).unwrap().as_str(), good, "it is theirs, and stays as it is");
        }
        for bad in ["", "a\0b", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(513)] {
            assert_eq!(ProviderId::parse(bad).unwrap_err().code, Code::InvalidRequest, "{bad:?}");
        }
    }
}
