/**
 * When to look whether something new has come that the server or we ourselves should work with:
 * credentials, certificates, addresses. {@link io.drover.agent.rotate.Rotation} looks when a file
 * has changed, and now and then; what it looks at it is given. Knows nothing of tunnels.
 */
@NullMarked
package io.drover.agent.rotate;

import org.jspecify.annotations.NullMarked;
