package io.drover.server.account;

/**
 * Somebody who may sign in.
 *
 * @param id {@code u-} and five characters, never used again
 * @param username what he signs in with
 * @param name what he is called; may be empty
 * @param isAdmin whether he may do everything, in every cluster
 */
public record Account(String id, String username, String name, boolean isAdmin) {}
