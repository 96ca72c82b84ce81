package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A bearer token in a file that somebody replaces now and then, as a mounted Secret is. */
final class TokenFile {
  /** With the white space around the token. A token of Kubernetes has a tenth of it. */
  static final int MAX_BYTES = 16 * 1024;

  private final Path path;

  TokenFile(Path path) {
    this.path = path;
  }

  /**
   * What is there now.
   *
   * @throws IOException if that is no token; the message names the file, and nothing that is in it
   */
  Secret read() throws IOException {
    byte[] bytes;
    try (var in = Files.newInputStream(path)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw wrong("does not exist: mount the Secret with the token there", e);
    } catch (AccessDeniedException e) {
      throw wrong("may not be read by this user: set fsGroup in the pod's securityContext", e);
    } catch (IOException e) {
      throw wrong("cannot be read: " + e, e);
    }
    if (bytes.length > MAX_BYTES) {
      throw wrong("has more than " + MAX_BYTES + " bytes: write the token there, and no more");
    }
    var token = new String(bytes, ISO_8859_1).strip();
    if (token.isEmpty()) {
      throw wrong("is empty: write the token there");
    }
    if (token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw wrong("has white space or another odd character in its token: write it on one line");
    }
    return new Secret(token);
  }

  private Failure wrong(String what) {
    return new Failure(Reason.AUDIT_NOT_WRITTEN, "the token's file " + path + " " + what);
  }

  private Failure wrong(String what, IOException cause) {
    return new Failure(Reason.AUDIT_NOT_WRITTEN, "the token's file " + path + " " + what, cause);
  }
}
