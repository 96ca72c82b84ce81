package io.drover.steve.kube;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/**
 * What the API server says to a request that it does not refuse.
 *
 * @param warnings as it sends them
 * @param body to be read as it comes, and to be closed
 */
public record ApiAnswer(int status, List<String> warnings, InputStream body)
    implements AutoCloseable {
  public ApiAnswer {
    warnings = List.copyOf(warnings);
  }

  @Override
  public void close() throws IOException {
    body.close();
  }
}
