package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AgentConfigTest {
  private static final String CHECKSUM = "0123456789abcdef".repeat(4);

  /** What Rancher's manifest and the kubelet set. */
  private static final Map<String, String> STOCK =
      Map.of(
          "CATTLE_SERVER", "https://rancher.example.com",
          "CATTLE_CA_CHECKSUM", CHECKSUM,
          "CATTLE_CLUSTER", "true",
          "CATTLE_K8S_MANAGED", "true",
          "CATTLE_CREDENTIAL_NAME", "cattle-credentials-abc",
          "CATTLE_IS_RKE", "false",
          "CATTLE_FEATURES", "multi-cluster-management-agent=true,unheard-of=maybe,x",
          "STRICT_VERIFY", "true",
          "KUBERNETES_SERVICE_HOST", "10.43.0.1",
          "KUBERNETES_SERVICE_PORT", "443");

  @Test
  void stockEnvironmentIsEnough() throws Exception {
    var config = AgentConfig.from(STOCK);

    assertThat(config)
        .isEqualTo(
            new AgentConfig(
                new ServerConfig(
                    URI.create("https://rancher.example.com"), CHECKSUM, true, ProxyConfig.NONE),
                new Paths(
                    Path.of("/cattle-credentials"),
                    Path.of("/var/run/secrets/kubernetes.io/serviceaccount"),
                    List.of(Path.of("/etc/kubernetes/ssl/certs"))),
                new KubeConfig.InCluster(
                    "10.43.0.1:443", Path.of("/var/run/secrets/kubernetes.io/serviceaccount")),
                new TunnelConfig(Duration.ofSeconds(10), List.of(), false),
                new AuditConfig(new AuditConfig.Target.Off(), false, Optional.empty()),
                new ExplorerConfig(
                    true,
                    false,
                    "multi-cluster-management-agent=true,unheard-of=maybe,x",
                    "",
                    "rancher/shell:v0.8.1",
                    List.of(),
                    Optional.empty()),
                new HealthConfig(true, "0.0.0.0", 8080),
                new ReportConfig(
                    true, Optional.empty(), Optional.empty(), Set.of(ReportConfig.Trial.values())),
                new DutyConfig(
                    EnumSet.allOf(DutyConfig.Duty.class), "cattle-credentials-abc", Set.of(), ""),
                new ControlConfig(Optional.of(Path.of("/tmp/log.sock"))),
                new NodeAgents(List.of(), Path.of("/drover-node")),
                new LogConfig(LogConfig.Level.INFO, LogConfig.Format.TEXT),
                new Features(false, false)));
  }

  @ParameterizedTest
  @CsvSource({
    "a/b:1, , a/b:1",
    "a/b:1, r.io, r.io/a/b:1",
    "b:1, r.io/x, r.io/x/b:1",
    "q.io/b:1, r.io, q.io/b:1",
    "localhost/b, r.io, localhost/b",
    "mirror/a/b:1, mirror, mirror/a/b:1",
    "h:5000/b, r.io, h:5000/b",
    "off, r.io, ''",
  })
  void imageOfShellsComesFromTheClustersRegistry(String image, String registry, String expected)
      throws Exception {
    var variables = new HashMap<>(with("CATTLE_SHELL_IMAGE", image));
    if (registry != null) {
      variables.put("CATTLE_SYSTEM_DEFAULT_REGISTRY", registry);
    }

    assertThat(AgentConfig.from(variables).explorer().shellImage()).isEqualTo(expected);
  }

  @Test
  void imageOfShellsIsPulledAsTheAgentsOwn() throws Exception {
    assertThat(
            AgentConfig.from(with("CATTLE_AGENT_PULL_SECRETS", "one, two,"))
                .explorer()
                .pullSecrets())
        .containsExactlyInAnyOrder("one", "two");
  }

  @Test
  void namesEveryProblemAtOnce() {
    var problems =
        problems(
            Map.of(
                "CATTLE_CA_CHECKSUM", "12",
                "HTTPS_PROXY", "ftp://joe:hunter2@proxy",
                "HTTP_PROXY", "http://joe:hunter2@:x",
                "KUBERNETES_SERVICE_HOST", "10.43.0.1",
                "DROVER_DIAL_ALLOW", "10.0.0.1",
                "DROVER_DRAIN_SECONDS", "301",
                "DROVER_HEALTH_ADDRESS", "8080",
                "DROVER_LOG_FORMAT", "xml",
                "BINDING_CLEANUP", "true",
                "AD_GUID_CLEANUP", "true"));

    assertThat(problems)
        .extracting(problem -> problem.substring(0, problem.indexOf(' ')))
        .containsExactly(
            "CATTLE_SERVER",
            "CATTLE_CA_CHECKSUM",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "KUBERNETES_SERVICE_PORT",
            "DROVER_DRAIN_SECONDS",
            "DROVER_DIAL_ALLOW",
            "DROVER_HEALTH_ADDRESS",
            "DROVER_LOG_FORMAT",
            "BINDING_CLEANUP",
            "AD_GUID_CLEANUP");
    assertThat(problems).noneMatch(problem -> problem.contains("hunter2"));
  }

  @Test
  void neverPrintsASecret() throws Exception {
    var config = AgentConfig.from(with("HTTPS_PROXY", "http://joe:hunter2@proxy:3128"));

    assertThat(config.toString()).contains("joe").contains("***").doesNotContain("hunter");
    assertThat(new Secret("abc")).hasToString("***");
  }

  @ParameterizedTest
  @CsvSource({
    "CATTLE_SERVER,https://joe:hunter2@rancher",
    "CATTLE_SERVER,https://joe:hunt/er2@rancher:x",
    "CATTLE_SERVER,joe:hunter2@rancher",
    "DROVER_REPORT_URL,http://joe:hunter2@reports",
    "DROVER_REPORT_URL,https://joe:hunter2@reports",
    "DROVER_REPORT_URL,https://joe:hunt er2@reports",
    "HTTPS_PROXY,ftp://joe:hunter2@proxy"
  })
  void noProblemQuotesAPassword(String variable, String value) {
    assertThat(problems(with(variable, value)))
        .singleElement()
        .asString()
        .startsWith(variable)
        .doesNotContain("hunt");
  }

  @ParameterizedTest
  @CsvSource({
    "CATTLE_SERVER,https://rancher:8443/a,https://rancher:8443/a",
    "HTTPS_PROXY,http://joe:hunter2@proxy:3128,http://***@proxy:3128",
    "HTTPS_PROXY,joe:hunter2@proxy:3128,***@proxy:3128",
    "HTTP_PROXY,http://joe:hun@ter2@proxy,http://***@proxy",
    "DROVER_REPORT_TOKEN,hunter2,***",
    "DROVER_REPORT_TOKEN,'',''",
    "DROVER_DUTIES,all,all"
  })
  void settingShowsWhatIsNoSecret(Setting setting, String value, String shown) {
    assertThat(setting.shown(value)).isEqualTo(shown);
  }

  @Test
  void strictTrustNeedsSomethingToTrust() {
    var variables = new HashMap<>(STOCK);
    variables.remove("CATTLE_CA_CHECKSUM");

    assertThat(problems(variables))
        .singleElement()
        .asString()
        .startsWith("STRICT_VERIFY is true, but CATTLE_CA_CHECKSUM is not set");
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "TRUE", "True"})
  void strictTrustIsReadInAnyCase(String value) throws Exception {
    assertThat(AgentConfig.from(with("STRICT_VERIFY", value)).server().strictVerify()).isTrue();
  }

  @Test
  void checksumIsReadInAnyCase() throws Exception {
    var config =
        AgentConfig.from(with("CATTLE_CA_CHECKSUM", CHECKSUM.toUpperCase(java.util.Locale.ROOT)));

    assertThat(config.server().caChecksum()).isEqualTo(CHECKSUM);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rancher.example.com",
        "ftp://rancher",
        "https://",
        "https://a:b@rancher",
        "https://rancher:84430",
        "h ttp"
      })
  void serverMustBeAPlainUrl(String server) {
    assertThat(problems(with("CATTLE_SERVER", server)))
        .singleElement()
        .asString()
        .startsWith("CATTLE_SERVER is '")
        .endsWith("expected a URL such as https://rancher.example.com");
  }

  @Test
  void serverLosesItsTrailingSlash() throws Exception {
    var config = AgentConfig.from(with("CATTLE_SERVER", "https://rancher.example.com:8443/"));

    assertThat(config.server().server()).hasToString("https://rancher.example.com:8443");
  }

  @Test
  void ipv6AddressOfTheApiServerIsPutInBrackets() throws Exception {
    var config = AgentConfig.from(with("KUBERNETES_SERVICE_HOST", "fd00::1"));

    assertThat(config.kube())
        .isInstanceOfSatisfying(
            KubeConfig.InCluster.class,
            kube -> assertThat(kube.address()).isEqualTo("[fd00::1]:443"));
  }

  @Test
  void kubeconfigReplacesThePod() throws Exception {
    var config =
        AgentConfig.from(Map.of("CATTLE_SERVER", "https://rancher", "KUBECONFIG", "/home/kube"));

    assertThat(config.kube()).isEqualTo(new KubeConfig.Kubeconfig(Path.of("/home/kube"), ""));
  }

  @Test
  void kubeconfigKeepsTheAddressThatTheStockAgentWouldReport() throws Exception {
    var config = AgentConfig.from(with("KUBECONFIG", "/home/kube"));

    assertThat(config.kube())
        .isEqualTo(new KubeConfig.Kubeconfig(Path.of("/home/kube"), "10.43.0.1:443"));
  }

  @Test
  void severalKubeconfigsAreRefused() {
    assertThat(problems(with("KUBECONFIG", "/a:/b")))
        .singleElement()
        .asString()
        .contains("several files are not supported");
  }

  @Test
  void drainGoesUpToFiveMinutes() throws Exception {
    assertThat(AgentConfig.from(with("DROVER_DRAIN_SECONDS", "300")).tunnel().drain())
        .isEqualTo(TunnelConfig.MAX_DRAIN);
    assertThat(AgentConfig.from(with("DROVER_DRAIN_SECONDS", "0")).tunnel().drain()).isZero();
    assertThat(problems(with("DROVER_DRAIN_SECONDS", "-1")))
        .containsExactly("DROVER_DRAIN_SECONDS is '-1': expected whole seconds from 0 to 300");
  }

  @Test
  void healthAddressMayLeaveOutTheHostOrBeOff() throws Exception {
    assertThat(AgentConfig.from(with("DROVER_HEALTH_ADDRESS", ":0")).health())
        .isEqualTo(new HealthConfig(true, "0.0.0.0", 0));
    assertThat(AgentConfig.from(with("DROVER_HEALTH_ADDRESS", "[::1]:9000")).health())
        .isEqualTo(new HealthConfig(true, "::1", 9000));
    assertThat(AgentConfig.from(with("DROVER_HEALTH_ADDRESS", "off")).health().enabled()).isFalse();
  }

  @Test
  void traceWinsOverDebug() throws Exception {
    var variables = with("CATTLE_DEBUG", "true");
    assertThat(AgentConfig.from(variables).log().level()).isEqualTo(LogConfig.Level.DEBUG);

    variables.put("RANCHER_TRACE", "true");
    assertThat(AgentConfig.from(variables).log().level()).isEqualTo(LogConfig.Level.TRACE);
  }

  @Test
  void onlyTrueTurnsDebugOn() throws Exception {
    assertThat(AgentConfig.from(with("CATTLE_DEBUG", "1")).log().level())
        .isEqualTo(LogConfig.Level.INFO);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "provisioningprebootstrap=true",
        "a=b,,c, provisioningprebootstrap = 1 ,d=false",
        "provisioningprebootstrap=false,provisioningprebootstrap=T"
      })
  void prebootstrapIsFoundAmongOtherFeatures(String features) throws Exception {
    assertThat(AgentConfig.from(with("CATTLE_FEATURES", features)).features())
        .isEqualTo(new Features(true, false));
  }

  @Test
  void caDirectoriesMayBeSeveral() throws Exception {
    assertThat(AgentConfig.from(with("SSL_CERT_DIR", "/a::/b")).paths().caDirectories())
        .containsExactly(Path.of("/a"), Path.of("/b"));
  }

  private static Map<String, String> with(String name, String value) {
    var variables = new HashMap<>(STOCK);
    variables.put(name, value);
    return variables;
  }

  private static List<String> problems(Map<String, String> variables) {
    return catchThrowableOfType(ConfigException.class, () -> AgentConfig.from(variables))
        .problems();
  }
}
