package io.drover.server.store;

/** An environment variable of the agent. */
public record EnvVar(String name, String value) {}
