package io.drover.agent.config;

import java.util.Optional;

/**
 * Everything that can be set, as the environment variable of the same name. The README's table and
 * the command's help are made from it, in this order.
 */
public enum Setting {
  CATTLE_SERVER(Kind.URL, "Base URL of the Rancher server, for `/ping` and its CA. Required."),
  CATTLE_CA_CHECKSUM(
      "",
      "SHA-256 (hex) of the server's `cacerts` setting. Set: that CA is fetched, checked and"
          + " trusted."),
  STRICT_VERIFY(
      "false",
      "`true`: trust the server's CA only. Otherwise public CAs and `SSL_CERT_DIR` count too."),
  HTTPS_PROXY(
      Kind.URL,
      "Proxy on the way to `https` servers: `http://`, `https://` or `socks5://`, credentials"
          + " allowed. Lower case works too."),
  HTTP_PROXY(Kind.URL, "The same on the way to `http` servers."),
  NO_PROXY(
      "",
      "Hosts reached without proxy: names (with their sub-domains), `.suffix`, IPs, CIDRs, `*`."),
  DROVER_PROXY_CERT_FILE(
      "",
      "File (PEM) with a certificate that an `https://` proxy is shown if it asks for one, and what"
          + " is between it and its CA."),
  DROVER_PROXY_KEY_FILE(
      "",
      "File (PEM) with its key, RSA or EC: PKCS #8, PKCS #1 or SEC 1, encrypted or not. Both are"
          + " read anew for each connection."),
  DROVER_PROXY_KEY_PASSWORD_FILE("", "File with the password of that key, if it is encrypted."),
  DROVER_CREDENTIALS_DIR(
      "/cattle-credentials",
      "--credentials-dir",
      "Directory with the files `url`, `token` and `namespace`; changes are taken at once."),
  DROVER_SERVICE_ACCOUNT_DIR(
      "/var/run/secrets/kubernetes.io/serviceaccount",
      "--service-account-dir",
      "Directory with the pod's `token` and `ca.crt` for the Kubernetes API."),
  SSL_CERT_DIR(
      "/etc/kubernetes/ssl/certs",
      "--ssl-cert-dir",
      "Directory with further trusted CAs (PEM); several are separated by `:`. Need not exist."),
  KUBERNETES_SERVICE_HOST(
      "", "Host of the Kubernetes API, set in every pod; the server is told this address."),
  KUBERNETES_SERVICE_PORT("", "Port of the Kubernetes API, set in every pod."),
  KUBECONFIG("", "--kubeconfig", "Kubeconfig to use instead of the pod's service account."),
  CATTLE_AGENT_CONNECT("false", "`true`: open the cluster tunnel without registering."),
  CATTLE_FEATURES(
      "",
      "Rancher's feature list, `name=bool,…`. `provisioningprebootstrap=true`: no steve tunnel."
          + " `ui-sql-cache` says how the Explorer's pages ask. Others are ignored."),
  CATTLE_SERVER_VERSION("", "Rancher's version, which says it too. Unset: a new one."),
  DROVER_DIAL_ALLOW(
      "",
      "What the server may reach through the cluster tunnel besides the API server: `host:port`"
          + " items separated by commas; host is a name, `*.suffix`, IP, CIDR or `*`, port may be"
          + " `*`."),
  DROVER_DRAIN_SECONDS(
      "10", "Seconds at most in which requests are answered when the agent stops; 0 to 300."),
  DROVER_GATEWAY(
      "off",
      "`on`: the server is told neither the API server's address and CA nor the service account's"
          + " token, but the agent's own; the agent passes its requests on. See"
          + " `docs/gateway.md`."),
  DROVER_GATEWAY_AUDIT(
      Kind.URL,
      "off",
      "Where the gateway's requests are recorded: `off`, `stdout`, `/path/of/a/file` or"
          + " `https://…`. See `docs/audit.md`."),
  DROVER_GATEWAY_AUDIT_TOKEN_FILE(
      Kind.SECRET, // not to be shown if somebody puts the token itself here
      "File with the bearer token for an `https://…` there, read anew for each request. Unset: none"
          + " is sent."),
  DROVER_GATEWAY_AUDIT_FULL(
      "count",
      "What happens when that cannot keep up: `count` what is lost, or `block` requests, which are"
          + " refused after 5 s."),
  DROVER_GATEWAY_RECORDINGS(
      "off",
      "Where sessions of exec and attach are recorded: `off` or `/path/of/a/directory`. See"
          + " `docs/recordings.md`."),
  DROVER_HEALTH_ADDRESS(
      "0.0.0.0:8080",
      "--health-address",
      "Where `/livez`, `/readyz` and `/metrics` are served: `host:port`, `:port` or `off`."),
  DROVER_EXPLORER(
      "on",
      "`off`: Rancher's pages of what is in the cluster are not answered, only its checks. See"
          + " `docs/explorer.md`."),
  DROVER_EXPLORER_MASTERS(
      "false",
      "`true`: the server may name a user there as a member of `system:masters`, whom no role"
          + " limits. Rancher does not."),
  DROVER_EXPLORER_DIR(
      "off",
      "Where objects are held that pages look at: `off`, in 16 MiB of memory, or"
          + " `/path/of/a/directory` on a disk, in up to 512 MiB of files without a name."),
  CATTLE_SHELL_IMAGE(
      "rancher/shell:v0.8.1",
      "Image of the pods of kubectl shells: Rancher's, or one with `sh`, `sleep`, `cp` and"
          + " `kubectl`. `off`: there are no shells."),
  CATTLE_SYSTEM_DEFAULT_REGISTRY(
      "", "Registry from which that image comes, unless it names one itself."),
  DROVER_REPORTS(
      "on",
      "`off`: nothing of the cluster is read for reports, and none is written. See"
          + " `docs/reports.md`."),
  DROVER_REPORT_URL(
      Kind.URL,
      "An `https` URL that reports are put to, besides the object in the cluster itself."),
  DROVER_REPORT_TOKEN(
      Kind.SECRET,
      "Bearer token for that URL. Unset: the registration token, if the URL is on the server of"
          + " the tunnels; otherwise it is required."),
  DROVER_TRIALS(
      "all",
      "Attempts without effect, for what nothing else tells: `all`, `none`, or a comma list of"
          + " `node-ports`, `taints`, `pod-security`."),
  DROVER_DUTIES(
      "all",
      "What is done beside the tunnels: `all`, `none`, or a comma list of `node-annotations`,"
          + " `namespace-labels`, `scale-available`, `unused-credentials`,"
          + " `unused-pull-secrets`, `tunnel-events`."),
  HOSTNAME("", "Name of the agent's own pod, which gets the Events; set in every pod."),
  CATTLE_CREDENTIAL_NAME(
      "",
      "Name of the Secret with the credentials in use; older ones like it are deleted. Unset:"
          + " none is."),
  CATTLE_AGENT_PULL_SECRETS(
      "",
      "Names of the agent's image pull Secrets, separated by commas; Rancher's others are"
          + " deleted. Unset: none is."),
  DROVER_NODE_PEERS(
      "",
      "Where the node agents answer, `host:port` items separated by commas; all addresses of a name"
          + " count. Unset: none is asked. See `docs/node-agent.md`."),
  DROVER_NODE_IDENTITY_DIR(
      "/drover-node",
      "Directory with the node agents' `ca.crt` and `token`; for a node agent also `tls.crt` and"
          + " `tls.key`."),
  CATTLE_CLUSTER("true", "`false`: be a node agent, which only looks at the node that it runs on."),
  CATTLE_NODE_NAME("", "Name of a node agent's node. Required there."),
  DROVER_NODE_ADDRESS(
      "0.0.0.0:8443", "Where a node agent answers over TLS: `host:port` or `:port`."),
  DROVER_NODE_REGISTRY(
      "", "Image registry that a node agent tries to reach, `host` or `host:port`."),
  DROVER_LOG_SOCKET(
      "/tmp/log.sock",
      "UNIX socket, for this user only, where the log level is asked for and changed, and where"
          + " `drover-agent diag` asks: a path or `off`."),
  DROVER_LOG_FORMAT("text", "--log-format", "`text` or `json`."),
  CATTLE_DEBUG("false", "`true`: log at debug level."),
  RANCHER_DEBUG("false", "The same."),
  CATTLE_TRACE("false", "`true`: log at trace level."),
  RANCHER_TRACE("false", "The same."),
  CLUSTER_CLEANUP(
      "false",
      "`true`: no agent, but removes what Rancher has put into this cluster, and ends. See"
          + " `docs/uninstall.md`."),
  DRY_RUN("false", "`true`: the clean-up only says what it would do."),
  SLEEP_FIRST(
      "false",
      "`true`: the clean-up waits for 60 s first, so that the server can end its connections."),
  BINDING_CLEANUP("false", "Not supported: `true` is refused."),
  AD_GUID_CLEANUP("false", "Not supported: `true` is refused.");

  /** How much of a value may be shown. */
  private enum Kind {
    PLAIN,
    /** All but what stands before the host: by intention or by mistake it may be a password. */
    URL,
    /** Nothing. */
    SECRET
  }

  private final Kind kind;
  private final String standard;
  private final String option;
  private final String meaning;

  Setting(String standard, String meaning) {
    this(Kind.PLAIN, standard, "", meaning);
  }

  Setting(String standard, String option, String meaning) {
    this(Kind.PLAIN, standard, option, meaning);
  }

  Setting(Kind kind, String meaning) {
    this(kind, "", "", meaning);
  }

  Setting(Kind kind, String standard, String meaning) {
    this(kind, standard, "", meaning);
  }

  Setting(Kind kind, String standard, String option, String meaning) {
    this.kind = kind;
    this.standard = standard;
    this.option = option;
    this.meaning = meaning;
  }

  /** The value that counts when it is not set, or set to nothing. */
  public String standard() {
    return standard;
  }

  /** The command line's option for it, with its dashes. */
  public Optional<String> option() {
    return option.isEmpty() ? Optional.empty() : Optional.of(option);
  }

  /** For the operator, in Markdown. */
  public String meaning() {
    return meaning;
  }

  /** What of a value may be shown to people, and be logged. */
  public String shown(String value) {
    return switch (kind) {
      case PLAIN -> value;
      case URL -> Secret.withoutLogin(value);
      case SECRET -> value.isEmpty() ? "" : new Secret(value).toString();
    };
  }
}
