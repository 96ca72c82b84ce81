package io.drover.server.account;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jwt.JWT;
import com.nimbusds.oauth2.sdk.AuthorizationCode;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.GeneralException;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientAuthenticationMethod;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.claims.PersonClaims;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import io.drover.server.store.Secret;
import java.io.IOException;
import java.net.URI;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * Another server that knows who people are, by OpenID Connect: authorization code with PKCE. Any
 * thread; what asks the provider waits for it.
 */
public final class OidcProvider {
  /** To connect to it. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** For one answer. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  /** Of its keys, in bytes. */
  static final int MAX_KEYS_BYTES = 256 * 1024;

  /** For how long what it says of itself is believed. */
  static final Duration METADATA_LIFE = Duration.ofHours(1);

  /** People who come back from it at one time; more are told to try again. */
  static final int AT_ONCE = 8;

  /**
   * Signatures that only the provider can make; none by a secret that we have, too, and not none.
   */
  private static final Set<JWSAlgorithm> SIGNATURES =
      Set.of(
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512,
          JWSAlgorithm.ES256,
          JWSAlgorithm.ES384,
          JWSAlgorithm.ES512);

  private final Settings settings;
  private final SSLSocketFactory tls;
  private final InstantSource clock;
  private final Semaphore turns = new Semaphore(AT_ONCE);
  private volatile @Nullable Known known;

  /**
   * How we are known to it.
   *
   * @param issuer its URL, as it writes it in its tokens
   */
  public record Settings(URI issuer, String clientId, Secret clientSecret) {}

  /**
   * What a browser keeps while somebody signs in elsewhere: only who began there may end here.
   *
   * @param state comes back with the answer
   * @param nonce comes back in the token
   * @param verifier shows that whoever asks for the token has begun this
   */
  public record Attempt(String state, String nonce, String verifier) {
    /** A new one. */
    public static Attempt begin() {
      return new Attempt(
          new State().getValue(), new Nonce().getValue(), new CodeVerifier().getValue());
    }
  }

  /**
   * Somebody as the provider knows him.
   *
   * @param subject never another's: the issuer, a space, and what it calls him
   * @param username as he is called there, perhaps empty
   * @param name in words, perhaps empty
   */
  public record Person(String subject, String username, String name) {}

  private record Known(OIDCProviderMetadata metadata, Instant read) {}

  /** One; it is asked when somebody comes. */
  public OidcProvider(Settings settings, SSLSocketFactory tls, InstantSource clock) {
    this.settings = settings;
    this.tls = tls;
    this.clock = clock;
  }

  /**
   * Where to send somebody's browser.
   *
   * @param callback where it is sent back to
   * @throws IOException if the provider does not say where
   */
  public URI authorize(Attempt attempt, URI callback) throws IOException {
    return new AuthenticationRequest.Builder(
            ResponseType.CODE, new Scope("openid", "profile", "email"), clientId(), callback)
        .endpointURI(metadata().getAuthorizationEndpointURI())
        .state(new State(attempt.state()))
        .nonce(new Nonce(attempt.nonce()))
        .codeChallenge(new CodeVerifier(attempt.verifier()), CodeChallengeMethod.S256)
        .build()
        .toURI();
  }

  /**
   * Who has come back.
   *
   * @param code what the provider sent him back with
   * @throws IOException if the provider does not answer, or not what it should
   * @throws BusyException if {@link #AT_ONCE} others come back now
   */
  public Person identify(Attempt attempt, String code, URI callback) throws IOException {
    if (!turns.tryAcquire()) {
      throw new BusyException("too many people sign in at one time: try again in some seconds");
    }
    try {
      var metadata = metadata();
      var tokens = exchange(metadata, attempt, code, callback);
      var idToken = tokens.getOIDCTokens().getIDToken();
      var subject = validate(metadata, idToken, attempt);
      PersonClaims claims = info(metadata, tokens, subject);
      return new Person(
          settings.issuer() + " " + subject,
          Objects.requireNonNullElse(
              claims.getPreferredUsername(),
              Objects.requireNonNullElse(claims.getEmailAddress(), "")),
          Objects.requireNonNullElse(claims.getName(), ""));
    } catch (GeneralException | BadJOSEException | JOSEException | ParseException e) {
      throw new IOException(settings.issuer() + ": " + e.getMessage(), e);
    } finally {
      turns.release();
    }
  }

  private OIDCTokenResponse exchange(
      OIDCProviderMetadata metadata, Attempt attempt, String code, URI callback)
      throws IOException, GeneralException {
    var request =
        new TokenRequest.Builder(
                metadata.getTokenEndpointURI(),
                authentication(metadata),
                new AuthorizationCodeGrant(
                    new AuthorizationCode(code), callback, new CodeVerifier(attempt.verifier())))
            .build()
            .toHTTPRequest();
    configure(request);
    var answer = OIDCTokenResponseParser.parse(request.send());
    if (!answer.indicatesSuccess()) {
      throw new GeneralException("token refused: " + answer.toErrorResponse().getErrorObject());
    }
    return (OIDCTokenResponse) answer.toSuccessResponse();
  }

  private ClientAuthentication authentication(OIDCProviderMetadata metadata) {
    var secret = new com.nimbusds.oauth2.sdk.auth.Secret(settings.clientSecret().value());
    List<ClientAuthenticationMethod> methods = metadata.getTokenEndpointAuthMethods();
    boolean isBasic =
        methods == null || methods.contains(ClientAuthenticationMethod.CLIENT_SECRET_BASIC);
    return isBasic
        ? new ClientSecretBasic(clientId(), secret)
        : new ClientSecretPost(clientId(), secret);
  }

  private String validate(OIDCProviderMetadata metadata, JWT idToken, Attempt attempt)
      throws GeneralException, BadJOSEException, JOSEException, IOException, ParseException {
    var algorithm = JWSAlgorithm.parse(idToken.getHeader().getAlgorithm().getName());
    if (!SIGNATURES.contains(algorithm)) {
      throw new GeneralException("ID token is signed with " + algorithm + ", which is not taken");
    }
    var keys =
        new DefaultResourceRetriever(
            (int) CONNECT_LIMIT.toMillis(),
            (int) ANSWER_LIMIT.toMillis(),
            MAX_KEYS_BYTES,
            true,
            tls);
    return new IDTokenValidator(
            new Issuer(settings.issuer()),
            clientId(),
            algorithm,
            metadata.getJWKSetURI().toURL(),
            keys)
        .validate(idToken, new Nonce(attempt.nonce()))
        .getSubject()
        .getValue();
  }

  private PersonClaims info(OIDCProviderMetadata metadata, OIDCTokenResponse tokens, String subject)
      throws IOException, GeneralException {
    var token = tokens.getOIDCTokens().getBearerAccessToken();
    var request = new UserInfoRequest(metadata.getUserInfoEndpointURI(), token).toHTTPRequest();
    configure(request);
    var answer = UserInfoResponse.parse(request.send());
    if (!answer.indicatesSuccess()) {
      throw new GeneralException("user info refused: " + answer.toErrorResponse().getErrorObject());
    }
    var info = answer.toSuccessResponse().getUserInfo();
    if (info == null || !info.getSubject().getValue().equals(subject)) {
      throw new GeneralException("user info is of somebody else");
    }
    return info;
  }

  private OIDCProviderMetadata metadata() throws IOException {
    var last = known;
    var now = clock.instant();
    if (last != null && now.isBefore(last.read().plus(METADATA_LIFE))) {
      return last.metadata();
    }
    try {
      var metadata = OIDCProviderMetadata.resolve(new Issuer(settings.issuer()), this::configure);
      for (var each :
          new URI[] {
            metadata.getAuthorizationEndpointURI(),
            metadata.getTokenEndpointURI(),
            metadata.getUserInfoEndpointURI(),
            metadata.getJWKSetURI()
          }) {
        if (each == null || !"https".equals(each.getScheme())) {
          throw new IOException(settings.issuer() + ": one of its endpoints is not https: " + each);
        }
      }
      known = new Known(metadata, now);
      return metadata;
    } catch (GeneralException e) {
      throw new IOException(settings.issuer() + ": " + e.getMessage(), e);
    }
  }

  private void configure(HTTPRequest request) {
    request.setSSLSocketFactory(tls);
    request.setConnectTimeout((int) CONNECT_LIMIT.toMillis());
    request.setReadTimeout((int) ANSWER_LIMIT.toMillis());
    request.setFollowRedirects(false);
  }

  private ClientID clientId() {
    return new ClientID(settings.clientId());
  }
}
