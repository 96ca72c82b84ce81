package io.drover.server.account;

import java.time.Instant;
import java.util.Optional;

/**
 * By which a program acts for somebody.
 *
 * @param id {@code token-} and five characters
 * @param userId whose it is
 * @param description for people
 * @param clusterId the only cluster it is good for, if it is one
 * @param isReadOnly whether it only looks
 */
public record ApiToken(
    String id,
    String userId,
    String description,
    Optional<String> clusterId,
    boolean isReadOnly,
    Instant created,
    Instant expires) {}
