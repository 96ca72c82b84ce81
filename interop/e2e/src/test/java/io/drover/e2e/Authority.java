package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.time.ZoneOffset.UTC;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;

/** A certificate authority, EC on P-256, of which a test has the key, and can say how old it is. */
record Authority(X509Certificate certificate, PrivateKey key) {
  private static final String SIGNATURE = "SHA256withECDSA";

  /** The same in DER. */
  private static final byte[] SIGNATURE_DER = HexFormat.of().parseHex("300a06082a8648ce3d040302");

  private static final int SEQUENCE = 0x30;
  private static final int BIT_STRING = 0x03;
  private static final DateTimeFormatter UTC_TIME =
      DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(UTC);

  /**
   * Reads PEM.
   *
   * @param key in PKCS #8, not encrypted
   */
  static Authority of(String certificate, String key) throws GeneralSecurityException {
    var pem = new ByteArrayInputStream(certificate.getBytes(ISO_8859_1));
    var read = CertificateFactory.getInstance("X.509").generateCertificate(pem);
    byte[] der = Base64.getMimeDecoder().decode(key.replaceAll("-----[A-Z ]+-----", ""));
    return new Authority(
        (X509Certificate) read,
        KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der)));
  }

  /**
   * As if it had been made at another time: all but its dates is the same, so that who trusts the
   * one trusts what the other signs.
   */
  Authority moved(Instant begin, Instant end) throws GeneralSecurityException {
    var before = new String(certificate.getTBSCertificate(), ISO_8859_1);
    var after =
        before.replace(
            validity(certificate.getNotBefore().toInstant(), end()), validity(begin, end));
    if (after.equals(before)) {
      throw new IllegalStateException("no such dates in " + certificate);
    }
    byte[] content = after.getBytes(ISO_8859_1);
    var signing = Signature.getInstance(SIGNATURE);
    signing.initSign(key);
    signing.update(content);
    byte[] signed = signing.sign();
    byte[] bits = ByteBuffer.allocate(1 + signed.length).put((byte) 0).put(signed).array();
    byte[] der = der(SEQUENCE, content, SIGNATURE_DER, der(BIT_STRING, bits));
    var moved =
        CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
    moved.verify(certificate.getPublicKey());
    return new Authority((X509Certificate) moved, key);
  }

  /** Two texts of 13 characters each, with their tags and lengths. */
  private static String validity(Instant begin, Instant end) {
    return "\u0017\r" + UTC_TIME.format(begin) + "\u0017\r" + UTC_TIME.format(end);
  }

  /** Of less than 64 KiB. */
  private static byte[] der(int tag, byte[]... parts) {
    var content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    var all = new ByteArrayOutputStream();
    all.write(tag);
    int length = content.size();
    if (length >= 0x100) {
      all.write(0x82);
      all.write(length >> 8);
    } else if (length >= 0x80) {
      all.write(0x81);
    }
    all.write(length);
    all.writeBytes(content.toByteArray());
    return all.toByteArray();
  }

  Instant end() {
    return certificate.getNotAfter().toInstant();
  }

  /** The certificate, as the agent writes it. */
  String pem() throws GeneralSecurityException {
    return Certificates.pem(certificate);
  }

  boolean hasSigned(X509Certificate other) {
    try {
      other.verify(certificate.getPublicKey());
      return true;
    } catch (GeneralSecurityException _) {
      return false;
    }
  }
}
