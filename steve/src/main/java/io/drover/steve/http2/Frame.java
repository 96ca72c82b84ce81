package io.drover.steve.http2;

/** The numbers of HTTP/2. Source: RFC 9113, 6 and 7. */
final class Frame {
  static final int HEAD_BYTES = 9;

  /** The longest that either end may send, unless it is told otherwise; we tell nothing. */
  static final int MAX_BYTES = 16 * 1024;

  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PUSH_PROMISE = 5;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;
  static final int CONTINUATION = 9;

  /** Of SETTINGS and PING. */
  static final int ACK = 1;

  static final int END_STREAM = 1;
  static final int END_HEADERS = 4;
  static final int PADDED = 8;
  static final int PRIORITY = 0x20;

  static final int HEADER_TABLE_SIZE = 1;
  static final int ENABLE_PUSH = 2;
  static final int MAX_CONCURRENT_STREAMS = 3;
  static final int INITIAL_WINDOW_SIZE = 4;
  static final int MAX_HEADER_LIST_SIZE = 6;
  static final int SETTING_BYTES = 6;

  /** The window of a connection, as long as nobody says more. */
  static final int FIRST_WINDOW = 65_535;

  static final int PROTOCOL_ERROR = 1;
  static final int REFUSED_STREAM = 7;
  static final int CANCEL = 8;

  private Frame() {}
}
