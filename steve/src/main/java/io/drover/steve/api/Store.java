package io.drover.steve.api;

import io.drover.steve.kube.Refusal;
import java.io.IOException;

/** Where the objects of a type are. Each method answers its call. */
interface Store {
  /** One object. */
  default void get(Call call) throws IOException {
    throw none();
  }

  /** Whether something besides an object is asked for, which its methods say nothing of. */
  default boolean isLink(Call call) {
    return false;
  }

  /** All objects. */
  default void list(Call call) throws IOException {
    throw none();
  }

  /** A new object. */
  default void create(Call call) throws IOException {
    throw none();
  }

  /** An object as it is to be. */
  default void update(Call call) throws IOException {
    throw none();
  }

  /** What of an object is to be different. */
  default void patch(Call call) throws IOException {
    throw none();
  }

  /** An object that is to be gone. */
  default void delete(Call call) throws IOException {
    throw none();
  }

  /** What can be done with an object besides. */
  default void action(Call call, String action) throws IOException {
    throw new Refusal(403, "PermissionDenied", "no such action " + action);
  }

  private static Refusal none() {
    return new Refusal(404, "NotFound", "not found");
  }
}
