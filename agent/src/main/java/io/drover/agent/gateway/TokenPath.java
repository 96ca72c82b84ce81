package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.agent.gateway.policy.RequestInfo;
import java.net.URLDecoder;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Which requests bring tokens of service accounts out of the cluster, or back into it. */
final class TokenPath {
  static final String SECRETS = "secrets";
  private static final String ACCOUNTS = "serviceaccounts";
  private static final Set<String> OF_TOKENS = Set.of(SECRETS, ACCOUNTS);

  private TokenPath() {}

  /**
   * What is asked for, if there may be tokens in it: Secrets, or a new token.
   *
   * @throws RefusedException if that is not certain
   */
  static Optional<RequestInfo.Resource> of(String method, String target) throws RefusedException {
    return switch (RequestInfo.of(method, target)) {
      case RequestInfo.Resource resource when hasTokens(resource) -> Optional.of(resource);
      case RequestInfo.Resource _, RequestInfo.NonResource _ -> Optional.empty();
      case RequestInfo.Unresolved(var reason) -> {
        if (mayHaveTokens(target)) {
          throw RefusedException.badRequest("it may be for tokens, and is not clear: " + reason);
        }
        yield Optional.empty();
      }
    };
  }

  private static boolean hasTokens(RequestInfo.Resource asked) {
    return asked.group().isEmpty()
        && (asked.resource().equals(SECRETS)
            || (asked.resource().equals(ACCOUNTS) && asked.subresource().equals("token")));
  }

  /** Whether any part of the path, read in any way, could be taken for that. */
  private static boolean mayHaveTokens(String target) {
    int mark = target.indexOf('?');
    String path = mark < 0 ? target : target.substring(0, mark);
    return Arrays.stream(decoded(path).split("/", -1))
        .map(part -> part.toLowerCase(Locale.ROOT))
        .anyMatch(OF_TOKENS::contains);
  }

  private static String decoded(String path) {
    try {
      return URLDecoder.decode(path.replace("+", "%2B"), ISO_8859_1);
    } catch (IllegalArgumentException _) {
      return path; // nobody else can decode it either
    }
  }
}
