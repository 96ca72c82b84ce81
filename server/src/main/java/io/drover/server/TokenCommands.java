package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code token}. */
@Command(
    name = "token",
    synopsisSubcommandLabel = "COMMAND",
    description = "Registration tokens of the clusters of a running server.",
    subcommands = {
      TokenCommands.CreateToken.class,
      TokenCommands.ListTokens.class,
      TokenCommands.RevokeToken.class
    })
final class TokenCommands {
  private static final String TOKENS = "/v3/clusterregistrationtokens";
  private static final ObjectMapper JSON = new ObjectMapper();

  private TokenCommands() {}

  /** How long a registration token is good. */
  static final class LifeOptions {
    @Option(
        names = "--token-ttl",
        paramLabel = "DURATION",
        defaultValue = "30d",
        description = "How long the token is good; 0m: for ever (default: ${DEFAULT-VALUE}).")
    private Duration ttl = Duration.ZERO;

    @Option(
        names = "--token-grace",
        paramLabel = "DURATION",
        defaultValue = "3h",
        description = "How long it is taken after that (default: ${DEFAULT-VALUE}).")
    private Duration grace = Duration.ZERO;
  }

  /** Makes a token; what whoever applies a manifest has to know. */
  static ObjectNode create(RunningServer server, String clusterId, LifeOptions life)
      throws IOException, InterruptedException {
    var token =
        server.post(
            TOKENS,
            JSON.createObjectNode()
                .put("clusterId", clusterId)
                .put("ttl", life.ttl.toMinutes())
                .put("gracePeriod", life.grace.toMinutes()));
    var line = JSON.createObjectNode().put("tokenId", token.path("id").asText());
    for (var field : List.of("token", "manifestUrl", "command", "insecureCommand", "expiresAt")) {
      if (token.has(field)) {
        line.put(field, token.path(field).asText());
      }
    }
    return line.put("id", clusterId);
  }

  /** {@code token create}. */
  @Command(
      name = "create",
      description = {
        "Make one more registration token for a cluster; the others stay good.",
        "Prints the same as cluster create.",
        ""
      })
  static final class CreateToken implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();
    @CommandLine.Mixin private LifeOptions life = new LifeOptions();

    @Parameters(paramLabel = "CLUSTER", description = "The cluster's id, c-xxxxx.")
    private String clusterId = "";

    @Spec private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        Table.print(spec, create(server, clusterId, life));
      }
      return 0;
    }
  }

  /** {@code token list}. */
  @Command(name = "list", description = "Print id, state, end and cluster of every token.")
  static final class ListTokens extends ListCommand {
    ListTokens() {
      super("ID", "STATE", "EXPIRES", "CLUSTER");
    }

    @Override
    JsonNode all(RunningServer server) throws IOException, InterruptedException {
      return server.get(TOKENS).path("data");
    }

    @Override
    List<String> row(JsonNode token) {
      return List.of(
          token.path("id").asText(),
          token.path("state").asText(),
          token.path("expiresAt").asText("never"),
          token.path("clusterId").asText());
    }
  }

  /** {@code token revoke}. */
  @Command(
      name = "revoke",
      description = {
        "Take no token of that id any more. An agent that is connected stays; when it connects",
        "again it is refused."
      })
  static final class RevokeToken implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The token's id, crt-xxxxx.")
    private String id = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var _ = server.delete(TOKENS + "/" + id);
      }
      return 0;
    }
  }
}
