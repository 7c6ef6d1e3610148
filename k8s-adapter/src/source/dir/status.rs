//! What the controller has written about Services, pools and reservations, laid over the objects themselves.

use std::sync::Arc;

use planner::service::Service;

use crate::crd::{IPAddressPool, IPReservation};

/// The Service as an API server would show it: as its manifest says, with the status and the annotation that the
/// controller has written.
pub(super) fn overlay_service(service: &Service, written: &Service) -> Arc<Service> {
    Arc::new(Service {
        ingress: written.ingress.clone(),
        allocated_from: written.allocated_from.clone(),
        has_hostname: written.has_hostname,
        condition: written.condition.clone(),
        condition_since: written.condition_since,
        announced: written.announced.clone(),
        announced_since: written.announced_since,
        ..service.clone()
    })
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
