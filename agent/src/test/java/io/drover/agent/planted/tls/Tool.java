package io.drover.agent.planted.tls;

import io.drover.agent.planted.config.Leaf;
import io.drover.agent.planted.tunnel.Feature;

/** Knows a feature, which a tool must not. */
public record Tool(Feature feature, Leaf leaf) {}
