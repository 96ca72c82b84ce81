package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What a request is to an API server, told straight from what it does, step by step, and without
 * anything of the classes that are tested. Texts are bytes, as in Go.
 */
final class ApiServerModel {
  private ApiServerModel() {}

  /**
   * As resolved.
   *
   * @param group null: it is not for a resource
   */
  record Info(
      String verb,
      Optional<String> group,
      String version,
      String namespace,
      String resource,
      String subresource,
      String name,
      String path) {}

  /** In the form that RequestInfoTest has. */
  static String text(String method, String target) {
    return info(method, target).map(ApiServerModel::text).orElse("refused");
  }

  static String text(Info info) {
    if (info.group().isEmpty()) {
      return info.verb() + " " + info.path();
    }
    return String.join(
        " ",
        info.verb(),
        info.group().get() + "/" + info.version(),
        info.namespace().isEmpty() ? "-" : info.namespace(),
        info.subresource().isEmpty() ? info.resource() : info.resource() + "/" + info.subresource(),
        info.name().isEmpty() ? "-" : info.name());
  }

  /** Empty if the API server answers that it is no request. */
  static Optional<Info> info(String method, String target) {
    int mark = target.indexOf('?');
    String rawPath = mark < 0 ? target : target.substring(0, mark);
    String query = mark < 0 ? "" : target.substring(mark + 1);
    if (!rawPath.startsWith("/") || target.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
      return Optional.empty();
    }
    var decoded = unescape(rawPath, false);
    if (decoded.isEmpty()) {
      return Optional.empty();
    }
    String path = decoded.get();
    String lower = method.toLowerCase(Locale.ROOT);
    var other = new Info(lower, Optional.empty(), "", "", "", "", "", path);
    List<String> parts = split(path);
    if (parts.size() < 3 || !List.of("api", "apis").contains(parts.getFirst())) {
      return Optional.of(other);
    }
    String group = "";
    boolean grouped = parts.getFirst().equals("apis");
    parts = parts.subList(1, parts.size());
    if (grouped) {
      if (parts.size() < 3) {
        return Optional.of(other);
      }
      group = parts.getFirst();
      parts = parts.subList(1, parts.size());
    }
    String version = parts.getFirst();
    parts = parts.subList(1, parts.size());
    String verb;
    if (parts.getFirst().equals("watch") || parts.getFirst().equals("proxy")) {
      if (parts.size() < 2) {
        return Optional.empty();
      }
      verb = parts.getFirst();
      parts = parts.subList(1, parts.size());
    } else {
      verb =
          Map.of(
                  "POST", "create", "GET", "get", "HEAD", "get", "PUT", "update", "PATCH", "patch",
                  "DELETE", "delete")
              .getOrDefault(method, "");
    }
    String namespace = "";
    if (parts.getFirst().equals("namespaces") && parts.size() > 1) {
      namespace = parts.get(1);
      if (parts.size() > 2 && !List.of("status", "finalize").contains(parts.get(2))) {
        parts = parts.subList(2, parts.size());
      }
    }
    String resource = parts.getFirst();
    String name = parts.size() >= 2 ? parts.get(1) : "";
    String subresource = parts.size() >= 3 && !verb.equals("proxy") ? parts.get(2) : "";
    if (name.isEmpty() && verb.equals("get")) {
      var values = query(query);
      verb = isWatch(values) ? "watch" : "list";
      name = selectedName(values);
    }
    if (name.isEmpty() && verb.equals("delete")) {
      verb = "deletecollection";
    }
    return Optional.of(
        new Info(verb, Optional.of(group), version, namespace, resource, subresource, name, path));
  }

  private static List<String> split(String path) {
    int from = 0;
    int to = path.length();
    while (from < to && path.charAt(from) == '/') {
      from++;
    }
    while (to > from && path.charAt(to - 1) == '/') {
      to--;
    }
    return from == to ? List.of() : List.of(path.substring(from, to).split("/", -1));
  }

  /** Bytes, one a character. */
  private static Optional<String> unescape(String text, boolean isQuery) {
    var bytes = new ByteArrayOutputStream();
    byte[] raw = text.getBytes(UTF_8);
    for (int i = 0; i < raw.length; i++) {
      if (raw[i] == '%') {
        if (i + 2 >= raw.length) {
          return Optional.empty();
        }
        String digits = "" + (char) raw[i + 1] + (char) raw[i + 2];
        if (!digits.matches("[0-9a-fA-F]{2}")) {
          return Optional.empty();
        }
        bytes.write(Integer.parseInt(digits, 16));
        i += 2;
      } else {
        bytes.write(isQuery && raw[i] == '+' ? ' ' : raw[i]);
      }
    }
    return Optional.of(bytes.toString(ISO_8859_1));
  }

  private static Map<String, List<String>> query(String query) {
    var values = new TreeMap<String, List<String>>();
    String[] pairs = query.split("&", -1);
    if (pairs.length > 10_000) {
      return values;
    }
    for (String pair : pairs) {
      if (pair.contains(";") || pair.isEmpty()) {
        continue;
      }
      String[] both = pair.split("=", 2);
      var key = unescape(both[0], true);
      var value = unescape(both.length < 2 ? "" : both[1], true);
      if (key.isPresent() && value.isPresent()) {
        values.computeIfAbsent(key.get(), _ -> new ArrayList<>()).add(value.get());
      }
    }
    return values;
  }

  private static Optional<String> first(Map<String, List<String>> values, String key) {
    return Optional.ofNullable(values.get(key)).map(List::getFirst);
  }

  private static boolean isWatch(Map<String, List<String>> values) {
    var watch = first(values, "watch");
    // The long s, in bytes, folds to an s.
    return watch.isPresent()
        && !watch.get().equals("0")
        && !watch.get().replace("\u00c5\u00bf", "s").equalsIgnoreCase("false");
  }

  private static String selectedName(Map<String, List<String>> values) {
    for (String number : List.of("limit", "timeoutSeconds")) {
      if (!first(values, number).orElse("0").matches("[+-]?[0-9]{1,18}")) {
        return "";
      }
    }
    if (!Pattern.matches("[ -~&&[^|@]]*", first(values, "labelSelector").orElse(""))) {
      return "";
    }
    var terms = new ArrayList<String>();
    var term = new StringBuilder();
    boolean escaped = false;
    for (char c : (first(values, "fieldSelector").orElse("") + ",").toCharArray()) {
      if (c == ',' && !escaped) {
        terms.add(term.toString());
        term.setLength(0);
      } else {
        term.append(c);
      }
      escaped = c == '\\' && !escaped;
    }
    if (escaped) {
      return "";
    }
    String name = "";
    terms.sort(null);
    for (String one : terms) {
      if (one.isEmpty()) {
        continue;
      }
      var parts = Pattern.compile("(?s)(.*?)(!=|==|=)(.*)").matcher(one);
      if (!parts.matches()) {
        return "";
      }
      if (!Pattern.matches("(?s)([^\\\\,=]|\\\\[\\\\,=])*", parts.group(3))) {
        return "";
      }
      String value = parts.group(3).replaceAll("(?s)\\\\(.)", "$1");
      if (name.isEmpty()
          && !parts.group(2).equals("!=")
          && parts.group(1).equals("metadata.name")) {
        name = value;
      }
    }
    return name.equals(".") || name.equals("..") || name.contains("/") || name.contains("%")
        ? ""
        : name;
  }
}
