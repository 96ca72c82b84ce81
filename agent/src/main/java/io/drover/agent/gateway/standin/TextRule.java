package io.drover.agent.gateway.standin;

/** Which texts in a JSON document are replaced, and by what. One thread. */
interface TextRule {
  /**
   * Whether a text is looked at: it is held back then.
   *
   * @param place the object of which it is a member
   */
  boolean looksAt(Place place);

  /**
   * What is passed on in its place; the same text if it may stay as it is.
   *
   * @param text without quotes, unescaped
   */
  String instead(Place place, String text);

  /** The same for one that is longer than {@link MemberTexts#MAX_HELD_BYTES}. */
  String insteadOfLong(Place place);
}
