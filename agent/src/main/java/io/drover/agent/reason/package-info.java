/**
 * Why something does not work, in one list. Every {@link io.drover.agent.reason.Reason} has a code,
 * a sentence, a next step and a section in {@code docs/troubleshooting.md}; the same code is in the
 * log, in {@code /readyz}, in the metrics and in the reports. Knows nothing of what it explains.
 */
@NullMarked
package io.drover.agent.reason;

import org.jspecify.annotations.NullMarked;
