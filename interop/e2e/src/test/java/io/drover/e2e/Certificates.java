package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * Certificates for servers whose certificates are wrong, made with the JDK's own {@code keytool}.
 * For one thread.
 */
final class Certificates {
  private static final String PASSWORD = "not-secret";
  private static final String VALID = "-1d";

  private final Path store;

  Certificates(Path directory) throws IOException {
    this.store = Files.createDirectories(directory).resolve("certificates.p12");
  }

  /** Makes a root, or below {@code signer} an intermediate. */
  void authority(String alias, String name, @Nullable String signer)
      throws IOException, InterruptedException {
    make(alias, "CN=" + name, signer, VALID, "bc:critical=ca:true", "ku=keyCertSign");
  }

  /**
   * Makes a server's certificate, valid for 30 days.
   *
   * @param signer null: signed by itself
   * @param start from when on, in keytool's words, such as {@code -31d}
   */
  void server(String alias, @Nullable String signer, String start, String... extensions)
      throws IOException, InterruptedException {
    make(alias, "CN=server", signer, start, extensions);
  }

  private void make(
      String alias, String subject, @Nullable String signer, String start, String... extensions)
      throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of("-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1"));
    command.addAll(List.of("-alias", alias, "-dname", subject, "-startdate", start));
    command.addAll(List.of("-validity", "30", "-keystore", store.toString()));
    command.addAll(List.of("-storetype", "PKCS12", "-storepass", PASSWORD));
    if (signer != null) {
      command.addAll(List.of("-signer", signer));
    }
    for (String extension : extensions) {
      command.addAll(List.of("-ext", extension));
    }
    var keytool = new ProcessBuilder(command).redirectErrorStream(true).start();
    var said = new String(keytool.getInputStream().readAllBytes(), UTF_8);
    if (keytool.waitFor() != 0) {
      throw new IOException("keytool: " + said);
    }
  }

  /** As PEM, with a newline at its end. */
  String pem(String alias) throws IOException, GeneralSecurityException {
    var base64 = Base64.getMimeEncoder(64, new byte[] {'\n'});
    return "-----BEGIN CERTIFICATE-----\n"
        + base64.encodeToString(load().getCertificate(alias).getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  /**
   * For a server that presents this one, however wrong it is.
   *
   * @param length of the chain that it sends
   */
  SSLContext present(String alias, int length) throws IOException, GeneralSecurityException {
    var keys = load();
    var chain =
        Stream.of(keys.getCertificateChain(alias))
            .limit(length)
            .map(X509Certificate.class::cast)
            .toArray(X509Certificate[]::new);
    var key = (PrivateKey) keys.getKey(alias, PASSWORD.toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(new KeyManager[] {new OneKey(key, chain)}, null, null);
    return context;
  }

  private KeyStore load() throws IOException, GeneralSecurityException {
    var keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  /** The JDK's own would not present what has expired. */
  private static final class OneKey extends X509ExtendedKeyManager {
    private final PrivateKey key;
    private final X509Certificate[] chain;

    OneKey(PrivateKey key, X509Certificate[] chain) {
      this.key = key;
      this.chain = chain;
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return new String[] {"server"};
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      return keyType.equals("EC") ? "server" : null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return chain.clone();
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return key;
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return new String[0];
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] keyTypes, Principal[] issuers, Socket socket) {
      return null;
    }
  }
}
