package io.drover.agent.planted.config;

import io.drover.agent.planted.tls.Tool;

/** Knows a tool, which a leaf must not; and so there is a cycle. */
public record Leaf(Tool tool) {}
