package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * Certificates for servers whose certificates are wrong, made with the JDK's own {@code keytool}.
 * For one thread.
 */
final class Certificates {
  private static final String PASSWORD = "not-secret";
  private static final String VALID = "-1d";
  private static final String KEY_CIPHER = "PBEWithHmacSHA256AndAES_256";

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
    return pem(load().getCertificate(alias));
  }

  /** The same of any certificate. */
  static String pem(Certificate certificate) throws GeneralSecurityException {
    var base64 = Base64.getMimeEncoder(64, new byte[] {'\n'});
    return "-----BEGIN CERTIFICATE-----\n"
        + base64.encodeToString(certificate.getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  /**
   * For a server that presents this one, however wrong it is.
   *
   * @param length of the chain that it sends
   */
  SSLContext present(String alias, int length) throws IOException, GeneralSecurityException {
    return present(alias, length, null);
  }

  /** The same for a server that asks its clients for certificates of {@code authority}. */
  SSLContext presentAndAsk(String alias, String authority)
      throws IOException, GeneralSecurityException {
    var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    trusted.setCertificateEntry(authority, load().getCertificate(authority));
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    return present(alias, 1, trust.getTrustManagers());
  }

  private SSLContext present(String alias, int length, TrustManager @Nullable [] trust)
      throws IOException, GeneralSecurityException {
    var keys = load();
    var chain =
        Stream.of(keys.getCertificateChain(alias))
            .limit(length)
            .map(X509Certificate.class::cast)
            .toArray(X509Certificate[]::new);
    var key = (PrivateKey) keys.getKey(alias, PASSWORD.toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(new KeyManager[] {new OneKey(key, chain)}, trust, null);
    return context;
  }

  /** PKCS #8, not encrypted. */
  byte[] key(String alias) throws IOException, GeneralSecurityException {
    return load().getKey(alias, PASSWORD.toCharArray()).getEncoded();
  }

  /** As PEM that only {@code password} opens. */
  String encryptedKey(String alias, String password) throws IOException, GeneralSecurityException {
    var secret =
        SecretKeyFactory.getInstance(KEY_CIPHER)
            .generateSecret(new PBEKeySpec(password.toCharArray()));
    var cipher = Cipher.getInstance(KEY_CIPHER);
    cipher.init(Cipher.ENCRYPT_MODE, secret);
    var parameters = AlgorithmParameters.getInstance("PBES2"); // whose name stands in the file
    parameters.init(cipher.getParameters().getEncoded());
    var encrypted = new EncryptedPrivateKeyInfo(parameters, cipher.doFinal(key(alias)));
    return "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encrypted.getEncoded())
        + "\n-----END ENCRYPTED PRIVATE KEY-----\n";
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
