package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.view.Kinds;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamespaceLabelsTest {
  private static final String PROJECT = NamespaceLabels.PROJECT;

  private final FakeView view = new FakeView();
  private final FakeWriter writer = new FakeWriter();
  private final NamespaceLabels duty = new NamespaceLabels(view, writer);

  @Test
  void annotationBecomesLabel() throws Exception {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c-abc:p-xyz'", ""));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly("list shop", "label shop@5 {field.cattle.io/projectId=p-xyz}");
  }

  @Test
  void asksNothingIfTheLabelIsThere() throws Exception {
    view.add(
        Kinds.NAMESPACES,
        namespace("shop", "'" + PROJECT + "': 'c-abc:p-xyz'", "'" + PROJECT + "': 'p-xyz'"));
    view.add(Kinds.NAMESPACES, namespace("free", "", ""));
    view.add(Kinds.NAMESPACES, namespace("kept", "", "'" + PROJECT + "': 'p-old'"));

    assertThat(duty.pass()).isTrue();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void emptyAnnotationEmptiesTheLabel() throws Exception {
    view.add(
        Kinds.NAMESPACES, namespace("left", "'" + PROJECT + "': ''", "'" + PROJECT + "': 'p-x'"));
    view.add(Kinds.NAMESPACES, namespace("never", "'" + PROJECT + "': ''", ""));
    writer.secrets.add(secret("a", Map.of(PROJECT, "c-abc:p-x")));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly(
            "list left",
            "annotate secret a {field.cattle.io/projectId=}",
            "label left@5 {field.cattle.io/projectId=}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "p-xyz",
        "c:p:x",
        "c:not a label",
        "c:-x",
        "c:0123456789012345678901234567890123456789012345678901234567890123"
      })
  void annotationThatNamesNoProjectIsIgnored(String annotation) throws Exception {
    view.add(Kinds.NAMESPACES, namespace("odd", "'" + PROJECT + "': '" + annotation + "'", ""));

    duty.pass();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void namespaceThatIsGoingIsLeftAlone() throws Exception {
    view.add(
        Kinds.NAMESPACES,
        ("{'metadata': {'name': 'gone', 'deletionTimestamp': '2026-11-22T12:00:00Z',"
                + " 'annotations': {'%s': 'c:p'}}}")
            .formatted(PROJECT));

    duty.pass();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void secretsAreAnnotatedUnlessTheyAre() throws Exception {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c:p'", ""));
    writer.secrets.add(secret("a", Map.of()));
    writer.secrets.add(secret("b", Map.of(PROJECT, "c:p")));
    writer.secrets.add(secret("c", Map.of(PROJECT, "c:other")));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly(
            "list shop",
            "annotate secret a {field.cattle.io/projectId=c:p}",
            "annotate secret c {field.cattle.io/projectId=c:p}",
            "label shop@5 {field.cattle.io/projectId=p}");
  }

  @Test
  void secretsOfTheProjectThatIsLeftAreDeleted() throws Exception {
    view.add(
        Kinds.NAMESPACES,
        namespace("shop", "'" + PROJECT + "': 'c:new'", "'" + PROJECT + "': 'old'"));
    writer.secrets.add(secret("copied", Map.of(NamespaceLabels.COPIED, "true")));
    writer.secrets.add(secret("own", Map.of(NamespaceLabels.COPIED, "false")));
    writer.secrets.add(
        secret("copied-anew", Map.of(NamespaceLabels.COPIED, "true", PROJECT, "c:new")));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly(
            "list shop",
            "delete copied",
            "annotate secret own {field.cattle.io/projectId=c:new}",
            "label shop@5 {field.cattle.io/projectId=new}");
  }

  @Test
  void firstLabelDeletesNothing() throws Exception {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c:p'", ""));
    writer.secrets.add(secret("copied", Map.of(NamespaceLabels.COPIED, "true")));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly(
            "list shop",
            "annotate secret copied {field.cattle.io/projectId=c:p}",
            "label shop@5 {field.cattle.io/projectId=p}");
  }

  @Test
  void labelComesAlsoIfTheSecretsCannotBeHad() throws Exception {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c:p'", ""));
    writer.failing.add("list");

    duty.pass();

    assertThat(writer.calls)
        .containsExactly("list shop", "label shop@5 {field.cattle.io/projectId=p}");
  }

  @Test
  void manySecretsTakeSeveralPassesAndTheLabelComesLast() throws Exception {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c:p'", ""));
    for (int number = 0; number <= NamespaceLabels.MAX_SECRETS_A_PASS; number++) {
      writer.secrets.add(secret("s" + number, Map.of()));
    }

    duty.pass();
    assertThat(writer.taken())
        .hasSize(1 + NamespaceLabels.MAX_SECRETS_A_PASS)
        .noneMatch(call -> call.startsWith("label"));

    writer.secrets.subList(0, NamespaceLabels.MAX_SECRETS_A_PASS).clear();
    duty.pass();
    assertThat(writer.taken())
        .containsExactly(
            "list shop",
            "annotate secret s500 {field.cattle.io/projectId=c:p}",
            "label shop@5 {field.cattle.io/projectId=p}");
  }

  @Test
  void failureOfTheLabelIsTold() {
    view.add(Kinds.NAMESPACES, namespace("shop", "'" + PROJECT + "': 'c:p'", ""));
    writer.failing.add("label");

    assertThatThrownBy(duty::pass).hasMessageContaining("label shop");
  }

  @Test
  void doesNothingUntilNamespacesAreKnown() throws Exception {
    duty.pass();

    assertThat(writer.calls).isEmpty();
  }

  private static ObjectMetadata secret(String name, Map<String, String> annotations) {
    return FakeWriter.secret(name, Optional.empty(), annotations);
  }

  private static String namespace(String name, String annotations, String labels) {
    return ("{'metadata': {'name': '%s', 'resourceVersion': '5', 'annotations': {%s},"
            + " 'labels': {%s}}}")
        .formatted(name, annotations, labels);
  }
}
