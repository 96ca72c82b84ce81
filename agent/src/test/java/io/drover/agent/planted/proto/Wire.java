package io.drover.agent.planted.proto;

import java.net.URI;

/** Reaches for the network, which proto must not. */
public record Wire(URI server) {}
