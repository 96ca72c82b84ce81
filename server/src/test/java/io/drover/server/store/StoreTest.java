package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  @TempDir private Path directory;

  @Test
  void everythingIsThereAfterARestart() throws IOException {
    var store = Store.open(directory);
    var cluster = store.createCluster("prod");
    var token = store.createToken(cluster.id());
    store.connected(cluster.id(), "https://10.43.0.1:443");

    var again = Store.open(directory);

    assertThat(again.installId()).isEqualTo(store.installId());
    assertThat(again.clusters()).isEqualTo(store.clusters());
    assertThat(again.cluster(cluster.id()).orElseThrow().driver()).isEqualTo("imported");
    assertThat(again.newestToken(cluster.id())).contains(token);
    assertThat(again.clusterOfToken(token.secret().value()).orElseThrow().id())
        .isEqualTo(cluster.id());
  }

  @Test
  void crashBesideTheRenameLeavesTheOldState() throws IOException {
    var store = Store.open(directory);
    var cluster = store.createCluster("prod");
    Files.writeString(directory.resolve("state.json.new"), "{\"clus");

    var again = Store.open(directory);

    assertThat(again.cluster(cluster.id())).isPresent();
    assertThat(again.createCluster("next").name()).isEqualTo("next");
  }

  @Test
  void damagedStateIsRefusedAndNotOverwritten() throws IOException {
    var file = directory.resolve("state.json");
    Files.writeString(file, "{\"clus");

    assertThatThrownBy(() -> Store.open(directory)).isInstanceOf(IOException.class);

    assertThat(file).hasContent("{\"clus");
  }

  @Test
  void idsAndTokensAreInRanchersAlphabet() throws IOException {
    var store = Store.open(directory);
    var cluster = store.createCluster("prod");
    var token = store.createToken(cluster.id());

    assertThat(cluster.id()).matches("c-[" + RandomText.ALPHABET + "]{5}");
    assertThat(token.secret().value()).matches("[" + RandomText.ALPHABET + "]{54}");
  }

  @Test
  void namesAreUniqueAndDeletedOnesFreeAgain() throws IOException {
    var store = Store.open(directory);
    var cluster = store.createCluster("prod");
    var token = store.createToken(cluster.id());
    assertThatThrownBy(() -> store.createCluster("prod"))
        .isInstanceOf(IllegalArgumentException.class);

    assertThat(store.deleteCluster(cluster.id())).isTrue();

    assertThat(store.clusterOfToken(token.secret().value())).isEmpty();
    assertThat(store.deleteCluster(cluster.id())).isFalse();
    assertThat(store.createCluster("prod").id()).isNotEqualTo(cluster.id());
  }

  @Test
  void adminTokenIsKeptAndForItsOwnerOnly() throws IOException {
    var file = directory.resolve("admin-token");
    var made = Store.adminToken(file);

    assertThat(Store.adminToken(file)).isEqualTo(made);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(made.toString()).isEqualTo("***");
    assertThat(made.matches(made.value())).isTrue();
    assertThat(made.matches("")).isFalse();
  }
}
