package io.drover.agent.reason;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The reasons, in the order of the way from a name to a running cluster. */
public enum Reason {
  DNS_NOT_FOUND(
      "the name has no address",
      "check the host in the server's URL and what /etc/resolv.conf leads to"),
  DNS_FAILED(
      "the name servers could not answer",
      "check the cluster's DNS and the name servers in /etc/resolv.conf"),
  DNS_TIMEOUT(
      "no name server answered in time",
      "check that this pod may reach the name servers in /etc/resolv.conf"),
  CONNECT_REFUSED(
      "the address answers, but nothing listens at that port",
      "check the port in the server's URL, and that the server runs"),
  CONNECT_TIMEOUT(
      "nothing came back from the address",
      "allow this cluster to reach that address and port in the firewall, or set a proxy"),
  NO_ROUTE(
      "there is no route to the address",
      "check the routes and the address family, or set a proxy"),
  PROXY_UNREACHABLE(
      "the proxy cannot be reached or does not answer",
      "check HTTPS_PROXY, or put the server into NO_PROXY if there is a direct way"),
  PROXY_AUTH_REQUIRED(
      "the proxy wants a user and a password, or others",
      "put them into the proxy's URL: http://user:password@proxy:port"),
  PROXY_REFUSED(
      "the proxy does not let us through to the server",
      "allow CONNECT to the server's host and port in the proxy"),
  PROXY_WRONG_PROTOCOL(
      "what answers is no proxy of that kind",
      "check scheme and port of HTTPS_PROXY: http, https or socks5"),
  PROXY_STRIPS_UPGRADE(
      "something on the way removes the websocket upgrade",
      "let the proxy or load balancer pass the headers Connection and Upgrade"),
  NOT_TLS(
      "what answers does not speak TLS",
      "check the port in the server's URL; TLS must end at the server or its load balancer"),
  TLS_VERSION(
      "the server offers no version of TLS that is still safe",
      "let the server offer TLS 1.2 or 1.3"),
  TLS_FAILED(
      "the TLS handshake failed",
      "look for a firewall that cuts TLS, and at the server's TLS settings"),
  TLS_TIMEOUT(
      "the TLS handshake was not finished in time",
      "look for a firewall that swallows TLS, or a path with a small MTU"),
  TLS_EXPIRED("a certificate of the server has expired", "renew it, or correct this node's clock"),
  TLS_NOT_YET_VALID(
      "a certificate of the server is not valid yet", "correct this node's clock, or the server's"),
  TLS_WRONG_NAME(
      "the server's certificate is for another name",
      "add the name to the certificate's Subject Alternative Names, or use one of its names in the server's URL"),
  TLS_INCOMPLETE_CHAIN(
      "the server does not send its intermediate certificates, or not in order",
      "let the server send its own certificate first, then every intermediate"),
  TLS_UNKNOWN_ISSUER(
      "the CA of the server's certificate is not trusted here",
      "put that CA into Rancher's cacerts setting and apply the manifest again, or mount it into SSL_CERT_DIR"),
  TLS_CA_REPLACED(
      "a CA of the trusted name exists, but its key did not sign the certificate",
      "update Rancher's cacerts setting to the new CA and apply the manifest again"),
  NO_CA_CONFIGURED(
      "there is a CA checksum, but the server has no CA to it",
      "set Rancher's cacerts setting, or apply the manifest again"),
  CA_CHECKSUM_MISMATCH(
      "the server's CA is not the one that the manifest names",
      "check the server's cacerts setting; if the CA was replaced, apply the manifest again"),
  CA_NOT_A_CERTIFICATE(
      "the server's cacerts setting holds no certificate", "put the CA there as PEM"),
  NOT_RANCHER(
      "what answers is no Rancher server",
      "check the server's URL, and where a load balancer sends it"),
  REDIRECTED(
      "the server sends us elsewhere, where we do not follow",
      "put the final address into Rancher's server-url setting and apply the manifest again"),
  HTTP_INSTEAD_OF_WEBSOCKET(
      "the server answers, but opens no websocket",
      "check the path and the load balancer in front of the server; it must pass websockets"),
  HEADER_TOO_LARGE(
      "the handshake's headers are too large for something on the way",
      "allow 16 KiB of request headers in the load balancer"),
  TOO_MANY_REQUESTS(
      "the server asks to be left alone for a while", "wait; the agent comes back when it may"),
  SERVER_UNAVAILABLE(
      "the server, or what stands before it, has an error of its own",
      "look at the server and its load balancer; the agent goes on trying"),
  SERVER_STARTING(
      "the server does not recognise the credentials, as it does while it starts",
      "wait; if it lasts for minutes, apply the cluster's manifest again"),
  SERVER_SILENT(
      "the server took the connection, but does not answer",
      "look at the server's load, and for a firewall that inspects"),
  TOKEN_UNKNOWN(
      "the server does not know this registration token",
      "apply the cluster's manifest again: the token was replaced, or the cluster was removed"),
  PARAMETERS_REFUSED(
      "the server refuses what the agent says of this cluster",
      "look at the particulars; if they do not help, apply the cluster's manifest again"),
  HANDSHAKE_FAILED(
      "the connection ended in the middle of the websocket handshake",
      "look for a proxy or firewall that cuts websockets"),
  REPORT_REFUSED(
      "the server does not take the reports",
      "check DROVER_REPORT_URL and DROVER_REPORT_TOKEN, and what the server answers"),
  NOT_CONNECTED_YET("the first attempt is under way", "wait for it"),
  NOT_WANTED(
      "this tunnel is not to be open now",
      "nothing: Rancher itself is installed here, or not set up yet"),
  TUNNEL_SILENT(
      "the connection was open, but nothing came through it",
      "look for a firewall or load balancer that drops idle connections, and raise its limit above 30 s"),
  TUNNEL_STALLED("the server does not take what we send", "look at the server's load"),
  TUNNEL_CUT(
      "the connection broke",
      "look for what closed it: the server's restart, a load balancer, a firewall"),
  TUNNEL_CLOSED(
      "the server closed the tunnel", "nothing, if it comes back; or look at the server's log"),
  PROTOCOL_ERROR("the server sent what is no tunnel message", "report it, with the particulars"),
  SHUTTING_DOWN("the agent ends", "nothing"),
  CREDENTIALS_MISSING(
      "the registration token or the server's URL is missing",
      "mount the Secret cattle-credentials, or apply the cluster's manifest again"),
  CREDENTIALS_INVALID(
      "the registration token or the server's URL is not as it must be",
      "correct the file that is named, or apply the cluster's manifest again"),
  API_SERVER_UNREACHABLE(
      "this cluster's API server cannot be reached",
      "check the network policy, and that kubernetes.default leads to it"),
  API_SERVER_ERROR("this cluster's API server answers with an error", "look at the API server"),
  CLUSTER_CA_WRONG(
      "the CA that the server would be told for this cluster is not its API server's",
      "correct ca.crt in ConfigMap kube-root-ca.crt of namespace cattle-system"),
  UNAUTHORIZED(
      "this cluster's API server does not accept our token",
      "check that the service account and its token's Secret still exist, and restart the pod"),
  FORBIDDEN(
      "this cluster's API server does not allow what is needed",
      "grant the right that is named, or apply the cluster's manifest again"),
  SERVICE_ACCOUNT_MISSING(
      "the service account cattle does not exist, or has no token",
      "apply the cluster's manifest again, and see that kube-controller-manager runs"),
  SERVICE_ACCOUNT_NOT_MOUNTED(
      "this does not run as a pod with a service account",
      "mount the service account's token, or use --kubeconfig"),
  CONFIGURATION_INVALID("a setting is not as it must be", "correct the setting that is named"),
  ALREADY_RUNNING(
      "an agent runs here already",
      "ask it with drover-agent status, check or diag; for a second one set DROVER_LOG_SOCKET to another path or to off"),
  AUDIT_NOT_WRITTEN(
      "the record of the gateway's requests is not written, or not all of it",
      "make room where DROVER_GATEWAY_AUDIT says, or see why what is there does not take it"),
  PORT_TAKEN(
      "the port that we are to listen on is not to be had",
      "set DROVER_HEALTH_ADDRESS to another or to off; for a node agent DROVER_NODE_ADDRESS"),
  PING_UNANSWERED(
      "the agent does not answer its own /ping",
      "wait for the kubelet to restart it, and report it with what drover-agent diag writes"),
  STRANDED(
      "no tunnel comes up although the server answers, so the fault is most likely the agent's",
      "nothing, as a new process begins; report it with the log of the one that ended"),
  CERTIFICATE_UNUSABLE(
      "the certificate or key that we are to present is not one",
      "correct the file that is named: PEM, the key as PKCS #8, PKCS #1 or SEC 1"),
  NODE_IDENTITY_MISSING(
      "what node agents know each other by is not there",
      "mount the Secret of the node agents, as the chart does"),
  NODE_AGENT_SILENT(
      "a node's agent does not answer",
      "look at its pod, at the node, and at network policies between pods"),
  CLOCK_OFF(
      "a node's clock is not the server's",
      "set up NTP on the node, or correct the server's clock"),
  DISK_ALMOST_FULL(
      "a node's disk for containers is almost full",
      "remove images and logs from the node, or give it more room"),
  OTHER("something else, which has no code yet", "look at the particulars, and report them");

  private static final String PAGE = "docs/troubleshooting.md";

  private final String code;
  private final String sentence;
  private final String nextStep;

  Reason(String sentence, String nextStep) {
    this.code =
        Arrays.stream(name().split("_", -1))
            .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
            .collect(Collectors.joining());
    this.sentence = sentence;
    this.nextStep = nextStep;
  }

  /** The one that is written so; empty: there is none. */
  public static Optional<Reason> ofCode(String code) {
    return Arrays.stream(values()).filter(reason -> reason.code.equals(code)).findFirst();
  }

  /** As it is written everywhere, such as {@code DnsNotFound}. */
  public String code() {
    return code;
  }

  /** What it means: a main clause without capital and full stop. */
  public String sentence() {
    return sentence;
  }

  /** What an operator does next: as {@link #sentence}. */
  public String nextStep() {
    return nextStep;
  }

  /** Where more is said: file and anchor. */
  public String page() {
    return PAGE + "#" + code.toLowerCase(Locale.ROOT);
  }
}
