use super::*;

fn parse(text: &str) -> Manifest {
    Manifest::parse(&Arc::new(PathBuf::from("all.yaml")), text)
}

fn names(manifest: &Manifest) -> Vec<String> {
    manifest.objects.keys().map(ToString::to_string).collect()
}

fn errors(manifest: &Manifest) -> Vec<String> {
    manifest.errors.iter().map(ToString::to_string).collect()
}

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: a\n  namespace: metallb-system\n\
                    spec:\n  addresses:\n  - 192.0.2.0/24\n";

#[test]
fn documents_lists_and_json_are_read() {
    let nodes = "---\n# nothing\n---\n{apiVersion: v1, kind: Node, metadata: {name: n1}}\n---\napiVersion: v1\nkind: List\n\
                 items:\n- {apiVersion: v1, kind: Node, metadata: {name: n2}}\n---\napiVersion: v1\nkind: NodeList\nitems:\n\
                 - metadata: {name: n3}\n";
    let manifest = parse(&format!("{POOL}{nodes}"));
    assert_eq!(
        names(&manifest),
        [
            "IPAddressPool metallb-system/a",
            "Node n1",
            "Node n2",
            "Node n3"
        ]
    );
    assert_eq!(errors(&manifest), Vec::<String>::new());

    let json = "{\"apiVersion\": \"v1\",\n\t\"kind\": \"Node\", \"metadata\": {\"name\": \"n1\"}}\n{\"apiVersion\":\"v1\",\
                \"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\"}}";
    let manifest = Manifest::parse(&Arc::new(PathBuf::from("all.json")), json);
    assert_eq!(names(&manifest), ["Namespace shop", "Node n1"]);
    assert_eq!(errors(&manifest), Vec::<String>::new());
}

#[test]
fn a_broken_document_is_reported_with_its_line_and_the_others_are_read() {
    let manifest = parse(&format!(
        "{POOL}---\nkind: [\n---\napiVersion: v1\nkind: Node\nmetadata: {{name: n1}}\n"
    ));
    assert_eq!(
        names(&manifest),
        ["IPAddressPool metallb-system/a", "Node n1"]
    );
    let [error] = manifest.errors.as_slice() else {
        panic!("{:?}", manifest.errors)
    };
    let origin = error.origin.as_ref().unwrap();
    assert_eq!((origin.document, &error.object), (2, &None));
    assert!(
        origin.line.is_some_and(|line| (10..=11).contains(&line)),
        "{origin}"
    );
    assert!(matches!(error.reason, Reason::Unreadable(_)));
}

#[test]
fn a_field_of_the_wrong_type_is_reported_with_its_path_and_line() {
    let manifest = parse(&POOL.replace("- 192.0.2.0/24", "- 192.0.2.0/24\n  autoAssign: perhaps"));
    assert_eq!(names(&manifest), Vec::<String>::new());
    let [error] = manifest.errors.as_slice() else {
        panic!("{:?}", manifest.errors)
    };
    assert_eq!(
        error.object.as_ref().unwrap().to_string(),
        "IPAddressPool metallb-system/a"
    );
    assert_eq!(error.field, "spec.autoAssign");
    assert_eq!(
        error.origin.as_ref().unwrap().to_string(),
        "all.yaml:9 (document 1)"
    );
}

#[test]
fn a_typing_error_in_the_name_of_a_field_is_reported() {
    let text = POOL.replace("spec:", "spec:\n  autoAsign: false\n  serviceAllocation:\n    namespaceSelectors:\n    - labels: {}");
    let manifest = parse(&text);
    let found: Vec<_> = manifest
        .errors
        .iter()
        .map(|error| (error.field.as_str(), error.reason.clone()))
        .collect();
    let expected = [
        "spec.autoAsign",
        "spec.serviceAllocation.namespaceSelectors[0].labels",
    ];
    assert_eq!(found, expected.map(|field| (field, Reason::UnknownField)));
    assert_eq!(names(&manifest), Vec::<String>::new());
}

#[test]
fn a_status_from_a_newer_version_is_no_typing_error() {
    let status =
        "{assignedIPv4: 0, assignedIPv6: 0, availableIPv4: 256, availableIPv6: 0, conditions: []}";
    let manifest = parse(&format!("{POOL}status: {status}\n"));
    assert_eq!((names(&manifest).len(), errors(&manifest)), (1, vec![]));
}

#[test]
fn a_missing_field_is_named() {
    let text = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: a}\nspec: {peerASN: 64500}\n";
    let manifest = parse(text);
    assert_eq!(manifest.errors[0].field, "spec.myASN");
    assert_eq!(manifest.errors[0].reason, Reason::Missing);
}

#[test]
fn kinds_that_are_not_ours_are_skipped_and_misspelt_ones_are_reported() {
    for (version, kind) in [("apps/v1", "Deployment"), ("v1", "ServiceAccount")] {
        let manifest = parse(&format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n"
        ));
        assert_eq!((names(&manifest), errors(&manifest)), (vec![], vec![]));
    }
    for (version, kind) in [
        ("metallb.io/v1beta1", "IPAdressPool"),
        ("metallb.io/v1", "BGPPeer"),
        ("v1", "Nod"),
        ("v2", "Node"),
    ] {
        let manifest = parse(&format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n"
        ));
        assert!(
            errors(&manifest)[0].contains(&format!("there is no kind {kind} in {version}")),
            "{manifest:?}"
        );
    }
}

#[test]
fn what_is_no_object_is_reported() {
    for text in [
        "a: 1\n",
        "- a\n",
        "just words\n",
        "apiVersion: v1\nkind: Node\n",
        "apiVersion: v1\nkind: Node\nmetadata: {}\n",
    ] {
        let manifest = parse(text);
        assert_eq!(manifest.errors.len(), 1, "{text:?}: {manifest:?}");
    }
}

#[test]
fn an_object_that_is_there_twice_counts_as_it_was_first() {
    let manifest = parse(&format!(
        "{POOL}---\n{}",
        POOL.replace("192.0.2", "198.51.100")
    ));
    assert!(matches!(
        manifest.errors[0].reason,
        Reason::DefinedTwice { .. }
    ));
    let AnyObject::IPAddressPool(pool) = &manifest.objects.values().next().unwrap().0 else {
        panic!()
    };
    assert_eq!(pool.spec.addresses, ["192.0.2.0/24"]);
}

#[test]
fn an_advertisement_needs_no_spec() {
    let manifest =
        parse("apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: a}\n");
    assert_eq!(names(&manifest), ["L2Advertisement default/a"]);
}

#[test]
fn both_versions_of_a_peer_are_read_as_the_same() {
    let text = "apiVersion: metallb.io/v1beta1\nkind: BGPPeer\nmetadata: {name: a}\nspec: {myASN: 64500, peerASN: 64510, \
                peerAddress: 192.0.2.1, peerPort: 0, nodeSelectors: [{matchLabels: {rack: a}}]}\n";
    let peer = |text: &str| match &parse(text).objects.values().next().unwrap().0 {
        AnyObject::BGPPeer(peer) => Arc::clone(peer),
        other => panic!("{other:?}"),
    };
    let current = text
        .replace("v1beta1", "v1beta2")
        .replace("peerPort: 0, ", "");
    assert_eq!(peer(text), peer(&current));
    assert_eq!(peer(text).spec.peer_port, 179);
}

#[test]
fn what_is_broken_keeps_its_last_good_version() {
    let earlier = parse(&format!(
        "{POOL}---\napiVersion: v1\nkind: Node\nmetadata: {{name: n1}}\n"
    ));

    let mut object = parse(&POOL.replace("addresses", "adresses"));
    object.keep_last_good(earlier.clone());
    let kept: Vec<_> = object.kept.keys().map(ToString::to_string).collect();
    assert_eq!(
        kept,
        ["IPAddressPool metallb-system/a"],
        "the node is known to be gone"
    );
    assert!(
        object
            .errors
            .iter()
            .all(|error| error.effect == ErrorEffect::LastGoodInForce)
    );

    let mut document = parse("apiVersion: v1\nkind: Node\nmetadata: {name: n2}\n---\n{\n");
    document.keep_last_good(earlier);
    let kept: Vec<_> = document.kept.keys().map(ToString::to_string).collect();
    assert_eq!(
        kept,
        ["IPAddressPool metallb-system/a", "Node n1"],
        "each may be in the broken document"
    );
}

#[test]
fn a_marker_is_one_at_the_start_of_a_line_only() {
    let lines: Vec<_> =
        documents("a: |\n  ---\n---x\n--- # two\nb: 1\n...\n%YAML 1.2\n---\nc: 1\n").collect();
    let starts: Vec<_> = lines.iter().map(|(line, _)| *line).collect();
    assert_eq!(starts, [1, 4, 8]);
}

#[test]
fn the_lines_of_every_configuration_object_are_known() {
    let text = "# pools\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: metallb.io/v1beta1\n  kind: IPAddressPool\n  \
                metadata: {name: a}\n  spec:\n    addresses:\n    - 192.0.2.0/24\n    - nowhere\n";
    let manifest = parse(text);
    let (id, (_, origin)) = manifest.objects.first_key_value().unwrap();
    assert_eq!(origin.line, Some(6));
    let lines = &manifest.field_lines[id];
    assert_eq!(lines.line_of("spec.addresses[1]"), Some(12));
    assert_eq!(lines.line_of("spec.addresses[7]"), Some(11));
    assert_eq!(lines.line_of(""), Some(6));
}

#[test]
fn a_field_that_is_null_has_its_default() {
    let manifest = parse(&POOL.replace(
        "- 192.0.2.0/24",
        "- 192.0.2.0/24\n  autoAssign: null\n  avoidBuggyIPs:",
    ));
    assert_eq!(errors(&manifest), Vec::<String>::new());
    let AnyObject::IPAddressPool(pool) = &manifest.objects.values().next().unwrap().0 else {
        panic!()
    };
    assert!(pool.spec.auto_assign);
}
