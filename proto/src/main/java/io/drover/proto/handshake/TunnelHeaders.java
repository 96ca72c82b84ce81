package io.drover.proto.handshake;

/**
 * Names in the handshake of both tunnels. Source: Rancher {@code pkg/tunnelserver/mcmauthorizer}
 * and steve {@code pkg/aggregation}.
 */
public final class TunnelHeaders {
  /** Cluster tunnel: the registration token. */
  public static final String TOKEN = "X-API-Tunnel-Token";

  /** Cluster tunnel: {@link ConnectParams}, as base64 of JSON. */
  public static final String PARAMS = "X-API-Tunnel-Params";

  /** Steve tunnel: {@code Bearer} and {@link #STEVE_TOKEN_PREFIX} and the registration token. */
  public static final String AUTHORIZATION = "Authorization";

  /** Marks a registration token that is shown to open the steve tunnel. */
  public static final String STEVE_TOKEN_PREFIX = "stv-cluster-";

  /** Where both tunnels are opened. */
  public static final String CONNECT_PATH = "/v3/connect";

  /** Where the cluster tunnel is opened for the first time after a start. */
  public static final String REGISTER_PATH = "/v3/connect/register";

  private TunnelHeaders() {}

  /** The value of {@link #AUTHORIZATION} that opens the steve tunnel. */
  public static String steveAuthorization(String registrationToken) {
    return "Bearer " + STEVE_TOKEN_PREFIX + registrationToken;
  }
}
