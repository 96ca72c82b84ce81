package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;

/**
 * A type of objects, as clients discover it.
 *
 * @param group empty for the core types
 * @param shortName empty: none
 * @param inAll whether {@code kubectl get all} means it
 */
record ResourceType(
    String group,
    String version,
    String plural,
    String kind,
    boolean namespaced,
    String shortName,
    List<String> subresources,
    boolean inAll) {
  /** All types, ordered by group. */
  static final List<ResourceType> ALL = read();

  ResourceType {
    subresources = List.copyOf(subresources);
  }

  private static List<ResourceType> read() {
    try (var in = ResourceType.class.getResourceAsStream("resource-types.txt")) {
      if (in == null) {
        throw new IllegalStateException("resource-types.txt is not in the jar");
      }
      return new String(in.readAllBytes(), UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(ResourceType::parse)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ResourceType parse(String line) {
    String[] fields = line.split(" ", -1);
    int slash = fields[0].indexOf('/');
    return new ResourceType(
        fields[0].substring(0, Math.max(slash, 0)),
        fields[0].substring(slash + 1),
        fields[1],
        fields[2],
        fields[3].equals("N"),
        fields[4].equals("-") ? "" : fields[4],
        fields[5].equals("-") ? List.of() : List.of(fields[5].split(",", -1)),
        fields.length > 6);
  }

  static Optional<ResourceType> find(String apiVersion, String plural) {
    return ALL.stream()
        .filter(type -> type.apiVersion().equals(apiVersion) && type.plural.equals(plural))
        .findFirst();
  }

  /** One that this program itself works with. */
  static ResourceType of(String apiVersion, String plural) {
    return find(apiVersion, plural).orElseThrow();
  }

  static ResourceType ofKind(String apiVersion, String kind) {
    return ALL.stream()
        .filter(type -> type.apiVersion().equals(apiVersion) && type.kind.equals(kind))
        .findFirst()
        .orElseThrow();
  }

  String apiVersion() {
    return group.isEmpty() ? version : group + "/" + version;
  }

  /** As errors name it. */
  String resource() {
    return group.isEmpty() ? plural : plural + "." + group;
  }

  /** A question to the API server that is answered at once and kept nowhere. */
  boolean isReview() {
    return kind.endsWith("Review");
  }
}
