package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code user}. */
@Command(
    name = "user",
    synopsisSubcommandLabel = "COMMAND",
    description = "People who may use a running server.",
    subcommands = {
      UserCommands.ListUsers.class,
      UserCommands.CreateUser.class,
      UserCommands.DeleteUser.class,
      UserCommands.SetPassword.class
    })
final class UserCommands {
  static final String USERS = "/v3/users";

  private static final ObjectMapper JSON = new ObjectMapper();

  private UserCommands() {}

  /**
   * Somebody, by his name or id.
   *
   * @throws IOException also if there is nobody of that name
   */
  static JsonNode find(RunningServer server, String user) throws IOException, InterruptedException {
    for (var each : server.get(USERS).path("data")) {
      if (each.path("username").asText().equals(user) || each.path("id").asText().equals(user)) {
        return each;
      }
    }
    throw new IOException("no such user: " + user + " (drover-server user list has all)");
  }

  /** {@code user list}. */
  @Command(name = "list", description = "Print everybody: id, username, whether admin, and name.")
  static final class ListUsers extends ListCommand {
    ListUsers() {
      super("ID", "USERNAME", "ADMIN", "NAME");
    }

    @Override
    JsonNode all(RunningServer server) throws IOException, InterruptedException {
      return server.get(USERS).path("data");
    }

    @Override
    List<String> row(JsonNode user) {
      return List.of(
          user.path("id").asText(),
          user.path("username").asText(),
          user.path("admin").asBoolean() ? "yes" : "no",
          user.path("name").asText());
    }
  }

  /** {@code user create}. */
  @Command(
      name = "create",
      description = {
        "Make somebody, who signs in with a password of 12 to 256 characters. It is asked for at the",
        "terminal, or is the first line of stdin. Prints the new id.",
        ""
      })
  static final class CreateUser implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();
    @CommandLine.Mixin private Table.OutputOption output = new Table.OutputOption();

    @Parameters(paramLabel = "USERNAME", description = "1 to 63 of a-z, 0-9, '.', '_' and '-'.")
    private String username = "";

    @Option(names = "--name", paramLabel = "TEXT", description = "What the user is called.")
    private String name = "";

    @Option(
        names = "--admin",
        description = "May do everything: users, and every cluster (default: no).")
    private boolean isAdmin;

    @Spec private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var user =
            server.post(
                USERS,
                JSON.createObjectNode()
                    .put("username", username)
                    .put("name", name)
                    .put("password", Password.read(username).value())
                    .put("admin", isAdmin));
        var table = new Table(List.of());
        table.row(user.path("id").asText());
        output.print(spec, table, user);
      }
      return 0;
    }
  }

  /** {@code user delete}. */
  @Command(
      name = "delete",
      description = "Forget somebody, with sessions, API tokens and memberships, at once.")
  static final class DeleteUser implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

    @Parameters(paramLabel = "USER", description = "The username, or the id, u-xxxxx.")
    private String user = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var _ = server.delete(USERS + "/" + find(server, user).path("id").asText());
      }
      return 0;
    }
  }

  /** {@code user password}. */
  @Command(
      name = "password",
      description = {
        "Give somebody another password; all of that user's sessions end, API tokens stay.",
        "It is asked for at the terminal, or is the first line of stdin.",
        ""
      })
  static final class SetPassword implements Callable<Integer> {
    @CommandLine.Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

    @Parameters(paramLabel = "USER", description = "The username, or the id, u-xxxxx.")
    private String user = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var found = find(server, user);
        var _ =
            server.post(
                USERS + "/" + found.path("id").asText() + "?action=setpassword",
                JSON.createObjectNode()
                    .put("newPassword", Password.read(found.path("username").asText()).value()));
      }
      return 0;
    }
  }
}
