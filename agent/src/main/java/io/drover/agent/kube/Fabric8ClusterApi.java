package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.FileTrustManager;
import io.drover.proto.report.Cause;
import io.drover.steve.kube.ApiAccess;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.internal.SSLUtils;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The cluster's API server, by the fabric8 client on the JDK's HTTP client. */
public final class Fabric8ClusterApi implements ClusterApi {
  /** For one request. fabric8 does not try again by itself: our loops do, and say so. */
  static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);

  /** For one connection. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** How often the Secret may change between our reading and our writing it. */
  static final int MAX_CONFLICTS = 3;

  /** Where the agent lives. */
  public static final String NAMESPACE = "cattle-system";

  /** Whose token the server is told. */
  public static final String ACCOUNT = "cattle";

  /** The ConfigMap with the cluster's CA. */
  public static final String ROOT_CA = "kube-root-ca.crt";

  static final String CA_KEY = "ca.crt";
  static final String AGGREGATION = "stv-aggregation";

  /** What fabric8 says of a request that was refused; it has no other way to ask for its method. */
  private static final Pattern REQUEST =
      Pattern.compile(
          "Failure executing: (?<method>[A-Z]+) at: https?://[^/]+(?<path>/[^?\\s]*)[?.]");

  private static final int HTTPS = 443;
  private static final String RANCHER_SERVICE = "rancher";

  private static final Logger log = LoggerFactory.getLogger(Fabric8ClusterApi.class);

  private final KubernetesClient client;
  private final String address;
  private final TokenSecret tokenSecret;
  private volatile Consumer<String> onTokenSecret = _ -> {};

  Fabric8ClusterApi(KubernetesClient client, String address, Sleeper sleeper) {
    this.client = client;
    this.address = address;
    this.tokenSecret = new TokenSecret(client, sleeper);
  }

  /**
   * Prepares the client; asks nothing yet.
   *
   * @throws IOException if the kubeconfig or the pod's CA cannot be read
   */
  public static Fabric8ClusterApi open(KubeConfig kube) throws IOException {
    try {
      Config config = config(kube);
      var client =
          new KubernetesClientBuilder()
              .withConfig(config)
              .withHttpClientFactory(new JdkHttpClientFactory())
              .withHttpClientBuilderConsumer(builder -> configure(builder, kube))
              .build();
      return new Fabric8ClusterApi(client, address(kube, config), Sleeper.REAL);
    } catch (KubernetesClientException | IllegalArgumentException e) {
      throw new IOException("no Kubernetes client: " + reason(e), e);
    }
  }

  private static void configure(HttpClient.Builder builder, KubeConfig kube) {
    switch (kube) {
      case KubeConfig.InCluster(_, var serviceAccount) -> {
        // Whatever HTTPS_PROXY says: it is meant for the way to the server.
        builder.proxyType(HttpClient.ProxyType.DIRECT);
        // The cluster's CA rotates too, and the client would go on with the one that it was made
        // by.
        builder.sslContext(
            null, new TrustManager[] {new FileTrustManager(serviceAccount.resolve(CA_KEY))});
      }
      case KubeConfig.Kubeconfig _ -> {} // it may name a proxy of its own
    }
  }

  /** Without any look at environment or system properties: {@code config} has read those. */
  static Config config(KubeConfig kube) throws IOException {
    Config config =
        switch (kube) {
          case KubeConfig.InCluster(var address, var serviceAccount) ->
              inCluster(address, serviceAccount);
          case KubeConfig.Kubeconfig(var file, _) -> fromFile(file);
        };
    config.setRequestTimeout((int) REQUEST_LIMIT.toMillis());
    config.setConnectionTimeout((int) CONNECT_LIMIT.toMillis());
    config.setRequestRetryBackoffLimit(0);
    // The JDK's client would ask on over an HTTP/2 connection whose path is cut until the kernel
    // gives it up, after a quarter of an hour; over HTTP/1.1 the next request gets a new one.
    config.setHttp2Disable(true);
    return config;
  }

  private static Config inCluster(String address, Path serviceAccount) throws IOException {
    Path ca = serviceAccount.resolve(CA_KEY);
    if (!Files.isReadable(ca)) {
      throw new Failure(
          Reason.SERVICE_ACCOUNT_NOT_MOUNTED,
          ca
              + " cannot be read: run as a pod with its service account mounted, name another"
              + " directory with --service-account-dir, or use --kubeconfig");
    }
    Config config = Config.empty();
    config.setMasterUrl("https://" + address + "/");
    config.setCaCertFile(ca.toString());
    // For each request, since Kubernetes replaces this token within the hour.
    config.setOauthTokenProvider(() -> token(serviceAccount.resolve("token")));
    return config;
  }

  private static String token(Path file) {
    try {
      return Files.readString(file, UTF_8).strip();
    } catch (IOException e) {
      throw new KubernetesClientException(file + " cannot be read: " + e, e);
    }
  }

  private static Config fromFile(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file, UTF_8);
    } catch (IOException e) {
      throw new IOException(
          file + " cannot be read (" + e + "): name a kubeconfig with --kubeconfig or KUBECONFIG",
          e);
    }
    // Asked of the text, since fabric8 fails on an empty file.
    Optional<Config> config =
        text.contains("current-context") ? Optional.of(parsed(file)) : Optional.empty();
    var found =
        config
            .filter(candidate -> candidate.getCurrentContext() != null)
            .orElseThrow(
                () ->
                    new IOException(
                        file
                            + " has no current context: set one with 'kubectl config use-context', or"
                            + " name another file with --kubeconfig"));
    ClientKey.algorithm(clientKey(found)).ifPresent(found::setClientKeyAlgo);
    return found;
  }

  private static Config parsed(Path file) throws IOException {
    try {
      return Config.fromKubeconfig(file.toFile());
    } catch (RuntimeException e) { // of any kind: fabric8's own, Jackson's, the YAML parser's
      throw new IOException(
          file
              + " is no kubeconfig ("
              + ApiReader.shortened(String.valueOf(e.getMessage()))
              + "): mend it, or name another file with --kubeconfig",
          e);
    }
  }

  /** The key as PEM; empty if there is none. */
  private static String clientKey(Config config) throws IOException {
    if (config.getClientKeyData() != null) {
      return new String(Base64.getMimeDecoder().decode(config.getClientKeyData()), UTF_8);
    }
    if (config.getClientKeyFile() == null) {
      return "";
    }
    try {
      return Files.readString(Path.of(config.getClientKeyFile()), UTF_8);
    } catch (IOException e) {
      throw new IOException("client key " + config.getClientKeyFile() + " cannot be read: " + e, e);
    }
  }

  private static String address(KubeConfig kube, Config config) {
    return switch (kube) {
      case KubeConfig.InCluster(var address, _) -> address;
      case KubeConfig.Kubeconfig(_, var address) ->
          address.isEmpty() ? address(URI.create(config.getMasterUrl())) : address;
    };
  }

  /** Host and port of a URL; {@code URI.getHost} keeps the brackets of an IPv6 address. */
  static String address(URI url) {
    int standard = "http".equals(url.getScheme()) ? 80 : 443;
    return url.getHost() + ":" + (url.getPort() > 0 ? url.getPort() : standard);
  }

  @Override
  public String address() {
    return address;
  }

  /**
   * Who is told the name of the Secret that {@link #access} takes the token from, each time; in the
   * caller's thread, which it must not block.
   */
  public void onTokenSecret(Consumer<String> listener) {
    onTokenSecret = listener;
  }

  @Override
  public ClusterAccess access() throws IOException, InterruptedException {
    String what = "read token of service account " + NAMESPACE + "/" + ACCOUNT;
    try {
      @Nullable ServiceAccount account =
          client.serviceAccounts().inNamespace(NAMESPACE).withName(ACCOUNT).get();
      if (account == null) {
        throw new Failure(
            Reason.SERVICE_ACCOUNT_MISSING,
            "service account "
                + NAMESPACE
                + "/"
                + ACCOUNT
                + " does not exist: apply the cluster's manifest again");
      }
      Optional<String> rootCa = rootCa();
      if (rootCa.isEmpty()) {
        return legacyAccess(account);
      }
      var secret = tokenSecret.ensure(account);
      onTokenSecret.accept(secret.getMetadata().getName());
      return access(rootCa.get(), secret.getData());
    } catch (KubernetesClientException e) {
      throw failure(what, e);
    }
  }

  /**
   * Empty if there is none, or none that we may read: then the cluster is taken for an old one.
   * What fails for a moment does not make it one: the server would be told another token and CA.
   */
  private Optional<String> rootCa() throws IOException {
    try {
      var config = client.configMaps().inNamespace(NAMESPACE).withName(ROOT_CA).get();
      return config == null || config.getData() == null
          ? Optional.empty()
          : Optional.ofNullable(config.getData().get(CA_KEY)).filter(pem -> !pem.isEmpty());
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_FORBIDDEN) {
        throw failure("read ConfigMap " + NAMESPACE + "/" + ROOT_CA, e);
      }
      log.debug("no root CA: name={} reason={}", ROOT_CA, reason(e));
      return Optional.empty();
    }
  }

  /** Before Kubernetes 1.24 every service account had a Secret with token and CA. */
  private ClusterAccess legacyAccess(ServiceAccount account) throws IOException {
    var references = account.getSecrets();
    if (references == null || references.isEmpty()) {
      throw new Failure(
          Reason.SERVICE_ACCOUNT_MISSING,
          "no secret exists for service account %s/%s, and ConfigMap %s cannot be read"
              .formatted(NAMESPACE, ACCOUNT, ROOT_CA));
    }
    String name = references.getFirst().getName();
    var secret = client.secrets().inNamespace(NAMESPACE).withName(name).get();
    if (secret == null || secret.getData() == null) {
      throw new Failure(
          Reason.SERVICE_ACCOUNT_MISSING,
          "secret %s/%s of service account %s does not exist or is empty"
              .formatted(NAMESPACE, name, ACCOUNT));
    }
    return access(decode(secret.getData(), CA_KEY), secret.getData());
  }

  private ClusterAccess access(String caCert, Map<String, String> data) throws IOException {
    String token = decode(data, TokenSecret.KEY).strip();
    if (token.isEmpty() || caCert.isEmpty()) {
      throw new Failure(
          Reason.SERVICE_ACCOUNT_MISSING,
          "the secret of service account %s/%s lacks its %s"
              .formatted(NAMESPACE, ACCOUNT, token.isEmpty() ? "token" : CA_KEY));
    }
    return new ClusterAccess(address, new Secret(token), caCert);
  }

  private static String decode(Map<String, String> data, String key) throws IOException {
    try {
      return new String(Base64.getDecoder().decode(data.getOrDefault(key, "")), UTF_8);
    } catch (IllegalArgumentException e) {
      throw new IOException("key " + key + " of a secret is not base64", e);
    }
  }

  /**
   * The credentials in a Secret, for a process that may not read the mounted files.
   *
   * @throws IOException if it cannot be had, or its content is of no use
   */
  public Credentials credentials(String name) throws IOException {
    var text = "secret " + NAMESPACE + "/" + name;
    try {
      var secret = client.secrets().inNamespace(NAMESPACE).withName(name).get();
      if (secret == null || secret.getData() == null) {
        throw new Failure(
            Reason.CREDENTIALS_MISSING,
            text + " does not exist or is empty: apply the cluster's manifest again");
      }
      var data = secret.getData();
      return Credentials.check(
          "key url of " + text,
          decode(data, "url"),
          "key token of " + text,
          decode(data, "token"),
          decode(data, "namespace"));
    } catch (KubernetesClientException e) {
      throw failure("get " + text, e);
    }
  }

  @Override
  public void write(AggregationSecret content) throws IOException {
    var data = new HashMap<String, String>();
    content
        .data()
        .forEach(
            (key, value) ->
                data.put(key, Base64.getEncoder().encodeToString(value.getBytes(UTF_8))));
    for (int conflicts = 0; ; conflicts++) {
      try {
        writeOnce(data);
        return;
      } catch (KubernetesClientException e) {
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT || conflicts == MAX_CONFLICTS) {
          throw failure("write secret " + NAMESPACE + "/" + AGGREGATION, e);
        }
        // Another replica wrote it just now, most likely the same: look again.
      }
    }
  }

  private void writeOnce(Map<String, String> data) {
    var secrets = client.secrets().inNamespace(NAMESPACE);
    var existing = secrets.withName(AGGREGATION).get();
    if (existing == null) {
      var created =
          new SecretBuilder()
              .withNewMetadata()
              .withName(AGGREGATION)
              .withNamespace(NAMESPACE)
              .endMetadata()
              .withData(data)
              .build();
      secrets.resource(created).create();
      log.info("secret created: name={}/{}", NAMESPACE, AGGREGATION);
    } else if (!data.equals(existing.getData())) {
      secrets.resource(new SecretBuilder(existing).withData(data).build()).update();
      log.info("secret updated: name={}/{}", NAMESPACE, AGGREGATION);
    }
  }

  @Override
  public boolean rancherServiceExists() throws IOException {
    try {
      return client.services().inNamespace(NAMESPACE).withName(RANCHER_SERVICE).get() != null;
    } catch (KubernetesClientException e) {
      throw failure("get service " + NAMESPACE + "/" + RANCHER_SERVICE, e);
    }
  }

  @Override
  public boolean apiServerReady() throws IOException {
    try {
      return client.raw("/readyz") != null;
    } catch (KubernetesClientException e) {
      if (e.getCode() >= HttpURLConnection.HTTP_INTERNAL_ERROR) {
        return false;
      }
      throw failure("get /readyz", e);
    }
  }

  /** A Secret in {@link #NAMESPACE} that is this agent's own, and all its replicas'. */
  public SharedSecret shared(String name) {
    return new SharedSecret(client, NAMESPACE, name);
  }

  /** For the Explorer and the gateway, which have clients of their own. */
  public ApiAccess access(KubeConfig kube) {
    return new ExplorerAccess(kube, client.getConfiguration());
  }

  /** For answers that are read as they come. Ends with this. */
  public ApiReader reader() {
    return new ApiReader(
        client.getHttpClient(), URI.create(client.getMasterUrl().toString()), Sleeper.REAL);
  }

  /**
   * Asks for the API server's version.
   *
   * @throws IOException if there is no answer at all; a refusal is one
   */
  public void requireReachable() throws IOException, InterruptedException {
    if (reader().get("/version") instanceof Answer.Missing<JsonNode>(var cause, var detail)
        && (cause == Cause.UNAVAILABLE || cause == Cause.TIMEOUT)) {
      throw new Failure(
          Reason.API_SERVER_UNREACHABLE,
          "the API server at " + address + " cannot be reached: " + detail);
    }
  }

  /** Those that the API server shows to who connects, its own first; empty if that fails. */
  public List<X509Certificate> servingCertificates() {
    var url = URI.create(client.getMasterUrl().toString());
    if (!"https".equals(url.getScheme())) {
      return List.of(); // such as kubectl proxy
    }
    int port = url.getPort() > 0 ? url.getPort() : HTTPS;
    try (var socket =
        (SSLSocket)
            SSLUtils.sslContext(client.getConfiguration()).getSocketFactory().createSocket()) {
      socket.connect(new InetSocketAddress(url.getHost(), port), (int) CONNECT_LIMIT.toMillis());
      socket.setSoTimeout((int) CONNECT_LIMIT.toMillis());
      socket.startHandshake();
      return Arrays.stream(socket.getSession().getPeerCertificates())
          .map(X509Certificate.class::cast)
          .toList();
    } catch (IOException | GeneralSecurityException e) {
      log.debug("no certificate of the API server: reason={}", String.valueOf(e.getMessage()));
      return List.of();
    }
  }

  /**
   * Stands for election among the replicas. To be closed before this.
   *
   * @param identity of this replica, told to the others
   * @param changed is called when the lead was won or lost; must not block
   */
  public Leadership standForElection(String lease, String identity, Runnable changed) {
    return new Leadership(client, NAMESPACE, lease, identity, changed);
  }

  @Override
  public void close() {
    client.close();
  }

  static IOException failure(String what, KubernetesClientException e) {
    if (e.getCause() instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    return new Failure(code(e), "cannot " + what + ": " + reason(e), e);
  }

  /** Why it failed, as a code. */
  static Reason code(KubernetesClientException e) {
    return switch (e.getCode()) {
      case -1, 0 -> Reason.API_SERVER_UNREACHABLE; // there was no answer
      case HttpURLConnection.HTTP_UNAUTHORIZED -> Reason.UNAUTHORIZED;
      case HttpURLConnection.HTTP_FORBIDDEN -> Reason.FORBIDDEN;
      default -> Reason.API_SERVER_ERROR;
    };
  }

  /** fabric8's own message repeats the whole answer; of a refusal it says what was refused. */
  static String reason(RuntimeException e) {
    if (e instanceof KubernetesClientException kubernetes && kubernetes.getStatus() != null) {
      var status = kubernetes.getStatus();
      if (status.getMessage() != null && !status.getMessage().isEmpty()) {
        String asked =
            kubernetes.getCode() == HttpURLConnection.HTTP_FORBIDDEN ? asked(kubernetes) : "";
        return asked + kubernetes.getCode() + " " + status.getMessage();
      }
    }
    return e.getCause() instanceof IOException cause
        ? Unanswered.why(cause)
        : String.valueOf(e.getMessage());
  }

  /** As an {@link ApiReader} puts it; empty if that is not known. */
  private static String asked(KubernetesClientException e) {
    var request = REQUEST.matcher(String.valueOf(e.getMessage()));
    return request.lookingAt()
        ? "%s %s: ".formatted(request.group("method"), request.group("path"))
        : "";
  }
}
