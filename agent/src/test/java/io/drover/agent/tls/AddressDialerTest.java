package io.drover.agent.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of a lookup that fails. */
class AddressDialerTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @ParameterizedTest
  @CsvSource({
    "Name or service not known,              0, DNS_NOT_FOUND",
    "Name or service not known,              5, DNS_NOT_FOUND",
    "Temporary failure in name resolution,   0, DNS_FAILED",
    "Temporary failure in name resolution,   4, DNS_FAILED",
    "Temporary failure in name resolution,   5, DNS_TIMEOUT",
  })
  void silenceOfNameServersIsToldFromTheirFailure(String words, long seconds, Reason reason) {
    var nanos = new AtomicLong();
    var dialer =
        new AddressDialer(
            host -> {
              nanos.addAndGet(Duration.ofSeconds(seconds).toNanos());
              throw new UnknownHostException(host + ": " + words);
            },
            nanos::get);

    assertThatThrownBy(() -> dialer.dial("rancher", 443, TimeLimit.start(LIMIT)))
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.reason()).isEqualTo(reason));
  }
}
