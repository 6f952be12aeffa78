//! Paging: `pageNo` and `pageSize` in, one page of `records` out.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `pageSize` where none is given.
pub const DEFAULT_PAGE_SIZE: u32 = 10;
/// The largest `pageSize`.
pub const MAX_PAGE_SIZE: u32 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows of this page; empty beyond the last page.
    pub records: Vec<T>,
    /// Which page this is, from 1.
    pub page_no: u32,
    /// How many rows a full page has.
    pub page_size: u32,
    /// How many rows there are on all pages.
    pub total_rows: u64,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Which page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows on a page: 1 to 100, by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
}
