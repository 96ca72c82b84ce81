/**
 * Stand-ins: opaque texts that the server is given in place of tokens of the cluster's service
 * accounts, and that mean something to the gateway alone. {@link
 * io.drover.agent.gateway.standin.StandIns} makes them of tokens and tokens of them; {@code
 * MemberTexts} finds the tokens in JSON as it passes by, by the rules of {@code TokensOut} for what
 * the API server answers and of {@code TokensIn} for what it is sent.
 */
@NullMarked
package io.drover.agent.gateway.standin;

import org.jspecify.annotations.NullMarked;
