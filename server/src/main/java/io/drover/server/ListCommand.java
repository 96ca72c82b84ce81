package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints all that a running server has of something. */
abstract class ListCommand implements Callable<Integer> {
  private final List<String> head;

  @Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();
  @Mixin private Table.OutputOption output = new Table.OutputOption();
  @Spec private @Nullable CommandSpec spec;

  /** In columns of these names. */
  ListCommand(String... head) {
    this.head = List.of(head);
  }

  /** As the API has it. */
  abstract JsonNode all(RunningServer server) throws IOException, InterruptedException;

  /** What stands in the columns. */
  abstract List<String> row(JsonNode one);

  @Override
  public final Integer call() throws IOException, InterruptedException {
    try (var server = RunningServer.of(directory.directory)) {
      var all = all(server);
      var table = new Table(head);
      for (var one : all) {
        table.row(row(one).toArray(String[]::new));
      }
      output.print(spec, table, all);
    }
    return 0;
  }
}
