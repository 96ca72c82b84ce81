package io.drover.steve.shell;

import java.util.List;

/**
 * What the pods of kubectl shells are made of.
 *
 * @param name with its registry; empty: there are to be no shells
 * @param pullSecrets names of the Secrets to pull it with, in cattle-system
 */
public record ShellImage(String name, List<String> pullSecrets) {
  /** There are no shells. */
  public static final ShellImage NONE = new ShellImage("", List.of());

  /** Keeps a copy. */
  public ShellImage {
    pullSecrets = List.copyOf(pullSecrets);
  }
}
