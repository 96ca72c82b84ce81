package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Reason;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HandshakeRefusedTest {
  @ParameterizedTest
  @CsvSource({
    "200, hello,                                            HTTP_INSTEAD_OF_WEBSOCKET",
    "301, redirect to https://other,                        REDIRECTED",
    "400, cluster not found,                                TOKEN_UNKNOWN",
    "400, 'invalid input, address empty',                   PARAMETERS_REFUSED",
    "400, websocket: 'upgrade' token not found in 'Connection' header, PROXY_STRIPS_UPGRADE",
    "400, <center>Request Header Or Cookie Too Large</center>, HEADER_TOO_LARGE",
    "401, failed authentication,                            SERVER_STARTING",
    "403, Forbidden,                                        HTTP_INSTEAD_OF_WEBSOCKET",
    "404, 404 page not found,                               HTTP_INSTEAD_OF_WEBSOCKET",
    "407, Proxy Authentication Required,                    PROXY_AUTH_REQUIRED",
    "426, Upgrade Required,                                 PROXY_STRIPS_UPGRADE",
    "429, '',                                               TOO_MANY_REQUESTS",
    "431, Request Header Fields Too Large,                  HEADER_TOO_LARGE",
    "494, '',                                               HEADER_TOO_LARGE",
    "500, oops,                                             SERVER_UNAVAILABLE",
    "502, Bad Gateway,                                      SERVER_UNAVAILABLE",
    "503, '',                                               SERVER_UNAVAILABLE"
  })
  void statusAndBodyGiveTheReason(int status, String body, Reason reason) {
    assertThat(new HandshakeRefused(status, body, Duration.ZERO).reason()).isEqualTo(reason);
  }
}
