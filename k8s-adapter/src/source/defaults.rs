//! What an API server would have filled in before anybody saw the object.

use k8s_openapi::api::core::v1::{Namespace, Service, ServiceSpec};

/// Stands for a ClusterIP in a folder, where nobody hands out ClusterIPs: only its family matters here.
const CLUSTER_IPV4: &str = "0.0.0.0";
/// The same for IPv6.
const CLUSTER_IPV6: &str = "::";

/// The label by which selectors select a namespace by its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Gives a Namespace the label with its name.
pub(crate) fn fill_namespace(namespace: &mut Namespace) {
    if let Some(name) = namespace.metadata.name.clone() {
        let labels = namespace.metadata.labels.get_or_insert_default();
        labels.insert(NAMESPACE_NAME.to_owned(), name);
    }
}

/// Gives a LoadBalancer Service without ClusterIPs one of each of its families: those of `spec.ipFamilies`, else IPv4;
/// with the other one where `spec.ipFamilyPolicy` asks for two.
pub(crate) fn fill_service(service: &mut Service) {
    let Some(spec) = service
        .spec
        .as_mut()
        .filter(|spec| spec.type_.as_deref() == Some("LoadBalancer"))
    else {
        return;
    };
    let is_set = |address: &String| !address.is_empty();
    if spec
        .cluster_ips
        .as_ref()
        .is_some_and(|addresses| addresses.iter().any(is_set))
        || spec.cluster_ip.as_ref().is_some_and(is_set)
    {
        return;
    }
    let addresses = families(spec).into_iter().map(|family| match family {
        "IPv6" => CLUSTER_IPV6.to_owned(),
        _ => CLUSTER_IPV4.to_owned(),
    });
    spec.cluster_ips = Some(addresses.collect());
}

fn families(spec: &ServiceSpec) -> Vec<&str> {
    let asked = spec.ip_families.as_deref().unwrap_or_default();
    let first = asked.first().map_or("IPv4", String::as_str);
    let other = if first == "IPv6" { "IPv4" } else { "IPv6" };
    let dual = asked.len() > 1
        || matches!(
            spec.ip_family_policy.as_deref(),
            Some("PreferDualStack" | "RequireDualStack")
        );
    if dual {
        vec![first, other]
    } else {
        vec![first]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster_ips(spec: ServiceSpec) -> Option<Vec<String>> {
        let spec = ServiceSpec {
            type_: Some("LoadBalancer".to_owned()),
            ..spec
        };
        let mut service = Service {
            spec: Some(spec),
            ..Service::default()
        };
        fill_service(&mut service);
        service.spec.unwrap().cluster_ips
    }

    #[test]
    fn a_namespace_can_be_selected_by_its_name() {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("shop".to_owned());
        fill_namespace(&mut namespace);
        let labels = namespace.metadata.labels.unwrap();
        assert_eq!(labels["kubernetes.io/metadata.name"], "shop");
    }

    #[test]
    fn a_service_that_says_nothing_is_ipv4() {
        assert_eq!(
            cluster_ips(ServiceSpec::default()),
            Some(vec!["0.0.0.0".to_owned()])
        );
    }

    #[test]
    fn families_are_kept_in_their_order() {
        let ip_families = Some(vec!["IPv6".to_owned(), "IPv4".to_owned()]);
        let spec = ServiceSpec {
            ip_families,
            ..ServiceSpec::default()
        };
        assert_eq!(
            cluster_ips(spec),
            Some(vec!["::".to_owned(), "0.0.0.0".to_owned()])
        );
    }

    #[test]
    fn a_dual_stack_policy_adds_the_other_family() {
        let ip_families = Some(vec!["IPv6".to_owned()]);
        let ip_family_policy = Some("RequireDualStack".to_owned());
        let spec = ServiceSpec {
            ip_families,
            ip_family_policy,
            ..ServiceSpec::default()
        };
        assert_eq!(
            cluster_ips(spec),
            Some(vec!["::".to_owned(), "0.0.0.0".to_owned()])
        );
    }

    #[test]
    fn cluster_ips_that_are_given_stay() {
        let spec = ServiceSpec {
            cluster_ip: Some("10.96.0.7".to_owned()),
            ..ServiceSpec::default()
        };
        assert_eq!(cluster_ips(spec), None);
    }
}
