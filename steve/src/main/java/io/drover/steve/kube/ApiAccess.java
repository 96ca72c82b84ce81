package io.drover.steve.kube;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import javax.net.ssl.SSLContext;

/** How the API server is reached, and who we are there. */
public interface ApiAccess {
  /** Its address, without a path. */
  URI url();

  /** Whom to trust, and what certificate to show. */
  SSLContext tls() throws IOException;

  /**
   * Adds our own credentials to a request; asked for each, since tokens rotate.
   *
   * @throws IOException if they cannot be had
   */
  void authorize(HttpRequest.Builder request) throws IOException;
}
