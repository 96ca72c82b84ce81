package io.drover.agent.reason;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReasonTest {
  private static final Path PAGE = Path.of("../docs/troubleshooting.md");

  @ParameterizedTest
  @EnumSource
  void hasItsSectionInThePage(Reason reason) throws IOException {
    String page = Files.readString(PAGE, UTF_8);
    String heading = "\n### " + reason.code() + "\n";
    assertThat(page).contains(heading);
    String section = page.substring(page.indexOf(heading) + heading.length());
    int next = section.indexOf("\n#");
    String oneLine = (next < 0 ? section : section.substring(0, next)).replaceAll("\\s+", " ");
    assertThat(oneLine)
        .contains(capital(reason.sentence()) + ".")
        .contains("**Next:** " + capital(reason.nextStep()) + ".");
    assertThat(reason.page()).endsWith("#" + reason.code().toLowerCase(java.util.Locale.ROOT));
  }

  @Test
  void thePageKnowsNoOthers() throws IOException {
    List<String> headings =
        Files.readAllLines(PAGE, UTF_8).stream()
            .filter(line -> line.startsWith("### "))
            .map(line -> line.substring(4))
            .toList();
    assertThat(headings)
        .containsExactlyElementsOf(Arrays.stream(Reason.values()).map(Reason::code).toList());
  }

  @Test
  void theNearestCauseGivesTheReasonAndTheOutermostTheWords() {
    var inner = new Failure(Reason.TLS_EXPIRED, "certificate expired");
    var near = new Failure(Reason.PROXY_UNREACHABLE, "proxy: certificate expired", inner);

    var problem = Problem.of(new IOException("no CA: proxy", near));

    assertThat(problem).isEqualTo(new Problem(Reason.PROXY_UNREACHABLE, "no CA: proxy"));
  }

  @Test
  void whatNobodyExplainsIsSaidAsItIs() {
    assertThat(Problem.of(new IOException("odd"))).isEqualTo(new Problem(Reason.OTHER, "odd"));
    assertThat(Problem.of(new IllegalStateException()).message())
        .isEqualTo("java.lang.IllegalStateException");
  }

  @Test
  void causesAreFollowedToALimit() {
    Throwable deep = new Failure(Reason.NO_ROUTE, "deep");
    for (int i = 0; i < Problem.MAX_CAUSES; i++) {
      deep = new IOException("wrapped", deep);
    }
    assertThat(Problem.of(deep).reason()).isEqualTo(Reason.OTHER);
    assertThat(Problem.of(java.util.Objects.requireNonNull(deep.getCause())).reason())
        .isEqualTo(Reason.NO_ROUTE);
  }

  @Test
  void aLineSaysWhatItMeansAndWhatToDo() {
    assertThat(new Problem(Reason.DNS_NOT_FOUND, "lookup x: no such host").text())
        .isEqualTo(
            "DnsNotFound: the name has no address (lookup x: no such host); check the host in the"
                + " server's URL and what /etc/resolv.conf leads to; see"
                + " docs/troubleshooting.md#dnsnotfound");
  }

  private static String capital(String text) {
    return text.substring(0, 1).toUpperCase(java.util.Locale.ROOT) + text.substring(1);
  }
}
