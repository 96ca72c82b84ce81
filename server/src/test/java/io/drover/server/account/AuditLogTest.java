package io.drover.server.account;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditLogTest {
  private static final Account ANN = new Account("u-bcdfg", "ann", "Ann", false);

  @TempDir private Path directory;

  private AuditLog open(long maxBytes) {
    return new AuditLog(directory, () -> Instant.EPOCH, maxBytes);
  }

  private static AuditLog.Deed deed(Optional<Principal> who, String path) {
    return new AuditLog.Deed("req", who, "192.0.2.1", "POST", path, "", "c-bcdfg", 201);
  }

  private List<String> lines(String name) throws Exception {
    var file = directory.resolve(name);
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  @Test
  void lineSaysWhoAndHowHeCame() throws Exception {
    var token =
        new ApiToken(
            "token-bcdfg", ANN.id(), "", Optional.empty(), false, Instant.MIN, Instant.MAX);
    try (var audit = open(AuditLog.MAX_BYTES)) {
      audit.write(deed(Optional.of(new Principal(ANN, Optional.of(token), false)), "/a"));
      audit.write(deed(Optional.of(new Principal(ANN, Optional.empty(), true)), "/b"));
      audit.write(deed(Optional.of(new Principal(ANN, Optional.empty(), false)), "/c"));
      audit.write(deed(Optional.empty(), "/\"\n"));
    }

    assertThat(lines(AuditLog.FILE))
        .containsExactly(
            "{\"time\":\"1970-01-01T00:00:00Z\",\"requestId\":\"req\",\"user\":\"ann\","
                + "\"userId\":\"u-bcdfg\",\"by\":\"api-token\",\"token\":\"token-bcdfg\","
                + "\"address\":\"192.0.2.1\",\"method\":\"POST\",\"path\":\"/a\","
                + "\"cluster\":\"c-bcdfg\",\"status\":201}",
            "{\"time\":\"1970-01-01T00:00:00Z\",\"requestId\":\"req\",\"user\":\"ann\","
                + "\"userId\":\"u-bcdfg\",\"by\":\"session\",\"address\":\"192.0.2.1\","
                + "\"method\":\"POST\",\"path\":\"/b\",\"cluster\":\"c-bcdfg\",\"status\":201}",
            "{\"time\":\"1970-01-01T00:00:00Z\",\"requestId\":\"req\",\"user\":\"ann\","
                + "\"userId\":\"u-bcdfg\",\"by\":\"admin-token\",\"address\":\"192.0.2.1\","
                + "\"method\":\"POST\",\"path\":\"/c\",\"cluster\":\"c-bcdfg\",\"status\":201}",
            "{\"time\":\"1970-01-01T00:00:00Z\",\"requestId\":\"req\",\"address\":\"192.0.2.1\","
                + "\"method\":\"POST\",\"path\":\"/\\\"\\n\",\"cluster\":\"c-bcdfg\","
                + "\"status\":201}");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(directory.resolve(AuditLog.FILE))))
        .isEqualTo("rw-------");
  }

  @Test
  void filesHaveALimitAndSoHasTheirNumber() throws Exception {
    int lines = 0;
    try (var audit = open(1000)) {
      while (!Files.exists(directory.resolve(AuditLog.FILE + "." + AuditLog.OLD_FILES))) {
        audit.write(deed(Optional.empty(), "/" + lines++));
      }
      for (int i = 0; i < 50; i++) {
        audit.write(deed(Optional.empty(), "/" + lines++));
      }
    }

    var kept = new ArrayList<String>();
    for (int i = AuditLog.OLD_FILES; i > 0; i--) {
      var file = directory.resolve(AuditLog.FILE + "." + i);
      assertThat(Files.size(file)).isBetween(1L, 1000L);
      kept.addAll(lines(AuditLog.FILE + "." + i));
    }
    kept.addAll(lines(AuditLog.FILE));
    try (var files = Files.list(directory)) {
      assertThat(files).hasSize(AuditLog.OLD_FILES + 1);
    }
    // None is lost but the oldest, and they are in order.
    for (int i = 0; i < kept.size(); i++) {
      var path = new ObjectMapper().readTree(kept.get(i)).path("path").asText();
      assertThat(path).isEqualTo("/" + (lines - kept.size() + i));
    }
    assertThat(kept).hasSizeLessThan(lines);
  }

  @Test
  void afterAStartLinesAreAdded() throws Exception {
    for (int i = 0; i < 2; i++) {
      try (var audit = open(AuditLog.MAX_BYTES)) {
        audit.write(deed(Optional.empty(), "/" + i));
      }
    }

    assertThat(lines(AuditLog.FILE)).hasSize(2);
  }

  @Test
  void lineThatWasCutOffSpoilsNoOther() throws Exception {
    Files.writeString(directory.resolve(AuditLog.FILE), "{}\n{\"time\":\"19");

    try (var audit = open(AuditLog.MAX_BYTES)) {
      audit.write(deed(Optional.empty(), "/a"));
      audit.write(deed(Optional.empty(), "/b"));
    }

    assertThat(lines(AuditLog.FILE)).hasSize(4).startsWith("{}", "{\"time\":\"19");
  }

  @Test
  void pathsHaveALimit() throws Exception {
    try (var audit = open(AuditLog.MAX_BYTES)) {
      audit.write(deed(Optional.empty(), "/" + "x".repeat(2 * AuditLog.MAX_PATH)));
    }

    var line = new ObjectMapper().readTree(lines(AuditLog.FILE).getFirst());
    assertThat(line.path("path").asText()).hasSize(AuditLog.MAX_PATH);
  }

  @Test
  void fileThatCannotBeWrittenStopsNobody() throws Exception {
    Files.createDirectory(directory.resolve(AuditLog.FILE));

    try (var audit = open(AuditLog.MAX_BYTES)) {
      audit.write(deed(Optional.empty(), "/"));
    }

    assertThat(directory.resolve(AuditLog.FILE)).isEmptyDirectory();
  }
}
