package io.drover.agent.planted.health;

/** A feature. */
public record OtherFeature(String name) {}
