package io.drover.agent.report;

/** Names of container images. */
final class Image {
  /** Where images without a registry and an owner are. */
  private static final String LIBRARY = "library/";

  private Image() {}

  /** Without registry, tag and digest: {@code library/traefik} of {@code traefik:v3}. */
  static String path(String image) {
    String name = withoutTag(image);
    int slash = name.indexOf('/');
    if (slash < 0) {
      return LIBRARY + name;
    }
    String first = name.substring(0, slash);
    boolean isHost = first.contains(".") || first.contains(":") || first.equals("localhost");
    return isHost ? name.substring(slash + 1) : name;
  }

  /** Empty if it has none. */
  static String tag(String image) {
    String name = withoutDigest(image);
    String rest = name.substring(withoutTag(image).length());
    return rest.isEmpty() ? "" : rest.substring(1);
  }

  private static String withoutDigest(String image) {
    int at = image.indexOf('@');
    return at < 0 ? image : image.substring(0, at);
  }

  private static String withoutTag(String image) {
    String name = withoutDigest(image);
    int colon = name.lastIndexOf(':');
    // A colon before a slash is that of a port.
    return colon > name.lastIndexOf('/') ? name.substring(0, colon) : name;
  }
}
