package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.server.account.Role;
import java.io.IOException;
import java.net.URLEncoder;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code member}. */
@Command(
    name = "member",
    synopsisSubcommandLabel = "COMMAND",
    description = "Who may use a cluster of a running server, and as what.",
    subcommands = {
      MemberCommands.ListMembers.class,
      MemberCommands.AddMember.class,
      MemberCommands.RemoveMember.class
    })
final class MemberCommands {
  private static final String MEMBERS = "/v3/clusterroletemplatebindings";
  private static final ObjectMapper JSON = new ObjectMapper();

  private MemberCommands() {}

  private static JsonNode members(RunningServer server, String clusterId)
      throws IOException, InterruptedException {
    return server.get(MEMBERS + "?clusterId=" + URLEncoder.encode(clusterId, UTF_8)).path("data");
  }

  /** {@code member list}. */
  @Command(name = "list", description = "Print the members of a cluster: id, username and role.")
  static final class ListMembers extends ListCommand {
    @Parameters(paramLabel = "CLUSTER", description = "The cluster's id, c-xxxxx.")
    private String clusterId = "";

    ListMembers() {
      super("USER", "USERNAME", "ROLE");
    }

    @Override
    JsonNode all(RunningServer server) throws IOException, InterruptedException {
      return members(server, clusterId);
    }

    @Override
    List<String> row(JsonNode member) {
      return List.of(
          member.path("userId").asText(),
          member.path("username").asText(),
          member.path("roleTemplateId").asText());
    }
  }

  /** {@code member add}. */
  @Command(
      name = "add",
      description = {"Make somebody a member of a cluster, or give a member another role.", ""})
  static final class AddMember implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

    @Parameters(index = "0", paramLabel = "CLUSTER", description = "The cluster's id, c-xxxxx.")
    private String clusterId = "";

    @Parameters(index = "1", paramLabel = "USER", description = "The username, or the id, u-xxxxx.")
    private String user = "";

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        required = true,
        description = "cluster-owner, cluster-member or read-only.")
    private String role = "";

    @Spec private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      if (Role.of(role).isEmpty() && spec != null) {
        throw new CommandLine.ParameterException(
            spec.commandLine(), "--role is not one of " + Role.texts() + ": " + role);
      }
      try (var server = RunningServer.of(directory.directory)) {
        var _ =
            server.post(
                MEMBERS,
                JSON.createObjectNode()
                    .put("clusterId", clusterId)
                    .put("userId", UserCommands.find(server, user).path("id").asText())
                    .put("roleTemplateId", role));
      }
      return 0;
    }
  }

  /** {@code member remove}. */
  @Command(
      name = "remove",
      description = "End a membership; the cluster is not there for that user any more, at once.")
  static final class RemoveMember implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

    @Parameters(index = "0", paramLabel = "CLUSTER", description = "The cluster's id, c-xxxxx.")
    private String clusterId = "";

    @Parameters(index = "1", paramLabel = "USER", description = "The username, or the id, u-xxxxx.")
    private String user = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        for (var member : members(server, clusterId)) {
          if (member.path("username").asText().equals(user)
              || member.path("userId").asText().equals(user)) {
            var _ = server.delete(MEMBERS + "/" + member.path("id").asText());
            return 0;
          }
        }
        throw new IOException("not a member of " + clusterId + ": " + user);
      }
    }
  }
}
