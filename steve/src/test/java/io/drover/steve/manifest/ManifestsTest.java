package io.drover.steve.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.kube.Refusal;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ManifestsTest {
  private static String map(String name) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n".formatted(name);
  }

  private static List<String> titles(String text) throws Refusal {
    return Manifests.parse(text).stream().map(Manifest::title).toList();
  }

  private static void refused(String text, String... parts) {
    assertThatThrownBy(() -> Manifests.parse(text))
        .isInstanceOf(Refusal.class)
        .hasMessageContainingAll(parts)
        .satisfies(e -> assertThat(((Refusal) e).status()).isEqualTo(422));
  }

  @Test
  void readsDocumentsAsTheyStand() throws Exception {
    String second =
        """
         # of the shop
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: &n web, namespace: shop}
        spec: {x: *n, mode: 0644}
        """;

    var all = Manifests.parse("\ufeff# nothing\n---\n" + map("a") + "---" + second + "---\n");

    assertThat(all)
        .containsExactly(
            new Manifest("document 1", "v1", "ConfigMap", "", "a", "", "\n" + map("a")),
            new Manifest("document 2", "apps/v1", "Deployment", "shop", "web", "", second));
    assertThat(all.getLast().group()).isEqualTo("apps");
    assertThat(all.getLast().title()).isEqualTo("document 2 (Deployment shop/web)");
  }

  /** A line of dashes within a text is indented. */
  @Test
  void separatesOnlyWhereYamlDoes() throws Exception {
    String script = map("a") + "data:\n  x: |\n    ---\n    b\n  y: ---z\n";

    assertThat(titles(script)).hasSize(1);
    assertThat(titles(map("a") + "---\r\n" + map("b"))).hasSize(2);
  }

  @Test
  void readsJsonAndLists() throws Exception {
    String json = "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"generateName\":\"a-\"}}";

    assertThat(titles(json + "\n" + json))
        .containsExactly("document 1 (X a-…)", "document 2 (X a-…)");
    assertThat(titles("apiVersion: v1\nkind: List\nitems: [" + json + "," + json + "]"))
        .containsExactly("document 1, item 1 (X a-…)", "document 1, item 2 (X a-…)");
    assertThat(Manifests.parse("kind: List\nitems: [" + json + "]").getFirst().text())
        .isEqualTo(json);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a: [                                      | document 2: this is no YAML, line 6",
        "[1, 2]                                    | document 2: this is no object",
        "a: b                                      | document 2: apiVersion is missing",
        "{apiVersion: v1, kind: Pod}               | document 2 (Pod …): metadata.name is missing",
        "{apiVersion: V/1, kind: P, metadata: {name: a}}  | document 2 (P a): apiVersion is",
        "{apiVersion: v1, metadata: {name: a}}     | document 2: kind is missing",
        "{apiVersion: v1, kind: P, metadata: {name: ..}}  | metadata.name is missing or wrong",
        "{apiVersion: v1, kind: P, metadata: {name: a, namespace: b/c}} | metadata.namespace is",
        "{kind: List, items: [&a {}, *a]}          | a List with anchors is not taken",
      })
  void saysWhichDocumentIsWrongAndAppliesNone(String document, String problem) {
    refused(map("a") + "---\n" + document, "nothing was applied", problem);
  }

  @Test
  void saysAllThatIsWrongUpToALimit() {
    refused("a: 1\n---\nb: 2", "document 1:", "document 2:");
    assertThatThrownBy(() -> Manifests.parse("a: 1\n---\n".repeat(Manifests.MAX_PROBLEMS + 5)))
        .message()
        .hasLineCount(1 + Manifests.MAX_PROBLEMS);
  }

  @Test
  void refusesWhatIsEmptyEndlessOrTooDeep() {
    refused("", "no object");
    refused("# only\n---\n", "no object");
    refused(map("a") + "...\n" + map("b"), "document 1: this is no YAML, line 5");
    refused("{\"kind\":", "document 1: this is no JSON, line 1");
    String deep = "[".repeat(Manifests.MAX_DEPTH + 1) + "]".repeat(Manifests.MAX_DEPTH + 1);
    refused(map("a") + "x: " + deep, "document 1: this is no YAML", "depth");
    refused("{\"x\":" + "[".repeat(300) + "]".repeat(300) + "}", "document 1: this is no JSON");
  }

  @Test
  void takesSoManyObjectsAndNoMore() throws Exception {
    String most = (map("a") + "---\n").repeat(Manifests.MAX_OBJECTS);

    assertThat(Manifests.parse(most)).hasSize(Manifests.MAX_OBJECTS);
    refused(most + map("b"), "document 501: there are more than 500 objects");
  }
}
