package io.drover.steve.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.User;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RbacTest {
  private static final User JANE = new User("jane", List.of("devs"), Map.of());

  private final Rbac rbac = new Rbac();

  private static ObjectNode json(String text) {
    try {
      return (ObjectNode) Json.MAPPER.readTree(text.replace('\'', '"'));
    } catch (java.io.IOException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  private void has(Rbac.Kind kind, String... objects) {
    var events = rbac.of(kind);
    events.begin();
    for (String object : objects) {
      events.changed(json(object));
    }
    events.complete();
  }

  private static String role(String namespace, String name, String rule) {
    return "{'metadata':{'name':'%s','namespace':'%s','resourceVersion':'7'},'rules':[%s]}"
        .formatted(name, namespace, rule);
  }

  private static String binding(String namespace, String roleKind, String role, String subject) {
    return ("{'metadata':{'name':'b','namespace':'%s'},'roleRef':{'kind':'%s','name':'%s'},"
            + "'subjects':[%s]}")
        .formatted(namespace, roleKind, role, subject);
  }

  private static String rule(String verbs, String groups, String resources, String names) {
    return "{'verbs':[%s],'apiGroups':[%s],'resources':[%s],'resourceNames':[%s]}"
        .formatted(verbs, groups, resources, names);
  }

  private static final String GET_PODS = rule("'get'", "''", "'pods'", "");
  private static final String USER =
      "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'jane'}";

  @Test
  void grantsInANamespaceWhatItsBindingSays() {
    has(Rbac.Kind.ROLES, role("shop", "r", GET_PODS));
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "Role", "r", USER));

    var access = rbac.of(JANE);
    assertThat(access.grants("get", "", "pods", "shop", "web-0")).isTrue();
    assertThat(access.grants("get", "", "pods", "bank", "web-0")).isFalse();
    assertThat(access.grants("list", "", "pods", "shop", "web-0")).isFalse();
    assertThat(access.grants("get", "apps", "pods", "shop", "web-0")).isFalse();
    assertThat(access.namespaces()).containsExactly("shop");
  }

  @Test
  void grantsEverywhereWhatAClusterRoleBindingSays() {
    has(Rbac.Kind.CLUSTERROLES, role("", "r", rule("'*'", "'*'", "'*'", "")));
    has(Rbac.Kind.CLUSTERROLEBINDINGS, binding("", "ClusterRole", "r", USER));

    var access = rbac.of(JANE);
    assertThat(access.grants("delete", "apps", "deployments", "shop", "web")).isTrue();
    assertThat(access.where("list", "", "nodes")).containsExactly(Access.EVERYWHERE);
    assertThat(access.namespaces()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    // the subject, and whether it is Jane of the group devs
    "{'kind':'User';'apiGroup':'rbac.authorization.k8s.io';'name':'jane'}, true",
    "{'kind':'Group';'apiGroup':'rbac.authorization.k8s.io';'name':'devs'}, true",
    "{'kind':'Group';'apiGroup':'rbac.authorization.k8s.io';'name':'jane'}, false",
    "{'kind':'User';'apiGroup':'';'name':'jane'}, false",
    "{'kind':'ServiceAccount';'namespace':'shop';'name':'jane'}, false",
  })
  void knowsItsSubjects(String subject, boolean hers) {
    has(Rbac.Kind.CLUSTERROLES, role("", "r", GET_PODS));
    has(Rbac.Kind.CLUSTERROLEBINDINGS, binding("", "ClusterRole", "r", subject.replace(';', ',')));

    assertThat(rbac.of(JANE).grants("get", "", "pods", "shop", "x")).isEqualTo(hers);
  }

  @Test
  void knowsServiceAccountsByTheirFullName() {
    has(Rbac.Kind.CLUSTERROLES, role("", "r", GET_PODS));
    has(
        Rbac.Kind.ROLEBINDINGS,
        binding(
            "shop", "ClusterRole", "r", "{'kind':'ServiceAccount','namespace':'ops','name':'w'}"));

    var worker = new User("system:serviceaccount:ops:w", List.of(), Map.of());
    assertThat(rbac.of(worker).grants("get", "", "pods", "shop", "x")).isTrue();
  }

  @Test
  void grantsTheNamespaceItselfOutsideOfIt() {
    has(Rbac.Kind.CLUSTERROLES, role("", "view", rule("'get'", "''", "'namespaces'", "")));
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "ClusterRole", "view", USER));

    var access = rbac.of(JANE);
    assertThat(access.where("get", "", "namespaces"))
        .containsExactly(new Access(Access.ALL, "shop"));
  }

  @Test
  void grantsNamesOnly() {
    has(Rbac.Kind.ROLES, role("shop", "r", rule("'get','list'", "''", "'configmaps'", "'a','b'")));
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "Role", "r", USER));

    var access = rbac.of(JANE);
    assertThat(access.grants("get", "", "configmaps", "shop", "a")).isTrue();
    assertThat(access.grants("get", "", "configmaps", "shop", "c")).isFalse();
    assertThat(access.grants("list", "", "configmaps", "shop", Access.ALL)).isFalse();
  }

  /** Kubernetes has no wildcard there. */
  @Test
  void takesAnAsteriskAmongNamesForNoName() {
    has(
        Rbac.Kind.CLUSTERROLES,
        role("", "r", rule("'*'", "''", "'configmaps'", "'*','a'")),
        role("", "s", rule("'*'", "''", "'secrets'", "'*'")));
    has(
        Rbac.Kind.CLUSTERROLEBINDINGS,
        binding("", "ClusterRole", "r", USER),
        binding("", "ClusterRole", "s", USER).replace("'b'", "'c'"));

    var access = rbac.of(JANE);
    assertThat(access.grants("get", "", "configmaps", "shop", "a")).isTrue();
    assertThat(access.grants("get", "", "configmaps", "shop", "b")).isFalse();
    assertThat(access.grants("list", "", "configmaps", Access.ALL, Access.ALL)).isFalse();
    assertThat(access.where("get", "", "secrets")).isEmpty();
  }

  @Test
  void givesNothingForARoleThatIsNotThere() {
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "Role", "missing", USER));
    // A ClusterRoleBinding cannot refer to a Role.
    has(Rbac.Kind.ROLES, role("", "r", GET_PODS));
    has(Rbac.Kind.CLUSTERROLEBINDINGS, binding("", "Role", "r", USER));

    assertThat(rbac.of(JANE).granted()).isEmpty();
  }

  @Test
  void followsChanges() {
    has(Rbac.Kind.ROLES, role("shop", "r", GET_PODS));
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "Role", "r", USER));
    var before = rbac.of(JANE);
    long changes = rbac.changes();

    rbac.of(Rbac.Kind.ROLES)
        .changed(json(role("shop", "r", rule("'list'", "''", "'pods'", "")).replace("'7'", "'8'")));
    assertThat(rbac.changes()).isGreaterThan(changes);
    assertThat(rbac.of(JANE).id()).isNotEqualTo(before.id());
    assertThat(rbac.of(JANE).grants("get", "", "pods", "shop", "x")).isFalse();

    rbac.of(Rbac.Kind.ROLEBINDINGS).deleted(json(binding("shop", "Role", "r", USER)));
    assertThat(rbac.of(JANE).granted()).isEmpty();
  }

  @Test
  void believesTheOldOnesWhileItListsAnew() {
    has(Rbac.Kind.ROLES, role("shop", "r", GET_PODS));
    has(Rbac.Kind.ROLEBINDINGS, binding("shop", "Role", "r", USER));

    var events = rbac.of(Rbac.Kind.ROLEBINDINGS);
    events.begin();
    assertThat(rbac.of(JANE).granted()).isNotEmpty();
    events.complete();
    assertThat(rbac.of(JANE).granted()).isEmpty();
  }

  @Test
  void partsOfAListAreNamespacesAndNames() {
    var rights =
        new Rights(
            Map.of(
                "list",
                Set.of(new Access("shop", Access.ALL), new Access("shop", "a")),
                "get",
                Set.of(new Access("bank", "b"), new Access("ops", Access.ALL))));

    assertThat(rights.parts("list"))
        .containsOnly(
            Map.entry("shop", Rights.Part.ALL), Map.entry("bank", Rights.Part.of(Set.of("b"))));
    assertThat(rights.parts("watch")).isEmpty();
    assertThat(rights.all("list")).isFalse();
    assertThat(rights.any("update", "get")).isTrue();
  }
}
