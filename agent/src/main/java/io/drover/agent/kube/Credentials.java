package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.config.ServerConfig;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * How to reach the server, from the mounted Secret. To be read anew for each handshake: Rancher
 * replaces the token.
 *
 * @param url of the server
 * @param token registration token
 * @param namespace the cluster's id at the server; empty in an import manifest
 */
public record Credentials(URI url, Secret token, String namespace) {

  /**
   * Whether this process may read the files in {@code directory}. Rancher's manifest mounts them
   * for root only, while the image's user is another.
   */
  public static boolean areForbidden(Path directory) {
    return isForbidden(directory.resolve("url")) || isForbidden(directory.resolve("token"));
  }

  private static boolean isForbidden(Path file) {
    return Files.exists(file) && !Files.isReadable(file);
  }

  /**
   * Reads the three files in {@code directory}, verbatim.
   *
   * @throws IOException if {@code url} or {@code token} is missing, empty or of no use; the message
   *     names the file and the remedy, never the token
   */
  public static Credentials read(Path directory) throws IOException {
    Path url = directory.resolve("url");
    Path token = directory.resolve("token");
    return check(
        url.toString(),
        required(url),
        token.toString(),
        required(token),
        optional(directory.resolve("namespace")));
  }

  /** Checks what came from {@code urlName} and {@code tokenName}, which errors name. */
  static Credentials check(
      String urlName, String urlText, String tokenName, String token, String namespace)
      throws IOException {
    requireContent(urlName, urlText);
    URI url;
    try {
      url = URI.create(urlText);
    } catch (IllegalArgumentException _) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID,
          urlName + ": '" + Secret.withoutLogin(urlText) + "' is not a URL" + HINT);
    }
    if (!ServerConfig.isServer(url)) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID,
          urlName + ": expected a URL such as https://rancher.example.com" + HINT);
    }
    requireContent(tokenName, token);
    if (token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID,
          tokenName + ": there is white space or another odd character in it" + HINT);
    }
    return new Credentials(url, new Secret(token), namespace);
  }

  private static void requireContent(String name, String text) throws IOException {
    if (text.isEmpty()) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING, name + " is empty: apply the cluster's manifest again");
    }
  }

  private static final String HINT =
      ": write the file without a trailing newline, or apply the cluster's manifest again";

  private static String required(Path file) throws IOException {
    try {
      return Files.readString(file, UTF_8);
    } catch (NoSuchFileException e) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING,
          file
              + " does not exist: mount the cattle-credentials Secret there, or name another"
              + " directory with --credentials-dir",
          e);
    } catch (AccessDeniedException e) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING,
          file
              + " may not be read by this user: set fsGroup in the pod's securityContext, or"
              + " CATTLE_CREDENTIAL_NAME to the Secret's name",
          e);
    } catch (IOException e) {
      throw new Failure(Reason.CREDENTIALS_MISSING, file + " cannot be read: " + e, e);
    }
  }

  private static String optional(Path file) throws IOException {
    try {
      return Files.readString(file, UTF_8);
    } catch (NoSuchFileException _) {
      return "";
    }
  }
}
