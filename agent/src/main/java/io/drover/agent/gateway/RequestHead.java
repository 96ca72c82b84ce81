package io.drover.agent.gateway;

import io.drover.steve.http.Fields;
import io.drover.steve.http.Request;
import io.drover.steve.http.UpstreamConnection;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What is asked, once it is clear that it means one thing only. What goes on is written anew from
 * this, so that nothing in a request can be two requests to the API server.
 *
 * @param target path and query, as they came
 * @param length of the body in bytes; {@link UpstreamConnection#UNKNOWN} if it comes in chunks
 * @param upgrade the protocol to change to; empty: none
 * @param awaitsContinue whether the body is held back until we say so
 * @param impersonates whether it is asked in somebody's name
 * @param fields that concern the API server, without credentials and without Host
 */
record RequestHead(
    String method,
    String target,
    long length,
    String upgrade,
    boolean awaitsContinue,
    boolean impersonates,
    Fields fields) {
  /** What kubectl, and the server's pages, change to. */
  private static final Set<String> UPGRADES = Set.of("websocket", "spdy/3.1");

  /** Between two who are connected, whatever {@code Connection} says. Source: RFC 9110, 7.6.1. */
  private static final Set<String> HOP_BY_HOP =
      Set.of(
          "connection",
          "keep-alive",
          "proxy-connection",
          "proxy-authenticate",
          "proxy-authorization",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "http2-settings");

  /** Made anew by us. */
  private static final Set<String> OURS =
      Set.of("host", "authorization", "content-length", "expect");

  private static final String IMPERSONATE = "impersonate-";

  /** By which the API server would believe its aggregator. */
  private static final String REMOTE = "x-remote-";

  /** What {@code Connection} may name; any other name would take a field away that is meant. */
  private static final Set<String> CONNECTION_OPTIONS =
      Stream.concat(HOP_BY_HOP.stream(), Stream.of("close"))
          .collect(java.util.stream.Collectors.toUnmodifiableSet());

  private static final Pattern METHOD = Pattern.compile("[A-Z]{1,20}");
  private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Pattern TARGET = Pattern.compile("/[!-~&&[^#]]*");
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
  private static final Set<String> NOT_FORWARDED = Set.of("CONNECT", "TRACE");

  /**
   * Reads a request.
   *
   * @throws RefusedException if it could be understood in more than one way, or is none that is
   *     passed on
   */
  static RequestHead of(Request request) throws RefusedException {
    return of(request.method(), request.target(), request.fields());
  }

  static RequestHead of(String method, String target, Fields asked) throws RefusedException {
    if (!METHOD.matcher(method).matches()) {
      throw RefusedException.badRequest("the method is none of Kubernetes");
    }
    if (NOT_FORWARDED.contains(method)) {
      throw new RefusedException(405, "MethodNotAllowed", method + " is not passed on");
    }
    if (!TARGET.matcher(target).matches()) {
      throw RefusedException.badRequest("the request is for no path of this server");
    }
    requireWellFormed(asked);
    if (asked.every("Host").size() != 1) {
      throw RefusedException.badRequest("there is not one Host");
    }
    var options = options(asked);
    long length = length(asked);
    String upgrade = upgrade(asked, options);
    if (!upgrade.isEmpty() && length != 0) {
      throw RefusedException.badRequest("a request to change the protocol has a body");
    }
    var passed = new Fields();
    boolean impersonates = false;
    for (var field : asked.all()) {
      String name = field.name().toLowerCase(Locale.ROOT);
      impersonates |= name.startsWith(IMPERSONATE);
      if (!HOP_BY_HOP.contains(name) && !OURS.contains(name) && !name.startsWith(REMOTE)) {
        passed.add(field.name(), field.value());
      }
    }
    return new RequestHead(
        method, target, length, upgrade, awaitsContinue(asked, length), impersonates, passed);
  }

  private static void requireWellFormed(Fields asked) throws RefusedException {
    for (var field : asked.all()) {
      if (!NAME.matcher(field.name()).matches()) {
        throw RefusedException.badRequest("a field's name has an odd character in it");
      }
      if (field.value().chars().anyMatch(c -> (c < ' ' && c != '\t') || c == 0x7f)) {
        throw RefusedException.badRequest("a field's value has an odd character in it");
      }
    }
  }

  private static Set<String> options(Fields asked) throws RefusedException {
    var options = new HashSet<String>();
    for (String value : asked.every("Connection")) {
      for (String item : value.split(",", -1)) {
        String option = item.strip().toLowerCase(Locale.ROOT);
        if (!option.isEmpty() && !CONNECTION_OPTIONS.contains(option)) {
          // Such as Impersonate-User, without which it would be asked in our own name.
          throw RefusedException.badRequest("Connection names a field that is not its own");
        }
        options.add(option);
      }
    }
    return options;
  }

  private static long length(Fields asked) throws RefusedException {
    var codings = asked.every("Transfer-Encoding");
    var lengths = asked.every("Content-Length");
    if (!codings.isEmpty()) {
      if (codings.size() > 1
          || !lengths.isEmpty()
          || !codings.getFirst().equalsIgnoreCase("chunked")) {
        throw RefusedException.badRequest("the length of the body is ambiguous");
      }
      return UpstreamConnection.UNKNOWN;
    }
    if (lengths.isEmpty()) {
      return 0;
    }
    if (lengths.size() > 1 || !LENGTH.matcher(lengths.getFirst()).matches()) {
      throw RefusedException.badRequest("the length of the body is ambiguous");
    }
    return Long.parseLong(lengths.getFirst());
  }

  private static String upgrade(Fields asked, Set<String> options) {
    List<String> wanted = asked.every("Upgrade");
    return options.contains("upgrade")
            && wanted.size() == 1
            && UPGRADES.contains(wanted.getFirst().toLowerCase(Locale.ROOT))
        ? wanted.getFirst()
        : "";
  }

  private static boolean awaitsContinue(Fields asked, long length) throws RefusedException {
    var expected = asked.every("Expect");
    if (expected.isEmpty()) {
      return false;
    }
    if (expected.size() > 1 || !expected.getFirst().equalsIgnoreCase("100-continue")) {
      throw new RefusedException(417, "BadRequest", "what is expected is not known");
    }
    return length != 0;
  }

  /** The same with other fields. */
  RequestHead with(Fields others) {
    return new RequestHead(method, target, length, upgrade, awaitsContinue, impersonates, others);
  }

  /** The same with a body of so many bytes, which is there. */
  RequestHead with(long bytes) {
    return new RequestHead(method, target, bytes, upgrade, false, impersonates, fields);
  }

  /** What of an answer concerns the server. */
  static Fields answered(Fields fields) {
    var named = new HashSet<String>();
    for (String value : fields.every("Connection")) {
      Arrays.stream(value.split(",", -1))
          .map(item -> item.strip().toLowerCase(Locale.ROOT))
          .forEach(named::add);
    }
    var passed = new Fields();
    for (var field : fields.all()) {
      String name = field.name().toLowerCase(Locale.ROOT);
      if (!HOP_BY_HOP.contains(name) && !named.contains(name) && !name.equals("content-length")) {
        passed.add(field.name(), field.value());
      }
    }
    return passed;
  }
}
