package io.drover.agent.gateway.audit;

import java.util.List;
import java.util.Map;

/**
 * What came through at one moment. Numbers count from the start of the process.
 *
 * @param requests that have been answered
 * @param refused by what the gateway itself has refused them; each is among the requests too
 * @param boundsSeconds upper bounds of durations
 * @param durations of requests that are no watches or the like: how many took no longer than each
 *     bound and longer than the one before; the last one is all others
 * @param durationSeconds all of them
 * @param to where events go; {@code off}: nowhere
 * @param block whether a request waits for room in the queue; otherwise its event is lost
 * @param users who asks most
 * @param lastHour the same of the last hour
 */
public record Reading(
    Map<Series, Long> requests,
    Map<String, Long> refused,
    List<Double> boundsSeconds,
    List<Long> durations,
    double durationSeconds,
    String to,
    boolean block,
    long written,
    long lost,
    List<User> users,
    Recent lastHour) {
  public Reading {
    requests = Map.copyOf(requests);
    refused = Map.copyOf(refused);
    boundsSeconds = List.copyOf(boundsSeconds);
    durations = List.copyOf(durations);
    users = List.copyOf(users);
  }

  /**
   * What is counted together.
   *
   * @param verb one of {@code policy.Verbs}, or {@code other}
   * @param code of the answer: one that the API server is known to give, or its class as {@code
   *     4xx}
   * @param subject one of {@link Who.Kind}
   */
  public record Series(String verb, String code, String subject) {}

  /**
   * Who asked most in a time.
   *
   * @param others requests of all who are not among these
   */
  public record Recent(List<User> users, long others) {
    public Recent {
      users = List.copyOf(users);
    }
  }

  /** Somebody, and how often. */
  public record User(String name, long requests) {}
}
