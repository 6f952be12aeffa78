//! Paging: a query has `pageNo` and `pageSize`, a response has one page of `records`.
//!
//! A value out of range is refused with 400, never adjusted.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `pageSize` if the query has none.
pub const DEFAULT_PAGE_SIZE: u32 = 10;
/// The greatest allowed `pageSize`.
pub const MAX_PAGE_SIZE: u32 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// Rows of this page; empty after the last page.
    pub records: Vec<T>,
    /// Number of this page, from 1.
    pub page_no: u32,
    /// Rows of a full page.
    pub page_size: u32,
    /// Number of rows on all pages.
    pub total_rows: u64,
}

/// Selects a page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Number of the page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows per page, 1 to 100; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
}
