package io.drover.server.tunnel;

import java.time.Duration;

/**
 * How long a session waits for what. Tests shorten it; everyone else takes {@link #STANDARD}.
 *
 * @param healthy a session that was silent for longer is used only if there is no better one
 * @param silence without any ping or pong for so long, a session is dead. Source: remotedialer
 *     {@code types.go}, {@code PingWaitDuration}
 * @param stall how long the whole websocket may go unread because of one stream whose peer never
 *     obeyed a pause; well below {@code silence}
 * @param syncGrace how long a stream may miss in the agent's lists, because its Connect may still
 *     be on the way
 * @param firstProbe after a pause, when the first probe is sent; doubled after each
 * @param lastProbe the longest time between two probes
 * @param linger how long a closed stream may go on handing over what was written before
 */
record Timing(
    Duration healthy,
    Duration silence,
    Duration stall,
    Duration syncGrace,
    Duration firstProbe,
    Duration lastProbe,
    Duration linger) {
  static final Timing STANDARD =
      new Timing(
          Duration.ofSeconds(15),
          Duration.ofSeconds(60),
          Duration.ofSeconds(10),
          Duration.ofSeconds(10),
          Duration.ofMillis(20),
          Duration.ofSeconds(1),
          Duration.ofSeconds(30));
}
