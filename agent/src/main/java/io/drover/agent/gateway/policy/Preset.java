package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Rules that come with the agent, in files beside this class. They come behind a policy's own,
 * which can therefore make exceptions.
 */
public enum Preset {
  /** Denies nothing. */
  AUDIT_ONLY(""),
  READ_ONLY(
      "preset read-only binds the management server itself, too, which writes in the cluster by"
          + " itself (cattle-system, cattle-impersonation-system, roles): to leave it that, put a"
          + " rule with subject Server in front"),
  NO_EXEC(
      "preset no-exec does not keep anybody who may create pods from running what he likes in"
          + " them"),
  NO_SECRETS(
      "preset no-secrets leaves the management server itself the Secrets in cattle-system and"
          + " cattle-impersonation-system, yet not the list of all Secrets: to leave it that, put a"
          + " rule with subject Server in front; whoever may create pods can still mount a Secret of"
          + " their namespace"),
  BUSINESS_HOURS(
      "preset business-hours is for people: it does not bind the management server itself, that is"
          + " requests without Impersonate-User");

  private final String note;

  Preset(String note) {
    this.note = note;
  }

  /** As in a policy. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What whoever uses it ought to know; may be empty. */
  String note() {
    return note;
  }

  /** Of that name, as in a policy. */
  public static Optional<Preset> of(String text) {
    return Arrays.stream(values()).filter(preset -> preset.text().equals(text)).findFirst();
  }

  /** Of all of them. */
  public static List<String> names() {
    return Arrays.stream(values()).map(Preset::text).toList();
  }

  /** Its policy. */
  String document() {
    String file = text() + ".yaml";
    try (var in = Preset.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException(file + " is not packaged");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
