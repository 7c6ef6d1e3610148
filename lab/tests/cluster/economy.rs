//! How often the controller asks the API server for something.

use std::thread;
use std::time::Duration;

use crate::tenant::Tenant;

/// Longer than the controller's slow timer.
const IDLE: Duration = Duration::from_secs(40);

/// How long something may still be done about what happened.
const AFTERMATH: Duration = Duration::from_secs(5);

#[test]
fn a_service_costs_one_status_write_and_then_nothing() {
    let Some(tenant) = Tenant::start("economy") else {
        return;
    };
    tenant.pool("web", &[tenant.v4("0/25")]);
    tenant.settle();
    let audit = tenant.audit();
    let services: Vec<_> = (0..20)
        .map(|number| tenant.create_service(&format!("web-{number}")))
        .collect();
    for service in &services {
        service.until_address();
    }
    tenant.settle();
    let requests = tenant.requests_since(&audit);
    // One each, and one for the Service by which it was seen that all is done.
    assert_eq!(requests.of("patch services/status"), 21, "{requests}");

    // The pool's status, written twice a second at most, and a look whether the last Service is really gone.
    thread::sleep(AFTERMATH);
    let audit = tenant.audit();
    thread::sleep(IDLE);
    let requests = tenant.requests_since(&audit);
    let of_the_lease =
        ["get", "patch", "update"].map(|verb| requests.of(&format!("{verb} leases")));
    // Whether a kind that is not installed has come meanwhile is asked twice a minute.
    let of_the_absent = requests.of("list frrconfigurations");
    assert!(of_the_absent <= 2, "{requests}");
    let expected =
        of_the_lease.iter().sum::<usize>() + of_the_absent + requests.with_verbs(&["watch"]);
    assert_eq!(requests.total(), expected, "{requests}");
}
