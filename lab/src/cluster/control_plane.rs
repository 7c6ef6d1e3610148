//! etcd, kube-apiserver and, when asked, kube-controller-manager in a network namespace of their own.

use std::fmt;
use std::fs;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Request;
use http::header::AUTHORIZATION;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, DynamicObject, PostParams};
use kube::{Client, Config};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::certificates::Certificates;
use super::{Access, Assets, apply};
use crate::{Host, LabError, Namespace, Process, folder, sweep, until};

/// Where the server listens. The namespace is its own, so every port is free.
const PORT: u16 = 6443;

/// Where etcd listens for the server.
const ETCD: &str = "http://127.0.0.1:2379";

/// Where etcd would listen for other etcds.
const ETCD_PEERS: &str = "http://127.0.0.1:2380";

/// The token of the user who may do everything.
const ADMIN_TOKEN: &str = "lab-admin";

/// The token of the user who may do what kube-proxy has to.
const PROXY_TOKEN: &str = "lab-kube-proxy";

/// How long the token of a ServiceAccount is good, in seconds: as long as a lab that is left standing is looked at.
const TOKEN_LIFETIME: i64 = 24 * 3600;

/// What kube-controller-manager is to do. Nodes have no kubelet to be heard from, so nobody waits for it.
const CONTROLLERS: &str =
    "endpointslice-controller,garbage-collector-controller,namespace-controller";

/// How long the server may take to be ready; on an idle machine it is some 3 s.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What the audit log is to hold: each request once, with who sent it and how it was answered, but not its body.
const AUDIT_POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}"#;

/// A Kubernetes 1.35 API server with RBAC, dual-stack Services and an audit log, and the namespace that it is in.
/// There are no nodes, no kubelets and no pods: Nodes are objects that a test writes.
///
/// Dropping it ends its processes and removes everything. Fields are dropped in this order.
pub struct ControlPlane {
    runtime: Runtime,
    client: Client,
    api_server: Mutex<Option<Process>>,
    controller_manager: Mutex<Option<Process>>,
    etcd: Process,
    access: Access,
    certificates: Certificates,
    namespace: Namespace,
    address: IpAddr,
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

impl ControlPlane {
    /// Starts one in a namespace of its own and waits until it is ready, in some 4 s.
    ///
    /// # Errors
    /// Without the programs or the rights, and when they do not come up.
    pub fn start(label: &str) -> Result<Self, LabError> {
        sweep()?;
        let temporary = folder()?;
        let namespace = Namespace::create(label)?;
        let address = Ipv4Addr::LOCALHOST.into();
        let mut plane = Self::start_in(namespace, address, temporary.path())?;
        plane._temporary = Some(temporary);
        Ok(plane)
    }

    /// Starts one on a machine of a topology, where all others can reach it. Its files go to `folder`, which must exist.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub fn start_on(host: &Host, folder: &Path) -> Result<Self, LabError> {
        let namespace = Namespace::attach(host.namespace.name().to_owned())?;
        Self::start_in(namespace, host.ipv4.into(), folder)
    }

    fn start_in(namespace: Namespace, address: IpAddr, folder: &Path) -> Result<Self, LabError> {
        let names = [&address.to_string(), "localhost"];
        let certificates = Certificates::create(folder, &names)?;
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).map_err(LabError::io(format!("writing {name}")))
        };
        let users = format!(
            "{ADMIN_TOKEN},admin,admin,system:masters\n\
             {PROXY_TOKEN},system:kube-proxy,system:kube-proxy\n"
        );
        write("tokens.csv", &users)?;
        write("audit-policy.yaml", AUDIT_POLICY)?;
        let access = Access {
            server: format!("https://{address}:{PORT}"),
            authority: certificates.authority.clone(),
            token: ADMIN_TOKEN.to_owned(),
        };
        let runtime = namespace.runtime()?;
        let plane = Self {
            client: on(&runtime, connect(access.clone()))?,
            runtime,
            api_server: Mutex::default(),
            controller_manager: Mutex::default(),
            etcd: namespace.spawn("etcd", etcd(folder)?, folder)?,
            access,
            certificates,
            namespace,
            address,
            folder: folder.to_owned(),
            _temporary: None,
        };
        plane.start_api_server()?;
        Ok(plane)
    }

    /// Leaves its processes running when this value is dropped.
    pub fn keep(&mut self) {
        self.etcd.keep();
        for process in [&self.api_server, &self.controller_manager] {
            if let Some(process) = lock(process).as_mut() {
                process.keep();
            }
        }
    }

    /// Starts the API server, with whatever was stored before, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_api_server(&self) -> Result<(), LabError> {
        let command = self.api_server_command()?;
        let mut process = self.spawn("kube-apiserver", command)?;
        let client = self.client();
        until("ready kube-apiserver", START_TIMEOUT, || {
            process.expect_running()?;
            let client = client.clone();
            let is_ready = self.block_on(async move { is_ready(&client).await });
            Ok(is_ready.then_some(()))
        })?;
        *lock(&self.api_server) = Some(process);
        Ok(())
    }

    /// Ends the API server by SIGKILL. etcd keeps what was stored.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn kill_api_server(&self) -> Result<(), LabError> {
        let process = lock(&self.api_server).take();
        process.map_or(Ok(()), Process::kill)
    }

    /// Sends the API server a signal: after SIGSTOP connections stay open and nothing is answered, until SIGCONT.
    ///
    /// # Errors
    /// When it does not run, or the system does not allow it.
    pub fn signal_api_server(&self, signal: Signal) -> Result<(), LabError> {
        let mut process = lock(&self.api_server);
        let no_server = || LabError::Unexpected("no API server".to_owned());
        process.as_mut().ok_or_else(no_server)?.signal(signal)
    }

    /// Starts kube-controller-manager: endpoints from pods, garbage collection, the end of deleted namespaces. One that
    /// runs is ended before.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_controller_manager(&self) -> Result<(), LabError> {
        let before = lock(&self.controller_manager).take();
        before.map_or(Ok(()), Process::kill)?;
        let mut command = Assets::find()?.program("kube-controller-manager");
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig("controller-manager", &self.access)?)
            .arg("--service-account-private-key-file")
            .arg(&self.certificates.token_key)
            .arg("--cert-dir")
            .arg(self.folder.join("controller-manager"))
            .args(["--controllers", CONTROLLERS])
            .args(["--bind-address=127.0.0.1", "--leader-elect=false"]);
        let process = self.spawn("kube-controller-manager", command)?;
        *lock(&self.controller_manager) = Some(process);
        Ok(())
    }

    /// A client that may do everything. Its requests have to be made on the runtime of [`ControlPlane::block_on`].
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Runs a future inside the namespace, where the server can be reached, to its end.
    ///
    /// # Panics
    /// When the future does.
    pub fn block_on<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        on(&self.runtime, future)
    }

    /// Gets a page from a process in the namespace, whatever certificate it shows, as in
    /// `get("http://127.0.0.1:9120", "/metrics", None)`; with a bearer token if there is one.
    ///
    /// # Errors
    /// When nobody answers, or not with 200.
    pub fn get(&self, server: &str, path: &str, token: Option<&str>) -> Result<String, LabError> {
        let request = || {
            let mut config = Config::new(server.parse()?);
            config.accept_invalid_certs = true;
            config.default_retry = false;
            if let Some(token) = token {
                let value = format!("Bearer {token}").try_into()?;
                config.headers.push((AUTHORIZATION, value));
            }
            Ok((config, Request::get(path).body(Vec::new())?))
        };
        let (config, request) = request().map_err(|error: http::Error| {
            LabError::Unexpected(format!("{server}{path}: {error}"))
        })?;
        let answer =
            self.block_on(async move { Client::try_from(config)?.request_text(request).await });
        answer.map_err(LabError::kubernetes(format!("asking {server}{path}")))
    }

    /// Applies all objects of a text of YAML documents, as one who may do everything. An object of a kind that is
    /// in a namespace goes to `namespace` unless it names one. A new kind is waited for until it is served.
    ///
    /// # Errors
    /// With the server's reason for the first one that it refuses.
    pub fn apply(&self, yaml: &str, namespace: &str) -> Result<(), LabError> {
        self.apply_objects(apply::objects(yaml)?, namespace)
    }

    /// The same with objects that have been read already.
    ///
    /// # Errors
    /// As [`ControlPlane::apply`].
    pub fn apply_objects(
        &self,
        objects: Vec<DynamicObject>,
        namespace: &str,
    ) -> Result<(), LabError> {
        let (client, namespace) = (self.client(), namespace.to_owned());
        self.block_on(async move {
            for object in objects {
                apply::apply(&client, object, &namespace).await?;
            }
            Ok(())
        })
    }

    /// The access of one who may do everything.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The access of kube-proxy, with the rights that a cluster gives it.
    #[must_use]
    pub fn access_of_proxy(&self) -> Access {
        self.access.with_token(PROXY_TOKEN)
    }

    /// The access of a ServiceAccount that exists, with a token that is good for a day.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn access_of(&self, namespace: &str, account: &str) -> Result<Access, LabError> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let name = account.to_owned();
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_LIFETIME),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = self.block_on(async move {
            let parameters = PostParams::default();
            api.create_token_request(&name, &parameters, &request).await
        });
        let what = format!("asking for a token of {namespace}/{account}");
        let answer = answer.map_err(LabError::kubernetes(what))?;
        let token = answer.status.and_then(|status| status.token);
        Ok(self.access.with_token(token.unwrap_or_default()))
    }

    /// Writes a kubeconfig file into the control plane's folder and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig(&self, name: &str, access: &Access) -> Result<PathBuf, LabError> {
        let file = self.folder.join(format!("{name}.kubeconfig"));
        access.write(&file)?;
        Ok(file)
    }

    /// Starts a program in the namespace; its output goes to `<name>.log` in the control plane's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process, LabError> {
        self.namespace.spawn(name, command, &self.folder)
    }

    /// The namespace that everything is in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Where logs, keys and kubeconfig files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file in which the server notes each request, as JSON lines of `audit.k8s.io/v1`.
    pub(super) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    fn api_server_command(&self) -> Result<Command, LabError> {
        let folder = &self.folder;
        let mut command = Assets::find()?.program("kube-apiserver");
        let files: [(&str, &Path); 9] = [
            ("--tls-cert-file", &self.certificates.server),
            ("--tls-private-key-file", &self.certificates.server_key),
            (
                "--service-account-key-file",
                &self.certificates.token_public_key,
            ),
            (
                "--service-account-signing-key-file",
                &self.certificates.token_key,
            ),
            ("--token-auth-file", &folder.join("tokens.csv")),
            ("--audit-policy-file", &folder.join("audit-policy.yaml")),
            ("--audit-log-path", &self.audit_log()),
            ("--cert-dir", &folder.join("apiserver")),
            ("--client-ca-file", &self.certificates.authority),
        ];
        for (flag, file) in files {
            command.arg(flag).arg(file);
        }
        command.args([
            &format!("--etcd-servers={ETCD}"),
            &format!("--bind-address={}", self.address),
            &format!("--advertise-address={}", self.address),
            &format!("--secure-port={PORT}"),
            "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108",
            // A Service takes up to two node ports, and a test may make thousands.
            "--service-node-port-range=10000-60000",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            // In megabytes: one file, never rotated.
            "--audit-log-maxsize=10000",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ]);
        Ok(command)
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("namespace", &self.namespace.name())
            .finish_non_exhaustive()
    }
}

async fn connect(access: Access) -> Result<Client, LabError> {
    access.client().await
}

async fn is_ready(client: &Client) -> bool {
    match Request::get("/readyz").body(Vec::new()) {
        Ok(request) => client.request_text(request).await.is_ok(),
        Err(_) => false,
    }
}

fn etcd(folder: &Path) -> Result<Command, LabError> {
    let mut command = Assets::find()?.etcd();
    command.arg("--data-dir").arg(folder.join("etcd")).args([
        &format!("--listen-client-urls={ETCD}"),
        &format!("--advertise-client-urls={ETCD}"),
        &format!("--listen-peer-urls={ETCD_PEERS}"),
        &format!("--initial-advertise-peer-urls={ETCD_PEERS}"),
        &format!("--initial-cluster=default={ETCD_PEERS}"),
        "--unsafe-no-fsync",
        "--log-level=error",
    ]);
    Ok(command)
}

/// Runs a future on the workers of a runtime, which are inside the namespace, and not on the calling thread.
fn on<F>(runtime: &Runtime, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    match runtime.block_on(runtime.spawn(future)) {
        Ok(output) => output,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
