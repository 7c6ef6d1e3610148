//! Effect to JSON.
