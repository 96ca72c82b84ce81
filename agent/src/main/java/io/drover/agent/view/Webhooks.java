package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.view.Facts.SeenCertificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The admission webhooks of one configuration. When what they are trusted by has ended, nothing
 * that they are asked about can be changed any more.
 *
 * @param trusts who signs their servers' certificates
 */
public record Webhooks(List<SeenCertificate> trusts) {
  /** Nothing is kept of those that are trusted by what the API server trusts anyway. */
  static Optional<Webhooks> of(JsonNode object) {
    var trusts = new ArrayList<SeenCertificate>();
    for (JsonNode webhook : object.path("webhooks")) {
      Certificates.ofEncoded(
              "caBundle of webhook " + Json.text(webhook.path("name")),
              Json.text(webhook.path("clientConfig").path("caBundle")))
          .ifPresent(trusts::add);
    }
    return trusts.isEmpty() ? Optional.empty() : Optional.of(new Webhooks(List.copyOf(trusts)));
  }
}
