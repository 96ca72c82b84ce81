package io.drover.agent.health;

import java.util.List;
import java.util.Map;

/**
 * What came through the gateway, at one moment. Numbers count from the start of the process.
 *
 * @param policy the one in force, for people
 * @param requests that were answered
 * @param refused by the gateway itself, by what it has refused them
 * @param boundsSeconds upper bounds of durations
 * @param durations how many took no longer than each bound, and longer than the one before; the
 *     last one is all others
 * @param auditTo where events go; {@code off}: nowhere
 * @param auditFull what happens when that cannot keep up: {@code block} or {@code count}
 * @param users who asks most
 * @param lastHour the same of the last hour
 * @param lastHourOthers requests of that hour of all who are not among these
 */
public record GatewayReading(
    String policy,
    List<Requests> requests,
    Map<String, Long> refused,
    List<Double> boundsSeconds,
    List<Long> durations,
    double durationSeconds,
    String auditTo,
    String auditFull,
    long auditEvents,
    long auditLost,
    List<User> users,
    List<User> lastHour,
    long lastHourOthers) {
  public GatewayReading {
    requests = List.copyOf(requests);
    refused = Map.copyOf(refused);
    boundsSeconds = List.copyOf(boundsSeconds);
    durations = List.copyOf(durations);
    users = List.copyOf(users);
    lastHour = List.copyOf(lastHour);
  }

  /** How many of one kind. */
  public record Requests(String verb, String code, String subject, long count) {}

  /** Somebody, and about how many requests. */
  public record User(String name, long requests) {}
}
