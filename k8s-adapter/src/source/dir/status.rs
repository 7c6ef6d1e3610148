//! What the controller has written about Services, pools and reservations, laid over the objects themselves.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

use crate::crd::{IPAddressPool, IPReservation};
use crate::translate::IP_ALLOCATED_FROM_POOL;

/// The Service as an API server would show it: as its manifest says, with the status and the annotation that the
/// controller has written.
pub(super) fn overlay_service(service: &Service, written: &Service) -> Arc<Service> {
    let mut service = service.clone();
    let annotations = service.metadata.annotations.get_or_insert_default();
    annotations.remove(IP_ALLOCATED_FROM_POOL);
    let pool = written
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(IP_ALLOCATED_FROM_POOL));
    annotations.extend(pool.map(|pool| (IP_ALLOCATED_FROM_POOL.to_owned(), pool.clone())));
    let written = written.status.clone().unwrap_or_default();
    let status = service.status.get_or_insert_default();
    status.load_balancer = written.load_balancer;
    status.conditions = written.conditions;
    Arc::new(service)
}

/// The pool with the usage that the controller has written.
pub(super) fn overlay_pool(pool: &IPAddressPool, written: &IPAddressPool) -> Arc<IPAddressPool> {
    let status = written.status.clone();
    Arc::new(IPAddressPool {
        status,
        ..pool.clone()
    })
}

/// The reservation with the status that the controller has written.
pub(super) fn overlay_reservation(
    reservation: &IPReservation,
    written: &IPReservation,
) -> Arc<IPReservation> {
    let status = written.status.clone();
    Arc::new(IPReservation {
        status,
        ..reservation.clone()
    })
}
