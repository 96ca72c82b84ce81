package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/**
 * How to reach the server, from the mounted Secret. To be read anew for each handshake: Rancher
 * replaces the token.
 *
 * @param url of the server
 * @param token registration token
 * @param namespace the cluster's id at the server; empty in an import manifest
 */
public record Credentials(URI url, Secret token, String namespace) {
  private static final Set<String> SCHEMES = Set.of("https", "http");

  /**
   * Reads the three files in {@code directory}, verbatim.
   *
   * @throws IOException if {@code url} or {@code token} is missing, empty or of no use; the message
   *     names the file and the remedy, never the token
   */
  public static Credentials read(Path directory) throws IOException {
    Path urlFile = directory.resolve("url");
    String text = required(urlFile);
    URI url;
    try {
      url = URI.create(text);
    } catch (IllegalArgumentException _) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID, urlFile + ": '" + text + "' is not a URL" + HINT);
    }
    if (url.getHost() == null || !SCHEMES.contains(scheme(url)) || url.getUserInfo() != null) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID,
          urlFile + ": expected a URL such as https://rancher.example.com" + HINT);
    }
    Path tokenFile = directory.resolve("token");
    String token = required(tokenFile);
    if (token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new Failure(
          Reason.CREDENTIALS_INVALID,
          tokenFile + ": there is white space or another odd character in it" + HINT);
    }
    return new Credentials(url, new Secret(token), optional(directory.resolve("namespace")));
  }

  private static final String HINT =
      ": write the file without a trailing newline, or apply the cluster's manifest again";

  private static String required(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file, UTF_8);
    } catch (NoSuchFileException e) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING,
          file
              + " does not exist: mount the cattle-credentials Secret there, or name another"
              + " directory with --credentials-dir",
          e);
    } catch (IOException e) {
      throw new Failure(Reason.CREDENTIALS_MISSING, file + " cannot be read: " + e, e);
    }
    if (text.isEmpty()) {
      throw new Failure(
          Reason.CREDENTIALS_MISSING, file + " is empty: apply the cluster's manifest again");
    }
    return text;
  }

  private static String optional(Path file) throws IOException {
    try {
      return Files.readString(file, UTF_8);
    } catch (NoSuchFileException _) {
      return "";
    }
  }

  private static String scheme(URI url) {
    return String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT);
  }
}
