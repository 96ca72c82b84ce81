package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The way from a path to a {@link RequestInfo}. The API server decodes a path as a whole, takes the
 * slashes off both ends and splits it; so a part that holds a slash when decoded would be two
 * there. Here it is refused, as is all else that two readers could take for two things.
 */
final class RequestPath {
  private static final Set<String> PREFIXES = Set.of("api", "apis");
  private static final Set<String> NAMESPACE_SUBRESOURCES = Set.of("status", "finalize");
  private static final Set<String> SPECIAL_VERBS = Set.of("proxy", "watch");
  private static final String PROXY = "proxy";

  /** Besides letters and digits, as RFC 3986 has it for a part of a path. */
  private static final String PATH_MARKS = "-._~!$&'()*+,;=:@";

  /** Characters that end a name for somebody, or turn into something else. */
  private static final String NO_NAME_MARKS = "/%\\;?#";

  /** No method that Kubernetes does not know. */
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

  private RequestPath() {}

  /** Ends the resolution. */
  private static final class UnresolvedException extends Exception {
    private static final long serialVersionUID = 1L;

    UnresolvedException(String reason) {
      super(reason, null, false, false);
    }
  }

  static RequestInfo resolve(String method, String path, String query) {
    try {
      if (!METHODS.contains(method)) {
        throw new UnresolvedException("the method is none of those that Kubernetes has");
      }
      checkQuery(query);
      var parts = parts(path);
      return isResource(parts)
          ? resource(method, parts, query)
          : nonResource(method, parts, path.length() > 1 && path.endsWith("/"));
    } catch (UnresolvedException e) {
      return new RequestInfo.Unresolved(String.valueOf(e.getMessage()));
    }
  }

  private static void checkQuery(String query) throws UnresolvedException {
    if (query.length() > RequestInfo.MAX_QUERY) {
      throw new UnresolvedException(
          "the query is longer than " + RequestInfo.MAX_QUERY + " characters");
    }
    if (!query.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '#')) {
      throw new UnresolvedException("the query has a character that belongs encoded");
    }
  }

  /** Decoded, and not yet known to be harmless. One slash at the end is no part. */
  private static List<String> parts(String path) throws UnresolvedException {
    if (path.length() > RequestInfo.MAX_PATH) {
      throw new UnresolvedException(
          "the path is longer than " + RequestInfo.MAX_PATH + " characters");
    }
    if (!path.startsWith("/")) {
      throw new UnresolvedException("the path does not begin with a slash");
    }
    var parts = new ArrayList<String>();
    int from = 1;
    while (from < path.length()) {
      int slash = path.indexOf('/', from);
      int to = slash < 0 ? path.length() : slash;
      parts.add(decoded(path.substring(from, to)));
      from = to + 1;
    }
    return parts;
  }

  private static String decoded(String part) throws UnresolvedException {
    var bytes = ByteBuffer.allocate(part.length());
    for (int i = 0; i < part.length(); i++) {
      char c = part.charAt(i);
      if (c == '%') {
        int high = i + 2 < part.length() ? hex(part.charAt(i + 1)) : -1;
        int low = i + 2 < part.length() ? hex(part.charAt(i + 2)) : -1;
        if (high < 0 || low < 0) {
          throw new UnresolvedException("the path has a % without two hexadecimal digits");
        }
        bytes.put((byte) ((high << 4) | low));
        i += 2;
      } else if (isLetterOrDigit(c) || PATH_MARKS.indexOf(c) >= 0) {
        bytes.put((byte) c);
      } else {
        throw new UnresolvedException("the path has a character that belongs encoded");
      }
    }
    return checked(text(bytes.flip(), "the path"));
  }

  private static int hex(char c) {
    return c < 0x80 ? Character.digit(c, 16) : -1;
  }

  private static String text(ByteBuffer bytes, String where) throws UnresolvedException {
    try {
      return UTF_8.newDecoder().decode(bytes).toString(); // reports what is malformed
    } catch (CharacterCodingException _) {
      throw new UnresolvedException(where + " is not UTF-8 when decoded");
    }
  }

  /** Against what is bad anywhere, also in what is passed on to somebody's web server. */
  private static String checked(String part) throws UnresolvedException {
    if (part.chars().anyMatch(c -> c == '\\' || Character.isISOControl(c))) {
      throw new UnresolvedException("the path has a backslash or a control character");
    }
    for (String piece : part.split("/", -1)) {
      if (piece.equals(".") || piece.equals("..")) {
        throw new UnresolvedException("the path has a part that is . or ..");
      }
    }
    return part;
  }

  private static boolean isLetterOrDigit(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  /** Of groups, versions, namespaces, resources: what is there has no capital letters. */
  private static boolean isLowerCase(String part) {
    return !part.isEmpty()
        && part.chars()
            .allMatch(
                c -> (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || "-._".indexOf(c) >= 0);
  }

  /** Names of roles may have almost anything, such as {@code system:node}. */
  private static boolean isName(String part) {
    return !part.isEmpty()
        && part.chars().allMatch(c -> c >= ' ' && c < 0x7f && NO_NAME_MARKS.indexOf(c) < 0);
  }

  /** As above, for what is no resource, such as {@code /.well-known}. */
  private static boolean isLowerCaseName(String part) {
    return isName(part) && part.equals(part.toLowerCase(Locale.ROOT));
  }

  private static String require(Predicate<String> rule, String part, String what)
      throws UnresolvedException {
    if (part.isEmpty()) {
      throw new UnresolvedException("the path has two slashes in a row");
    }
    if (!rule.test(part)) {
      throw new UnresolvedException(
          "the path has a character that no " + what + " has, such as a capital letter, / or %");
    }
    return part;
  }

  private static boolean isResource(List<String> parts) {
    if (parts.isEmpty() || !PREFIXES.contains(parts.getFirst())) {
      return false;
    }
    return parts.size() >= (parts.getFirst().equals("api") ? 3 : 4);
  }

  private static RequestInfo nonResource(String method, List<String> parts, boolean trailingSlash)
      throws UnresolvedException {
    for (String part : parts) {
      require(RequestPath::isLowerCaseName, part, "path outside of the API's resources");
    }
    String path = "/" + String.join("/", parts) + (trailingSlash ? "/" : "");
    return new RequestInfo.NonResource(method.toLowerCase(Locale.ROOT), path);
  }

  private static RequestInfo resource(String method, List<String> parts, String query)
      throws UnresolvedException {
    boolean isGrouped = parts.getFirst().equals("apis");
    String group = isGrouped ? require(RequestPath::isLowerCase, parts.get(1), "API group") : "";
    int next = isGrouped ? 2 : 1;
    String version = require(RequestPath::isLowerCase, parts.get(next++), "version");
    String verb = verb(method);
    if (SPECIAL_VERBS.contains(parts.get(next))) {
      verb = parts.get(next++);
      if (next == parts.size()) {
        throw new UnresolvedException("the path ends with a verb");
      }
    }
    if (verb == null) {
      throw new UnresolvedException("the method is none that resources have");
    }
    var rest = parts.subList(next, parts.size());
    String namespace = "";
    if (rest.getFirst().equals("namespaces") && rest.size() > 1) {
      namespace = require(RequestPath::isLowerCase, rest.get(1), "namespace");
      if (rest.size() > 2 && !NAMESPACE_SUBRESOURCES.contains(rest.get(2))) {
        rest = rest.subList(2, rest.size());
      }
    }
    String resource = require(RequestPath::isLowerCase, rest.getFirst(), "resource");
    String name = rest.size() > 1 ? require(RequestPath::isName, rest.get(1), "name") : "";
    boolean hasSubresource = rest.size() > 2 && !verb.equals(PROXY);
    String subresource =
        hasSubresource ? require(RequestPath::isLowerCase, rest.get(2), "subresource") : "";
    if (!subresource.equals(PROXY)) {
      // What is behind it is for a web server in the cluster, and may be anything.
      for (int i = 2; i < rest.size(); i++) {
        require(RequestPath::isName, rest.get(i), "part behind a subresource");
      }
    }
    if (name.isEmpty() && verb.equals("get")) {
      var options = ListQuery.parse(query);
      if (options.problem() != null) {
        throw new UnresolvedException(options.problem());
      }
      verb = options.watch() ? "watch" : "list";
      name = options.name();
    } else if (name.isEmpty() && verb.equals("delete")) {
      verb = "deletecollection";
    }
    return new RequestInfo.Resource(verb, group, version, namespace, resource, subresource, name);
  }

  private static @Nullable String verb(String method) {
    return switch (method) {
      case "GET", "HEAD" -> "get";
      case "POST" -> "create";
      case "PUT" -> "update";
      case "PATCH" -> "patch";
      case "DELETE" -> "delete";
      default -> null;
    };
  }
}
