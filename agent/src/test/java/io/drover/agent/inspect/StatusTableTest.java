package io.drover.agent.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatusTableTest {
  private static final String STATE =
      """
      {"ready":false,"version":"1.2.3","started":"2026-11-22T10:00:00Z",
       "now":"2026-11-22T13:00:05Z","checks":[
       {"name":"cluster-tunnel","ready":true,"since":"2026-11-22T12:00:00Z",
        "sessions":3,"streamsOpen":7,"streams":4000,"receivedBytes":100,
        "sentBytes":3221225472,"queuedBytes":65536,"dialFailures":5,
        "past":{"at":"2026-11-22T11:59:58Z","reason":"TunnelClosed","message":"close 1006"}},
       {"name":"steve-tunnel","ready":false,"since":"2026-11-22T12:58:00Z",
        "sessions":0,"streamsOpen":0,"streams":0,"receivedBytes":0,
        "sentBytes":0,"queuedBytes":0,"dialFailures":0,
        "reason":"ConnectTimeout","meaning":"nothing came back from the address",
        "message":"dial tcp 10.0.0.1:443: \\u001b[2J timeout",
        "nextStep":"allow this cluster to reach that address and port in the firewall, or set a proxy",
        "page":"docs/troubleshooting.md#connecttimeout"}],
       "degraded":[{"feature":"leader","reason":"Forbidden",
        "meaning":"this cluster's API server does not allow what is needed",
        "message":"403 leases","nextStep":"grant the right that is named",
        "page":"docs/troubleshooting.md#forbidden"}],
       "gateway":{"policy":"1 rule, 2 of presets, default allow",
        "audit":{"to":"stdout","full":"count","events":1200,"lost":3},
        "requests":1203,"refused":4,"topUsers":[{"name":"u-abc","requests":900},
        {"name":"the server itself","requests":303}],
        "lastHour":{"topUsers":[{"name":"u-def","requests":12}],"others":7}},
       "reports":{"leads":true,"sequence":12,"observedAt":"2026-11-22T12:59:30Z","sinks":[
        {"name":"cluster","failures":2,"lastSuccess":"2026-11-22T12:59:31Z"},
        {"name":"http","failures":0}]}}
      """;

  private static String table(String state, boolean colour) throws Exception {
    JsonNode json = new ObjectMapper().readTree(state);
    return StatusTable.render(new AgentState(json), colour, 100);
  }

  @Test
  void isReadAtAGlance() throws Exception {
    assertThat(table(STATE, false))
        .isEqualTo(
            """
            AGENT
              ✗ Ready             no
                Version           1.2.3
                Started           3 h 0 min ago

            TUNNELS
              ✓ cluster           connected for 1 h 0 min
                last trouble 1 h 0 min ago: TunnelClosed (close 1006)
              ✗ steve             down for 2 min 5 s: ConnectTimeout
                nothing came back from the address (dial tcp 10.0.0.1:443: [2J timeout)
                next: allow this cluster to reach that address and port in the firewall, or set a proxy
                see: docs/troubleshooting.md#connecttimeout

                         open streams  streams  received  sent  queued  dials failed  sessions
                cluster             7     4000      100B  3GiB   64KiB             5         3
                steve               0        0        0B    0B      0B             0         0

            GATEWAY
                Policy            1 rule, 2 of presets, default allow
                Requests          1203, 4 of them refused here
                Recorded          1200 events to stdout                         3 lost

                who asked in the last hour  requests
                u-def                             12
                others                             7

                who asked since the start  requests
                u-abc                           900
                the server itself               303

            REPORTS
                Writes            this replica
                Newest            number 12, 35 s ago
              ✓ To cluster        taken 34 s ago                                2 not taken
              – To http           none taken yet

            DOES NOT WORK
              ✗ leader            Forbidden
                this cluster's API server does not allow what is needed (403 leases)
                next: grant the right that is named
                see: docs/troubleshooting.md#forbidden
            """);
  }

  @Test
  void coloursAreForTerminals() throws Exception {
    assertThat(table(STATE, true)).contains("\u001b[32m✓").contains("\u001b[31m✗");
    assertThat(table(STATE, true)).doesNotContain("\u001b[2J"); // what the peer said
    assertThat(table(STATE, false)).doesNotContain("\u001b");
  }

  @Test
  void tunnelThatIsNotWantedIsNoTrouble() throws Exception {
    var state =
        """
        {"ready":true,"now":"2026-11-22T13:00:05Z","checks":[{"name":"steve-tunnel","ready":true,
        "since":"2026-11-22T13:00:00Z","reason":"NotWanted","message":"not wanted"}]}
        """;

    assertThat(table(state, false))
        .contains("✗ steve             not wanted")
        .doesNotContain("next");
  }

  @Test
  void whatAnOlderAgentDoesNotSayIsNotKnown() throws Exception {
    var state =
        """
        {"ready":true,"checks":[{"name":"cluster-tunnel","ready":true,"since":"x"}],"degraded":[]}
        """;

    assertThat(table(state, false))
        .contains("Version           –", "connected for –")
        .doesNotContain("REPORTS")
        .doesNotContain("GATEWAY")
        .doesNotContain("DOES NOT WORK");
  }

  @ParameterizedTest
  @CsvSource({
    "-3,0 s",
    "0,0 s",
    "59,59 s",
    "60,1 min 0 s",
    "3599,59 min 59 s",
    "3600,1 h 0 min",
    "86399,23 h 59 min",
    "86400,1 d 0 h",
    "31536000,365 d 0 h"
  })
  void timesHaveTheirTwoLargestUnits(long seconds, String text) {
    assertThat(StatusTable.span(Duration.ofSeconds(seconds))).isEqualTo(text);
  }
}
