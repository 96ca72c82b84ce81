package io.drover.steve.http2;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.http.Fields;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Fields as HTTP/2 writes them. Neither end remembers any: we index none, and the server is told
 * that we have no room for it, so that every block stands for itself.
 */
final class FieldBlock {
  /** The most fields of an answer. */
  static final int MAX_FIELDS = 200;

  private static final int INDEXED = 0x80;
  private static final int REMEMBERED = 0x40;
  private static final int ROOM = 0x20;
  private static final int NEVER_REMEMBERED = 0x10;
  private static final int CODED = 0x80;
  private static final int MAX_INTEGER_BITS = 28;
  private static final int AUTHORITY = 1;
  private static final int METHOD_GET = 2;
  private static final int PATH = 4;
  private static final int SCHEME_HTTP = 6;
  private static final int SCHEME_HTTPS = 7;
  private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9a-z-]+");

  /** What everybody knows, from 1. Source: RFC 7541, appendix A. */
  private static final List<Fields.Field> KNOWN =
      """
      :authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|\
      :status 200|:status 204|:status 206|:status 304|:status 400|:status 404|:status 500|\
      accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|\
      access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|\
      content-encoding|content-language|content-length|content-location|content-range|\
      content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|\
      if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|\
      proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|\
      strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"""
          .lines()
          .flatMap(line -> List.of(line.split("\\|", -1)).stream())
          .map(
              entry -> {
                int space = entry.indexOf(' ');
                return space < 0
                    ? new Fields.Field(entry, "")
                    : new Fields.Field(entry.substring(0, space), entry.substring(space + 1));
              })
          .toList();

  private final byte[] bytes;
  private int place;

  private FieldBlock(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * The fields of a GET.
   *
   * @param fields with a Host
   */
  static byte[] get(boolean secure, String target, Fields fields) {
    var out = new ByteArrayOutputStream(512);
    out.write(INDEXED | METHOD_GET);
    out.write(INDEXED | (secure ? SCHEME_HTTPS : SCHEME_HTTP));
    out.write(AUTHORITY);
    text(out, fields.first("Host"));
    out.write(PATH);
    text(out, target);
    for (var field : fields.all()) {
      String name = field.name().toLowerCase(Locale.ROOT);
      if (!name.equals("host")) {
        out.write(name.equals("authorization") ? NEVER_REMEMBERED : 0);
        text(out, name);
        text(out, field.value());
      }
    }
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String text) {
    byte[] plain = text.getBytes(ISO_8859_1);
    int left = plain.length;
    int most = CODED - 1;
    if (left < most) {
      out.write(left);
    } else {
      out.write(most);
      for (left -= most; left >= 0x80; left >>= 7) {
        out.write((left & 0x7f) | 0x80);
      }
      out.write(left);
    }
    out.writeBytes(plain);
  }

  /**
   * Reads fields, those with a colon in front among them.
   *
   * @throws IOException if they cannot be understood
   */
  static Fields read(byte[] bytes) throws IOException {
    return new FieldBlock(bytes).read();
  }

  private Fields read() throws IOException {
    var fields = new Fields();
    int count = 0;
    while (place < bytes.length) {
      int first = bytes[place] & 0xff;
      if ((first & INDEXED) != 0) {
        var known = known(integer(7));
        fields.add(known.name(), known.value());
      } else if ((first & REMEMBERED) == 0 && (first & ROOM) != 0) {
        if (integer(5) != 0) {
          throw new IOException("fields not understood: there is no room to remember any");
        }
        continue;
      } else {
        int index = integer((first & REMEMBERED) != 0 ? 6 : 4);
        String name = index == 0 ? text() : known(index).name();
        fields.add(name, text());
      }
      if (++count > MAX_FIELDS) {
        throw new IOException("too many fields: limit=" + MAX_FIELDS);
      }
    }
    return fields;
  }

  /** Whether a name is one, and not for HTTP/2 itself. */
  static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  private static Fields.Field known(int index) throws IOException {
    if (index < 1 || index > KNOWN.size()) {
      throw new IOException("fields not understood: no such entry");
    }
    return KNOWN.get(index - 1);
  }

  private int next() throws IOException {
    if (place == bytes.length) {
      throw new IOException("fields not understood: they are cut off");
    }
    return bytes[place++] & 0xff;
  }

  /** Of which the first bits are in the rest of a byte. */
  private int integer(int bits) throws IOException {
    int most = (1 << bits) - 1;
    int value = next() & most;
    if (value < most) {
      return value;
    }
    for (int shift = 0; shift < MAX_INTEGER_BITS; shift += 7) {
      int more = next();
      value += (more & 0x7f) << shift;
      if ((more & 0x80) == 0) {
        return value;
      }
    }
    throw new IOException("fields not understood: a number is too big");
  }

  private String text() throws IOException {
    boolean coded = place < bytes.length && (bytes[place] & CODED) != 0;
    int length = integer(7);
    if (length > bytes.length - place) {
      throw new IOException("fields not understood: they are cut off");
    }
    int from = place;
    place += length;
    return coded
        ? new String(Huffman.decode(bytes, from, length), ISO_8859_1)
        : new String(bytes, from, length, ISO_8859_1);
  }
}
