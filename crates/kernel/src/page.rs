//! Pages of long lists.

use crate::{Code, Error, Result};

/// Which part of a list is wanted: at most [`Page::LARGEST`] items, from where the last page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<I> {
    /// Only what comes behind this one.
    pub after: Option<I>,
    /// Skips this many more: for clients that count, and capped, because skipping costs what reading costs.
    pub offset: u32,
    /// At most this many.
    pub limit: u32,
    /// Whether the whole list shall be counted, which costs what reading all of it costs.
    pub counted: bool,
}

impl<I> Page<I> {
    /// The largest page; a larger wish is cut down to it.
    pub const LARGEST: u32 = 200;
    /// The furthest offset. Behind it there are cursors.
    pub const FURTHEST: u32 = 10_000;

    /// # Errors
    /// `invalid_parameter` when the limit is 0 or the offset is further than [`Page::FURTHEST`].
    pub fn new(after: Option<I>, offset: u32, limit: u32) -> Result<Self> {
        if limit == 0 {
            return Err(Error::because(Code::InvalidParameter, "Ask for a limit of at least 1."));
        }
        if offset > Self::FURTHEST {
            return Err(Error::because(
                Code::InvalidParameter,
                "The offset is too far: go on with the cursor of the last page.",
            ));
        }
        Ok(Self { after, offset, limit: limit.min(Self::LARGEST), counted: false })
    }

    /// The same page, with the length of the whole list if that is asked for.
    #[must_use]
    pub fn counted(self, counted: bool) -> Self {
        Self { counted, ..self }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T, I> {
    /// The page's items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<I>,
    /// How many items all pages have together, if that was asked for.
    pub total: Option<u64>,
}

impl<T, I> Listed<T, I> {
    /// Cuts a page out of `items`, of which one more than the limit was read to see whether there is a next page.
    pub fn cut(mut items: Vec<T>, page: &Page<I>, total: Option<u64>, id: impl Fn(&T) -> I) -> Self {
        let limit = page.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Self { items, next, total }
    }

    /// A list that is never longer than a page.
    pub fn whole(items: impl IntoIterator<Item = T>, page: &Page<I>) -> Self {
        let items: Vec<T> = items.into_iter().collect();
        let total = page.counted.then_some(items.len() as u64);
        Self { items, next: None, total }
    }

    /// The same page of something else.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Listed<U, I> {
        Listed { items: self.items.into_iter().map(map).collect(), next: self.next, total: self.total }
    }
}
