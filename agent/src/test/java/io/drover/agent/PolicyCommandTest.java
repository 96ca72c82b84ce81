package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.control.ControlClient;
import io.drover.agent.control.ControlPage;
import io.drover.agent.control.ControlSocket;
import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.retry.Sleeper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class PolicyCommandTest {
  private static final String POLICY =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: allow
      contact: platform@example.org
      presets: [no-exec, business-hours]
      businessHours: {timeZone: Europe/Berlin, days: [Mon], from: "08:00", to: "18:00"}
      rules:
      - name: operators
        effect: allow
        subjects: [{kind: Group, name: ops}]
        verbs: [create]
        apiGroups: [""]
        resources: [pods/exec]
        namespaces: [shop]
      """;

  private static final Instant MONDAY = Instant.parse("2026-11-30T09:00:00Z");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;

  private Path socket() {
    return directory.resolve("sock");
  }

  private int execute(String input, String... arguments) {
    return PolicyCommand.line(
            Map.of("COLUMNS", "120", "DROVER_LOG_SOCKET", socket().toString()),
            () -> MONDAY,
            new ByteArrayInputStream(input.getBytes(UTF_8)))
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void aPolicyIsCheckedAndItsNotesAreSaid(@TempDir Path directory) throws Exception {
    var file = Files.writeString(directory.resolve("policy.yaml"), POLICY);

    assertThat(execute("", "check", file.toString())).isZero();

    assertThat(out.toString())
        .startsWith("policy: 1 rule, 8 of presets, default allow\n")
        .contains("note: preset no-exec does not keep anybody who may create pods");
  }

  @Test
  void aPolicyThatIsNoneNamesEachProblem() {
    assertThat(execute(POLICY.replace("create", "exec").replace("ops}", "ops"), "check", "-"))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("drover-agent: line ").contains("this is no YAML");

    assertThat(execute(POLICY.replace("create", "exec"), "check", "-")).isEqualTo(Main.FAILED);
    assertThat(err.toString())
        .contains("drover-agent: line 11: rule 1: verbs: \"exec\" is no verb of a request: use *,");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aPolicyOfTheAuditIsCheckedToo() {
    var policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Request\n";

    assertThat(execute(policy, "check", "-")).isZero();
    assertThat(out.toString()).isEqualTo("audit policy: 1 rule, 1 of them with bodies\n");

    assertThat(execute(policy.replace("Request", "All"), "check", "-")).isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("drover-agent: line 4: rule 1: level: \"All\" is no level");
  }

  @Test
  void whatIsAllowedIsExplained() {
    assertThat(
            execute(
                POLICY,
                "test",
                "u-abc",
                "create",
                "pods/exec",
                "--namespace=shop",
                "--name=web-0",
                "--group=ops",
                "--policy=-"))
        .isZero();

    assertThat(out.toString())
        .isEqualTo(
            """
            REQUEST
                who               User "u-abc"
                groups            ops, system:authenticated
                verb              create
                API group         "" (core)
                resource          pods/exec
                namespace         shop
                name              web-0
                time              2026-11-30T09:00:00Z, inside of 08:00 to 18:00 Europe/Berlin

            RULES
              ✓ rule 1            allows it: rule 1 "operators" (line 8)

            DECISION
              ✓ allowed           by rule 1 "operators" (line 8)
                User "u-abc" can create resource "pods/exec" in API group "" in the namespace "shop": by the gateway's policy, rule
                1 "operators" (line 8)
            """);
  }

  @Test
  void whatIsDeniedIsExplained() {
    assertThat(
            execute(
                POLICY,
                "test",
                "u-abc",
                "create",
                "pods",
                "--subresource=exec",
                "-n=shop",
                "--name=web-0",
                "--policy=-"))
        .isEqualTo(Main.FAILED);

    assertThat(out.toString())
        .contains("  – rule 1            line 8, operators: not this one, by subjects Group ops\n")
        .contains("  ✗ no-exec 1         denies it: preset no-exec, rule 1 \"no commands in")
        .contains("  ✗ denied            by preset no-exec, rule 1")
        .contains(
            "pods \"web-0\" is forbidden: User \"u-abc\" cannot create resource \"pods/exec\"")
        .contains("ask platform@example.org");
    assertThat(out.toString()).doesNotContain("\u001b"); // this is no terminal
  }

  @Test
  void whatAnUpdateWouldMakeIsExplainedToo() {
    var policy =
        """
        apiVersion: drover.io/v1alpha1
        kind: GatewayPolicy
        default: allow
        rules:
        - {effect: deny, verbs: [create], apiGroups: [""], resources: [services]}
        """;
    assertThat(execute(policy, "test", "u", "update", "services", "--name=a", "--policy=-"))
        .isEqualTo(Main.FAILED);
    assertThat(out.toString())
        .contains("    verb              update, and create: it may make what is new\n")
        .contains("RULES ABOUT CREATE\n  ✗ rule 1            denies it: rule 1 (line 5)\n")
        .contains("services \"a\" is forbidden: User \"u\" cannot create resource \"services\"");

    assertThat(execute(policy, "test", "u", "update", "pods", "--name=a", "--policy=-")).isZero();
  }

  @Test
  void thatTimeCanBeAnother() {
    String[] test = {"test", "u-abc", "delete", "pods", "--name=a", "-n=x", "--policy=-"};
    assertThat(execute(POLICY, test)).isZero();

    String[] later = java.util.Arrays.copyOf(test, test.length + 1);
    later[test.length] = "--at=2026-11-30T18:00:00Z";
    assertThat(execute(POLICY, later)).isEqualTo(Main.FAILED);
    assertThat(out.toString()).contains("outside of 08:00 to 18:00");
  }

  @Test
  void theServerItselfIsADash() {
    assertThat(execute("", "test", "-", "delete", "pods", "--name=a", "--preset=read-only"))
        .isEqualTo(Main.FAILED);

    assertThat(out.toString()).contains("The management server itself cannot delete");
  }

  @Test
  void urlsHaveMethodsForVerbs() {
    assertThat(execute("", "test", "u", "get", "/version", "--preset=read-only")).isZero();
    assertThat(execute("", "test", "u", "post", "/version", "--preset=read-only"))
        .isEqualTo(Main.FAILED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "test u get pods | which policy? no agent of this user listens at",
        "test u get pods | name one with --policy or --preset, or run this in the agent's pod",
        "test u get pods --policy=- --preset=no-exec | which policy?",
        "test u get pods --preset=no-fun | --preset is not known: use one of audit-only, read-only",
        "test u get pods --preset=business-hours | needs businessHours",
        "test u exec pods --preset=no-exec | \"exec\" is no verb of a request: use one of create,",
        "test u list /version --preset=no-exec | \"list\" is no verb of a request: use one of"
            + " delete",
        "test u get deployments --preset=no-exec | \"deployments\" needs its API group: write it"
            + " in",
        "test u get Pods --preset=no-exec | \"Pods\" needs its API group",
        "test u get pods/exec --preset=no-exec | a subresource is that of one object: add --name",
        "test u get pods/exec --subresource=log --name=a --preset=no-exec | is there twice",
        "test u deletecollection pods --name=a --preset=no-exec | has no name: use delete",
        "test u get /version --name=a --preset=no-exec | a URL has no namespace, name or",
        "test - get pods --group=a --preset=no-exec | --group is for a user: leave it out",
        "test u get pods --at=now --preset=no-exec | --at is no time: write one such as 2026-",
        "test u get pods --policy=/nowhere | the policy cannot be read",
        "test u get pods --policy=- | line 1: there is no policy in it",
        "check /nowhere | name a file, or - for standard input",
      })
  void wrongUseIsToldWithItsRemedy(String line, String problem) {
    assertThat(execute("", line.split(" ", -1))).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString()).startsWith("drover-agent: ").contains(problem);
    assertThat(out.toString()).isEmpty();
  }

  /** What the command says of an agent that tells this at its socket. */
  private int byAgent(ControlPage page, String... arguments) {
    try (var _ =
        ControlSocket.start(
            Optional.of(socket()),
            () -> "info",
            _ -> {},
            Map.of(ControlClient.POLICY, page),
            Map.of(),
            Sleeper.REAL)) {
      return execute("", arguments);
    }
  }

  private int byAgent(InForce inForce, String... arguments) {
    return byAgent(() -> new ByteArrayInputStream(inForce.json().getBytes(UTF_8)), arguments);
  }

  private static InForce inForce(String revision, String text, Instant glass, String... problems) {
    return new InForce(
        InForce.State.THERE, revision, "41", text, new BreakGlass(glass), List.of(problems));
  }

  private static final String[] EXEC = {
    "test", "u-abc", "create", "pods/exec", "-n=shop", "--name=web-0"
  };

  @Test
  void whatTheAgentHasInForceIsExplained() {
    assertThat(byAgent(inForce("41", POLICY, Instant.EPOCH), EXEC)).isEqualTo(Main.FAILED);

    assertThat(out.toString())
        .startsWith("POLICY\n  ✓ in force          revision 41 of the ConfigMap\n\nREQUEST\n")
        .contains("  ✗ no-exec 1         denies it: preset no-exec, rule 1")
        .doesNotContain("newest");
  }

  @Test
  void thatTheNewestIsNoneAndTheLastGoodOneStaysIsSaid() {
    assertThat(byAgent(inForce("42", POLICY, Instant.EPOCH, "line 3: what is this"), EXEC))
        .isEqualTo(Main.FAILED);

    assertThat(out.toString())
        .contains(
            "  ✗ newest            revision 42 is none: the last good one stays in force\n",
            "    line 3: what is this\n")
        .contains("  ✗ denied            by preset no-exec, rule 1");
  }

  @Test
  void beforeTheFirstGoodOneNothingIsPassedOn() {
    assertThat(byAgent(inForce("42", "", Instant.EPOCH, "line 3: what is this"), EXEC))
        .isEqualTo(Main.FAILED);

    assertThat(out.toString())
        .contains("  ✗ in force          none has been good yet: nothing is passed on\n")
        .contains("  ✗ newest            revision 42 is none\n")
        .contains("the gateway has not understood a policy yet");
  }

  @Test
  void breakGlassOfTheAgentCounts() {
    assertThat(byAgent(inForce("41", POLICY, MONDAY.plusSeconds(60)), EXEC)).isZero();
    assertThat(out.toString()).contains("nothing is denied until 2026-11-30T09:01:00Z");

    assertThat(byAgent(inForce("41", POLICY, MONDAY), EXEC)).isEqualTo(Main.FAILED);
  }

  @Test
  void withoutAPolicyEverythingIsPassedOn() {
    var none = new InForce(InForce.State.NONE, "", "", "", BreakGlass.off(), List.of());

    assertThat(byAgent(none, EXEC)).isZero();

    assertThat(out.toString())
        .isEqualTo("POLICY\n  ✗ none              there is none: everything is passed on\n");
  }

  @Test
  void whatTheAgentDoesNotKnowIsSaid() {
    var unknown =
        new InForce(
            InForce.State.UNKNOWN, "", "", "", BreakGlass.off(), List.of("FORBIDDEN: no right"));

    assertThat(byAgent(unknown, EXEC)).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(byAgent(() -> new ByteArrayInputStream("[]".getBytes(UTF_8)), EXEC))
        .isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(
            byAgent(
                () -> {
                  throw new IOException("the agent's gateway is not on");
                },
                EXEC))
        .isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString().lines())
        .satisfiesExactly(
            line -> assertThat(line).contains("and answers 503: FORBIDDEN: no right"),
            line -> assertThat(line).contains("what the agent says is not understood"),
            line -> assertThat(line).contains("which policy? the agent's gateway is not on"));
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void itIsACommandOfTheAgent() {
    var line =
        Commands.line(Map.of(), (_, _) -> {})
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));

    assertThat(line.execute("policy")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(line.execute("policy", "check")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(line.execute("policy", "test", "--nonsense")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(line.execute("policy", "test", "u", "get", "pods", "--preset=no-exec")).isZero();
  }

  /** Options make all commands known: those of policies must not cost the agent its memory. */
  @Test
  void anAgentLoadsNothingOfPolicies() throws Exception {
    var agent =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xlog:class+load:stdout",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "run",
            "--log-format=none");
    agent.environment().clear();
    var process = agent.redirectErrorStream(true).start();
    try (var lines = process.inputReader(UTF_8)) {
      var all = lines.lines().toList();

      assertThat(all).anyMatch(line -> line.contains("io.drover.agent.PolicyCommand"));
      assertThat(all).noneMatch(line -> line.contains("io.drover.agent.gateway.policy"));
    }
    assertThat(process.waitFor()).isEqualTo(Main.BAD_CONFIGURATION);
  }

  @ParameterizedTest
  @CsvSource({
    "policy --help,check",
    "policy check --help,FILE",
    "policy test --help,--subresource"
  })
  void helpFitsATerminal(String line, String part) {
    assertThat(
            Commands.line(Map.of(), (_, _) -> {})
                .setOut(new PrintWriter(out, true))
                .execute(line.split(" ", -1)))
        .isZero();

    assertThat(out.toString()).contains(part);
    assertThat(out.toString().lines()).allMatch(text -> text.length() <= 80);
  }
}
