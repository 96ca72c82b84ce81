package io.drover.agent.planted.tunnel;

import io.drover.agent.planted.health.OtherFeature;

/** Knows another feature, which it must not. See {@code ArchitectureTest}. */
public record Feature(OtherFeature other) {}
