package io.drover.proto.report;

/** Why something was not determined. */
public enum Cause {
  /** 401: the agent's own credentials are not taken. */
  UNAUTHORIZED,
  /** 403: a right is missing. */
  FORBIDDEN,
  /** The API is not there: 404, or not in the discovery. */
  NOT_SERVED,
  /** No answer in time. */
  TIMEOUT,
  /** The connection failed, 429, or the answer was a 5xx. */
  UNAVAILABLE,
  /** An answer that cannot be read, or that is larger than is read. */
  UNREADABLE,
  /** All was read, and nothing in it tells. */
  NO_EVIDENCE,
  /** Switched off by configuration. */
  SWITCHED_OFF,
  /** None of these: how a word is read that only newer agents know. */
  OTHER
}
