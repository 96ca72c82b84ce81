package io.drover.steve.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.http.Fields;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UserTest {
  @Test
  void isWhomTheServerNames() {
    var user =
        User.of(
            new Fields()
                .add("impersonate-user", "u-1")
                .add("Impersonate-Group", "a")
                .add("Impersonate-Group", "b")
                .add("Impersonate-Extra-Principalid", "local://u-1"));

    assertThat(user)
        .isEqualTo(
            new User("u-1", List.of("a", "b"), Map.of("principalid", List.of("local://u-1"))));
  }

  @Test
  void isNobodyWithoutAName() {
    var nobody = new User(User.NOBODY, List.of(User.NOBODY), Map.of());

    assertThat(User.of(new Fields())).isEqualTo(nobody);
    // Groups alone make nobody somebody.
    assertThat(User.of(new Fields().add("Impersonate-Group", User.MASTERS))).isEqualTo(nobody);
    assertThat(User.of(new Fields().add("Impersonate-User", ""))).isEqualTo(nobody);
  }

  @Test
  void asksInItsOwnName() {
    var request = HttpRequest.newBuilder(URI.create("https://api/"));
    new User("u-1", List.of("a", "b"), Map.of("k", List.of("v"))).addTo(request);

    assertThat(request.build().headers().map())
        .containsEntry("Impersonate-User", List.of("u-1"))
        .containsEntry("Impersonate-Group", List.of("a", "b"))
        .containsEntry("Impersonate-Extra-k", List.of("v"));
  }
}
