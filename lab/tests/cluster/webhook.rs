//! The optional webhook, as the API server calls it (compat/metallb.md 3.4, 8.4 "webhookstests"), with the shipped
//! manifest and no more rights than it gives.

mod conversion;
mod rows;
mod serving;
mod site;
