package io.drover.agent.gateway.standin;

import org.jspecify.annotations.Nullable;

/**
 * An object or a list in a JSON document that is being read, and what is known of it so far: the
 * API server says who an object is before it says what is in it. One thread.
 */
final class Place {
  private static final String METADATA = "metadata";
  private static final String ANNOTATIONS = "annotations";

  /** Every Secret of the type {@code kubernetes.io/service-account-token} has to have it. */
  static final String ACCOUNT = "kubernetes.io/service-account.name";

  private final @Nullable Place parent;
  private final boolean object;
  private final String name;
  private String key = "";
  private boolean awaitsKey;
  private boolean described;
  private boolean ofAccount;
  private String objectName = "";
  private String objectNamespace = "";

  /**
   * The beginning of one.
   *
   * @param parent where it stands; null at the top
   */
  Place(@Nullable Place parent, boolean object) {
    this.parent = parent;
    this.object = object;
    this.name = parent != null && parent.object ? parent.key : "";
    this.awaitsKey = object;
  }

  @Nullable Place parent() {
    return parent;
  }

  boolean isObject() {
    return object;
  }

  /** Of the member that it is; empty if it is none. */
  String name() {
    return name;
  }

  /** Of the member that is being read; empty in a list. */
  String key() {
    return object ? key : "";
  }

  boolean awaitsKey() {
    return awaitsKey;
  }

  void comma() {
    awaitsKey = object;
  }

  void colon() {
    awaitsKey = false;
  }

  void key(String read) {
    key = read;
    var described = describes();
    if (described != null && name.equals(ANNOTATIONS) && read.equals(ACCOUNT)) {
      described.ofAccount = true;
    }
  }

  /** Whether the text of the member that is being read is one that {@link #note} wants. */
  boolean isNoted() {
    return name.equals(METADATA) && (key.equals("name") || key.equals("namespace"));
  }

  void note(String text) {
    if (parent != null && key.equals("name")) {
      parent.objectName = text;
    } else if (parent != null) {
      parent.objectNamespace = text;
    }
  }

  /** Its end is read. */
  void end() {
    if (parent != null && name.equals(METADATA)) {
      parent.described = true;
    }
  }

  /** Whether the member that is being read is the token of a Secret that is the whole document. */
  boolean isTokenOfWhole() {
    return parent != null
        && parent.parent == null
        && key.equals("token")
        && (name.equals("data") || name.equals("stringData"));
  }

  /** The object whose annotations these are. */
  private @Nullable Place describes() {
    return parent != null && parent.name.equals(METADATA) ? parent.parent : null;
  }

  /** Whether its metadata has been read, all of it. */
  boolean isDescribed() {
    return described;
  }

  /** Whether it names a service account whose token it has. */
  boolean isOfAccount() {
    return ofAccount;
  }

  boolean isCalled(String namespace, String name) {
    return objectName.equals(name) && objectNamespace.equals(namespace);
  }
}
