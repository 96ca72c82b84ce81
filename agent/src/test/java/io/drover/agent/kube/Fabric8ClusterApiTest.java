package io.drover.agent.kube;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.TestCa;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ObjectReferenceBuilder;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesMixedDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.ServerRequest;
import io.fabric8.mockwebserver.ServerResponse;
import io.fabric8.mockwebserver.dsl.Pathable;
import io.fabric8.mockwebserver.dsl.ReturnOrWebsocketable;
import io.fabric8.mockwebserver.dsl.TimesOnceableOrHttpHeaderable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class Fabric8ClusterApiTest {
  private static final String NAMESPACE = "cattle-system";
  private static final String ROOT_CA = "-----BEGIN CERTIFICATE-----\nroot\n";
  private static final String TOKEN = "eyJhbGciOi.payload.signature";

  // Kept, since a logger that nobody refers to forgets its level.
  private static final Logger MOCK_LOG = Logger.getLogger(MockWebServer.class.getName());

  static {
    MOCK_LOG.setLevel(Level.OFF);
  }

  @TempDir private Path directory;
  private final List<Duration> slept = new ArrayList<>();
  private Runnable whileAsleep = () -> {};
  private KubernetesMockServer server;
  private KubernetesClient client;
  private Fabric8ClusterApi api;

  @BeforeEach
  void start() {
    var responses = new HashMap<ServerRequest, Queue<ServerResponse>>();
    server =
        new KubernetesMockServer(
            new Context(),
            new MockWebServer(),
            responses,
            new KubernetesMixedDispatcher(responses),
            false);
    server.init();
    client = server.createClient();
    client.getConfiguration().setRequestRetryBackoffLimit(0);
    api =
        new Fabric8ClusterApi(
            client,
            "10.43.0.1:443",
            duration -> {
              slept.add(duration);
              whileAsleep.run();
            });
  }

  @AfterEach
  void stop() {
    api.close();
    server.destroy();
  }

  @Test
  void makesTheTokenSecretAndRefersToIt() throws Exception {
    var account = createAccount(Map.of());
    createRootCa();
    whileAsleep = this::fillTokens;

    var access = api.access();

    assertThat(access).isEqualTo(new ClusterAccess("10.43.0.1:443", new Secret(TOKEN), ROOT_CA));
    assertThat(access).asString().doesNotContain(TOKEN);
    var secret = secrets().getFirst();
    assertThat(secret.getType()).isEqualTo("kubernetes.io/service-account-token");
    assertThat(secret.getMetadata().getGenerateName()).isEqualTo("cattle-token-");
    assertThat(secret.getMetadata().getLabels())
        .containsEntry("cattle.io/service-account.name", "cattle");
    assertThat(secret.getMetadata().getAnnotations())
        .containsEntry("kubernetes.io/service-account.name", "cattle");
    assertThat(secret.getMetadata().getOwnerReferences())
        .singleElement()
        .satisfies(
            owner -> {
              assertThat(owner.getApiVersion()).isEqualTo("v1");
              assertThat(owner.getKind()).isEqualTo("ServiceAccount");
              assertThat(owner.getName()).isEqualTo("cattle");
              assertThat(owner.getUid()).isEqualTo(account.getMetadata().getUid());
              assertThat(owner.getController()).isNull();
            });
    assertThat(account().getMetadata().getAnnotations())
        .containsEntry(
            "rancher.io/service-account.secret-ref",
            NAMESPACE + "/" + secret.getMetadata().getName());
  }

  @Test
  void credentialsComeFromTheirSecretToo() throws Exception {
    var secret =
        new SecretBuilder().withNewMetadata().withName("cattle-credentials-1").endMetadata();
    secret.addToData("url", base64("https://rancher.example.com")).addToData("token", base64("t0"));
    client.secrets().inNamespace(NAMESPACE).resource(secret.build()).create();

    assertThat(api.credentials("cattle-credentials-1"))
        .isEqualTo(
            new Credentials(URI.create("https://rancher.example.com"), new Secret("t0"), ""));
    assertThatThrownBy(() -> api.credentials("cattle-credentials-2"))
        .hasMessage(
            "secret cattle-system/cattle-credentials-2 does not exist or is empty: apply the"
                + " cluster's manifest again");
  }

  @Test
  void findsTheSecretAgain() throws Exception {
    createAccount(Map.of());
    createRootCa();
    whileAsleep = this::fillTokens;
    api.access();

    api.access();

    assertThat(secrets()).hasSize(1);
    assertThat(slept).hasSize(1);
  }

  @Test
  void followsTheReferenceEvenToAnotherNamespace() throws Exception {
    createAccount(Map.of(TokenSecret.REFERENCE, "elsewhere/mine"));
    createRootCa();
    client
        .secrets()
        .inNamespace("elsewhere")
        .resource(secret("mine", "elsewhere", TokenSecret.TYPE, TOKEN).build())
        .create();

    assertThat(api.access().token().value()).isEqualTo(TOKEN);
    assertThat(secrets()).isEmpty();
  }

  @Test
  void danglingReferenceIsReplaced() throws Exception {
    createAccount(Map.of(TokenSecret.REFERENCE, NAMESPACE + "/gone"));
    createRootCa();
    whileAsleep = this::fillTokens;

    api.access();

    assertThat(account().getMetadata().getAnnotations().get(TokenSecret.REFERENCE))
        .isEqualTo(NAMESPACE + "/" + secrets().getFirst().getMetadata().getName());
  }

  @Test
  void internalErrorOnTheReferencedSecretCountsAsNone() throws Exception {
    createAccount(Map.of(TokenSecret.REFERENCE, "elsewhere/broken"));
    createRootCa();
    server
        .expect()
        .get()
        .withPath("/api/v1/namespaces/elsewhere/secrets/broken")
        .andReturn(500, "Internal Error")
        .always();
    whileAsleep = this::fillTokens;

    assertThat(api.access().token().value()).isEqualTo(TOKEN);
  }

  @Test
  void forbiddenReferencedSecretIsAnError() {
    createAccount(Map.of(TokenSecret.REFERENCE, "elsewhere/secret"));
    createRootCa();
    server
        .expect()
        .get()
        .withPath("/api/v1/namespaces/elsewhere/secrets/secret")
        .andReturn(403, "no")
        .always();

    assertThatThrownBy(api::access)
        .has(reason(Reason.FORBIDDEN))
        .hasMessageStartingWith(
            "cannot read token of service account cattle-system/cattle:"
                + " GET /api/v1/namespaces/elsewhere/secrets/secret: 403 ");
  }

  @Test
  void refusalNamesVerbAndResourceWhateverTheApiServerSays() {
    createRootCa();
    createAccount(Map.of());
    refuse(server.expect().post(), "/secrets");
    assertThatThrownBy(api::access)
        .has(reason(Reason.FORBIDDEN))
        .hasMessage(
            "cannot read token of service account cattle-system/cattle:"
                + " POST /api/v1/namespaces/cattle-system/secrets: 403 no");
    assertThatThrownBy(() -> api.write(aggregation("", true)))
        .has(reason(Reason.FORBIDDEN))
        .hasMessage(
            "cannot write secret cattle-system/stv-aggregation:"
                + " POST /api/v1/namespaces/cattle-system/secrets: 403 no");

    refuse(server.expect().get(), "/services/rancher");
    assertThatThrownBy(api::rancherServiceExists)
        .has(reason(Reason.FORBIDDEN))
        .hasMessageEndingWith(": GET /api/v1/namespaces/cattle-system/services/rancher: 403 no");
  }

  private static void refuse(
      Pathable<ReturnOrWebsocketable<TimesOnceableOrHttpHeaderable<Void>>> method, String path) {
    method
        .withPath("/api/v1/namespaces/cattle-system" + path)
        .andReturn(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}")
        .always();
  }

  @Test
  void errorOfTheApiServerIsItsOwn() {
    server
        .expect()
        .get()
        .withPath("/api/v1/namespaces/cattle-system/services/rancher")
        .andReturn(500, "{\"kind\":\"Status\",\"code\":500,\"message\":\"etcd is away\"}")
        .always();

    assertThatThrownBy(api::rancherServiceExists)
        .has(reason(Reason.API_SERVER_ERROR))
        .hasMessage("cannot get service cattle-system/rancher: 500 etcd is away");
  }

  @Test
  void whatIsNoPodIsToldSo() {
    var nothing = new KubeConfig.InCluster("10.43.0.1:443", directory);

    assertThatThrownBy(() -> Fabric8ClusterApi.open(nothing))
        .has(reason(Reason.SERVICE_ACCOUNT_NOT_MOUNTED))
        .hasMessageStartingWith(directory.resolve("ca.crt") + " cannot be read: run as a pod");
  }

  @Test
  void labelledSecretIsTakenAndWrongOnesAreDeleted() throws Exception {
    createAccount(Map.of());
    createRootCa();
    create(labelled("a-opaque", "Opaque", "cattle", "wrong"));
    create(labelled("b-other", TokenSecret.TYPE, "default", "wrong"));
    create(labelled("c-good", TokenSecret.TYPE, "cattle", TOKEN));
    create(secret("d-unlabelled", NAMESPACE, TokenSecret.TYPE, "wrong"));

    assertThat(api.access().token().value()).isEqualTo(TOKEN);
    assertThat(secrets())
        .extracting(secret -> secret.getMetadata().getName())
        .containsExactlyInAnyOrder("c-good", "d-unlabelled");
    // As the stock agent leaves it.
    assertThat(account().getMetadata().getAnnotations()).isNullOrEmpty();
  }

  @Test
  void quickerReplicaWins() throws Exception {
    createRootCa();
    create(secret("theirs", NAMESPACE, TokenSecret.TYPE, TOKEN));
    String path = "/api/v1/namespaces/cattle-system/serviceaccounts/cattle";
    var before = newAccount(Map.of());
    before.getMetadata().setResourceVersion("1");
    var after = newAccount(Map.of(TokenSecret.REFERENCE, NAMESPACE + "/theirs"));
    server.expect().get().withPath(path).andReturn(200, before).once();
    server.expect().put().withPath(path).andReturn(409, "{\"kind\":\"Status\"}").once();
    server.expect().get().withPath(path).andReturn(200, after).once();

    assertThat(api.access().token().value()).isEqualTo(TOKEN);
    assertThat(secrets())
        .extracting(secret -> secret.getMetadata().getName())
        .containsExactly("theirs");
  }

  @Test
  void endlessConflictsAreGivenUp() {
    createAccount(Map.of());
    createRootCa();
    server
        .expect()
        .put()
        .withPath("/api/v1/namespaces/cattle-system/serviceaccounts/cattle")
        .andReturn(409, "{\"kind\":\"Status\",\"code\":409}")
        .always();

    assertThatThrownBy(api::access)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("keeps changing");
    assertThat(secrets()).isEmpty();
  }

  @Test
  void waitsForTheTokenForAtLeastHalfAMinute() {
    createAccount(Map.of());
    createRootCa();

    assertThatThrownBy(api::access)
        .has(reason(Reason.SERVICE_ACCOUNT_MISSING))
        .hasMessageContaining("has no token after 40 s: is kube-controller-manager running?");
    assertThat(slept.stream().reduce(Duration.ZERO, Duration::plus))
        .isEqualTo(TokenSecret.WAIT)
        .isGreaterThanOrEqualTo(Duration.ofSeconds(30));
    assertThat(secrets()).hasSize(1);
  }

  @Test
  void secretThatVanishesWhileWaitingIsAnError() {
    createAccount(Map.of());
    createRootCa();
    whileAsleep = () -> client.secrets().inNamespace(NAMESPACE).delete();

    assertThatThrownBy(api::access)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was deleted while we waited");
  }

  @Test
  void missingAccountIsExplained() {
    assertThatThrownBy(api::access)
        .hasMessage(
            "service account cattle-system/cattle does not exist: apply the cluster's manifest"
                + " again");
  }

  @Test
  void oldClusterHasTokenAndCaInTheAccountsSecret() throws Exception {
    createAccount(Map.of(), "cattle-token-old", "second");
    create(
        secret("cattle-token-old", NAMESPACE, TokenSecret.TYPE, TOKEN + "\n")
            .addToData("ca.crt", base64("old CA")));

    assertThat(api.access())
        .isEqualTo(new ClusterAccess("10.43.0.1:443", new Secret(TOKEN), "old CA"));
  }

  /** One with an old Secret, so that it could be taken for an old cluster. */
  private void refuseRootCa(int status) {
    createAccount(Map.of(), "cattle-token-old");
    create(
        secret("cattle-token-old", NAMESPACE, TokenSecret.TYPE, TOKEN)
            .addToData("ca.crt", base64("old CA")));
    server
        .expect()
        .get()
        .withPath("/api/v1/namespaces/cattle-system/configmaps/kube-root-ca.crt")
        .andReturn(status, "no")
        .always();
  }

  @Test
  void unreadableRootCaMeansAnOldClusterToo() throws Exception {
    refuseRootCa(403);

    assertThat(api.access().caCert()).isEqualTo("old CA");
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 500, 503})
  void rootCaThatFailsForAMomentMakesNoOldCluster(int status) {
    refuseRootCa(status);

    assertThatThrownBy(api::access)
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith("cannot read ConfigMap cattle-system/kube-root-ca.crt: ");
  }

  @Test
  void oldClusterWithoutSecretIsExplained() {
    createAccount(Map.of());

    assertThatThrownBy(api::access)
        .hasMessageStartingWith("no secret exists for service account cattle-system/cattle");
  }

  @Test
  void writesTheAggregationSecretOnceAndThenOnlyIfItDiffers() throws Exception {
    api.write(aggregation("PEM", true));
    var first = aggregationSecret();
    assertThat(decoded(first))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "CATTLE_SERVER", "https://rancher.example.com",
                "CATTLE_TOKEN", "hunter2",
                "CATTLE_CA_CHECKSUM", "abc",
                "CATTLE_CACERTS_VALID", "true",
                "url", "https://rancher.example.com/v3/connect",
                "token", "stv-cluster-hunter2",
                "ca.crt", "PEM"));

    api.write(aggregation("PEM", true));
    assertThat(aggregationSecret().getMetadata().getResourceVersion())
        .isEqualTo(first.getMetadata().getResourceVersion());

    api.write(aggregation("", false));
    assertThat(decoded(aggregationSecret()))
        .containsEntry("CATTLE_CACERTS_VALID", "false")
        .doesNotContainKey("ca.crt");
  }

  @Test
  void aggregationSecretKeepsWhatOthersPutOnIt() throws Exception {
    create(
        new SecretBuilder()
            .withNewMetadata()
            .withName("stv-aggregation")
            .withNamespace(NAMESPACE)
            .addToLabels("objectset.rio.cattle.io/hash", "x")
            .endMetadata()
            .addToData("stale", base64("x")));

    api.write(aggregation("PEM", true));

    assertThat(aggregationSecret().getMetadata().getLabels())
        .containsEntry("objectset.rio.cattle.io/hash", "x");
    assertThat(aggregationSecret().getData()).doesNotContainKey("stale");
  }

  @Test
  void conflictsOnTheAggregationSecretAreTriedAgainButNotForEver() throws Exception {
    api.write(aggregation("PEM", true));
    String path = "/api/v1/namespaces/cattle-system/secrets/stv-aggregation";
    String conflict = "{\"kind\":\"Status\",\"code\":409,\"message\":\"modified\"}";
    server
        .expect()
        .put()
        .withPath(path)
        .andReturn(409, conflict)
        .times(Fabric8ClusterApi.MAX_CONFLICTS);

    api.write(aggregation("PEM", false));
    assertThat(decoded(aggregationSecret())).containsEntry("CATTLE_CACERTS_VALID", "false");

    server.expect().put().withPath(path).andReturn(409, conflict).always();
    assertThatThrownBy(() -> api.write(aggregation("PEM", true)))
        .isInstanceOf(IOException.class)
        .hasMessage("cannot write secret cattle-system/stv-aggregation: 409 modified");
  }

  private static Map<String, io.drover.agent.config.Secret> shared(String value) {
    return Map.of("key", new io.drover.agent.config.Secret(value));
  }

  @Test
  void sharedSecretIsTheFirstReplicas() throws Exception {
    assertThat(api.shared("ours").ensure(() -> shared("first"), _ -> true))
        .isEqualTo(shared("first"));
    assertThat(api.shared("ours").ensure(() -> shared("second"), _ -> true))
        .isEqualTo(shared("first"));

    assertThat(api.shared("ours").ensure(() -> shared("third"), shared("x")::equals))
        .as("what is of no use is replaced")
        .isEqualTo(shared("third"));
    assertThat(api.shared("ours").ensure(() -> shared("fourth"), _ -> true))
        .isEqualTo(shared("third"));
  }

  @Test
  void quickerReplicasSharedSecretCounts() throws Exception {
    String path = "/api/v1/namespaces/cattle-system/secrets";
    server
        .expect()
        .get()
        .withPath(path + "/ours")
        .andReturn(404, "{\"kind\":\"Status\",\"code\":404}")
        .once();
    api.shared("ours").ensure(() -> shared("quicker"), _ -> true);
    server
        .expect()
        .get()
        .withPath(path + "/ours")
        .andReturn(404, "{\"kind\":\"Status\",\"code\":404}")
        .once();

    assertThat(api.shared("ours").ensure(() -> shared("slower"), _ -> true))
        .isEqualTo(shared("quicker"));
  }

  @Test
  void sharedSecretThatKeepsChangingIsGivenUp() {
    server
        .expect()
        .post()
        .withPath("/api/v1/namespaces/cattle-system/secrets")
        .andReturn(409, "{\"kind\":\"Status\",\"code\":409,\"message\":\"exists\"}")
        .always();

    assertThatThrownBy(() -> api.shared("ours").ensure(() -> shared("x"), _ -> true))
        .isInstanceOf(IOException.class)
        .hasMessage("cannot keep secret cattle-system/ours: 409 exists");
  }

  @Test
  void seesWhetherRancherIsInstalledHere() throws Exception {
    assertThat(api.rancherServiceExists()).isFalse();

    client
        .services()
        .inNamespace(NAMESPACE)
        .resource(new ServiceBuilder().withNewMetadata().withName("rancher").endMetadata().build())
        .create();

    assertThat(api.rancherServiceExists()).isTrue();
  }

  @Test
  void asksTheApiServerWhetherItIsReady() throws Exception {
    server.expect().get().withPath("/readyz").andReturn(200, "ok").once();
    server.expect().get().withPath("/readyz").andReturn(500, "[-]etcd failed").once();
    server.expect().get().withPath("/readyz").andReturn(403, "no").once();

    assertThat(api.apiServerReady()).isTrue();
    assertThat(api.apiServerReady()).isFalse();
    assertThatThrownBy(api::apiServerReady)
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("cannot get /readyz: ");
  }

  @Test
  void unreachableApiServerIsAnIoException() {
    server.destroy();

    assertThatThrownBy(api::apiServerReady).isInstanceOf(IOException.class);
    assertThatThrownBy(api::rancherServiceExists).isInstanceOf(IOException.class);
    assertThatThrownBy(api::access)
        .hasMessage("cannot read token of service account cattle-system/cattle: connection refused")
        .extracting(Problem::of)
        .extracting(Problem::reason)
        .isEqualTo(Reason.API_SERVER_UNREACHABLE);
    assertThatThrownBy(() -> api.write(aggregation("", true))).isInstanceOf(IOException.class);
  }

  @Test
  void podUsesItsServiceAccountAndNoProxyAndReadsTheTokenEachTime() throws Exception {
    Files.writeString(directory.resolve("ca.crt"), "PEM");
    Files.writeString(directory.resolve("token"), "one\n");

    var config = Fabric8ClusterApi.config(new KubeConfig.InCluster("[fd00::1]:443", directory));

    assertThat(config.getMasterUrl()).isEqualTo("https://[fd00::1]:443/");
    assertThat(config.getHttpsProxy()).isNull();
    assertThat(config.getHttpProxy()).isNull();
    assertThat(config.getOauthTokenProvider().getToken()).isEqualTo("one");
    Files.writeString(directory.resolve("token"), "two");
    assertThat(config.getOauthTokenProvider().getToken()).isEqualTo("two");
    assertThat(config.getRequestTimeout()).isEqualTo(10_000);
    assertThat(config.getConnectionTimeout()).isEqualTo(5_000);
    assertThat(config.getRequestRetryBackoffLimit()).isZero();
  }

  @Test
  void podTrustsTheCaThatIsMountedNow() throws Exception {
    var old = TestCa.root("Cluster");
    var next = TestCa.root("Later cluster");
    var identity = new AtomicReference<>(old.issue("127.0.0.1").server());
    Files.writeString(directory.resolve("token"), "one");
    Files.writeString(directory.resolve("ca.crt"), old.pem());
    try (var answering = Listener.start(socket -> answerOk(identity.get(), socket));
        var pod =
            Fabric8ClusterApi.open(
                new KubeConfig.InCluster(answering.url("https").getAuthority(), directory))) {
      assertThat(pod.apiServerReady()).isTrue();

      identity.set(next.issue("127.0.0.1").server());
      assertThatThrownBy(pod::apiServerReady).isInstanceOf(IOException.class);

      Files.writeString(directory.resolve("ca.crt"), old.pem() + next.pem());
      assertThat(pod.apiServerReady()).isTrue();

      Files.delete(directory.resolve("ca.crt"));
      identity.set(next.issue("127.0.0.1").server()); // which knows no session of before
      assertThatThrownBy(pod::apiServerReady).hasMessageContaining("ca.crt cannot be read");
    }
  }

  /** One request on each connection. */
  private static void answerOk(SSLContext identity, Socket socket) throws IOException {
    try (var secured =
        (SSLSocket) identity.getSocketFactory().createSocket(socket, null, 0, true)) {
      secured.setUseClientMode(false);
      var in = new BufferedReader(new InputStreamReader(secured.getInputStream(), UTF_8));
      for (var line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
        // The next one.
      }
      secured
          .getOutputStream()
          .write(
              "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                  .getBytes(UTF_8));
    }
  }

  @Test
  void podWithoutServiceAccountIsExplained() {
    assertThatThrownBy(
            () -> Fabric8ClusterApi.open(new KubeConfig.InCluster("10.43.0.1:443", directory)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ca.crt cannot be read")
        .hasMessageContaining("--kubeconfig");
  }

  @Test
  void kubeconfigWorks() throws Exception {
    server.expect().get().withPath("/readyz").andReturn(200, "ok").once();
    Path file = writeKubeconfig(server.url("/"));

    try (var fromFile = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, ""))) {
      assertThat(fromFile.apiServerReady()).isTrue();
      assertThat(fromFile.address()).isEqualTo("localhost:" + server.getPort());
    }
  }

  @Test
  void addressOfAKubeconfigHasAPortAndMayBeGiven() throws Exception {
    Path file = writeKubeconfig("https://[fd00::1]");

    try (var own = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, ""));
        var given = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, "10.43.0.1:443"))) {
      assertThat(own.address()).isEqualTo("[fd00::1]:443");
      assertThat(given.address()).isEqualTo("10.43.0.1:443");
    }
  }

  @Test
  void kubeconfigThatIsNoneIsExplained() throws Exception {
    var missing = new KubeConfig.Kubeconfig(directory.resolve("none"), "");
    assertThatThrownBy(() -> Fabric8ClusterApi.open(missing))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("none cannot be read");

    for (String content : List.of("", "{}", "][", "current-context: gone\n")) {
      Path file = Files.writeString(directory.resolve("bad"), content);
      assertThatThrownBy(() -> Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, "")))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void kubeconfigMayHoldAnEcKey() throws Exception {
    var user = TestCa.root("Cluster").issue("admin");
    String key = TestCa.pem(user.key().getPrivate());
    assertThat(key).startsWith("-----BEGIN EC PRIVATE KEY-----");
    Path file =
        Files.writeString(
            directory.resolve("kubeconfig"),
            """
            apiVersion: v1
            kind: Config
            current-context: here
            contexts: [{name: here, context: {cluster: here, user: me}}]
            clusters: [{name: here, cluster: {server: "https://10.0.0.1:6443"}}]
            users:
            - name: me
              user: {client-certificate-data: "%s", client-key-data: "%s"}
            """
                .formatted(base64(TestCa.pem(user.chain().getFirst())), base64(key)));

    try (var withKey = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, ""))) {
      assertThat(withKey.address()).isEqualTo("10.0.0.1:6443");
    }
  }

  private Path writeKubeconfig(String url) throws IOException {
    return Files.writeString(
        directory.resolve("kubeconfig"),
        """
        apiVersion: v1
        kind: Config
        current-context: here
        contexts: [{name: here, context: {cluster: here, user: me}}]
        clusters: [{name: here, cluster: {server: "%s"}}]
        users: [{name: me, user: {token: abc}}]
        """
            .formatted(url));
  }

  private static AggregationSecret aggregation(String caCert, boolean trusted) {
    return new AggregationSecret(
        URI.create("https://rancher.example.com"), new Secret("hunter2"), "abc", caCert, trusted);
  }

  private io.fabric8.kubernetes.api.model.Secret aggregationSecret() {
    return client.secrets().inNamespace(NAMESPACE).withName("stv-aggregation").get();
  }

  private static Map<String, String> decoded(io.fabric8.kubernetes.api.model.Secret secret) {
    var data = new HashMap<String, String>();
    secret
        .getData()
        .forEach(
            (key, value) -> data.put(key, new String(Base64.getDecoder().decode(value), UTF_8)));
    return data;
  }

  private ServiceAccount createAccount(Map<String, String> annotations, String... secrets) {
    return client
        .serviceAccounts()
        .inNamespace(NAMESPACE)
        .resource(newAccount(annotations, secrets))
        .create();
  }

  private static ServiceAccount newAccount(Map<String, String> annotations, String... secrets) {
    var account =
        new ServiceAccountBuilder()
            .withNewMetadata()
            .withName("cattle")
            .withNamespace(NAMESPACE)
            .withAnnotations(annotations)
            .endMetadata();
    for (String secret : secrets) {
      account.addToSecrets(new ObjectReferenceBuilder().withName(secret).build());
    }
    return account.build();
  }

  private ServiceAccount account() {
    return client.serviceAccounts().inNamespace(NAMESPACE).withName("cattle").get();
  }

  private void createRootCa() {
    client
        .configMaps()
        .inNamespace(NAMESPACE)
        .resource(
            new ConfigMapBuilder()
                .withNewMetadata()
                .withName("kube-root-ca.crt")
                .endMetadata()
                .addToData("ca.crt", ROOT_CA)
                .build())
        .create();
  }

  private static SecretBuilder secret(String name, String namespace, String type, String token) {
    return new SecretBuilder()
        .withNewMetadata()
        .withName(name)
        .withNamespace(namespace)
        .endMetadata()
        .withType(type)
        .addToData("token", base64(token));
  }

  private static SecretBuilder labelled(String name, String type, String owner, String token) {
    return secret(name, NAMESPACE, type, token)
        .editMetadata()
        .addToLabels(TokenSecret.LABEL, "cattle")
        .addToAnnotations(TokenSecret.OWNER, owner)
        .endMetadata();
  }

  private void create(SecretBuilder secret) {
    client.secrets().inNamespace(NAMESPACE).resource(secret.build()).create();
  }

  private List<io.fabric8.kubernetes.api.model.Secret> secrets() {
    return client.secrets().inNamespace(NAMESPACE).list().getItems();
  }

  /** What kube-controller-manager does. */
  private void fillTokens() {
    for (var secret : secrets()) {
      client
          .secrets()
          .inNamespace(NAMESPACE)
          .resource(new SecretBuilder(secret).addToData("token", base64(TOKEN)).build())
          .update();
    }
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }
}
