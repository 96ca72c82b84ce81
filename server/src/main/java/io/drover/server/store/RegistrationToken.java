package io.drover.server.store;

import java.time.Instant;

/** What an agent of one cluster shows to be let in. A cluster may have several. */
public record RegistrationToken(Secret secret, String clusterId, Instant created) {}
