package io.drover.steve.http;

import java.time.Duration;

/**
 * What one peer may take.
 *
 * @param connections open at one time that are kept for several requests
 * @param spare open beyond these, for one request each: so that a check of our health is answered
 *     while others hold all connections. What is beyond both is refused
 * @param headBytes of a request's line and fields; 431 beyond that
 * @param bodyBytes of a request's body; 413 beyond that
 * @param idle without a request
 * @param head from a request's first byte to the end of its head
 * @param stall of a read of the body, or of a write of 8 KiB
 * @param exchange from the head to the end of the answer
 */
public record FrontLimits(
    int connections,
    int spare,
    int headBytes,
    int bodyBytes,
    Duration idle,
    Duration head,
    Duration stall,
    Duration exchange) {
  /** A Rancher server keeps two for each of its replicas, and opens more as browsers ask. */
  static final int CONNECTIONS = 512;

  static final int SPARE = 64;

  /** Browsers' cookies come along: 4 KiB each is what they keep. */
  static final int HEAD_BYTES = 64 * 1024;

  /** Source: steve's limit of a body. Rancher itself lets 1 MiB through. */
  static final int BODY_BYTES = 2 * 1024 * 1024;

  /** Longer than a server's transport keeps an idle connection (90 s), so that it closes first. */
  static final Duration IDLE = Duration.ofMinutes(2);

  static final Duration HEAD = Duration.ofSeconds(20);

  /** The tunnel's flow control may hold a stream for as long as a browser does not read. */
  static final Duration STALL = Duration.ofSeconds(60);

  static final Duration EXCHANGE = Duration.ofMinutes(10);

  /** What the agent runs with. */
  public static final FrontLimits STANDARD =
      new FrontLimits(CONNECTIONS, SPARE, HEAD_BYTES, BODY_BYTES, IDLE, HEAD, STALL, EXCHANGE);
}
