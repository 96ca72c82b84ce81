package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The operator's pages in {@code docs/}: a block that is marked {@code sh} is run as it stands
 * there, and in that order, where the comment before it says; without one by DocsIT.
 */
final class DocPage {
  /** In the order in which they are run. */
  static final List<String> ALL =
      List.of(
          "install",
          "rbac",
          "air-gap",
          "proxy-and-ca",
          "check",
          "status",
          "policy",
          "security",
          "node-agent",
          "upgrade",
          "uninstall");

  /** Who runs a block. */
  enum Runner {
    DOCS_IT,
    /** {@code run by PodsIT: REASON}. */
    PODS_IT,
    /** {@code not run: REASON}. */
    NOBODY
  }

  /**
   * Commands between two fences.
   *
   * @param reason why not by DocsIT, and empty if it is
   */
  record Block(String page, Runner runner, String reason, String commands) {
    /** In a terminal of an operator. */
    Kubectl.Outcome run(Kubectl shell, String before) throws IOException, InterruptedException {
      var script = before + "set -eux\n" + commands;
      return shell.outcome(script.getBytes(UTF_8), List.of("bash", "-s")).expect(0);
    }
  }

  private static final Pattern BLOCK =
      Pattern.compile("(?m)(?:^<!-- (not run|run by PodsIT): (.+) -->\n)?^```sh\n((?s:.*?))^```$");

  private DocPage() {}

  /** All pages for users, the README among them, whether there are commands in them or not. */
  static List<Path> files() throws IOException {
    try (var files = Files.list(Programs.tree("docs"))) {
      return Stream.concat(
              Stream.of(Programs.tree("README.md")),
              files.filter(file -> file.toString().endsWith(".md")).sorted())
          .toList();
    }
  }

  static List<Block> blocks(String page) throws IOException {
    var text = Files.readString(Programs.tree("docs/" + page + ".md"), UTF_8);
    return BLOCK.matcher(text).results().map(found -> block(page, found)).toList();
  }

  private static Block block(String page, MatchResult found) {
    var runner =
        switch (found.group(1)) {
          case null -> Runner.DOCS_IT;
          case "not run" -> Runner.NOBODY;
          default -> Runner.PODS_IT;
        };
    return new Block(page, runner, Optional.ofNullable(found.group(2)).orElse(""), found.group(3));
  }

  /** Of all pages, those that one of them runs. */
  static List<Block> blocks(Runner runner) throws IOException {
    var found = new ArrayList<Block>();
    for (String page : ALL) {
      blocks(page).stream().filter(block -> block.runner() == runner).forEach(found::add);
    }
    return found;
  }
}
