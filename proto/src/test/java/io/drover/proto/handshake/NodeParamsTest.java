package io.drover.proto.handshake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import org.junit.jupiter.api.Test;

class NodeParamsTest {
  @Test
  void namesTheNodeAndClaimsNoRole() {
    var json = new String(Base64.getDecoder().decode(new NodeParams("node-1").toHeader()), UTF_8);

    assertThat(json)
        .isEqualTo(
            "{\"node\":{\"requestedHostname\":\"node-1\",\"etcd\":false,\"controlPlane\":false,"
                + "\"worker\":false}}");
  }
}
