package io.drover.agent.gateway.audit;

import static io.drover.agent.reason.ReasonIs.reason;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.reason.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TokenFileTest {
  @TempDir private Path directory;

  @Test
  void whiteSpaceAroundTheTokenIsNotOfIt() throws Exception {
    var longest = "x".repeat(TokenFile.MAX_BYTES - 3);
    var file = Files.writeString(directory.resolve("token"), " " + longest + "\r\n");

    var token = new TokenFile(file).read();

    assertThat(token.value()).isEqualTo(longest);
    assertThat(token).hasToString("***");
  }

  static Stream<Arguments> bad() {
    return Stream.of(
        Arguments.of("", "is empty: write the token there"),
        Arguments.of(" \n", "is empty: write the token there"),
        Arguments.of("s3cret s3cret", "has white space or another odd character"),
        Arguments.of("s3cret\nX-Other: s3cret", "has white space or another odd character"),
        Arguments.of("s3cretä", "has white space or another odd character"),
        Arguments.of("x".repeat(TokenFile.MAX_BYTES + 1), "has more than 16384 bytes"));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void whatIsNoTokenIsSaidAndNotShown(String text, String problem) throws Exception {
    var file = new TokenFile(Files.writeString(directory.resolve("token"), text));

    assertThatThrownBy(file::read)
        .has(reason(Reason.AUDIT_NOT_WRITTEN))
        .hasMessageContaining(problem)
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void fileThatIsNoFile() {
    assertThatThrownBy(new TokenFile(directory)::read)
        .has(reason(Reason.AUDIT_NOT_WRITTEN))
        .hasMessageContaining(directory + " cannot be read: ");
  }
}
