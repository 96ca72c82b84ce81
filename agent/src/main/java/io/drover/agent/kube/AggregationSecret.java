package io.drover.agent.kube;

import io.drover.agent.config.Secret;
import io.drover.proto.handshake.TunnelHeaders;
import java.net.URI;
import java.util.Map;
import java.util.TreeMap;

/**
 * Content of Secret {@code cattle-system/stv-aggregation}, which tells others in this cluster how
 * to reach the server: a Rancher installed here, upgrade plans, and the server's own check whether
 * strict trust would work.
 *
 * @param server URL of the server, without path
 * @param token registration token
 * @param caChecksum as it was set; may be empty
 * @param caCert the server's CA as PEM; empty: none
 * @param caCertTrusted whether that CA alone is enough to trust the server
 */
public record AggregationSecret(
    URI server, Secret token, String caChecksum, String caCert, boolean caCertTrusted) {
  /** Key names are a contract. Source: Rancher {@code pkg/agent/rancher/rancher.go}. */
  Map<String, String> data() {
    var data = new TreeMap<String, String>();
    data.put("CATTLE_SERVER", server.toString());
    data.put("CATTLE_TOKEN", token.value());
    data.put("CATTLE_CA_CHECKSUM", caChecksum);
    data.put("CATTLE_CACERTS_VALID", Boolean.toString(caCertTrusted));
    data.put("url", server + TunnelHeaders.CONNECT_PATH);
    data.put("token", TunnelHeaders.STEVE_TOKEN_PREFIX + token.value());
    if (!caCert.isEmpty()) {
      // Never empty: its reader would then verify nothing at all.
      data.put("ca.crt", caCert);
    }
    return data;
  }
}
