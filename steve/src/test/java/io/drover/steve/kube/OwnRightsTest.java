package io.drover.steve.kube;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OwnRightsTest {
  private static final String ACCOUNT =
      "User \"system:serviceaccount:cattle-system:cattle\" cannot ";
  private static final String ROLES = "GET /apis/rbac.authorization.k8s.io/v1/roles";
  private static final String PODS = "GET /api/v1/pods";

  private static final Optional<User> OURS = Optional.empty();
  private static final Optional<User> JANES = Optional.of(user("u-jane"));

  private final OwnRights rights = new OwnRights();

  private static User user(String name) {
    return new User(name, List.of(), Map.of());
  }

  private static Refusal forbidden(String message) {
    return new Refusal(403, "Forbidden", message);
  }

  private static Refusal mayNotList(String resource) {
    return forbidden(
        "%1$s is forbidden: %2$slist resource \"%1$s\" in API group \"\" at the cluster scope"
            .formatted(resource, ACCOUNT));
  }

  private static Refusal mayNotImpersonate(String user) {
    return forbidden(
        "users \"%s\" is forbidden: %simpersonate resource \"users\" in API group \"\" at the cluster"
                .formatted(user, ACCOUNT)
            + " scope");
  }

  @Test
  void firstRightIsNamedUntilItIsThere() {
    assertThat(rights.missing()).isEmpty();

    rights.refused(ROLES, OURS, mayNotList("roles"));
    rights.refused(PODS, OURS, mayNotList("pods"));
    assertThat(rights.missing())
        .contains(
            "the agent's own account cannot list resource \"roles\" in API group \"\" at the cluster"
                + " scope");

    rights.allowed(PODS, OURS);
    rights.allowed(ROLES, JANES); // a user may, which says nothing of us
    assertThat(rights.missing()).isPresent();
    rights.allowed(ROLES, OURS);
    assertThat(rights.missing()).isEmpty();

    rights.refused(PODS, OURS, mayNotList("pods"));
    assertThat(rights.missing()).get().asString().contains("\"pods\"");
    rights.forget();
    assertThat(rights.missing()).isEmpty();
  }

  @Test
  void whatUsersMayNotIsNoRightOfOursButToImpersonateIs() {
    rights.refused(PODS, JANES, mayNotList("pods"));
    assertThat(rights.missing()).isEmpty();

    rights.refused(PODS, JANES, mayNotImpersonate("u-jane"));
    assertThat(rights.missing())
        .get()
        .asString()
        .contains("cannot impersonate resource \"users\"")
        .doesNotContain("u-jane");

    rights.allowed(PODS, OURS);
    assertThat(rights.missing()).isPresent();
    rights.allowed(PODS, Optional.of(user("u-joe"))); // whom we may impersonate
    assertThat(rights.missing()).isPresent();
    rights.allowed(ROLES, JANES);
    assertThat(rights.missing()).isEmpty();

    rights.refused(PODS, JANES, mayNotImpersonate("u-jane"));
    rights.refused(ROLES, JANES, mayNotList("roles")); // he may not, so that we may be he
    assertThat(rights.missing()).isEmpty();
  }

  @Test
  void otherRefusalsAreNoRights() {
    rights.refused(
        PODS, OURS, forbidden("pods \"x\" is forbidden: violates PodSecurity \"baseline\""));
    rights.refused(PODS, OURS, forbidden("pods \"x\" is forbidden: exceeded quota: q"));
    rights.refused(
        PODS, OURS, new Refusal(404, "NotFound", "cannot find resource \"pods\", says a proxy"));
    assertThat(rights.missing()).isEmpty();

    rights.refused(
        "GET /openapi/v2", OURS, forbidden("forbidden: " + ACCOUNT + "get path \"/openapi/v2\""));
    assertThat(rights.missing())
        .contains("the agent's own account cannot get path \"/openapi/v2\"");
  }

  @Test
  void whatIsSaidIsCut() {
    rights.refused(PODS, OURS, mayNotList("x".repeat(2 * OwnRights.MAX_CHARACTERS)));

    assertThat(rights.missing())
        .get()
        .asString()
        .hasSize("the agent's own account ".length() + OwnRights.MAX_CHARACTERS);
  }
}
