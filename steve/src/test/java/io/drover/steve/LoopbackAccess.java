package io.drover.steve;

import io.drover.steve.kube.ApiAccess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.security.NoSuchAlgorithmException;
import javax.net.ssl.SSLContext;

/** The way to an API server of a test: without TLS, and with a token that can be recognized. */
public interface LoopbackAccess extends ApiAccess {
  /** Where it listens. */
  int port();

  @Override
  default URI url() {
    return URI.create("http://127.0.0.1:" + port());
  }

  @Override
  default SSLContext tls() throws IOException {
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new IOException(e.toString(), e);
    }
  }

  @Override
  default void authorize(HttpRequest.Builder request) {
    request.header("Authorization", "Bearer ours");
  }
}
