package io.drover.agent.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where events of the gateway's requests go.
 *
 * @param block whether a request waits until there is room for its event, and is refused in the
 *     end; otherwise it goes on, and the loss is counted
 * @param recordings directory for what is shown in sessions of exec and attach; empty: nobody wants
 *     that
 */
public record AuditConfig(Target target, boolean block, Optional<Path> recordings) {
  /** Where to. */
  public sealed interface Target {
    /** Nowhere. */
    record Off() implements Target {}

    /** Among the lines of the log. */
    record StandardOutput() implements Target {}

    /** A file, which is rotated. */
    record File(Path path) implements Target {}

    /**
     * An endpoint as kube-apiserver's webhook backend has it.
     *
     * @param tokenFile with a bearer token; empty: none is sent
     */
    record Https(URI url, Optional<Path> tokenFile) implements Target {}
  }

  static AuditConfig from(Environment env) {
    var target = env.parse(Setting.DROVER_GATEWAY_AUDIT, AuditConfig::target);
    if (!(target instanceof Target.Off) && env.text(Setting.DROVER_GATEWAY).equals("off")) {
      env.problem(
          Setting.DROVER_GATEWAY_AUDIT,
          "is set, and there is no gateway to record: set DROVER_GATEWAY to on, or this to off");
    }
    var tokenFile = env.parse(Setting.DROVER_GATEWAY_AUDIT_TOKEN_FILE, AuditConfig::tokenFile);
    if (tokenFile.isPresent()) {
      if (target instanceof Target.Https(var url, _)) {
        target = new Target.Https(url, tokenFile);
      } else {
        env.problem(
            Setting.DROVER_GATEWAY_AUDIT_TOKEN_FILE,
            "is set, and nothing asks for a token: let DROVER_GATEWAY_AUDIT begin with https://, or"
                + " leave this out");
      }
    }
    var recordings = env.directory(Setting.DROVER_GATEWAY_RECORDINGS);
    if (recordings.isPresent() && target instanceof Target.Off) {
      env.problem(
          Setting.DROVER_GATEWAY_RECORDINGS,
          "is set, and no event names what is recorded: set DROVER_GATEWAY_AUDIT too, or this to"
              + " off");
    }
    return new AuditConfig(
        target, env.parse(Setting.DROVER_GATEWAY_AUDIT_FULL, AuditConfig::block), recordings);
  }

  private static Target target(String text) {
    if (text.equals("off")) {
      return new Target.Off();
    }
    if (text.equals("stdout")) {
      return new Target.StandardOutput();
    }
    if (text.startsWith("https://")) {
      return new Target.Https(url(text), Optional.empty());
    }
    String expected = "expected off, stdout, /path/of/a/file or https://…";
    if (!text.startsWith("/") || text.endsWith("/")) {
      throw new IllegalArgumentException(expected);
    }
    try {
      return new Target.File(Path.of(text));
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(expected, e);
    }
  }

  private static Optional<Path> tokenFile(String text) {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      if (text.startsWith("/") && !text.endsWith("/")) {
        return Optional.of(Path.of(text));
      }
    } catch (InvalidPathException _) {
      // As below.
    }
    throw new IllegalArgumentException("expected /path/of/a/file, not the token itself");
  }

  private static URI url(String text) {
    URI url;
    try {
      url = new URI(text);
    } catch (URISyntaxException e) {
      // Without the text, which its message quotes.
      throw new IllegalArgumentException("expected an https URL: " + e.getReason(), e);
    }
    boolean hasMore =
        url.getUserInfo() != null || url.getQuery() != null || url.getFragment() != null;
    if (url.getHost() == null || hasMore) {
      // What stands there is often a password, and the URL is shown.
      throw new IllegalArgumentException(
          "expected an https URL with a host, without user, query and fragment");
    }
    return url;
  }

  private static boolean block(String text) {
    return switch (text) {
      case "block" -> true;
      case "count" -> false;
      default -> throw new IllegalArgumentException("expected block or count");
    };
  }
}
