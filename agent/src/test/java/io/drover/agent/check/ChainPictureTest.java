package io.drover.agent.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ChainLink;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChainPictureTest {
  private static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant TO = Instant.parse("2027-01-01T00:00:00Z");
  private static final ChainLink SERVER = link("CN=server", "CN=middle");
  private static final ChainLink MIDDLE = link("CN=middle", "CN=root");
  private static final ChainLink ROOT = link("CN=root", "CN=root");

  private static ChainLink link(String subject, String issuer) {
    return new ChainLink(subject, issuer, "rancher.example.com", FROM, TO);
  }

  @Test
  void drawsFromTheServerToWhomIsTrusted() {
    assertThat(ChainPicture.of(List.of(SERVER, MIDDLE), null))
        .containsExactly(
            "● CN=server",
            "│   for rancher.example.com",
            "│   valid 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z",
            "│   signed by the next",
            "● CN=middle",
            "│   valid 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z",
            "╵   signed by CN=root, which is trusted");
  }

  @Test
  void saysWhichLinkIsMissing() {
    assertThat(ChainPicture.of(List.of(SERVER), Reason.TLS_INCOMPLETE_CHAIN))
        .last()
        .isEqualTo("✗   signed by CN=middle, which is neither sent nor trusted here");
    assertThat(ChainPicture.of(List.of(SERVER, ROOT), Reason.TLS_INCOMPLETE_CHAIN))
        .contains("✗   signed by CN=middle, which is missing here");
  }

  @Test
  void saysWhoIsNotTrusted() {
    assertThat(ChainPicture.of(List.of(SERVER, MIDDLE, ROOT), Reason.TLS_UNKNOWN_ISSUER))
        .last()
        .isEqualTo("✗   signed by itself: not trusted here");
    assertThat(ChainPicture.of(List.of(SERVER, MIDDLE), Reason.TLS_CA_REPLACED))
        .last()
        .isEqualTo("✗   signed by CN=root: a CA of that name is trusted, with another key");
    assertThat(ChainPicture.of(List.of(SERVER, MIDDLE), Reason.TLS_EXPIRED))
        .last()
        .isEqualTo("╵   signed by CN=root");
  }

  @Test
  void nothingWasSent() {
    assertThat(ChainPicture.of(List.of(), Reason.TLS_VERSION)).isEmpty();
  }
}
