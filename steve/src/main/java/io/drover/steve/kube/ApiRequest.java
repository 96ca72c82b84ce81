package io.drover.steve.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.HttpURLConnection;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A request to the API server.
 *
 * @param target path and query
 * @param as in whose name; empty: in our own
 * @param limit until the answer's head is there
 */
public record ApiRequest(
    String method,
    String target,
    String accept,
    Optional<User> as,
    Optional<Body> body,
    Duration limit) {
  /** Until the head of an answer is there. The API server itself gives up after 60 s. */
  public static final Duration LIMIT = Duration.ofSeconds(60);

  /** One object. */
  public static final String JSON = "application/json";

  /** Rows, with what kubectl prints. */
  public static final String TABLE =
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

  /** Of objects nothing but their metadata. */
  public static final String METADATA =
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

  /**
   * The same of the objects in events. A watch that asks for lists is ended by the API server at
   * its first event, which does not come, and without a word.
   */
  private static final String METADATA_OF_EVENTS =
      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

  /** Source: Kubernetes, {@code IsValidPathSegmentName}. */
  private static final Pattern NO_NAME = Pattern.compile("\\.{1,2}|.*[/%].*", Pattern.DOTALL);

  /** All groups, versions and types at once; an old API server answers with its groups alone. */
  public static final String DISCOVERY =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
          + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
          + "application/json";

  /** What is sent. */
  @SuppressWarnings("ArrayRecordComponent") // made for one request, and compared with nothing
  public record Body(String contentType, byte[] bytes) {}

  /**
   * A name as a part of a path. The API server decodes a path before it takes it apart, so that
   * behind a slash, encoded or not, another resource would begin.
   *
   * @param name may be empty
   * @throws Refusal if nothing can have that name
   */
  public static String segment(String name) throws Refusal {
    if (NO_NAME.matcher(name).matches()) {
      throw new Refusal(
          HttpURLConnection.HTTP_BAD_REQUEST,
          "BadRequest",
          "invalid name \"%s\": [may not be '.' or '..', or contain '/' or '%%']".formatted(name));
    }
    return URLEncoder.encode(name, UTF_8).replace("+", "%20");
  }

  /** A reading in our own name. */
  public static ApiRequest get(String target, String accept) {
    return new ApiRequest("GET", target, accept, Optional.empty(), Optional.empty(), LIMIT);
  }

  /** A watch of what is listed in that form. */
  static ApiRequest watch(String target, String accept) {
    return get(target, accept.equals(METADATA) ? METADATA_OF_EVENTS : accept);
  }

  /** The same in a user's name. */
  public ApiRequest as(User user) {
    return new ApiRequest(method, target, accept, Optional.of(user), body, limit);
  }

  /** The same with another body. */
  public ApiRequest with(Body other) {
    return new ApiRequest(method, target, accept, as, Optional.of(other), limit);
  }

  /** The same, to be answered sooner. */
  public ApiRequest within(Duration sooner) {
    return new ApiRequest(method, target, accept, as, body, sooner);
  }

  /** A change. */
  public static ApiRequest change(String method, String target, User user, Optional<Body> body) {
    return new ApiRequest(method, target, JSON, Optional.of(user), body, LIMIT);
  }
}
